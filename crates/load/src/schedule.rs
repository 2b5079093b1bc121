//! When the messages of one call are due.
//!
//! Protected: in an open loop the moments are fixed before the load begins. What the server does moves none of them,
//! and a message that had to wait is still due when it was due.

use std::time::Duration;

use conversation::Moment;

#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// Whenever there is room.
    Closed,
    /// At fixed moments.
    Open { first: Moment, every_ns: f64, begun: u64 },
}

impl Schedule {
    /// Messages every `every`, the first at `first`.
    pub(crate) fn open(first: Moment, every: f64) -> Schedule {
        Schedule::Open { first, every_ns: every * 1e9, begun: 0 }
    }

    /// When the next message is due; a closed loop's at once.
    pub(crate) fn due(&self, now: Moment) -> Moment {
        match self {
            Schedule::Closed => now,
            Schedule::Open { first, every_ns, begun } => {
                // Casts of floats saturate. 53 bits of nanoseconds are 104 days.
                *first + Duration::from_nanos((*begun as f64 * every_ns) as u64)
            }
        }
    }

    /// Goes on to the message after that.
    pub(crate) fn advance(&mut self) {
        match self {
            Schedule::Closed => {}
            Schedule::Open { begun, .. } => *begun += 1,
        }
    }

    /// How many messages were due before `end` and not begun.
    pub(crate) fn overdue(&self, end: Moment) -> u64 {
        match self {
            Schedule::Closed => 0,
            Schedule::Open { first, every_ns, begun } => {
                let span = end.since(*first).as_nanos() as f64;
                ((span / every_ns).ceil() as u64).saturating_sub(*begun)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_keeps_its_moments_however_late_it_is() {
        let at = |ms| Moment::after(Duration::from_millis(ms));
        let mut schedule = Schedule::open(at(5), 0.010);
        assert_eq!(schedule.due(at(900)), at(5));
        schedule.advance();
        assert_eq!(schedule.due(at(900)), at(15));
        assert_eq!(schedule.overdue(at(35)), 2);
        assert_eq!(Schedule::Closed.due(at(900)), at(900));
    }
}
