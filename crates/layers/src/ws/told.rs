//! What a WebSocket handshake found out, and how the peer closed.

use std::fmt;

/// What a WebSocket handshake found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketSession {
    /// What was asked for, with its query.
    pub path: String,
    /// The host that was called.
    pub host: String,
    /// The subprotocol that both speak, if they agreed on one.
    pub protocol: Option<String>,
    /// Whose page calls, if a browser does; only a server is told.
    pub origin: Option<String>,
}

impl fmt::Display for WebSocketSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebSocket {} at {}", self.path, self.host)?;
        if let Some(protocol) = &self.protocol {
            write!(f, ", {protocol}")?;
        }
        if let Some(origin) = &self.origin {
            write!(f, ", from a page of {origin}")?;
        }
        Ok(())
    }
}

/// How the peer closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketClosed {
    /// Its code (RFC 6455 section 7.4.1), if it gave one.
    pub code: Option<u16>,
    /// What it said besides.
    pub reason: String,
}

impl fmt::Display for WebSocketClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            None => f.write_str("closed without a code")?,
            Some(code) => write!(f, "closed with code {code}")?,
        }
        if self.reason.is_empty() { Ok(()) } else { write!(f, ": {}", self.reason) }
    }
}
