//! Errnos as errors.

use std::io;
use std::time::Duration;

/// Whether `error` is this errno.
pub(crate) fn is(error: &io::Error, errno: i32) -> bool {
    error.raw_os_error() == Some(errno)
}

/// Nobody answered within our own patience.
pub(crate) fn no_answer(within: Duration) -> io::Error {
    let text = format!("no answer within {} (connect-timeout)", address::format_duration(within));
    io::Error::new(io::ErrorKind::TimedOut, text)
}

/// An errno as an error.
pub(crate) fn raw(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
