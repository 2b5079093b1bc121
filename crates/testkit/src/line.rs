//! A virtual line: two ends and a pipe in each direction.
//!
//! The session's end is the socket of a leg, the peer's end that of a scripted caller. What is protected: how
//! one end's closing looks to the other (RFC 9293, section 3.6; RFC 2525, section 2.17). A close with unread
//! bytes, or bytes that arrive after it, are answered with a reset.

use conversation::Shape;

use crate::Seed;
use crate::pipe::Pipe;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Session,
    Peer,
}

impl Side {
    pub(crate) const BOTH: [Side; 2] = [Side::Session, Side::Peer];

    pub(crate) fn other(self) -> Side {
        match self {
            Side::Session => Side::Peer,
            Side::Peer => Side::Session,
        }
    }
}

pub(crate) struct Line {
    pub(crate) shape: Shape,
    by_session: Pipe,
    by_peer: Pipe,
}

impl Line {
    pub(crate) fn new(shape: Shape, seed: &mut Seed) -> Line {
        Line { shape, by_session: Pipe::new(shape, seed), by_peer: Pipe::new(shape, seed) }
    }

    /// What `side` sends.
    pub(crate) fn sent_by(&mut self, side: Side) -> &mut Pipe {
        match side {
            Side::Session => &mut self.by_session,
            Side::Peer => &mut self.by_peer,
        }
    }

    /// The same, to look at.
    pub(crate) fn pipe(&self, sender: Side) -> &Pipe {
        match sender {
            Side::Session => &self.by_session,
            Side::Peer => &self.by_peer,
        }
    }

    /// `side` ends both directions at once.
    pub(crate) fn reset(&mut self, side: Side, seed: &mut Seed) {
        if self.shape == Shape::Datagram {
            self.sent_by(side.other()).die(); // there is no reset: the messages on their way arrive
            return;
        }
        let harsh = seed.one_in(2);
        self.sent_by(side).reset(harsh);
        self.sent_by(side.other()).die();
    }

    /// `side` closes its socket: close(2).
    pub(crate) fn close(&mut self, side: Side, seed: &mut Seed) {
        if self.pipe(side).is_dead() {
            return;
        }
        if self.pipe(side.other()).has_arrived() || self.shape == Shape::Datagram {
            return self.reset(side, seed);
        }
        self.sent_by(side).finish();
        self.sent_by(side.other()).close_receiver();
    }

    /// `side` closes a pair of pipes, which know no reset: what it wrote stays to be read.
    pub(crate) fn leave(&mut self, side: Side) {
        self.sent_by(side).finish();
        self.sent_by(side.other()).die();
    }

    /// Something that `sender` sent arrives.
    pub(crate) fn arrive(&mut self, sender: Side, seed: &mut Seed) {
        if self.pipe(sender).is_closed_to_receive() {
            return self.reset(sender.other(), seed);
        }
        self.sent_by(sender).arrive(seed);
    }
}
