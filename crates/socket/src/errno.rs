//! An error in words and by its name, as errno(3) lists it.

use std::io;

use nix::errno::Errno;

/// `Address already in use (EADDRINUSE)`; an error that is no errno as it says itself.
pub(crate) fn describe(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::UnknownErrno) | None => error.to_string(),
        Some(errno) => format!("{} ({errno:?})", errno.desc()),
    }
}

/// Whether `error` is this errno.
pub(crate) fn is(error: &io::Error, errno: i32) -> bool {
    error.raw_os_error() == Some(errno)
}

/// An errno as an error.
pub(crate) fn raw(errno: i32) -> io::Error {
    io::Error::from_raw_os_error(errno)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_told_by_words_and_name() {
        assert_eq!(describe(&raw(libc::EADDRINUSE)), "Address already in use (EADDRINUSE)");
    }

    #[test]
    fn an_error_without_errno_speaks_for_itself() {
        assert_eq!(describe(&io::Error::other("no answer")), "no answer");
    }
}
