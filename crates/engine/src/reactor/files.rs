//! Legs that are files and terminals: how they are watched, and told of an end.
//!
//! epoll(7): a regular file cannot be watched (`EPERM`), and need not be, since nothing on it waits but for the disk. Such a
//! leg is always ready. A terminal has no end of one direction: one whose input has ended is told so again as long as
//! its program reads on.

use std::time::Duration;

use socket::{FileEnd, Program};

use super::leg_end::LegEnd;
use super::leg_socket::LegSocket;

/// How often a terminal is told that its input has ended: a program may have set it anew since, and lost that.
pub(super) const SAY_END_EVERY: Duration = Duration::from_millis(100);

/// Whether a selector cannot watch a descriptor because nothing on it is ever waited for.
pub(super) fn is_never_watched(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(libc::EPERM)
}

impl LegEnd {
    /// Whether what it says and what it is told go by different descriptors.
    pub(super) fn has_output_apart(&self) -> bool {
        self.socket.is_standard() || self.socket.as_program().is_some_and(|program| !program.has_terminal())
    }

    /// Whether it is a terminal that was seen to hang up. Until that is read it says that it takes nothing now, and
    /// poll(2) that this has changed, again and again.
    pub(super) fn has_hung_up(&self) -> bool {
        let (file, program) = (self.socket.as_file(), self.socket.as_program());
        self.ended && (file.is_some_and(FileEnd::is_terminal) || program.is_some_and(Program::has_terminal))
    }

    /// Whether it has to be told again that nothing more will come.
    pub(super) fn says_end_again(&self) -> bool {
        let (file, program) = (self.socket.as_file(), self.socket.as_program());
        file.is_some_and(FileEnd::says_end_again) || program.is_some_and(Program::says_end_again)
    }

    /// The selector cannot watch it: it is taken for ready from now on.
    pub(super) fn take_for_ready(&mut self) {
        if let LegSocket::File(file) = &mut self.socket {
            file.waits_for_nothing();
        }
    }
}
