//! An error in words and by its name, as errno(3) lists it.

use std::io;

use nix::errno::Errno;

/// `Address already in use (EADDRINUSE)`; an error that is no errno as it says itself.
#[must_use]
pub fn describe(error: &io::Error) -> String {
    match errno_and_words(error) {
        Some((errno, words)) => format!("{words} ({errno})"),
        None => error.to_string(),
    }
}

/// `EADDRINUSE` and `Address already in use`; `None` for an error that is no errno with a name.
#[must_use]
pub fn errno_and_words(error: &io::Error) -> Option<(String, String)> {
    let number = error.raw_os_error()?;
    let errno = Errno::from_raw(number);
    // strerror(3)'s words, behind which the standard library puts the number; the name says more.
    let text = error.to_string();
    let words = text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text);
    (errno != Errno::UnknownErrno).then(|| (format!("{errno:?}"), words.to_owned()))
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
