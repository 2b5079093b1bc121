//! Why a layer cannot go on, and by whose doing.

use std::fmt;

use crate::{ImpairFailure, ProxyFailure, TlsFailure, ViaFailure, WebSocketFailure};

/// Why a layer cannot go on. Its text says what was wrong and what to try next, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// What was asked for, on purpose.
    Impair(ImpairFailure),
    /// The PROXY protocol.
    Proxy(ProxyFailure),
    /// TLS.
    Tls(TlsFailure),
    /// A proxy on the way.
    Via(ViaFailure),
    /// WebSocket.
    WebSocket(WebSocketFailure),
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
            Failure::Impair(_) => Guilty::Ours,
            Failure::Proxy(_) => Guilty::Peer,
            Failure::Tls(failure) => failure.guilty(),
            Failure::Via(_) => Guilty::Either,
            Failure::WebSocket(failure) => failure.guilty(),
        }
    }

    /// Whether the peer is not whom we were told to trust.
    #[must_use]
    pub fn is_distrust(&self) -> bool {
        matches!(self, Failure::Tls(failure) if failure.is_distrust())
    }

    /// Whether the peer was waited for in vain.
    #[must_use]
    pub fn is_time_out(&self) -> bool {
        matches!(
            self,
            Failure::Proxy(ProxyFailure::TimedOut)
                | Failure::Tls(TlsFailure::TimedOut)
                | Failure::WebSocket(WebSocketFailure::TimedOut)
        )
    }

    /// Whether the leg is to be reset, instead of being told goodbye.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        matches!(self, Failure::Impair(ImpairFailure::Refused | ImpairFailure::Reset(_)))
    }

    /// What it is in a few words, the same for all failures of its kind.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Failure::Impair(failure) => failure.name(),
            Failure::Proxy(failure) => failure.name(),
            Failure::Tls(failure) => failure.name(),
            Failure::Via(failure) => failure.name(),
            Failure::WebSocket(failure) => failure.name(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Impair(failure) => failure.fmt(f),
            Failure::Proxy(failure) => failure.fmt(f),
            Failure::Tls(failure) => failure.fmt(f),
            Failure::Via(failure) => failure.fmt(f),
            Failure::WebSocket(failure) => failure.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl From<ImpairFailure> for Failure {
    fn from(failure: ImpairFailure) -> Failure {
        Failure::Impair(failure)
    }
}

impl From<ProxyFailure> for Failure {
    fn from(failure: ProxyFailure) -> Failure {
        Failure::Proxy(failure)
    }
}

impl From<TlsFailure> for Failure {
    fn from(failure: TlsFailure) -> Failure {
        Failure::Tls(failure)
    }
}

impl From<ViaFailure> for Failure {
    fn from(failure: ViaFailure) -> Failure {
        Failure::Via(failure)
    }
}

impl From<WebSocketFailure> for Failure {
    fn from(failure: WebSocketFailure) -> Failure {
        Failure::WebSocket(failure)
    }
}
