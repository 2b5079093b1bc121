//! Our WebSocket and that of tungstenite, which somebody else wrote, speak with each other.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::io::{self, Read, Write};

use common::Side;
use layers::{
    Told, WebSocketClient, WebSocketClientSettings, WebSocketClosed, WebSocketServer, WebSocketServerSettings,
};
use tungstenite::handshake::{HandshakeError, HandshakeRole, MidHandshake};
use tungstenite::protocol::CloseFrame;
use tungstenite::{Error, Message, WebSocket};

/// Their end of the wire.
#[derive(Debug, Default)]
struct Wire {
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
    is_finished: bool,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.incoming.is_empty() && !self.is_finished {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = buffer.len().min(self.incoming.len());
        buffer[..length].copy_from_slice(&self.incoming[..length]);
        self.incoming.drain(..length);
        Ok(length)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Carries what is owed both ways.
fn carry(ours: &mut Side, theirs: &mut Wire) {
    theirs.incoming.extend(ours.take());
    theirs.is_finished |= ours.stack.finish_is_due();
    ours.receive(&std::mem::take(&mut theirs.outgoing));
}

/// Goes on with a handshake until it is done.
fn shake_hands<R>(mut interrupted: MidHandshake<R>, ours: &mut Side) -> R::FinalResult
where
    R: HandshakeRole<InternalStream = Wire>,
{
    for _ in 0..10 {
        carry(ours, interrupted.get_mut().get_mut());
        match interrupted.handshake() {
            Ok(result) => return result,
            Err(HandshakeError::Interrupted(again)) => interrupted = again,
            Err(HandshakeError::Failure(error)) => panic!("{error}"),
        }
    }
    panic!("no handshake");
}

/// What the two say to each other once they have shaken hands.
fn talk(mut ours: Side, mut theirs: WebSocket<Wire>) {
    carry(&mut ours, theirs.get_mut());
    assert_eq!((ours.opened, &ours.failed), (1, &None));
    for message in ["hello".to_owned(), String::new(), "€".repeat(70_000)] {
        theirs.send(Message::text(message.clone())).unwrap();
        carry(&mut ours, theirs.get_mut());
        assert!(ours.messages.pop() == Some(message.clone().into_bytes()));
        ours.send(message.as_bytes());
        carry(&mut ours, theirs.get_mut());
        assert!(theirs.read().unwrap() == Message::text(message));
    }
    theirs.send(Message::Ping(vec![7; 125].into())).unwrap();
    carry(&mut ours, theirs.get_mut());
    carry(&mut ours, theirs.get_mut());
    assert_eq!(theirs.read().unwrap(), Message::Pong(vec![7; 125].into()));

    theirs.close(Some(CloseFrame { code: 4000.into(), reason: "bye".into() })).unwrap();
    carry(&mut ours, theirs.get_mut());
    let closed = WebSocketClosed { code: Some(4000), reason: "bye".to_owned() };
    assert_eq!(ours.told.last(), Some(&Told::WebSocketClosed(closed)));
    ours.send(b"last words");
    ours.finish();
    carry(&mut ours, theirs.get_mut());
    assert_eq!(theirs.read().unwrap(), Message::text("last words"));
    assert!(matches!(theirs.read(), Ok(Message::Close(Some(frame))) if u16::from(frame.code) == 4000));
    assert!(matches!(theirs.read(), Err(Error::ConnectionClosed)));
    assert!(ours.stack.finish_is_due() && ours.finished == 1 && ours.failed.is_none());
}

#[test]
fn their_client_speaks_with_our_server() {
    let server = WebSocketServer::new(WebSocketServerSettings::default()).unwrap();
    let mut ours = Side::open(vec![server.layer()]);
    match tungstenite::client("ws://localhost/chat", Wire::default()) {
        Err(HandshakeError::Interrupted(interrupted)) => {
            let (theirs, _) = shake_hands(interrupted, &mut ours);
            talk(ours, theirs);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_client_speaks_with_their_server() {
    let client = WebSocketClient::new(WebSocketClientSettings::new("localhost", "/chat")).unwrap();
    let mut ours = Side::open(vec![client.layer()]);
    match tungstenite::accept(Wire::default()) {
        Err(HandshakeError::Interrupted(interrupted)) => {
            let theirs = shake_hands(interrupted, &mut ours);
            talk(ours, theirs);
        }
        other => panic!("{}", other.is_ok()),
    }
}
