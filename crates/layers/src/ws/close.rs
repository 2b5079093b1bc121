//! Close frames and their codes (RFC 6455 sections 5.5.1 and 7.4).

use tungstenite::protocol::frame::coding::CloseCode;

use super::{WebSocketClosed, WebSocketFailure};

/// All was said.
pub(super) const NORMAL: u16 = 1000;
/// What came breaks the protocol.
pub(super) const PROTOCOL: u16 = 1002;
/// What came as text is no UTF-8.
pub(super) const NOT_TEXT: u16 = 1007;
/// A message is longer than may be.
pub(super) const TOO_LONG: u16 = 1009;

/// A gateway got no good answer: registered since (IANA, WebSocket Close Code Numbers), and not known to the codec.
const BAD_GATEWAY: u16 = 1014;

/// Whether a close with this code is an end as it should be: all was said (1000), the peer goes away (1001), it gave
/// no code, or one of an application's own (3000 to 4999).
pub(super) fn clean(code: Option<u16>) -> bool {
    matches!(code, None | Some(NORMAL | 1001 | 3000..=4999))
}

/// What a close frame says.
pub(super) fn parse(payload: &[u8]) -> Result<WebSocketClosed, WebSocketFailure> {
    let [high, low, reason @ ..] = payload else {
        let nothing = WebSocketClosed { code: None, reason: String::new() };
        return if payload.is_empty() {
            Ok(nothing)
        } else {
            Err(WebSocketFailure::Protocol("a close code of one byte"))
        };
    };
    let code = u16::from_be_bytes([*high, *low]);
    if !CloseCode::from(code).is_allowed() && code != BAD_GATEWAY {
        return Err(WebSocketFailure::Protocol("a close code that must not be sent"));
    }
    match std::str::from_utf8(reason) {
        Ok(reason) => Ok(WebSocketClosed { code: Some(code), reason: crate::inert::inert(reason) }),
        Err(_) => Err(WebSocketFailure::NotUtf8),
    }
}
