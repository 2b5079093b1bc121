//! The one place below the command line that reads the clocks.

use std::time::{Instant, SystemTime};

use conversation::{Moment, Now};

/// Monotonic time counted from when the engine began, and wall-clock time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    pub(crate) fn now(self) -> Now {
        Now { moment: Moment::after(self.start.elapsed()), wall: SystemTime::now() }
    }
}
