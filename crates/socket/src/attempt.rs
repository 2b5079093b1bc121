//! One try to connect, and how it failed.

use std::fmt;
use std::io;

use address::End;

use crate::OptionError;

/// An address that was tried, and why it did not connect.
#[derive(Debug)]
pub struct Attempt {
    /// Where to.
    pub end: End,
    /// The system call that failed: `connect(2)`.
    pub call: &'static str,
    /// Why. An option that was refused is told by an [`OptionError`] inside.
    pub error: io::Error,
}

impl Attempt {
    /// An attempt that an option ended. The kind of error is that of the kernel's answer.
    pub(crate) fn option(end: End, error: OptionError) -> Attempt {
        Attempt { end, call: "setsockopt(2)", error: io::Error::new(error.error.kind(), error) }
    }

    /// The option that ended it, if one did.
    #[must_use]
    pub fn refused_option(&self) -> Option<&OptionError> {
        self.error.get_ref()?.downcast_ref()
    }
}

impl Attempt {
    /// The call and why it failed, without the address.
    pub(crate) fn reason(&self) -> String {
        match self.refused_option() {
            Some(option) => option.to_string(),
            None => format!("{}: {}", self.call, sys::describe(&self.error)),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.end, self.reason())
    }
}
