//! The way through a proxy: before anything else is said it is asked to call somebody, then everything passes as it is.
//!
//! Several proxies are several such layers over each other, the nearest next to the socket: each is asked to call the
//! next, the last to call whom it is all about. What is asked for is a [`Destination`]: a name goes to the proxy as a
//! name, and nobody here looks it up.

mod failure;
mod http_connect;
mod socks5;

use std::fmt;
use std::net::IpAddr;

pub use failure::{ViaFailure, ViaProblem};
pub use http_connect::HttpConnect;
pub use socks5::Socks5;

/// Whom a proxy is asked to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// A name, at most 253 bytes, or an address.
    pub host: DestinationHost,
    /// The port.
    pub port: u16,
}

/// The host of a [`Destination`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DestinationHost {
    /// A name that the proxy looks up.
    Name(Box<str>),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for Destination {
    /// `HOST:PORT`, IPv6 in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            DestinationHost::Name(name) => write!(f, "{name}:{}", self.port),
            DestinationHost::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{}", self.port),
            DestinationHost::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
        }
    }
}

/// A name and its password for a proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyCredentials {
    /// 1 to 255 bytes.
    pub user: Box<str>,
    /// 1 to 255 bytes.
    pub password: Box<str>,
}

impl fmt::Debug for ProxyCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyCredentials").field("user", &self.user).finish_non_exhaustive()
    }
}
