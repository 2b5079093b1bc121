//! An error in words and by its name, as errno(3) lists it.

use std::io;

use nix::errno::Errno;

/// `Address already in use (EADDRINUSE)`; an error that is no errno as it says itself.
#[must_use]
pub fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else { return text };
    // strerror(3)'s words, behind which the standard library puts the number; the name says more.
    let words = text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text);
    let errno = Errno::from_raw(number);
    if errno == Errno::UnknownErrno { text } else { format!("{words} ({errno:?})") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errno_is_told_by_words_and_name() {
        let error = io::Error::from_raw_os_error(libc::EBADF);
        assert_eq!(describe(&error), "Bad file descriptor (EBADF)");
    }

    #[test]
    fn an_error_without_errno_speaks_for_itself() {
        assert_eq!(describe(&io::Error::other("no answer")), "no answer");
    }

    #[test]
    fn an_errno_without_a_name_keeps_its_number() {
        assert_eq!(describe(&io::Error::from_raw_os_error(9999)), "Unknown error 9999 (os error 9999)");
    }
}
