//! Deadlines of many calls: one heap, one entry a call at most.
//!
//! A call's deadline moves with every byte (the idle time-out). Moving it in a heap each time would cost; so an
//! entry stays where it is, and when it comes up the session is asked whether the deadline is still that. The
//! entries of calls that ended stay too, until they are more than the live ones; then all of them are dropped.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use conversation::Moment;

/// Entries below which nothing is tidied.
const TIDY_ABOVE: usize = 1024;

/// The earliest deadlines first.
#[derive(Debug, Default)]
pub struct Timers {
    heap: BinaryHeap<Reverse<(Moment, usize)>>,
}

impl Timers {
    /// Wakes `slot` at `due`.
    pub fn set(&mut self, due: Moment, slot: usize) {
        self.heap.push(Reverse((due, slot)));
    }

    /// Drops the entries that are not live any more, if they could be many: more than the `calls` that are open.
    pub fn tidy(&mut self, calls: usize, is_live: impl Fn(Moment, usize) -> bool) {
        if self.heap.len() > 2 * calls + TIDY_ABOVE {
            self.heap.retain(|Reverse((due, slot))| is_live(*due, *slot));
        }
    }

    /// When the next slot is due.
    pub fn next(&self) -> Option<Moment> {
        self.heap.peek().map(|Reverse((due, _))| *due)
    }

    /// The next slot that is due at `now`, with the moment for which it was set.
    pub fn pop_due(&mut self, now: Moment) -> Option<(Moment, usize)> {
        self.heap.peek().filter(|Reverse((due, _))| *due <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

/// The earlier of two deadlines, either of which may not be set.
pub(crate) fn earlier(one: Option<Moment>, other: Option<Moment>) -> Option<Moment> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
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

    #[test]
    fn the_entries_of_ended_calls_do_not_pile_up() {
        let mut timers = Timers::default();
        for slot in 0..1_000_000 {
            timers.set(Moment::after(Duration::from_secs(3600)), slot);
            timers.tidy(1, |_, live| live == slot);
        }
        assert!(timers.heap.len() <= TIDY_ABOVE + 3, "{}", timers.heap.len());
    }
}
