//! How a call ended, and by whose doing.

use std::fmt;
use std::io;

use crate::DialFailureKind;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// Both sides had said everything, and everything was delivered.
    Finished,
    /// The peer broke it off (RST, or it went away while bytes were owed to it).
    Reset,
    /// Nothing was heard for as long as the idle time-out, a deadline or the kernel allows.
    TimedOut,
    /// The peer's host answered that nobody listens there (ICMP port unreachable).
    Refused,
    /// The other end, which was to be joined to it, could not be called.
    NotDialled(DialFailureKind),
    /// We ended it because the engine was told to stop: the time of a drain was up, or a signal ended the one
    /// call that there was.
    Drained,
    /// We ended it at the named limit.
    Limit(&'static str),
    /// We ended it at a message that could not be read, or one of ours that could not be made, as named.
    Malformed(&'static str),
    /// The peer is not whom we were told to trust, as named (TLS).
    NotTrusted(&'static str),
    /// A layer between the socket and the conversation could not go on, as named.
    LayerFailed(&'static str),
    /// We ended it because that was asked for, as named: by an impaired address, or while it ran.
    OnPurpose(&'static str),
    /// A call to the kernel failed.
    Failed(CallFailed),
}

impl CloseReason {
    /// As many callers were held already, while nobody could be dialled for them, as may be.
    pub const NOT_HELD: CloseReason = CloseReason::Limit("hold-max");

    /// Whether everything that was accepted was also delivered.
    #[must_use]
    pub fn is_clean(self) -> bool {
        self == CloseReason::Finished
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Finished => f.write_str("finished"),
            CloseReason::Reset => f.write_str("reset by the peer"),
            CloseReason::TimedOut => f.write_str("timed out"),
            CloseReason::Refused => f.write_str("refused by the peer's host"),
            CloseReason::NotDialled(kind) => write!(f, "not joined to the other end: {kind}"),
            CloseReason::Drained => f.write_str("ended by us: told to stop"),
            CloseReason::Limit(limit) => write!(f, "ended at the limit: {limit}"),
            CloseReason::Malformed(what) => write!(f, "ended at a malformed message: {what}"),
            CloseReason::NotTrusted(why) => write!(f, "not trusted: {why}"),
            CloseReason::LayerFailed(why) => write!(f, "its layers could not go on: {why}"),
            CloseReason::OnPurpose(what) => write!(f, "ended by us, as asked: {what}"),
            CloseReason::Failed(failed) => failed.fmt(f),
        }
    }
}

/// A system call that failed, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallFailed {
    /// The call as the manual names it: `send(2)`.
    pub call: &'static str,
    /// Its errno.
    pub errno: i32,
}

impl CallFailed {
    /// From what the system call named `call` returned. An error that carries no errno counts as 0.
    #[must_use]
    pub fn new(call: &'static str, error: &io::Error) -> CallFailed {
        CallFailed { call, errno: error.raw_os_error().unwrap_or(0) }
    }

    /// The errno as the standard library's error.
    #[must_use]
    pub fn error(self) -> io::Error {
        io::Error::from_raw_os_error(self.errno)
    }
}

impl fmt::Display for CallFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.call, sys::describe(&self.error()))
    }
}
