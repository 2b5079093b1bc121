//! What the kernel does not do now and may do later: when it is worth another look, even if no event says so.

use std::io::ErrorKind;
use std::time::Duration;

/// Why the kernel put off a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PutOff {
    /// For want of room: an event will say when there is some, and a late look costs little.
    ForRoom,
    /// For want of memory.
    ForMemory,
}

impl PutOff {
    /// A send that failed with this, which is not [final](is_final).
    pub(super) fn send(error: &std::io::Error) -> PutOff {
        if is_shortage(error) { PutOff::ForMemory } else { PutOff::ForRoom }
    }

    /// How long after it another look is worth while.
    pub(super) fn look_after(self) -> Duration {
        match self {
            PutOff::ForRoom => ROOM_LOOK,
            PutOff::ForMemory => EARLY_LOOK,
        }
    }
}

/// When room for a send is looked for without an event. An edge comes once; should one be lost, the call goes on
/// all the same.
const ROOM_LOOK: Duration = Duration::from_secs(1);

/// When memory, or something to receive, is looked for without an event. At most one look follows on what came
/// last, so an idle call is left alone.
pub(super) const EARLY_LOOK: Duration = Duration::from_millis(100);

/// Whether a receive that failed so is the last.
pub(super) fn is_final(error: &std::io::Error) -> bool {
    !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) && !is_shortage(error)
}

/// The kernel has no memory for it now; it costs the call time, not its life.
pub(super) fn is_shortage(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::ENOMEM))
}
