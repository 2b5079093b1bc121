//! Whom to dial, when, and for how long; and what is worth saying of it.

use std::fmt;
use std::time::Duration;

use address::Address;

use crate::Moment;

/// Whom to dial, when, and for how long.
#[derive(Clone, Debug)]
pub struct Dialling {
    /// Whom.
    pub address: Address,
    /// Not before.
    pub not_before: Option<Moment>,
    /// For how long, if that is shorter than the address's own `connect-timeout`.
    pub within: Option<Duration>,
}

impl From<Address> for Dialling {
    fn from(address: Address) -> Dialling {
        Dialling { address, not_before: None, within: None }
    }
}

/// What a conversation wants said in the log of how its dials fare. Its text is one line, without names or passwords of
/// proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// What failed is tried again.
    DialsAgain {
        /// Why it failed.
        why: String,
        /// After which time.
        after: Duration,
    },
    /// Another address is dialled instead.
    PassedOver {
        /// Why the first was not reached.
        why: String,
    },
    /// An address could not be reached: callers get others, for a time.
    Down {
        /// Which.
        address: String,
        /// Why.
        why: String,
        /// For how long callers get others, where there are others.
        lasting: Option<Duration>,
    },
    /// An address that was down is reached again.
    Up {
        /// Which.
        address: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Notice::DialsAgain { why, after } => {
                write!(f, "{why}; it is tried again in {:.3} s", after.as_secs_f64())
            }
            Notice::PassedOver { why } => write!(f, "{why}; the next address is tried"),
            Notice::Down { address, why, lasting: None } => write!(f, "{address} is down: {why}"),
            Notice::Down { address, why, lasting: Some(lasting) } => {
                write!(f, "{address} is down: {why}; callers get others for {:.3} s", lasting.as_secs_f64())
            }
            Notice::Up { address } => write!(f, "{address} is up again"),
        }
    }
}
