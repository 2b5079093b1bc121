//! Errnos as errors.

use std::io;

/// Whether `error` is this errno.
pub(crate) fn is(error: &io::Error, errno: i32) -> bool {
    error.raw_os_error() == Some(errno)
}

/// An errno as an error.
pub(crate) fn raw(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}
