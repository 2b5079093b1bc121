//! Points in time, handed in as arguments: nothing here reads a clock.

use std::num::NonZeroU64;
use std::ops::Add;
use std::time::{Duration, SystemTime};

/// A point in monotonic time, counted from when the engine (or the simulator) began, in nanoseconds; after 584
/// years it stands still. An `Option` of it is no larger: calls keep several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(NonZeroU64);

impl Moment {
    /// When the engine began.
    pub const START: Moment = Moment(NonZeroU64::MIN);

    /// The moment `since_start` after the engine began.
    #[must_use]
    pub const fn after(since_start: Duration) -> Moment {
        let nanos = since_start.as_nanos();
        let nanos = if nanos < u64::MAX as u128 { nanos as u64 } else { u64::MAX };
        Moment(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// How long after the engine began this is.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.since(Moment::START)
    }

    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

impl Default for Moment {
    fn default() -> Moment {
        Moment::START
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    /// Saturates: a deadline beyond the end of time never comes.
    fn add(self, later: Duration) -> Moment {
        let nanos = u64::try_from(later.as_nanos()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(nanos))
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
