//! What a layer has to tell of the peer, once: for the log, the census, and who decides by it.

use std::fmt;

use crate::{Impaired, ProxyHeader, TlsSession, Unrecorded, WebSocketClosed, WebSocketSession};

/// Something worth knowing that a layer found out. Its text is one line, without anything that drives a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// Where the call really comes from, as the proxy before us says.
    Proxy(ProxyHeader),
    /// A TLS handshake is complete.
    Tls(Box<TlsSession>),
    /// A WebSocket handshake is complete.
    WebSocket(Box<WebSocketSession>),
    /// What was done to what passed, on purpose.
    Impaired(Impaired),
    /// The peer has closed the WebSocket.
    WebSocketClosed(WebSocketClosed),
    /// What passed could not be recorded. It passed all the same.
    Unrecorded(Unrecorded),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Proxy(header) => header.fmt(f),
            Told::Tls(session) => session.fmt(f),
            Told::WebSocket(session) => session.fmt(f),
            Told::WebSocketClosed(closed) => closed.fmt(f),
            Told::Impaired(impaired) => impaired.fmt(f),
            Told::Unrecorded(unrecorded) => {
                write!(f, "{} is not written any more: {}", unrecorded.file, unrecorded.failed)
            }
        }
    }
}
