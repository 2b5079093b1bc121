//! Why a WebSocket cannot go on.

use std::fmt;

use crate::Guilty;

use super::WebSocketClosed;
use super::close::{NORMAL, NOT_TEXT, PROTOCOL, TOO_LONG};

/// Why a WebSocket cannot go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketFailure {
    /// The caller asked for something else, and was told so.
    BadRequest {
        /// The status of the answer: 400, 403, 404, 405, 426 or 431.
        status: u16,
        /// What the answer says.
        why: &'static str,
    },
    /// The server answered with another status than 101.
    Refused {
        /// Its status.
        status: u16,
        /// What it said besides.
        reason: String,
    },
    /// The server answered what is no answer to us.
    BadResponse(&'static str),
    /// The peer broke the rule named; it was told by code 1002.
    Protocol(&'static str),
    /// The peer sent what is no UTF-8 as text; it was told by code 1007.
    NotUtf8,
    /// The peer's message is longer than may be; it was told by code 1009.
    TooLong {
        /// The bound that it passed.
        bytes_max: usize,
    },
    /// The peer gave up.
    ClosedByPeer(WebSocketClosed),
    /// The stream ended without a close frame.
    Truncated,
    /// The peer finished in the middle of the handshake.
    HandshakeCut,
    /// The handshake took too long.
    TimedOut,
}

impl WebSocketFailure {
    /// With what code the peer is told; `None` where there is no connection to close.
    pub(super) fn close_code(&self) -> Option<u16> {
        match self {
            WebSocketFailure::Protocol(_) => Some(PROTOCOL),
            WebSocketFailure::NotUtf8 => Some(NOT_TEXT),
            WebSocketFailure::TooLong { .. } => Some(TOO_LONG),
            WebSocketFailure::ClosedByPeer(closed) => Some(closed.code.unwrap_or(NORMAL)),
            WebSocketFailure::BadRequest { .. }
            | WebSocketFailure::Refused { .. }
            | WebSocketFailure::BadResponse(_)
            | WebSocketFailure::Truncated
            | WebSocketFailure::HandshakeCut
            | WebSocketFailure::TimedOut => None,
        }
    }

    pub(crate) fn guilty(&self) -> Guilty {
        match self {
            WebSocketFailure::BadResponse(_)
            | WebSocketFailure::BadRequest { .. }
            | WebSocketFailure::Protocol(_)
            | WebSocketFailure::NotUtf8
            | WebSocketFailure::Truncated => Guilty::Peer,
            WebSocketFailure::Refused { .. }
            | WebSocketFailure::TooLong { .. }
            | WebSocketFailure::ClosedByPeer(_)
            | WebSocketFailure::HandshakeCut
            | WebSocketFailure::TimedOut => Guilty::Either,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            WebSocketFailure::BadRequest { .. } => "a request for something else than this WebSocket",
            WebSocketFailure::Refused { .. } => "no WebSocket there",
            WebSocketFailure::BadResponse(_) => "a bad answer for a WebSocket",
            WebSocketFailure::Protocol(_) => "a broken WebSocket frame",
            WebSocketFailure::NotUtf8 => "a WebSocket text that is no UTF-8",
            WebSocketFailure::TooLong { .. } => "a WebSocket message above the bound",
            WebSocketFailure::ClosedByPeer(_) => "a WebSocket closed for a fault",
            WebSocketFailure::Truncated => "truncated: no close frame",
            WebSocketFailure::HandshakeCut => "an unfinished WebSocket handshake",
            WebSocketFailure::TimedOut => "no WebSocket handshake in time",
        }
    }
}

impl fmt::Display for WebSocketFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebSocketFailure::BadRequest { status, why } => {
                write!(f, "the caller's request is none for this WebSocket and was answered {status}: {why}")
            }
            WebSocketFailure::Refused { status, reason } => write!(
                f,
                "the server does not speak WebSocket there: it answered {status} {reason}; check the path, and what \
                 it wants to know of its callers"
            ),
            WebSocketFailure::BadResponse(why) => {
                write!(f, "the server's answer is none to a request for a WebSocket: {why}")
            }
            WebSocketFailure::Protocol(rule) => write!(f, "the peer broke the protocol of WebSocket: {rule}"),
            WebSocketFailure::NotUtf8 => {
                f.write_str("the peer sent as text what is no UTF-8; it has to send that as binary")
            }
            WebSocketFailure::TooLong { bytes_max } => {
                write!(
                    f,
                    "the peer's message is longer than {bytes_max} bytes; a larger bound (message-max=) lets it in"
                )
            }
            WebSocketFailure::ClosedByPeer(closed) => write!(f, "the peer gave the WebSocket up: {closed}"),
            WebSocketFailure::Truncated => f.write_str(
                "the stream ended without a close frame: what came is whole, but there may have been more",
            ),
            WebSocketFailure::HandshakeCut => f.write_str(
                "the peer finished in the middle of the WebSocket handshake; does it speak HTTP at all?",
            ),
            WebSocketFailure::TimedOut => f.write_str(
                "the WebSocket handshake was not complete in time; does the peer speak HTTP at all?",
            ),
        }
    }
}

impl std::error::Error for WebSocketFailure {}
