//! What the ends of a WebSocket are made of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tungstenite::protocol::frame::coding::OpCode;

use crate::Layer;

use super::frame::{BINARY, TEXT};
use super::{WEBSOCKET_HANDSHAKE_WITHIN, WebSocket};

/// The longest message that is taken where nothing else is said.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// As what messages are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MessageKind {
    /// As text; one that is no UTF-8 as binary.
    #[default]
    Text,
    /// As binary.
    Binary,
}

impl MessageKind {
    pub(super) fn opcode(self, message: &[u8]) -> OpCode {
        match self {
            MessageKind::Text if std::str::from_utf8(message).is_ok() => TEXT,
            MessageKind::Text | MessageKind::Binary => BINARY,
        }
    }
}

/// Pages of which sites may call (RFC 6455 section 10.2). A browser says whose page calls; who is no browser need not,
/// and is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those of the host that is called.
    #[default]
    Same,
    /// These: `https://example.org`.
    Listed(Vec<String>),
    /// All.
    Any,
}

/// What a WebSocket server is made of.
#[derive(Clone, Debug)]
pub struct WebSocketServerSettings {
    /// The one path that there is, without its query: `/chat`. `None`: all are.
    pub path: Option<String>,
    /// Whose pages may call.
    pub origins: Origins,
    /// The subprotocols that it speaks, the best first.
    pub protocols: Vec<String>,
    /// As what messages are sent.
    pub kind: MessageKind,
    /// The longest message that is taken, in bytes.
    pub message_bytes_max: usize,
    /// How long a handshake may take.
    pub within: Duration,
}

impl Default for WebSocketServerSettings {
    /// Any path, pages of the same host, no subprotocol, text, messages up to 1 MiB.
    fn default() -> WebSocketServerSettings {
        WebSocketServerSettings {
            path: None,
            origins: Origins::Same,
            protocols: Vec::new(),
            kind: MessageKind::Text,
            message_bytes_max: MESSAGE_BYTES_MAX,
            within: WEBSOCKET_HANDSHAKE_WITHIN,
        }
    }
}

/// What a WebSocket client is made of.
#[derive(Clone, Debug)]
pub struct WebSocketClientSettings {
    /// Whom it calls, as a browser would say it: `example.org` or `example.org:8080`.
    pub host: String,
    /// What it asks for, with its query: `/chat?room=1`.
    pub path: String,
    /// Fields that are sent besides: name and value.
    pub headers: Vec<(String, String)>,
    /// The subprotocols that it speaks, the best first.
    pub protocols: Vec<String>,
    /// As what messages are sent.
    pub kind: MessageKind,
    /// The longest message that is taken, in bytes.
    pub message_bytes_max: usize,
    /// How long a handshake may take.
    pub within: Duration,
}

impl WebSocketClientSettings {
    /// Those of a client that calls this host, and asks for this path.
    #[must_use]
    pub fn new(host: &str, path: &str) -> WebSocketClientSettings {
        WebSocketClientSettings {
            host: host.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            protocols: Vec::new(),
            kind: MessageKind::Text,
            message_bytes_max: MESSAGE_BYTES_MAX,
            within: WEBSOCKET_HANDSHAKE_WITHIN,
        }
    }
}

/// A server: made once, with a layer for each call.
#[derive(Clone, Debug)]
pub struct WebSocketServer(Arc<WebSocketServerSettings>);

/// A client: made once, with a layer for each call.
#[derive(Clone, Debug)]
pub struct WebSocketClient(Arc<WebSocketClientSettings>);

impl WebSocketServer {
    /// A server of these settings.
    ///
    /// # Errors
    ///
    /// One of them cannot be said in HTTP.
    pub fn new(settings: WebSocketServerSettings) -> Result<WebSocketServer, WebSocketSettingError> {
        settings.protocols.iter().try_for_each(|name| token(name))?;
        settings.path.iter().try_for_each(|path| check_path(path))?;
        Ok(WebSocketServer(Arc::new(settings)))
    }

    /// The layer of one more call.
    #[must_use]
    pub fn layer(&self) -> Box<dyn Layer> {
        WebSocket::server(&self.0)
    }
}

impl WebSocketClient {
    /// A client of these settings.
    ///
    /// # Errors
    ///
    /// One of them cannot be said in HTTP, or is said by the handshake itself.
    pub fn new(settings: WebSocketClientSettings) -> Result<WebSocketClient, WebSocketSettingError> {
        settings.protocols.iter().try_for_each(|name| token(name))?;
        check_path(&settings.path)?;
        if settings.host.is_empty() || !settings.host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WebSocketSettingError::Host(settings.host));
        }
        for (name, value) in &settings.headers {
            token(name)?;
            if OWN_FIELDS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
                return Err(WebSocketSettingError::OwnField(name.clone()));
            }
            if value.chars().any(|c| c.is_control() && c != '\t') {
                return Err(WebSocketSettingError::Value(name.clone()));
            }
        }
        Ok(WebSocketClient(Arc::new(settings)))
    }

    /// The layer of one more call.
    #[must_use]
    pub fn layer(&self) -> Box<dyn Layer> {
        WebSocket::client(&self.0)
    }
}

/// Fields that the handshake sends itself.
const OWN_FIELDS: &[&str] = &[
    "Host",
    "Upgrade",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Extensions",
];

/// A token of HTTP (RFC 9110 section 5.6.2): a name of a field or a subprotocol.
fn token(name: &str) -> Result<(), WebSocketSettingError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if !name.is_empty() && name.bytes().all(fits) {
        Ok(())
    } else {
        Err(WebSocketSettingError::Token(name.to_owned()))
    }
}

fn check_path(path: &str) -> Result<(), WebSocketSettingError> {
    if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        Ok(())
    } else {
        Err(WebSocketSettingError::Path(path.to_owned()))
    }
}

/// Why settings make no WebSocket end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketSettingError {
    /// A path is none.
    Path(String),
    /// A host is none.
    Host(String),
    /// A name of a field or a subprotocol is no token.
    Token(String),
    /// The value of the field so named would end its line.
    Value(String),
    /// The field so named is sent by the handshake itself.
    OwnField(String),
}

impl fmt::Display for WebSocketSettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WebSocketSettingError::Path(path) => {
                write!(f, "{path:?} is no path: one begins with /, and all but ASCII is written as %XX")
            }
            WebSocketSettingError::Host(host) => write!(f, "{host:?} is no host: write NAME or NAME:PORT"),
            WebSocketSettingError::Token(name) => {
                write!(f, "{name:?} is no name of a field or a subprotocol: letters, digits and -._~ are")
            }
            WebSocketSettingError::Value(name) => {
                write!(f, "the value of {name} has a control character in it")
            }
            WebSocketSettingError::OwnField(name) => write!(f, "{name} is sent by the handshake itself"),
        }
    }
}

impl std::error::Error for WebSocketSettingError {}
