//! One leg's part of a session: what is owed on it and which of its halves are closed.

use std::collections::VecDeque;
use std::sync::Arc;

use conversation::{CallFailed, CloseReason, CopiedBy, Leg, Payload, Shape};

use super::{Carrier, HIGH_MARK_BYTES, HeldSent, LOW_MARK_BYTES};

/// Small stream pieces behind each other are put into one up to this many bytes, to save system calls.
const COALESCE_BYTES: usize = 16 * 1024;

/// What a queued piece counts beyond its bytes, so that a queue of empty messages is bounded too.
const PIECE_OVERHEAD_BYTES: usize = 64;

/// What the carrier holds is the kernel's memory, not ours, and the more of it moves at once the less that costs: so
/// many bytes of it count as one.
const HELD_BYTES_OF_ONE: usize = 8;

pub(super) struct LegState {
    /// `None` while it is being dialled.
    shape: Option<Shape>,
    /// It is a socket: closing it while the peer still sends would reset it.
    pub(super) lingers: bool,
    /// What the kernel did not take yet. An idle call holds no memory for it.
    queue: Option<Box<Queue>>,
    /// The queue was above the high mark and not below the low mark since.
    pub(super) congested: bool,
    /// The leg that this one feeds and is fed by.
    pub(super) partner: Option<(Leg, CopiedBy)>,
    pub(super) peer_finished: bool,
    pub(super) finish_asked: bool,
    pub(super) finished: bool,
    /// It is to end with a reset, once the peer's host has all that was sent on it.
    pub(super) breaks_off: bool,
    /// Why nothing can be sent any more.
    pub(super) broken: Option<Box<CloseReason>>,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
}

/// What is owed, never nothing: first what the carrier holds, then the pieces.
#[derive(Default)]
struct Queue {
    /// Bytes that the carrier holds.
    held: usize,
    pieces: VecDeque<Piece>,
    /// Bytes of the pieces, with the overhead of each, less what is sent of the first.
    bytes: usize,
    /// Bytes of the first piece that are sent.
    front_sent: usize,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.held == 0 && self.pieces.is_empty()
    }

    /// What it counts for the marks.
    fn weight(&self) -> usize {
        self.bytes + self.held / HELD_BYTES_OF_ONE
    }
}

enum Piece {
    Owned(Vec<u8>),
    Shared(Arc<[u8]>),
}

impl Piece {
    fn bytes(&self) -> &[u8] {
        match self {
            Piece::Owned(bytes) => bytes,
            Piece::Shared(bytes) => bytes,
        }
    }
}

impl LegState {
    pub(super) fn connected(shape: Shape, lingers: bool) -> LegState {
        LegState { shape: Some(shape), lingers, ..LegState::dialling() }
    }

    pub(super) fn dialling() -> LegState {
        LegState {
            shape: None,
            lingers: true,
            queue: None,
            congested: false,
            partner: None,
            peer_finished: false,
            finish_asked: false,
            finished: false,
            breaks_off: false,
            broken: None,
            received_bytes: 0,
            sent_bytes: 0,
        }
    }

    pub(super) fn connect(&mut self, shape: Shape, lingers: bool) {
        self.shape = Some(shape);
        self.lingers = lingers;
    }

    /// Each direction has an end of its own, so that one can be finished.
    pub(super) fn has_halves(&self) -> bool {
        self.shape.is_some_and(|shape| shape != Shape::Datagram)
    }

    pub(super) fn is_dialling(&self) -> bool {
        self.shape.is_none() && !self.finished // unless it was lost
    }

    pub(super) fn can_receive(&self) -> bool {
        self.shape.is_some() && !self.peer_finished
    }

    pub(super) fn owes(&self) -> bool {
        self.queue.is_some()
    }

    /// It is to be finished or to break off, or has been: something may follow from any event.
    pub(super) fn is_to_end(&self) -> bool {
        self.finish_asked || self.breaks_off
    }

    pub(super) fn finish_is_due(&self) -> bool {
        self.finish_asked && !self.finished && self.shape.is_some() && !self.owes()
    }

    /// Nothing more can come that a close would have to wait for.
    pub(super) fn is_silent(&self) -> bool {
        self.peer_finished || !self.has_halves() || !self.lingers
    }

    /// The leg it is joined to has broken off.
    pub(super) fn break_off(&mut self) {
        self.breaks_off = !(self.finished && self.peer_finished);
    }

    /// The leg is gone in both directions.
    pub(super) fn lose(&mut self) {
        self.breaks_off = false;
        self.drop_queue();
        self.peer_finished = true;
        self.finish_asked = true;
        self.finished = true;
    }

    /// The peer takes nothing any more.
    pub(super) fn stop_sending(&mut self, why: CloseReason) {
        self.drop_queue();
        self.broken.get_or_insert_with(|| Box::new(why));
        self.finish_asked = true;
        self.finished = true;
    }

    /// Sends at once what the kernel takes, and queues the rest. Returns how many bytes it took.
    pub(super) fn send(
        &mut self,
        leg: Leg,
        bytes: Payload<'_>,
        carrier: &mut dyn Carrier,
    ) -> Result<usize, CallFailed> {
        if self.finish_asked {
            debug_assert!(self.broken.is_some() || self.peer_finished, "sent after finish");
            return Ok(0);
        }
        let whole = self.keeps_boundaries();
        if bytes.is_empty() && self.shape == Some(Shape::Stream) {
            return Ok(0);
        }
        let mut sent = 0;
        if self.queue.is_none()
            && self.shape.is_some()
            && let Some(taken) = carrier.send(leg, &bytes)?
        {
            self.sent_bytes += taken as u64;
            if whole || taken == bytes.len() {
                return Ok(taken);
            }
            sent = taken;
        }
        self.enqueue(bytes, sent);
        Ok(sent)
    }

    /// Whether the carrier may hold what comes for this leg: nothing else is owed that would have to go before it.
    pub(super) fn may_hold(&self) -> bool {
        let is_clear = self.queue.as_ref().is_none_or(|queue| queue.pieces.is_empty());
        self.shape == Some(Shape::Stream) && !self.finish_asked && is_clear
    }

    /// The carrier holds so many bytes more for this leg: sends what the kernel takes. Returns how many bytes it took.
    pub(super) fn hold(
        &mut self,
        leg: Leg,
        bytes: usize,
        carrier: &mut dyn Carrier,
    ) -> Result<usize, CallFailed> {
        let queue = self.queue.get_or_insert_default();
        queue.held += bytes;
        let sent = self.flush(leg, carrier)?;
        self.congested |= self.queue.as_ref().is_some_and(|queue| queue.weight() >= HIGH_MARK_BYTES);
        Ok(sent)
    }

    /// Sends what is owed until the kernel takes no more. Returns how many bytes it took.
    pub(super) fn flush(&mut self, leg: Leg, carrier: &mut dyn Carrier) -> Result<usize, CallFailed> {
        let whole = self.keeps_boundaries();
        let mut flushed = 0;
        let Some(queue) = &mut self.queue else { return Ok(0) };
        while queue.held > 0 {
            match carrier.send_held(leg, queue.held)? {
                HeldSent::Taken(taken) => {
                    flushed += taken;
                    self.sent_bytes += taken as u64;
                    queue.held -= taken.min(queue.held);
                }
                HeldSent::NotNow => break,
                HeldSent::Instead(bytes) => {
                    queue.held = 0;
                    queue.bytes += bytes.len() + PIECE_OVERHEAD_BYTES;
                    queue.pieces.push_front(Piece::Owned(bytes));
                }
            }
        }
        while queue.held == 0
            && let Some(piece) = queue.pieces.front()
        {
            let rest = &piece.bytes()[queue.front_sent..];
            let length = rest.len();
            let Some(taken) = carrier.send(leg, rest)? else { break };
            flushed += taken;
            self.sent_bytes += taken as u64;
            if whole || taken == length {
                queue.bytes -= length + PIECE_OVERHEAD_BYTES;
                queue.pieces.pop_front();
                queue.front_sent = 0;
            } else {
                queue.bytes -= taken;
                queue.front_sent += taken;
            }
        }
        self.congested &= queue.weight() >= LOW_MARK_BYTES;
        if queue.is_empty() {
            self.queue = None;
        }
        Ok(flushed)
    }

    /// Queues what is left of `bytes` behind the first `sent`.
    fn enqueue(&mut self, bytes: Payload<'_>, sent: usize) {
        let queue = self.queue.get_or_insert_default();
        queue.bytes += bytes.len() - sent;
        if let Some(Piece::Owned(last)) = queue.pieces.back_mut()
            && self.shape == Some(Shape::Stream)
            && last.len() + bytes.len() <= COALESCE_BYTES
        {
            last.extend_from_slice(&bytes);
        } else {
            queue.bytes += PIECE_OVERHEAD_BYTES;
            queue.pieces.push_back(match bytes {
                Payload::Shared(bytes) => {
                    queue.front_sent += sent;
                    Piece::Shared(bytes)
                }
                Payload::Borrowed(bytes) => Piece::Owned(bytes[sent..].to_vec()),
                Payload::Owned(mut bytes) => {
                    bytes.drain(..sent);
                    Piece::Owned(bytes)
                }
            });
        }
        self.congested |= queue.weight() >= HIGH_MARK_BYTES;
    }

    fn drop_queue(&mut self) {
        self.queue = None;
        self.congested = false;
    }

    fn keeps_boundaries(&self) -> bool {
        self.shape.is_some_and(Shape::keeps_boundaries)
    }
}
