//! Why a name did not become candidates.

use std::fmt;

/// What kind of failure a [`ResolveError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResolveErrorKind {
    /// No host has that name (`EAI_NONAME`, `EAI_NODATA`).
    NoSuchName,
    /// services(5) does not know the service for that transport (`EAI_SERVICE`).
    NoSuchService,
    /// No interface has the name after the `%` of an IPv6 address.
    NoSuchInterface,
    /// The resolver could not answer now (`EAI_AGAIN`).
    TryAgain,
    /// The host has addresses, but none of the family that `v4` or `v6` asks for.
    NoAddressOfFamily,
    /// The address names no host: there is nothing to look up.
    NotAHost,
    /// The resolver failed.
    Failed,
}

/// A host, service or interface that could not be looked up, getaddrinfo(3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolveError {
    /// What kind of failure it is.
    pub what: ResolveErrorKind,
    /// The name that was looked up.
    pub host: String,
    /// What the resolver says.
    pub reason: String,
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResolveError { what, host, reason } = self;
        match what {
            ResolveErrorKind::NoSuchName => {
                write!(
                    f,
                    "no host is named {host}: getaddrinfo(3): {reason}; check its spelling, or name it in \
                     /etc/hosts"
                )
            }
            ResolveErrorKind::NoSuchService => {
                write!(f, "no service is named {host}: services(5) does not list it; give the port's number")
            }
            ResolveErrorKind::NoSuchInterface => {
                write!(f, "no interface is named {host}: {reason}; `ip link` lists them")
            }
            ResolveErrorKind::TryAgain => write!(f, "{host} cannot be looked up now: {reason}; try again"),
            ResolveErrorKind::NoAddressOfFamily => write!(f, "{host}: {reason}"),
            ResolveErrorKind::NotAHost => write!(f, "{host} is not looked up: {reason}"),
            ResolveErrorKind::Failed => write!(f, "{host} cannot be looked up: {reason}"),
        }
    }
}

impl std::error::Error for ResolveError {}
