//! What the layers of a leg lie on: a socket of its own, the pipes to a program, or a door that others share.

use std::io;

use conversation::{End, Shape};
use socket::{Connection, Program, Received};

use crate::layering::LaidFor;
use crate::reactor::peer::Peer;

use super::first_speaker::FirstSpeaker;

/// What the layers lie on.
pub(crate) enum Under {
    Connection(Connection),
    /// The pipes to a program.
    Program(Box<Program>),
    Peer(Peer),
    /// The socket at which only this one is heard.
    First(Box<FirstSpeaker>),
}

impl Under {
    /// Its two ends, ours first.
    pub(super) fn ends(&self, call: &LaidFor<'_>) -> (End, End) {
        match self {
            Under::Connection(connection) => {
                let or_unnamed = |end: io::Result<End>| end.unwrap_or(End::Unnamed(connection.transport()));
                (or_unnamed(connection.local_end()), or_unnamed(connection.peer_end()))
            }
            Under::Program(program) => (End::Standard, program.end().clone()),
            Under::Peer(_) => (call.called.clone(), call.caller.clone()),
            Under::First(speaker) => speaker.ends(),
        }
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            Under::Connection(connection) => connection.shape(),
            Under::Program(_) => Shape::Stream,
            Under::Peer(_) | Under::First(_) => Shape::Datagram,
        }
    }

    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        match self {
            Under::Connection(connection) => connection.receive(buffer),
            Under::Program(program) => program.receive(buffer),
            Under::Peer(_) => Err(io::ErrorKind::WouldBlock.into()), // the door hears for it
            Under::First(speaker) => speaker.receive(buffer),
        }
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Under::Connection(connection) => connection.send(bytes),
            // It has closed its input, of which an event tells: what it does not want is dropped, layers' own bytes too.
            Under::Program(program) => match program.send(bytes) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
                sent => sent,
            },
            Under::Peer(_) => Err(io::ErrorKind::WouldBlock.into()), // the door answers it
            Under::First(speaker) => speaker.send(bytes),
        }
    }

    /// Whether there is somebody to send to.
    pub(super) fn can_be_answered(&self) -> bool {
        !matches!(self, Under::First(speaker) if !speaker.can_be_answered())
    }

    /// Who else has spoken where only the first is heard, since this was last asked.
    pub(super) fn take_stranger(&mut self) -> Option<End> {
        if let Under::First(speaker) = self { speaker.take_stranger() } else { None }
    }

    pub(super) fn finish(&mut self) {
        match self {
            // A failure means that the peer is gone already; the next receive says so.
            Under::Connection(connection) => drop(connection.finish().ok()),
            Under::Program(program) => program.finish(),
            Under::Peer(_) | Under::First(_) => {}
        }
    }
}
