//! Whatever a caller sends, a WebSocket server hears the same messages and gives the same answers; however it is cut.
//!
//! The first byte chooses what the rest is: a request and what is behind it, or what is behind a good request. The second
//! is the length of the pieces in which the rest arrives. Protected besides: no message passes the bound, a failure
//! is answered and ends, and what is told cannot drive a terminal. A client is given the same as an answer.

use std::time::SystemTime;

use conversation::{Moment, Now};
use layers::{
    Above, Layer, Stack, WebSocketClient, WebSocketClientSettings, WebSocketServer, WebSocketServerSettings,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The longest message that is taken.
const BYTES_MAX: usize = 300;

pub(crate) fn run(data: &[u8]) {
    let [chosen, piece, rest @ ..] = data else { return };
    let wire = if chosen % 2 == 0 { rest.to_vec() } else { [REQUEST, rest].concat() };
    let piece = usize::from(*piece).max(1);

    let settings = WebSocketServerSettings { message_bytes_max: BYTES_MAX, ..Default::default() };
    let server = WebSocketServer::new(settings).unwrap_or_else(|error| panic!("{error}"));
    let whole = Heard::of(server.layer(), [&wire[..]]);
    let in_pieces = Heard::of(server.layer(), wire.chunks(piece));
    assert_eq!(in_pieces, whole);

    let settings = WebSocketClientSettings::new("x", "/");
    let client = WebSocketClient::new(settings).unwrap_or_else(|error| panic!("{error}"));
    let whole = Heard::of(client.layer(), [&wire[..]]);
    let in_pieces = Heard::of(client.layer(), wire.chunks(piece));
    assert_eq!((in_pieces.failed, in_pieces.is_open), (whole.failed, false));
    assert!(!whole.is_open, "nobody can know the key");
}

/// What an end made of a stream.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    told: Vec<String>,
    is_open: bool,
    messages: Vec<Vec<u8>>,
    is_finished: bool,
    failed: Option<String>,
    answer: Vec<u8>,
}

impl Heard {
    fn of<'a>(layer: Box<dyn Layer>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Heard {
        let now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };
        let (mut stack, mut above, mut heard) = (Stack::new(vec![layer]), Above::default(), Heard::default());
        stack.opened(now, &mut above);
        for piece in pieces {
            stack.received(now, piece, &mut above);
            heard.take(&mut above);
        }
        heard.answer = stack.outgoing().to_vec();
        stack.sent(heard.answer.len());
        assert_eq!(stack.finish_is_due(), heard.failed.is_some());
        heard
    }

    fn take(&mut self, above: &mut Above) {
        assert!(self.failed.is_none() || above.pieces().next().is_none());
        self.told.extend(above.told().iter().map(ToString::to_string));
        self.is_open |= above.is_open();
        self.messages.extend(above.pieces().map(<[u8]>::to_vec));
        self.is_finished |= above.is_finished();
        self.failed = above.failed().map(ToString::to_string).or(self.failed.take());
        above.clear();
        assert!(self.messages.iter().all(|message| message.len() <= BYTES_MAX));
        assert!(!self.told.iter().chain(&self.failed).any(|line| line.contains(char::is_control)));
    }
}
