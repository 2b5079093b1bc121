//! A proxy that a call goes through: the value of `?via=`.
//!
//! SOCKS 5 (RFC 1928, with the names and passwords of RFC 1929), the method CONNECT of HTTP (RFC 9110 section 9.3.6).
//! Bounds: name and password 1 to 255 bytes each. The last `@` ends them and their first `:` parts them, so a password
//! may hold both. Protected: [`Via::is_right`] says of a value put together by hand what the parser would.

use std::fmt;

use crate::address::{Host, Port};
use crate::network;

/// Bytes of a name or a password at most: RFC 1929 section 2 counts them in one byte.
const CREDENTIAL_BYTES_MAX: usize = 255;

/// A proxy, and who we are to it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Via {
    /// What is spoken with it.
    pub protocol: ViaProtocol,
    /// Who we are to it, where it asks.
    pub credentials: Option<Credentials>,
    /// Where it is; [`Host::Any`] is this host.
    pub host: Host,
    /// Its port.
    pub port: Port,
}

/// A name and its password. Its `Debug` does not show the password.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Credentials {
    /// 1 to 255 bytes without a colon.
    pub user: Box<str>,
    /// 1 to 255 bytes.
    pub password: Box<str>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What is spoken with a proxy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ViaProtocol {
    /// RFC 1928.
    Socks5,
    /// RFC 9110 section 9.3.6.
    HttpConnect,
}

impl ViaProtocol {
    /// Its words, the first of which is written. curl(1) and the variable `http_proxy` know the others.
    const WORDS: [(&str, ViaProtocol); 4] = [
        ("socks5", ViaProtocol::Socks5),
        ("http-connect", ViaProtocol::HttpConnect),
        ("socks5h", ViaProtocol::Socks5),
        ("http", ViaProtocol::HttpConnect),
    ];

    /// Its name in an address: `socks5`.
    pub fn name(self) -> &'static str {
        match self {
            ViaProtocol::Socks5 => "socks5",
            ViaProtocol::HttpConnect => "http-connect",
        }
    }
}

impl Via {
    /// Reads `PROTOCOL://[USER:PASSWORD@]HOST:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Via> {
        let (word, rest) = text.split_once("://")?;
        let (_, protocol) = ViaProtocol::WORDS.into_iter().find(|(known, _)| *known == word)?;
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials.split_once(':')?), place),
            None => (None, rest),
        };
        let credentials =
            credentials.map(|(user, password)| Credentials { user: user.into(), password: password.into() });
        let (host, port) = network::parse_host_and_port(place)?;
        Some(Via { protocol, credentials, host, port })
    }

    /// Whether its text means it, and holds no control character.
    pub(crate) fn is_right(&self) -> bool {
        let fits = |text: &str| {
            (1..=CREDENTIAL_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        let has_fitting = |credentials: &Credentials| fits(&credentials.user) && fits(&credentials.password);
        self.credentials.as_ref().is_none_or(has_fitting)
            && Via::parse(&self.to_string()).as_ref() == Some(self)
    }

    /// The same without a name and a password: what may be shown.
    #[must_use]
    pub fn without_credentials(&self) -> Via {
        Via { credentials: None, ..self.clone() }
    }
}

impl fmt::Display for Via {
    /// The text that parses back to it, its password with it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://", self.protocol.name())?;
        if let Some(Credentials { user, password }) = &self.credentials {
            write!(formatter, "{user}:{password}@")?;
        }
        write!(formatter, "{}:{}", self.host, self.port)
    }
}
