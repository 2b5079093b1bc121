//! How an impairing layer breaks a call off, which it was told to.

use std::fmt;

use super::After;

/// The call is broken off on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpairFailure {
    /// It was one of those that are not let through.
    Refused,
    /// It was reset here.
    Reset(After),
    /// It was closed here, where messages have no end.
    Closed(After),
}

impl ImpairFailure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ImpairFailure::Refused => "refused on purpose (impair)",
            ImpairFailure::Reset(_) => "reset on purpose (impair)",
            ImpairFailure::Closed(_) => "closed on purpose (impair)",
        }
    }
}

impl fmt::Display for ImpairFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImpairFailure::Refused => f.write_str(self.name()),
            ImpairFailure::Reset(after) | ImpairFailure::Closed(after) => {
                write!(f, "{} after {after}", self.name())
            }
        }
    }
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            After::Bytes(bytes) => write!(f, "{bytes} bytes"),
            After::Time(time) => write!(f, "{} s", time.as_secs_f64()),
        }
    }
}
