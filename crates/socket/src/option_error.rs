//! An option that the kernel refused, or granted differently.

use std::fmt;
use std::io;

use address::{OptionKey, OptionValue, Options};

/// The kernel granted an option, but with another value than was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The option's name in an address: `rcvbuf`.
    pub option: &'static str,
    /// What was asked for, as an address writes it.
    pub asked: String,
    /// What the kernel says it is now, in the same unit.
    pub granted: String,
    /// Why the kernel does so.
    pub why: &'static str,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Granted { option, asked, granted, why } = self;
        write!(f, "option {option}: asked for {asked}, granted {granted}: {why}")
    }
}

/// An option that could not be set, setsockopt(2).
#[derive(Debug)]
pub struct OptionError {
    /// The option's name in an address: `mark`.
    pub option: &'static str,
    /// The kernel's name of it: `SO_MARK`.
    pub kernel: &'static str,
    /// What was asked for, as an address writes it.
    pub asked: String,
    /// Why not.
    pub error: io::Error,
    /// What would help; empty where nothing is known.
    pub hint: &'static str,
}

impl OptionError {
    pub(crate) fn new(
        key: OptionKey,
        value: &OptionValue,
        error: io::Error,
        hint: &'static str,
    ) -> OptionError {
        let row = key.row();
        OptionError { option: row.name, kernel: row.kernel, asked: value.to_string(), error, hint }
    }

    /// For an option that means nothing to one who listens, or to one who connects.
    pub(crate) fn meaningless(key: OptionKey, options: &Options, why: &'static str) -> OptionError {
        let row = key.row();
        let asked = options.get(key).map_or_else(String::new, ToString::to_string);
        let error = io::Error::new(io::ErrorKind::InvalidInput, why);
        OptionError { option: row.name, kernel: row.kernel, asked, error, hint: "" }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OptionError { option, kernel, asked, error, hint } = self;
        write!(f, "option {option}={asked}: ")?;
        match error.raw_os_error() {
            // Of some options, what the kernel has for it is a system call of its own: chown(2).
            Some(_) if kernel.ends_with("(2)") => write!(f, "{kernel}: ")?,
            Some(_) => write!(f, "setsockopt(2) of {kernel}: ")?,
            None => {}
        }
        f.write_str(&sys::describe(error))?;
        if hint.is_empty() { Ok(()) } else { write!(f, "; {hint}") }
    }
}

impl std::error::Error for OptionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}
