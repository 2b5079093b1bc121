//! Deadlines of many calls: one heap, one entry a call at most.
//!
//! A call's deadline moves with every byte (the idle time-out). Moving it in a heap each time would cost; so an
//! entry stays where it is, and when it comes up the session is asked whether the deadline is still that.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use conversation::Moment;

/// The earliest deadlines first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Moment, usize)>>,
}

impl Timers {
    /// Wakes `slot` at `due`.
    pub(crate) fn set(&mut self, due: Moment, slot: usize) {
        self.heap.push(Reverse((due, slot)));
    }

    /// When the next slot is due.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The next slot that is due at `now`, with the moment for which it was set.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<(Moment, usize)> {
        self.heap.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn slots_come_up_in_the_order_of_their_deadlines_and_not_before() {
        let at = |seconds| Moment::after(Duration::from_secs(seconds));
        let mut timers = Timers::default();
        timers.set(at(3), 7);
        timers.set(at(1), 9);
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.pop_due(at(0)), None);
        assert_eq!(timers.pop_due(at(5)), Some((at(1), 9)));
        assert_eq!(timers.pop_due(at(5)), Some((at(3), 7)));
        assert_eq!(timers.pop_due(at(5)), None);
    }
}
