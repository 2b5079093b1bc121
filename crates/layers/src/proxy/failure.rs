//! Why a PROXY header is not taken.

use std::fmt;

/// Why a PROXY header is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyFailure {
    /// The first bytes are those of no header.
    NoHeader,
    /// It is one, and breaks the rule named.
    Malformed(&'static str),
    /// Its checksum is that of another header.
    Checksum,
    /// The caller finished before its end.
    Finished,
    /// It did not come in time.
    TimedOut,
}

impl ProxyFailure {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProxyFailure::NoHeader => "no PROXY header",
            ProxyFailure::Malformed(_) => "a malformed PROXY header",
            ProxyFailure::Checksum => "a PROXY header with a wrong checksum",
            ProxyFailure::Finished => "an unfinished PROXY header",
            ProxyFailure::TimedOut => "no PROXY header in time",
        }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProxyFailure::NoHeader => {
                "what came first is no PROXY header; only a relay that sends one may call here, so let others \
                 call at another address, without proxy"
            }
            ProxyFailure::Malformed(rule) => return write!(f, "the PROXY header is malformed: {rule}"),
            ProxyFailure::Checksum => "the PROXY header's checksum (CRC32C) is wrong: it was damaged on its way",
            ProxyFailure::Finished => "the caller finished before its PROXY header was whole",
            ProxyFailure::TimedOut => {
                "no PROXY header came in time; does the relay in front send one (HAProxy: send-proxy, nginx: \
                 proxy_protocol on)?"
            }
        })
    }
}

impl std::error::Error for ProxyFailure {}
