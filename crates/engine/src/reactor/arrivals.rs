//! What a selector that receives by itself has received: reported to the session, or kept.
//!
//! Back-pressure reaches the kernel a moment late: a leg that is not to be read any more is stopped, but what
//! the kernel had received by then is kept, and comes first once the leg is read again. It is at most what one
//! batch of events brings.

use std::os::fd::AsFd;

use conversation::{CallFailed, Leg, Now, Shape};

use crate::selector::{Arrival, Operation, Ready, Selector, Watch};

use super::calls::Entry;
use super::hands::Hands;
use super::leg_end::{Heard, LegEnd};
use super::leg_socket::LegSocket;
use super::{Reactor, Token};

/// How the selector learns what comes on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Not at all, for now.
    None,
    /// It watches the socket, and says when a receive is worth a try.
    Polled(Operation),
    /// It receives by itself.
    Receiving(Operation),
    /// It was told to stop; the last event is still to come.
    Stopping(Operation),
}

impl Incoming {
    pub(super) fn operation(self) -> Operation {
        match self {
            Incoming::None => Operation::NONE,
            Incoming::Polled(operation) | Incoming::Receiving(operation) | Incoming::Stopping(operation) => {
                operation
            }
        }
    }
}

/// What a selector had received already when its leg was not to be read any more.
#[derive(Default)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    /// How it went on behind them.
    then: Option<Heard>,
}

impl LegEnd {
    /// Whether what comes can be received by a selector that does so.
    pub(super) fn comes_by_itself(&self) -> bool {
        matches!(&self.socket, LegSocket::Connection(connection) if connection.shape() == Shape::Stream)
            && !self.is_read_by_calls
    }

    /// Whether this event is of an operation of this leg; notes that it is over if this is its last.
    pub(super) fn is_told_by(&mut self, ready: &Ready) -> bool {
        if ready.operation == self.incoming.operation() {
            if ready.is_last {
                self.incoming = Incoming::None;
            }
            return true;
        }
        let is_room = ready.operation == self.room;
        if is_room && ready.is_last {
            self.room = Operation::NONE;
        }
        is_room
    }

    pub(super) fn receive_kept(&mut self, buffer: &mut [u8]) -> Option<Heard> {
        let kept = self.kept.as_mut()?;
        if kept.bytes.is_empty() {
            return self.kept.take().and_then(|kept| kept.then);
        }
        let length = kept.bytes.len().min(buffer.len());
        buffer[..length].copy_from_slice(&kept.bytes[..length]);
        kept.bytes.drain(..length);
        if kept.bytes.is_empty() && kept.then.is_none() {
            self.kept = None;
        }
        Some(Heard::Bytes(length))
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.kept.get_or_insert_default().bytes.extend_from_slice(bytes);
    }

    fn keep_last(&mut self, last: Heard) {
        self.kept.get_or_insert_default().then.get_or_insert(last);
    }
}

impl<S: Selector> Reactor<S> {
    /// The selector has received something from a leg.
    pub(super) fn arrived(&mut self, slot: usize, leg: Leg, ready: &Ready, arrival: Arrival, now: Now) {
        let Some(Entry { session, ends, .. }) = self.entries.get_mut(slot) else {
            return self.not_wanted(arrival);
        };
        let Some(end) = ends.get_mut(leg.index()).filter(|end| end.incoming.operation() == ready.operation)
        else {
            return self.not_wanted(arrival);
        };
        if ready.is_last {
            end.incoming = Incoming::None;
        }
        let waits = end.kept.is_some() || !session.wants_read(leg);
        if let Arrival::Bytes(filled) = &arrival {
            end.is_read_by_calls |= filled.is_full();
        }
        match arrival {
            Arrival::Bytes(filled) if waits => {
                end.keep(self.selector.bytes(&filled));
                self.selector.give_back(filled);
            }
            Arrival::Bytes(filled) => {
                let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
                let members = &mut self.members;
                let mut hands = Hands { slot, now, ends, doors, chores, host, members };
                session.received(now, leg, self.selector.bytes(&filled), &mut hands);
                self.selector.give_back(filled);
            }
            Arrival::Finished if waits => end.keep_last(Heard::Finished),
            Arrival::Finished => {
                return self.with(slot, now, |session, hands| session.peer_finished(now, leg, hands));
            }
            Arrival::Caller(_) | Arrival::Message(_) => debug_assert!(false, "these come at doors"),
            // Stopped by us; or no buffer was free, and the batch gives back those that it used.
            Arrival::Failed(libc::ECANCELED | libc::ENOBUFS | libc::EINTR | libc::EAGAIN) => {}
            Arrival::Failed(libc::ENOMEM) => end.receive_put_off = true,
            Arrival::Failed(errno) => {
                let failed = CallFailed { call: "recv(2)", errno };
                if !waits {
                    return self
                        .with(slot, now, |session, hands| session.leg_failed(now, leg, failed, hands));
                }
                end.keep_last(Heard::Failed(failed));
            }
        }
        self.settle(slot, now);
    }

    /// Something came for a call that ended in the same batch.
    fn not_wanted(&mut self, arrival: Arrival) {
        if let Arrival::Bytes(filled) | Arrival::Message(filled) = arrival {
            self.selector.give_back(filled);
        }
    }

    /// Has the selector receive from the legs that are to be read, and stop for the others.
    pub(super) fn keep_receiving(&mut self, slot: usize) {
        let Some(Entry { session, ends, .. }) = self.entries.get_mut(slot) else { return };
        for (index, end) in ends.iter_mut().enumerate() {
            let Some(leg) = Leg::new(index) else { continue };
            if end.socket.as_file().is_some() || end.socket.program().is_some() {
                end.keep_watching(&mut self.selector, slot, leg, session);
            }
            let Some(connection) = end.socket.connection() else { continue };
            let (fd, token) = (connection.as_fd(), Token::Leg(slot, leg).pack());
            let by_itself = end.comes_by_itself();
            let is_put_off = end.receive_put_off;
            let wanted = by_itself && session.wants_read(leg) && end.kept.is_none() && !is_put_off;
            match end.incoming {
                Incoming::None if wanted => {
                    end.incoming = Incoming::Receiving(self.selector.receive(fd, token));
                }
                Incoming::None if !by_itself => {
                    if let Ok(watched) = self.selector.add(fd, token, Watch::Both) {
                        end.incoming = Incoming::Polled(watched);
                    }
                }
                Incoming::Receiving(operation) if !wanted => {
                    end.incoming = Incoming::Stopping(operation);
                    self.selector.stop(operation);
                }
                Incoming::None | Incoming::Polled(_) | Incoming::Receiving(_) | Incoming::Stopping(_) => {}
            }
            if by_itself && !end.writable && end.room == Operation::NONE && session.wants_write(leg) {
                end.room = self.selector.tell_room(fd, token);
            }
        }
    }
}
