//! The client's half of the handshake (RFC 6455 section 4.1).

use std::io::Write;

use httparse::{EMPTY_HEADER, Header, Response, Status};
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use crate::Below;
use crate::inert::inert;

use super::fields::{all, at_most_one, has_token};
use super::head::{FIELDS_MAX, HeadProblem};
use super::{WebSocketClientSettings, WebSocketFailure, WebSocketSession};

/// Whether these bytes may be the beginning of a response.
pub(super) fn may_begin(bytes: &[u8]) -> bool {
    b"HTTP/1.1 ".iter().zip(bytes).all(|(wanted, byte)| wanted == byte)
}

/// A key for one call: 16 random bytes in base64.
pub(super) fn key() -> String {
    generate_key()
}

/// Asks for a WebSocket.
pub(super) fn write(settings: &WebSocketClientSettings, key: &str, below: &mut Below) {
    let WebSocketClientSettings { host, path, headers, protocols, .. } = settings;
    // Memory takes all that it is given.
    let _ = write!(
        below,
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
    );
    if !protocols.is_empty() {
        let _ = write!(below, "Sec-WebSocket-Protocol: {}\r\n", protocols.join(", "));
    }
    for (name, value) in headers {
        let _ = write!(below, "{name}: {value}\r\n");
    }
    below.push(b"\r\n");
}

/// What the server agreed to.
pub(super) fn verify(
    settings: &WebSocketClientSettings,
    key: &str,
    head: &[u8],
) -> Result<WebSocketSession, WebSocketFailure> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    if !matches!(response.parse(head), Ok(Status::Complete(_))) {
        return Err(WebSocketFailure::BadResponse("it is no response of HTTP/1.1"));
    }
    let status = response.code.unwrap_or_default();
    if status != 101 {
        return Err(WebSocketFailure::Refused { status, reason: inert(response.reason.unwrap_or_default()) });
    }
    let fields: &[Header<'_>] = response.headers;
    if !has_token(fields, "Upgrade", "websocket") || !has_token(fields, "Connection", "upgrade") {
        return Err(WebSocketFailure::BadResponse("it upgrades to something else"));
    }
    if at_most_one(fields, "Sec-WebSocket-Accept") != Ok(Some(&derive_accept_key(key.as_bytes()))) {
        return Err(WebSocketFailure::BadResponse("its proof (Sec-WebSocket-Accept) is not that of our key"));
    }
    if all(fields, "Sec-WebSocket-Extensions").any(|value| !value.is_empty()) {
        return Err(WebSocketFailure::BadResponse("it uses an extension that we did not offer"));
    }
    let protocol = match at_most_one(fields, "Sec-WebSocket-Protocol") {
        Ok(None) => None,
        Ok(Some(name)) if settings.protocols.iter().any(|offered| offered == name) => Some(name.to_owned()),
        Ok(Some(_)) | Err(()) => {
            return Err(WebSocketFailure::BadResponse("it speaks a subprotocol that we did not offer"));
        }
    };
    let (path, host) = (settings.path.clone(), settings.host.clone());
    Ok(WebSocketSession { path, host, protocol, origin: None })
}

/// What came is no response, or never ends.
pub(super) fn not_http(problem: HeadProblem) -> WebSocketFailure {
    WebSocketFailure::BadResponse(match problem {
        HeadProblem::NotHttp => "it is no response of HTTP/1.1",
        HeadProblem::TooLong | HeadProblem::TooManyFields | HeadProblem::BareLineFeed => problem.rule(),
    })
}
