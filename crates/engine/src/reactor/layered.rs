//! A leg with layers on its socket: what is received goes up through the stack, what is sent goes down.
//!
//! The session sees the leg as it is above the layers, and opens with the socket: what it sends before the layers are
//! open waits in its queue, as it would for room. Protected: what one event of the stack had for above is taken in
//! order, and only while the leg is to be read; a leg whose stack still owes something is not closed in order. What is
//! sent waits for room and what is received does not, or two ends that both send would wait for each other for ever.
//! Only what layers answer by themselves (a pong) holds up receiving, once as much of it is owed as may be.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use conversation::{CallFailed, CloseReason, End, Leg, Now, Shape};
use layers::{Above, Failure, HIGH_MARK_BYTES, ProxyHeader, Stack};
use smallvec::SmallVec;
use socket::Connection;

use crate::{Event, Layering, Session};

use super::hands::Hands;
use super::leg_end::{Heard, LegEnd, LegSocket};

/// Bytes received at once: a few records of TLS.
const RECEIVE_BYTES: usize = 64 * 1024;

pub(crate) struct Layered {
    connection: Connection,
    stack: Stack,
    /// What events had for above and is not taken yet.
    events: VecDeque<Above>,
    /// How far the first is taken: what it tells counts as one, then each piece.
    taken: usize,
    /// Bytes that layers answered to what was received, at most what the stack owes.
    answered_bytes: usize,
    is_open: bool,
    /// A layer has failed: what comes is dropped.
    has_failed: bool,
    /// The socket may take more.
    has_room: bool,
    /// The last receive brought as much as there was room for.
    has_filled: bool,
    /// The socket is finished.
    is_finished: bool,
    /// Something was owed, and that it has gone is still to be told.
    has_owed: bool,
    /// The socket takes nothing any more, which is still to be told.
    broken: Option<CallFailed>,
}

impl Layered {
    /// The socket is open; a caller's first bytes are on their way when this returns.
    pub(crate) fn opened(connection: Connection, stack: Stack, now: Now) -> Layered {
        let mut layered = Layered {
            connection,
            stack,
            events: VecDeque::new(),
            taken: 0,
            answered_bytes: 0,
            is_open: false,
            has_failed: false,
            has_room: true,
            has_filled: false,
            is_finished: false,
            has_owed: false,
            broken: None,
        };
        layered.event(|stack, above| stack.opened(now, above));
        layered
    }

    pub(crate) fn shape(&self) -> Shape {
        self.stack.shape()
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Whether its layers are open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// What is not taken yet.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Above> {
        self.events.iter()
    }

    pub(crate) fn next_event(&mut self) -> Option<Above> {
        self.events.pop_front()
    }

    /// Whether the last receive may have left something.
    pub(crate) fn has_filled(&self) -> bool {
        self.has_filled
    }

    /// Whether a receive would bring something that may be taken now.
    pub(super) fn may_receive(&self, readable: bool) -> bool {
        !self.events.is_empty() || self.broken.is_some() || readable && self.answered_bytes < HIGH_MARK_BYTES
    }

    /// Whether a send is worth a try: more may be given to the stack, or it tells that nothing is taken any more.
    pub(super) fn may_send(&self) -> bool {
        self.broken.is_some() || self.is_open && !self.stack.is_congested()
    }

    /// Whether the stack owes something that waits for room in the socket.
    pub(super) fn waits_for_room(&self) -> bool {
        !self.has_room && self.owes()
    }

    /// Whether the stack owes something, or a FIN.
    pub(crate) fn owes(&self) -> bool {
        let owes = !self.stack.outgoing().is_empty() || self.stack.finish_is_due() && !self.is_finished;
        owes && self.broken.is_none()
    }

    /// Whether what was owed has gone, since this was last asked.
    pub(super) fn has_let_go(&mut self) -> bool {
        self.has_owed && !self.owes() && std::mem::take(&mut self.has_owed)
    }

    /// When a layer wants to be asked again.
    pub(crate) fn next_deadline(&self) -> Option<conversation::Moment> {
        self.stack.next_deadline()
    }

    pub(crate) fn deadline(&mut self, now: Now) {
        self.event(|stack, above| stack.deadline(now, above));
    }

    /// The socket has room.
    pub(crate) fn writable(&mut self) {
        self.has_room = true;
        self.flush();
    }

    /// One event of the stack; what it has for below is sent at once.
    fn event(&mut self, event: impl FnOnce(&mut Stack, &mut Above)) {
        let mut above = Above::default();
        event(&mut self.stack, &mut above);
        self.is_open |= above.is_open();
        self.has_failed |= above.failed().is_some();
        if !above.is_empty() {
            self.events.push_back(above);
        }
        self.flush();
    }

    fn flush(&mut self) {
        while self.has_room && self.broken.is_none() && !self.stack.outgoing().is_empty() {
            match self.connection.send(self.stack.outgoing()) {
                Ok(sent) => {
                    self.stack.sent(sent);
                    self.answered_bytes = self.answered_bytes.min(self.stack.outgoing().len());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.has_room = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.broken = Some(CallFailed::new("send(2)", &error)),
            }
        }
        if self.stack.finish_is_due() && !std::mem::replace(&mut self.is_finished, true) {
            // A failure means that the peer is gone already; the next receive says so.
            let _ = self.connection.finish();
        }
        self.has_owed |= self.owes();
    }

    /// Takes whom the proxy before us has named out of what is still to be taken.
    pub(super) fn take_introduction(&mut self) -> Option<ProxyHeader> {
        self.events.iter_mut().find_map(Above::take_introduction)
    }

    /// Whether nothing more can come of it.
    pub(super) fn is_over(&self) -> bool {
        self.has_failed || self.broken.is_some()
    }

    /// Why a layer cannot go on, if that is still to be taken.
    pub(super) fn failure(&self) -> Option<&Failure> {
        self.events.iter().find_map(Above::failed)
    }

    /// One receive, unless something is there already. `Ok(None)`: nothing for above came of it.
    pub(crate) fn receive(&mut self, buffer: &mut [u8], now: Now) -> io::Result<Option<Heard>> {
        if !self.events.is_empty() {
            return Ok(Some(Heard::Events));
        }
        if let Some(failed) = self.broken {
            return Ok(Some(Heard::Failed(failed)));
        }
        let is_ended = self.receive_below(buffer, now)?;
        Ok(match self.events.is_empty() {
            true if is_ended => Some(Heard::Finished), // what ended above before ends below
            true => None,
            false => Some(Heard::Events),
        })
    }

    /// One receive from the socket; what comes of it for above is kept. Returns whether the peer has finished below.
    pub(super) fn receive_below(&mut self, buffer: &mut [u8], now: Now) -> io::Result<bool> {
        let room = RECEIVE_BYTES.min(buffer.len());
        let received = self.connection.receive(&mut buffer[..room])?;
        self.has_filled = received.length == room;
        if self.has_failed {
            return Ok(received.end);
        }
        if received.end {
            self.event(|stack, above| stack.below_finished(now, above));
        } else {
            let bytes = &buffer[..received.length];
            let owed = self.stack.outgoing().len();
            let mut answered = 0;
            self.event(|stack, above| {
                stack.received(now, bytes, above);
                answered = stack.outgoing().len().saturating_sub(owed);
            });
            self.answered_bytes = (self.answered_bytes + answered).min(self.stack.outgoing().len());
        }
        Ok(received.end)
    }

    /// All of it: a message whole, or any cut of a stream. `None` while there is no room.
    pub(crate) fn send(&mut self, bytes: &[u8], now: Now) -> Result<Option<usize>, CallFailed> {
        if let Some(failed) = self.broken {
            return Err(failed);
        }
        if !self.may_send() {
            return Ok(None);
        }
        self.event(|stack, above| stack.send(now, bytes, above));
        Ok(Some(bytes.len()))
    }

    pub(crate) fn finish(&mut self, now: Now) {
        self.event(|stack, above| stack.finish(now, above));
    }
}

impl AsFd for Layered {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

/// A call's socket with what is to lie on it.
///
/// # Errors
///
/// The layers cannot be made: there is no randomness, or no memory.
pub(crate) fn laid(
    connection: Connection,
    layering: Option<&Layering>,
    caller: &End,
    called: &End,
    now: Now,
) -> Result<LegSocket, String> {
    let Some(layering) = layering else { return Ok(LegSocket::Connection(connection)) };
    let stack = layering.stack(caller, called, now)?;
    Ok(LegSocket::Layered(Box::new(Layered::opened(connection, stack, now))))
}

/// Gives a session what its leg's stack has for above, as long as the leg is to be read.
pub(super) fn take_events(session: &mut Session, leg: Leg, now: Now, hands: &mut Hands<'_>) {
    while let Some((above, mut taken)) = first(hands.ends, leg) {
        if taken == 0 {
            for told in above.told() {
                hands.host.tell(&Event::Layer { call: session.call(), leg, told });
            }
            taken = 1;
        }
        let mut is_all = true;
        for piece in above.pieces().skip(taken - 1) {
            is_all = session.wants_read(leg);
            if !is_all {
                break;
            }
            taken += 1;
            session.received(now, leg, piece, hands);
        }
        if !is_all {
            return put_back(hands.ends, leg, above, taken);
        }
        if above.is_finished() {
            session.peer_finished(now, leg, hands);
        }
        if let Some(failure) = above.failed() {
            hands.host.tell(&Event::LayerFailed { call: session.call(), leg, failure });
            session.layer_failed(now, leg, reason_of(failure), hands);
        }
    }
}

fn first(ends: &mut SmallVec<[LegEnd; 1]>, leg: Leg) -> Option<(Above, usize)> {
    let LegSocket::Layered(layered) = &mut ends.get_mut(leg.index())?.socket else { return None };
    Some((layered.events.pop_front()?, std::mem::take(&mut layered.taken)))
}

fn put_back(ends: &mut SmallVec<[LegEnd; 1]>, leg: Leg, above: Above, taken: usize) {
    if let Some(LegEnd { socket: LegSocket::Layered(layered), .. }) = ends.get_mut(leg.index()) {
        layered.events.push_front(above);
        layered.taken = taken;
    }
}

fn reason_of(failure: &Failure) -> CloseReason {
    match failure.is_distrust() {
        true => CloseReason::NotTrusted(failure.name()),
        false => CloseReason::LayerFailed(failure.name()),
    }
}
