//! The clocks of the generator: time since the load began, and the CPU time of a thread.

use std::time::{Duration, Instant};

use conversation::Moment;
use rustix::time::{ClockId, clock_gettime};

/// Monotonic time counted from when the load began; the same for all threads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Moment {
        Moment::after(self.start.elapsed())
    }
}

/// What the calling thread has used of the CPU, system calls included.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
