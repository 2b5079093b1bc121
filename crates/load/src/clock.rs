//! The clocks of the generator: time since the load began, and the CPU time of a thread.

use std::time::{Duration, UNIX_EPOCH};

use conversation::{Moment, Now};
use nix::time::{ClockId, clock_gettime};

/// Monotonic time counted from when the load began; the same for all threads. It is read once an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Duration,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { start: time_of(ClockId::CLOCK_MONOTONIC) }
    }

    pub(crate) fn now(self) -> Moment {
        Moment::after(time_of(ClockId::CLOCK_MONOTONIC).saturating_sub(self.start))
    }

    /// The same, and the wall clock, by which layers look at certificates.
    pub(crate) fn by_both(self) -> Now {
        Now { moment: self.now(), wall: UNIX_EPOCH + time_of(ClockId::CLOCK_REALTIME) }
    }

    /// What `moment` of another clock is by this one.
    pub(crate) fn moment_of(self, moment: Moment, other: Clock) -> Moment {
        Moment::after((other.start + moment.since_start()).saturating_sub(self.start))
    }
}

/// What the calling thread has used of the CPU, system calls included.
pub(crate) fn thread_cpu() -> Duration {
    time_of(ClockId::CLOCK_THREAD_CPUTIME_ID)
}

fn time_of(clock: ClockId) -> Duration {
    // It fails for clocks that the kernel does not have: every kernel has these.
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}
