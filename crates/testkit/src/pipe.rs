//! One direction of a virtual line: what one end sends and the other receives.
//!
//! send(2), recv(2), shutdown(2) as the kernel does them: bytes wait in a bounded send buffer, travel, wait in
//! a bounded receive buffer; the FIN travels behind them; a reset overtakes what is still travelling. Like
//! Linux, the receiver still gets what had arrived before the reset, or, by the seed, like other kernels it
//! does not. What is protected: nothing is lost or changed but by a reset (and, of datagrams, by a fault).

mod bytes;
mod messages;

use conversation::{Moment, Shape};

use crate::{Faults, Seed};

use bytes::Bytes;
use messages::Messages;

/// What receiving from a pipe came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Bytes(Vec<u8>),
    Finished,
    Reset,
}

pub(crate) struct Pipe {
    content: Content,
    finished: bool,
    /// The sender has reset it.
    reset: bool,
    /// The receiver is gone: sending fails.
    dead: bool,
    /// The receiver has closed: what arrives is answered with a reset.
    unread: bool,
    /// The receiver was told of the end.
    told: bool,
}

enum Content {
    Bytes(Bytes),
    Messages(Messages),
}

impl Pipe {
    pub(crate) fn new(shape: Shape, seed: &mut Seed) -> Pipe {
        let content = match shape {
            Shape::Stream => Content::Bytes(Bytes::new(seed)),
            Shape::Datagram => Content::Messages(Messages::new(false)),
            Shape::SeqPacket => Content::Messages(Messages::new(true)),
        };
        Pipe { content, finished: false, reset: false, dead: false, unread: false, told: false }
    }

    /// Sends what there is room for; `None` where there is none now.
    pub(crate) fn send(
        &mut self,
        bytes: &[u8],
        now: Moment,
        faults: &Faults,
        seed: &mut Seed,
    ) -> Option<usize> {
        match &mut self.content {
            Content::Bytes(content) => content.send(bytes, seed),
            Content::Messages(content) => content.send(bytes, now, faults, seed),
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        match &self.content {
            Content::Bytes(content) => content.has_room(),
            Content::Messages(content) => content.has_room(),
        }
    }

    pub(crate) fn finish(&mut self) {
        self.finished = true;
    }

    /// The sender ends it at once. `harsh`: what had arrived is lost too.
    pub(crate) fn reset(&mut self, harsh: bool) {
        self.reset = true;
        match &mut self.content {
            Content::Bytes(content) => content.drop_travelling(harsh),
            Content::Messages(content) => content.drop_travelling(harsh),
        }
    }

    /// The receiver is gone.
    pub(crate) fn die(&mut self) {
        self.dead = true;
        match &mut self.content {
            Content::Bytes(content) => content.drop_travelling(true),
            Content::Messages(content) => content.drop_travelling(true),
        }
    }

    /// The receiver has closed and will receive no more.
    pub(crate) fn close_receiver(&mut self) {
        self.unread = true;
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    pub(crate) fn is_closed_to_receive(&self) -> bool {
        self.unread
    }

    /// Whether something of it has still to arrive.
    pub(crate) fn is_travelling(&self) -> bool {
        match &self.content {
            Content::Bytes(content) => content.is_travelling(),
            Content::Messages(content) => content.next_arrival().is_some(),
        }
    }

    /// Whether something that travels can arrive now.
    pub(crate) fn can_arrive(&self, now: Moment) -> bool {
        match &self.content {
            Content::Bytes(content) => content.can_arrive(),
            Content::Messages(content) => content.can_arrive(now),
        }
    }

    /// When the next message arrives that is on its way.
    pub(crate) fn next_arrival(&self) -> Option<Moment> {
        match &self.content {
            Content::Bytes(_) => None,
            Content::Messages(content) => content.next_arrival(),
        }
    }

    /// Lets something arrive.
    pub(crate) fn arrive(&mut self, seed: &mut Seed) {
        match &mut self.content {
            Content::Bytes(content) => content.arrive(seed),
            Content::Messages(content) => content.arrive(),
        }
    }

    pub(crate) fn has_arrived(&self) -> bool {
        match &self.content {
            Content::Bytes(content) => content.has_arrived(),
            Content::Messages(content) => content.has_arrived(),
        }
    }

    /// Whether [`Pipe::receive`] has something to tell.
    pub(crate) fn has_news(&self) -> bool {
        self.has_arrived() || self.end().is_some()
    }

    /// Receives some of what has arrived, or the end behind it.
    pub(crate) fn receive(&mut self, seed: &mut Seed) -> Option<News> {
        let bytes = match &mut self.content {
            Content::Bytes(content) => content.receive(seed),
            Content::Messages(content) => content.receive(),
        };
        if bytes.is_some() {
            return bytes.map(News::Bytes);
        }
        let end = self.end();
        self.told |= end.is_some();
        end
    }

    fn end(&self) -> Option<News> {
        let travelling = match &self.content {
            Content::Bytes(content) => content.is_travelling(),
            Content::Messages(content) => content.next_arrival().is_some(),
        };
        match (self.told, self.reset) {
            (true, _) => None,
            (false, true) => Some(News::Reset),
            (false, false) => (self.finished && !travelling).then_some(News::Finished),
        }
    }
}
