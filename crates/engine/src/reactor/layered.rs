//! A leg with layers on its socket: what is received goes up through the stack, what is sent goes down.
//!
//! The socket is a connected one, of bytes or of messages, or that of a door, which a peer shares with others: then the
//! door hears for it, and answers go out there.
//!
//! The session sees the leg as it is above the layers, and opens with the socket: what it sends before the layers are
//! open waits in its queue, as it would for room. Protected: what one event of the stack had for above is taken in
//! order, and only while the leg is to be read; a leg whose stack still owes something is not closed in order. What is
//! sent waits for room and what is received does not, or two ends that both send would wait for each other for ever.
//! Only what layers answer by themselves (a pong) holds up receiving, once as much of it is owed as may be.

mod first_speaker;
mod spare;
mod taking;
mod under;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use conversation::{CallFailed, Now, Shape};
use layers::{Above, Failure, HIGH_MARK_BYTES, Hold, ProxyHeader, Stack, Told};
use socket::{Connection, Program, Received};

use crate::host::Host;
use crate::layering::{LaidFor, Layering};

use super::door::DoorState;
use super::leg_end::{Heard, LegEnd};
use super::leg_socket::LegSocket;
use super::peer::Peer;
use super::put_off::{PutOff, is_final};
pub(super) use taking::take_events;
pub(crate) use under::Under;

/// Bytes of a stream received at once: a few records of TLS.
const RECEIVE_BYTES: usize = 64 * 1024;

pub(crate) struct Layered {
    under: Under,
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
    /// The last call of [`Layered::receive`] brought bytes.
    has_received: bool,
    /// The last receive brought as much as there was room for.
    has_filled: bool,
    /// The socket has said that nothing more comes.
    has_ended: bool,
    /// The socket is finished.
    is_finished: bool,
    /// Something was owed, and that it has gone is still to be told.
    has_owed: bool,
    /// The socket takes nothing any more, which is still to be told.
    broken: Option<CallFailed>,
    /// Nothing more comes on the socket, which is told once what came before is.
    lost: Option<CallFailed>,
    /// The kernel put off the last send.
    put_off: Option<PutOff>,
    /// A message was longer than the way to the peer takes, and is lost; it is still to be told.
    too_long: Option<CallFailed>,
}

/// What one receive from below came to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Below {
    Bytes,
    Finished,
    /// A message that did not fit the buffer and was dropped.
    Cut {
        whole: usize,
    },
}

impl Layered {
    /// The socket is open; a caller's first bytes are on their way when this returns.
    pub(crate) fn opened(under: Under, stack: Stack, now: Now) -> Layered {
        let mut layered = Layered {
            under,
            stack,
            events: VecDeque::new(),
            taken: 0,
            answered_bytes: 0,
            is_open: false,
            has_failed: false,
            has_room: true,
            has_received: false,
            has_filled: false,
            has_ended: false,
            is_finished: false,
            has_owed: false,
            broken: None,
            lost: None,
            put_off: None,
            too_long: None,
        };
        layered.event(|stack, above| stack.opened(now, above));
        layered
    }

    pub(crate) fn shape(&self) -> Shape {
        self.stack.shape()
    }

    /// Its connected socket, if it has one.
    pub(crate) fn connection(&self) -> Option<&Connection> {
        if let Under::Connection(connection) = &self.under { Some(connection) } else { None }
    }

    /// The socket that its events come from, if it is one of its own.
    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        match &self.under {
            Under::Connection(connection) => Some(connection.as_fd()),
            Under::First(speaker) => Some(speaker.as_fd()),
            Under::Program(_) | Under::Peer(_) => None,
        }
    }

    /// The program that it lies on, if it does.
    pub(super) fn program(&self) -> Option<&Program> {
        if let Under::Program(program) = &self.under { Some(program) } else { None }
    }

    pub(super) fn program_mut(&mut self) -> Option<&mut Program> {
        if let Under::Program(program) = &mut self.under { Some(program) } else { None }
    }

    pub(super) fn into_program(self) -> Option<Program> {
        if let Under::Program(program) = self.under { Some(*program) } else { None }
    }

    /// The peer of a door that it is, if it is one.
    pub(super) fn peer(&self) -> Option<&Peer> {
        if let Under::Peer(peer) = &self.under { Some(peer) } else { None }
    }

    pub(super) fn peer_mut(&mut self) -> Option<&mut Peer> {
        if let Under::Peer(peer) = &mut self.under { Some(peer) } else { None }
    }

    /// Whether its layers are open.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Whether its layers are still to be opened by what comes, whatever the session wants to read.
    pub(super) fn opens(&self) -> bool {
        !self.is_open && self.events.is_empty() && self.takes_more()
    }

    /// What is not taken yet.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Above> {
        self.events.iter()
    }

    pub(crate) fn next_event(&mut self) -> Option<Above> {
        self.events.pop_front()
    }

    /// Whether the last receive took all that was there, as far as a short one tells: no more comes without an event.
    pub(super) fn has_drained(&self) -> bool {
        let is_socket = matches!(&self.under, Under::Connection(under) if under.shape() == Shape::Stream);
        is_socket && self.has_received && !self.has_filled
    }

    /// Whether the last receive may have left something.
    pub(crate) fn has_filled(&self) -> bool {
        self.has_filled
    }

    /// Whether a receive would bring something that may be taken now.
    pub(crate) fn may_receive(&self, readable: bool) -> bool {
        !self.events.is_empty() || self.end().is_some() || readable && self.takes_more()
    }

    /// Whether the layers may be given more of what comes, if there is any.
    pub(crate) fn takes_more(&self) -> bool {
        let has_come_to_its_end = self.has_ended || self.lost.is_some();
        let held = self.stack.holds().for_above;
        !has_come_to_its_end && self.answered_bytes < HIGH_MARK_BYTES && held < Hold::Enough
    }

    /// Why the leg is over, once all that came before was taken. What came before a send failed may still lie in the
    /// receive queue.
    fn end(&self) -> Option<CallFailed> {
        self.lost.filter(|_| self.stack.holds().for_above == Hold::Nothing)
    }

    /// Whether nothing more comes of what the socket brought: it has ended, and the layers hold nothing back.
    pub(super) fn is_spent(&self) -> bool {
        let has_come_to_its_end = self.has_ended || self.lost.is_some();
        has_come_to_its_end && self.events.is_empty() && self.stack.holds().for_above == Hold::Nothing
    }

    /// Whether a send is worth a try: more may be given to the stack, or it tells that nothing is taken any more.
    pub(super) fn may_send(&self) -> bool {
        self.broken.is_some() || self.is_open && !self.stack.is_congested()
    }

    /// Whether the stack owes something that waits for room in the socket.
    pub(crate) fn waits_for_room(&self) -> bool {
        let is_owed = self.stack.next_outgoing().is_some() && self.under.can_be_answered();
        !self.has_room && is_owed && self.broken.is_none()
    }

    /// Whether what comes next is nothing that the leg has to be read for: something to tell, or a failure.
    pub(super) fn has_news(&self) -> bool {
        let is_news = |above: &Above| above.pieces().next().is_none() && !above.is_finished();
        self.events.front().is_some_and(is_news)
    }

    /// The leg is closed: what was not told yet.
    pub(super) fn last_told(&mut self) -> Vec<Told> {
        let untaken = self.events.drain(..).skip(usize::from(self.taken > 0));
        let mut told: Vec<Told> = untaken.flat_map(|above| above.told().to_vec()).collect();
        told.append(&mut self.stack.last_told());
        told
    }

    /// Whether the stack owes something, now or later, or a FIN.
    pub(crate) fn owes(&self) -> bool {
        let is_held = self.stack.holds().for_below > Hold::Nothing;
        let owes = self.stack.next_outgoing().is_some() || self.stack.finish_is_due() && !self.is_finished;
        (owes || is_held) && self.broken.is_none()
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
        self.stack.lend(spare::take());
        self.send_owed();
        spare::give_back(self.stack.take_back());
    }

    /// One event of the stack; what it has for below is sent at once.
    fn event(&mut self, event: impl FnOnce(&mut Stack, &mut Above)) {
        let mut spare = spare::take();
        let mut above = spare.above();
        self.stack.lend(spare);
        event(&mut self.stack, &mut above);
        self.is_open |= above.take_open();
        self.has_failed |= above.failed().is_some();
        self.send_owed();
        let mut spare = self.stack.take_back();
        match above.is_empty() {
            true => spare.put_above(above),
            false => self.events.push_back(above),
        }
        spare::give_back(spare);
    }

    /// Sends what is owed on a socket of its own; to a peer of a door [`Layered::answer`] does. The stack has memory
    /// lent to it.
    fn send_owed(&mut self) {
        if matches!(self.under, Under::Peer(_)) {
            return;
        }
        while self.has_room
            && self.broken.is_none()
            && let Some(next) = self.stack.next_outgoing()
        {
            match self.under.send(next) {
                Ok(sent) => {
                    self.stack.sent(sent);
                    self.answered_bytes = self.answered_bytes.min(self.stack.outgoing().len());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if !is_final(&error) => {
                    (self.has_room, self.put_off) = (false, Some(PutOff::send(&error)));
                }
                Err(error) if self.is_too_long(&error) => {
                    let length = next.len();
                    self.stack.sent(length);
                    self.too_long = Some(CallFailed::new("send(2)", &error));
                }
                Err(error) => self.broken = Some(CallFailed::new("send(2)", &error)),
            }
        }
        if self.stack.finish_is_due() && !std::mem::replace(&mut self.is_finished, true) {
            self.under.finish();
        }
        self.has_owed |= self.owes();
    }

    /// Whether a message was lost alone: it is longer than the way to the peer takes.
    fn is_too_long(&self, error: &io::Error) -> bool {
        self.under.shape() == Shape::Datagram && error.raw_os_error() == Some(libc::EMSGSIZE)
    }

    /// What the kernel put off, since this was last asked.
    pub(super) fn take_put_off(&mut self) -> Option<PutOff> {
        self.put_off.take()
    }

    /// Sends what is owed to a peer of a door, as much as it may get.
    pub(super) fn answer(&mut self, doors: &mut [DoorState], host: &Host, now: Now) {
        let Under::Peer(peer) = &mut self.under else { return };
        self.stack.lend(spare::take());
        while let Some(message) = self.stack.next_outgoing() {
            peer.send(message, doors, host, now);
            let length = message.len();
            self.stack.sent(length);
        }
        spare::give_back(self.stack.take_back());
        self.has_owed |= self.owes();
    }

    /// A message came from a peer of a door. Returns whether there was room for it: what came before may wait for the
    /// conversation to take it, but more than that is dropped, since the door hears for others too.
    pub(super) fn heard(&mut self, message: &[u8], now: Now) -> bool {
        let has_room = self.events.is_empty() && self.stack.holds().for_above < Hold::Enough;
        if has_room {
            self.event(|stack, above| stack.received(now, message, above));
        }
        has_room
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
        self.has_received = false;
        if !self.events.is_empty() {
            return Ok(Some(Heard::Events));
        }
        if let Some(failed) = self.end() {
            return Ok(Some(Heard::Failed(failed)));
        }
        if matches!(self.under, Under::Peer(_)) {
            return Ok(Some(Heard::Nothing));
        }
        if !self.takes_more() {
            return Ok(None);
        }
        let below = match self.receive_below(buffer, now) {
            Err(error) if self.is_too_long(&error) => return Ok(Some(Heard::Lost)),
            Err(_) if let Some(stranger) = self.under.take_stranger() => {
                return Ok(Some(Heard::Stranger(stranger)));
            }
            Err(error) if is_final(&error) => {
                self.lose(CallFailed::new("recv(2)", &error));
                return Ok(self.end().map(Heard::Failed));
            }
            below => below?,
        };
        Ok(match below {
            Below::Cut { whole } => Some(Heard::Truncated { from: None, whole }),
            _ if !self.events.is_empty() => Some(Heard::Events),
            Below::Finished if self.lost.is_some() => self.end().map(Heard::Failed),
            // What ended above before ends below.
            Below::Finished if self.stack.holds().for_above == Hold::Nothing => Some(Heard::Finished),
            Below::Finished | Below::Bytes => None,
        })
    }

    /// One receive from what the layers lie on; what comes of it for above is kept.
    pub(super) fn receive_below(&mut self, buffer: &mut [u8], now: Now) -> io::Result<Below> {
        let is_stream = self.under.shape() == Shape::Stream;
        let room = if is_stream { RECEIVE_BYTES.min(buffer.len()) } else { buffer.len() };
        let received = match self.under.receive(&mut buffer[..room]) {
            // A send that failed has taken the error of the socket with it: what comes then is no end in order.
            Ok(Received { end: true, .. }) if let Some(failed) = self.broken => {
                self.lose(failed);
                return Ok(Below::Finished);
            }
            Err(error)
                if error.kind() == io::ErrorKind::WouldBlock
                    && let Some(failed) = self.broken =>
            {
                self.lose(failed);
                return Ok(Below::Finished);
            }
            received => received?,
        };
        (self.has_received, self.has_filled) = (!received.end, received.length == room);
        self.has_ended |= received.end;
        let below = if received.end { Below::Finished } else { Below::Bytes };
        if self.has_failed {
            return Ok(below);
        }
        if received.whole > received.length && !is_stream {
            return Ok(Below::Cut { whole: received.whole });
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
        Ok(below)
    }

    /// Nothing more comes.
    pub(super) fn lose(&mut self, failed: CallFailed) {
        self.lost.get_or_insert(failed);
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
        self.too_long.take().map_or(Ok(Some(bytes.len())), Err)
    }

    /// The leg is gone, broken off by the peer or not.
    pub(super) fn closed(&mut self, by_peer: bool, now: Now) {
        self.stack.closed(now, by_peer);
    }

    pub(crate) fn finish(&mut self, now: Now) {
        self.event(|stack, above| stack.finish(now, above));
    }
}

impl LegEnd {
    /// Its call is over; the peer broke it off, or not.
    pub(super) fn closed(&mut self, by_peer: bool, now: Now) {
        if let Some(layered) = self.socket.as_layered_mut() {
            layered.closed(by_peer, now);
        }
    }
}

/// A call's socket with what is to lie on it.
///
/// # Errors
///
/// The layers cannot be made: they do not lie on messages, there is no randomness, or no memory.
pub(crate) fn laid(
    under: Under,
    layering: Option<&Layering>,
    call: &LaidFor<'_>,
    now: Now,
) -> Result<LegSocket, String> {
    let Some(layering) = layering else {
        return Ok(match under {
            Under::Connection(connection) => LegSocket::Connection(connection),
            Under::Program(program) => LegSocket::Program(program),
            Under::Peer(peer) => LegSocket::Peer(peer),
            Under::First(_) => LegSocket::None, // only with layers
        });
    };
    let stack = layering.stack(under.shape(), call, || under.ends(call), now)?;
    Ok(LegSocket::Layered(Box::new(Layered::opened(under, stack, now))))
}
