//! Whoever speaks first at a datagram socket, where its messages have layers: nobody else is heard there.
//!
//! Protected: the layers are made once it has spoken, so that they know whom they are for; what others send never meets
//! them. It is one peer, so that there is nothing to look up.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use conversation::{CallFailed, End, Leg, Now, Shape};
use socket::{DatagramSocket, PeerAddress, Received};

use crate::layering::{LaidFor, Layering};

use super::{Layered, LegEnd, LegSocket, Under};

/// The one who is heard.
pub(crate) struct FirstSpeaker {
    socket: Box<DatagramSocket>,
    /// `None` if it cannot be answered.
    peer: Option<PeerAddress>,
    end: End,
    local: End,
    /// Somebody else has spoken, which is still to be told.
    stranger: Option<End>,
}

impl FirstSpeaker {
    /// Its two ends, ours first.
    pub(super) fn ends(&self) -> (End, End) {
        (self.local.clone(), self.end.clone())
    }

    pub(super) fn can_be_answered(&self) -> bool {
        self.peer.is_some()
    }

    pub(super) fn take_stranger(&mut self) -> Option<End> {
        self.stranger.take()
    }

    /// One receive. What somebody else sent is dropped, as if the call had been interrupted.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        let datagram = self.socket.receive_from(buffer)?;
        if datagram.from != self.peer {
            let transport = self.socket.transport();
            let end = datagram.from.map_or(End::Unnamed(transport), |from| from.end(transport));
            self.stranger = Some(end);
            return Err(io::ErrorKind::Interrupted.into());
        }
        Ok(Received { length: datagram.length, whole: datagram.whole, end: false })
    }

    pub(super) fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(peer) = &self.peer else { return Err(io::ErrorKind::WouldBlock.into()) };
        self.socket.send_to(bytes, peer)
    }
}

impl AsFd for FirstSpeaker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl LegEnd {
    /// The first message came where layers are to lie on messages: they are made, and it goes up through them.
    pub(in crate::reactor) fn lay_for_first(
        &mut self,
        layering: &Layering,
        end: &End,
        message: &[u8],
        now: Now,
    ) -> Result<(), CallFailed> {
        let LegSocket::Speakers { socket, latest: peer, .. } =
            std::mem::replace(&mut self.socket, LegSocket::None)
        else {
            return Ok(());
        };
        let local = socket.local_end().map_err(|error| CallFailed::new("getsockname(2)", &error))?;
        let speaker = Box::new(FirstSpeaker { socket, peer, end: end.clone(), local, stranger: None });
        // It is the one call of this process.
        let call = LaidFor { caller: end, called: &speaker.local, number: 1, leg: Leg::CALLER };
        let stack = layering.stack(Shape::Datagram, &call, || speaker.ends(), now);
        // Transparent layers lie on messages, and no other is asked for here.
        let stack = stack.map_err(|_| CallFailed { call: "getrandom(2)", errno: libc::EAGAIN })?;
        let mut layered = Layered::opened(Under::First(speaker), stack, now);
        layered.heard(message, now);
        self.writable = layered.may_send();
        self.socket = LegSocket::Layered(Box::new(layered));
        Ok(())
    }
}
