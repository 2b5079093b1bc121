//! How a running engine is told to stop, first a drain, then the end; and a bell for its observer.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use crate::call::eventfd;

/// Two switches that an engine watches, and a bell. All may be used from any thread; the switches stay thrown.
///
/// Each switch is an eventfd(2) that is written once and never read, so that every worker sees it in its own
/// time, the children of a forking engine included. The bell is one that the first worker alone reads.
#[derive(Debug)]
pub struct Control {
    draining: OwnedFd,
    ending: OwnedFd,
    bell: OwnedFd,
}

impl Control {
    /// Two switches, neither thrown, and a silent bell.
    ///
    /// # Errors
    ///
    /// eventfd(2), when descriptors or memory are short.
    pub fn new() -> io::Result<Control> {
        Ok(Control { draining: eventfd("to drain")?, ending: eventfd("to end")?, bell: eventfd("the bell")? })
    }

    /// Stop answering; let the open calls finish, for as long as the drain limit allows.
    pub fn drain(&self) {
        wake(&self.draining);
    }

    /// End the open calls too, now.
    pub fn end(&self) {
        wake(&self.ending);
    }

    /// Tells the observer [`Event::Bell`](crate::Event::Bell), soon and from the first worker.
    pub fn ring(&self) {
        wake(&self.bell);
    }

    /// The eventfd behind [`Control::drain`]: writing eight bytes to it, as a signal handler may, drains.
    #[must_use]
    pub fn draining_fd(&self) -> BorrowedFd<'_> {
        self.draining.as_fd()
    }

    /// The eventfd behind [`Control::end`].
    #[must_use]
    pub fn ending_fd(&self) -> BorrowedFd<'_> {
        self.ending.as_fd()
    }

    /// The eventfd behind [`Control::ring`].
    #[must_use]
    pub fn bell_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// Whether the bell was rung since this was asked last.
    pub(crate) fn has_rung(&self) -> bool {
        rustix::io::read(&self.bell, &mut [0u8; 8]).is_ok()
    }
}

/// Makes an eventfd readable.
pub(crate) fn wake(eventfd: &OwnedFd) {
    // The only failure of this write is a counter at its maximum: it is readable then.
    let _ = rustix::io::write(eventfd, &1u64.to_ne_bytes());
}
