//! WebSocket (RFC 6455): messages in order, with an end, on a byte stream that begins as HTTP.
//!
//! The codec of frame headers and the sums of the handshake are tungstenite's; what follows from a frame is decided here.
//! Its own connection answers a close frame at once and takes nothing to send behind it, so who had finished first would
//! lose what was still to come. Here a close frame ends one direction, as a FIN does: RFC 6455 section 5.5.1 lets
//! the other end go on with what it is sending, and only forbids data behind its own close frame. And it makes room
//! for as much as a frame's header claims; here memory grows with what comes.
//!
//! A peer of another make may drop what it has not said yet when our close frame comes, as browsers do: who wants an
//! answer had better finish behind it.
//!
//! Bounds: 16 KiB of a handshake's head, one message of `message_bytes_max` that is not whole yet, 125 bytes of a
//! control frame.
//!
//! ```text
//! < GET /chat HTTP/1.1\r\n... Upgrade: websocket ...\r\n\r\n
//! > HTTP/1.1 101 Switching Protocols\r\n...\r\n\r\n
//! < text "hello"
//! > text "hello"
//! < close 1000
//! > close 1000, and the end of the stream
//! ```

mod call;
mod close;
mod failure;
mod fields;
mod frame;
mod frames;
mod head;
mod settings;
mod told;
mod upgrade;

use std::sync::Arc;
use std::time::Duration;

use conversation::{Moment, Shape};

use crate::{Flow, Layer, Told};

pub use failure::WebSocketFailure;
pub use settings::{
    MessageKind, Origins, WebSocketClient, WebSocketClientSettings, WebSocketServer, WebSocketServerSettings,
    WebSocketSettingError,
};
pub use told::{WebSocketClosed, WebSocketSession};

use close::{NORMAL, clean};
use frame::{CLOSE, PONG};
use frames::{Frames, Incoming};
pub(crate) use head::{FIELDS_MAX, Head, HeadProblem};

/// How long a WebSocket handshake may take where nothing else is said.
pub const WEBSOCKET_HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// One end of a WebSocket connection.
pub(crate) struct WebSocket {
    role: Role,
    kind: MessageKind,
    within: Duration,
    due: Option<Moment>,
    /// What has come of the peer's half of the handshake; `None` once it is over.
    head: Option<Head>,
    frames: Frames,
    /// Our close frame is sent.
    finished: bool,
    /// The peer's close frame has come, with this code.
    peer_finished: Option<u16>,
}

enum Role {
    Server(Arc<WebSocketServerSettings>),
    Client(Arc<WebSocketClientSettings>, String),
}

impl WebSocket {
    fn server(settings: &Arc<WebSocketServerSettings>) -> Box<WebSocket> {
        let frames = Frames::from_client(settings.message_bytes_max);
        WebSocket::new(Role::Server(Arc::clone(settings)), settings.kind, settings.within, frames)
    }

    fn client(settings: &Arc<WebSocketClientSettings>) -> Box<WebSocket> {
        let frames = Frames::from_server(settings.message_bytes_max);
        let role = Role::Client(Arc::clone(settings), call::key());
        WebSocket::new(role, settings.kind, settings.within, frames)
    }

    fn new(role: Role, kind: MessageKind, within: Duration, frames: Frames) -> Box<WebSocket> {
        let (due, head) = (None, Some(Head::default()));
        Box::new(WebSocket { role, kind, within, due, head, frames, finished: false, peer_finished: None })
    }

    fn is_client(&self) -> bool {
        matches!(self.role, Role::Client(..))
    }

    /// Takes the peer's half of the handshake; leaves what comes behind it.
    fn shake_hands(&mut self, bytes: &mut &[u8], flow: &mut Flow<'_>) -> Result<(), WebSocketFailure> {
        let Some(head) = &mut self.head else { return Ok(()) };
        let session = match &self.role {
            Role::Server(settings) => match head.take(bytes, upgrade::may_begin) {
                Ok(None) => return Ok(()),
                Ok(Some(head)) => upgrade::answer(settings, head, flow.below()),
                Err(problem) => Err(upgrade::refuse(problem, flow.below())),
            },
            Role::Client(settings, key) => match head.take(bytes, call::may_begin) {
                Ok(None) => return Ok(()),
                Ok(Some(head)) => call::verify(settings, key, head),
                Err(problem) => Err(call::not_http(problem)),
            },
        }?;
        (self.head, self.due) = (None, None);
        flow.tell(Told::WebSocket(Box::new(session)));
        flow.open();
        Ok(())
    }

    /// What the next frames mean.
    fn hear(&mut self, bytes: &mut &[u8], flow: &mut Flow<'_>) -> Result<(), WebSocketFailure> {
        while self.peer_finished.is_none()
            && let Some(incoming) = self.frames.next(bytes)?
        {
            match incoming {
                Incoming::Message => flow.deliver_message(self.frames.message()),
                Incoming::Ping if !self.finished => {
                    frame::write(PONG, self.frames.control(), self.is_client(), flow.below());
                }
                Incoming::Ping | Incoming::Pong => {}
                Incoming::Close(closed) => {
                    let code = closed.code;
                    self.peer_finished = Some(code.unwrap_or(NORMAL));
                    flow.tell(Told::WebSocketClosed(closed.clone()));
                    if !clean(code) {
                        return Err(WebSocketFailure::ClosedByPeer(closed));
                    }
                    flow.finish_above();
                    if self.finished {
                        flow.finish_below();
                    }
                }
            }
            self.frames.forget();
        }
        Ok(())
    }

    fn close(&mut self, code: u16, flow: &mut Flow<'_>) {
        if !std::mem::replace(&mut self.finished, true) {
            frame::write(CLOSE, &code.to_be_bytes(), self.is_client(), flow.below());
        }
    }
}

impl Layer for WebSocket {
    fn shape(&self) -> Shape {
        Shape::SeqPacket
    }

    fn opened(&mut self, flow: &mut Flow<'_>) {
        self.due = Some(flow.now().moment + self.within);
        if let Role::Client(settings, key) = &self.role {
            call::write(settings, key, flow.below());
        }
    }

    fn received(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        let mut outcome = self.shake_hands(&mut bytes, flow);
        if outcome.is_ok() && self.head.is_none() {
            outcome = self.hear(&mut bytes, flow);
        }
        if let Err(failure) = outcome {
            if let Some(code) = failure.close_code() {
                self.close(code, flow);
            }
            flow.fail(failure);
        }
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        match (&self.head, self.peer_finished) {
            (_, Some(_)) => {}
            (Some(_), None) => flow.fail(WebSocketFailure::HandshakeCut),
            (None, None) => flow.fail(WebSocketFailure::Truncated),
        }
    }

    fn send(&mut self, message: &[u8], flow: &mut Flow<'_>) {
        frame::write(self.kind.opcode(message), message, self.is_client(), flow.below());
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        self.close(self.peer_finished.unwrap_or(NORMAL), flow);
        if self.peer_finished.is_some() {
            flow.finish_below();
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        if self.due.take_if(|due| flow.now().moment >= *due).is_some() {
            flow.fail(WebSocketFailure::TimedOut);
        }
    }
}
