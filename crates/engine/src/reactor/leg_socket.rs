//! The socket of a leg: of which kind it is, and what its layers lie on.

use conversation::Shape;
use socket::{Connection, DatagramSocket, FileEnd, PeerAddress, Program, Standard};

use crate::Hears;

use super::layered::Layered;
use super::peer::Peer;

pub(crate) enum LegSocket {
    Connection(Connection),
    /// A connected socket, or a peer of a door, with layers on it.
    Layered(Box<Layered>),
    /// The process's own standard input and output.
    Standard(Standard),
    /// A program, by the pipes to it.
    Program(Box<Program>),
    /// A file, a fifo or a terminal.
    File(Box<FileEnd>),
    /// A datagram socket on which anyone may speak; answers go to whom was heard last.
    Speakers {
        socket: Box<DatagramSocket>,
        latest: Option<PeerAddress>,
        /// Its layers are taken once somebody has spoken. Boxed, for the size of an idle call.
        hears: Box<Hears>,
    },
    /// One peer of the datagram socket of a door; its messages come in there.
    Peer(Peer),
    /// Not open yet, or not any more.
    None,
}

impl LegSocket {
    /// Whether it has a shape of its own; `None` while it is not open.
    pub(super) fn shape(&self) -> Option<Shape> {
        match self {
            LegSocket::Connection(connection) => Some(connection.shape()),
            LegSocket::Layered(layered) => Some(layered.shape()),
            LegSocket::File(file) => Some(file.shape()),
            LegSocket::Standard(_) | LegSocket::Program(_) => Some(Shape::Stream),
            LegSocket::Speakers { .. } | LegSocket::Peer(_) => Some(Shape::Datagram),
            LegSocket::None => None,
        }
    }

    pub(super) fn as_layered(&self) -> Option<&Layered> {
        if let LegSocket::Layered(layered) = self { Some(layered) } else { None }
    }

    pub(super) fn as_layered_mut(&mut self) -> Option<&mut Layered> {
        if let LegSocket::Layered(layered) = self { Some(layered) } else { None }
    }

    pub(super) fn as_file(&self) -> Option<&FileEnd> {
        if let LegSocket::File(file) = self { Some(file) } else { None }
    }

    /// A program without layers; see [`program`](LegSocket::program).
    pub(super) fn as_program(&self) -> Option<&Program> {
        if let LegSocket::Program(program) = self { Some(program) } else { None }
    }

    pub(super) fn is_standard(&self) -> bool {
        matches!(self, LegSocket::Standard(_))
    }

    pub(super) fn is_speakers(&self) -> bool {
        matches!(self, LegSocket::Speakers { .. })
    }

    /// The connected socket that it is, or that its layers lie on.
    pub(super) fn connection(&self) -> Option<&Connection> {
        if let LegSocket::Connection(connection) = self {
            return Some(connection);
        }
        self.as_layered()?.connection()
    }

    /// The program that it is, or that its layers lie on.
    pub(super) fn program(&self) -> Option<&Program> {
        self.as_program().or_else(|| self.as_layered()?.program())
    }

    pub(super) fn program_mut(&mut self) -> Option<&mut Program> {
        if let LegSocket::Program(program) = self {
            return Some(program);
        }
        self.as_layered_mut()?.program_mut()
    }

    pub(super) fn into_program(self) -> Option<Program> {
        if let LegSocket::Program(program) = self {
            return Some(*program);
        }
        if let LegSocket::Layered(layered) = self { layered.into_program() } else { None }
    }

    /// The peer of a door that it is, or that its layers lie on.
    pub(super) fn peer(&self) -> Option<&Peer> {
        if let LegSocket::Peer(peer) = self {
            return Some(peer);
        }
        self.as_layered()?.peer()
    }

    pub(super) fn peer_mut(&mut self) -> Option<&mut Peer> {
        if let LegSocket::Peer(peer) = self {
            return Some(peer);
        }
        self.as_layered_mut()?.peer_mut()
    }
}
