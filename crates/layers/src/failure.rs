//! Why a layer cannot go on, and by whose doing.

use std::fmt;

use crate::ProxyFailure;

/// Why a layer cannot go on. Its text says what was wrong and what to try next, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The PROXY protocol.
    Proxy(ProxyFailure),
}

/// Who can mend a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guilty {
    /// The peer, or whoever runs it.
    Peer,
    /// We: what we were told to trust, to show or to ask for.
    Ours,
    /// Either: each would do, but they do not go together; or the way between them broke.
    Either,
}

impl Failure {
    /// Who can mend it.
    #[must_use]
    pub fn guilty(&self) -> Guilty {
        match self {
            Failure::Proxy(_) => Guilty::Peer,
        }
    }

    /// What it is in a few words, the same for all failures of its kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Proxy(failure) => failure.name(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Proxy(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<ProxyFailure> for Failure {
    fn from(failure: ProxyFailure) -> Failure {
        Failure::Proxy(failure)
    }
}
