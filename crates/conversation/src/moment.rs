//! Points in time, handed in as arguments: nothing here reads a clock.

use std::ops::Add;
use std::time::{Duration, SystemTime};

/// A point in monotonic time, counted from when the engine (or the simulator) began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(Duration);

impl Moment {
    /// When the engine began.
    pub const START: Moment = Moment(Duration::ZERO);

    /// The moment `since_start` after the engine began.
    #[must_use]
    pub const fn after(since_start: Duration) -> Moment {
        Moment(since_start)
    }

    /// How long after the engine began this is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    /// Saturates: a deadline beyond the end of time never comes.
    fn add(self, later: Duration) -> Moment {
        Moment(self.0.saturating_add(later))
    }
}

/// The time of an event, by both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time: for deadlines and intervals. Never goes back.
    pub moment: Moment,
    /// Wall-clock time: for people. May jump when the clock is set.
    pub wall: SystemTime,
}
