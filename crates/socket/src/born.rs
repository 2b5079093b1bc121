//! What a socket is born as: socket(2)'s family, type and protocol.

use std::net::SocketAddr;

use address::{OptionKey, Options, Transport};

/// The kernel's address family of a socket, and what of it options must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`. `dual`: it speaks IPv4 too (`IPV6_V6ONLY` off), by mapped addresses.
    V6 {
        /// Whether it speaks IPv4 too.
        dual: bool,
    },
    /// `AF_UNIX`.
    Unix,
}

impl Family {
    /// The family of a socket that listens at an address: at the wildcard of IPv6 it speaks IPv4 too, unless
    /// `v6` was asked for.
    pub(crate) fn to_listen(local: &SocketAddr, options: &Options) -> Family {
        let only_v6 = options.flag(OptionKey::V6) == Some(true);
        match local {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(v6) => Family::V6 { dual: v6.ip().is_unspecified() && !only_v6 },
        }
    }

    /// The family that an address is of; a socket that only calls it is not dual.
    pub(crate) fn of(address: &SocketAddr) -> Family {
        match address {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6 { dual: false },
        }
    }
}

/// What socket(2) is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Birth {
    pub(crate) family: Family,
    pub(crate) transport: Transport,
    /// `IPPROTO_MPTCP`.
    pub(crate) multipath: bool,
}
