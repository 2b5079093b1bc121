//! The carrier of a simulated call: does on virtual lines what a session asks.
//!
//! send(2) may take a part, or nothing for no reason (`EAGAIN`), and fails on a line that the peer has reset.
//! What is protected: nothing here is more helpful than a kernel.

use std::sync::Arc;

use conversation::{Address, CallFailed, CloseReason, Dialling, Leg, Moment, Notice, Shape, Topic};
use engine::Carrier;

use crate::faults::{OUTPUT_FULL, SEND_BROKEN, SEND_RESET};
use crate::line::{Line, Side};
use crate::rooms::Worker;
use crate::transcript::{Transcript, shown};
use crate::watched::Shared;
use crate::{Faults, Seed};

/// Once in so many times a send takes nothing though there is room.
const ONE_IN_EAGAIN: u64 = 8;

/// Rooms that one call may be in.
pub(crate) const TOPICS_MAX: usize = 4;

/// All that a run shares among its calls.
pub(crate) struct World {
    pub(crate) now: Moment,
    pub(crate) seed: Seed,
    pub(crate) faults: Faults,
    pub(crate) lines: Vec<Line>,
    pub(crate) output: Vec<u8>,
    pub(crate) errands: Vec<Errand>,
    pub(crate) workers: Vec<Worker>,
    pub(crate) transcript: Transcript,
}

/// Something that takes a while and is answered with an event.
pub(crate) struct Errand {
    pub(crate) due: Moment,
    pub(crate) call: usize,
    pub(crate) what: Asked,
}

pub(crate) enum Asked {
    Dial(Leg, Box<Address>),
    /// A program to which the caller was given, until it ends.
    Program,
    Name,
}

/// What lies under one leg.
pub(crate) struct LegEnd {
    /// `None` while it is dialled and after an abort.
    pub(crate) line: Option<usize>,
    /// A datagram socket that many callers share: it always takes a message.
    pub(crate) is_door: bool,
    /// Not the standard input and output, which know no reset.
    pub(crate) is_socket: bool,
    pub(crate) taken_bytes: usize,
    /// A send failed with the line's reset, so that the next receive sees an end and no error.
    pub(crate) error_told: bool,
}

impl LegEnd {
    pub(crate) fn new(line: Option<usize>, is_door: bool) -> LegEnd {
        LegEnd { line, is_door, is_socket: true, taken_bytes: 0, error_told: false }
    }
}

pub(crate) struct Hands<'w> {
    pub(crate) call: usize,
    pub(crate) ends: &'w mut Vec<LegEnd>,
    pub(crate) checks: &'w Shared,
    pub(crate) world: &'w mut World,
}

impl Hands<'_> {
    fn note(&mut self, what: &str) {
        let text = format!("  call {} {what}", self.call + 1);
        self.world.transcript.add(self.world.now, &text);
    }

    fn not_sent(&mut self, leg: Leg, failed: CallFailed) -> Result<Option<usize>, CallFailed> {
        self.note(&format!("leg {}: {failed}", leg.index()));
        self.checks.lock().send_failed(leg, false);
        Err(failed)
    }

    /// Bytes that the leg takes before a fault makes it fail.
    fn takes_before_fault(&self, leg: Leg) -> Option<usize> {
        let fails = self.world.faults.send_fails.filter(|fails| fails.leg == leg.index())?;
        Some(fails.after_bytes.saturating_sub(self.ends[leg.index()].taken_bytes))
    }
}

impl Carrier for Hands<'_> {
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
        let Some(end) = self.ends.get_mut(leg.index()) else { return Ok(None) };
        let Some(line) = end.line else { return Ok(None) };
        let shape = self.world.lines[line].shape;
        let is_dead = self.world.lines[line].pipe(Side::Session).is_dead() && shape != Shape::Datagram;
        if is_dead {
            let again = std::mem::replace(&mut end.error_told, true);
            return self.not_sent(leg, if again { SEND_BROKEN } else { SEND_RESET });
        }
        let is_door = end.is_door;
        let mut offered = bytes;
        match self.takes_before_fault(leg).filter(|_| !is_door) {
            Some(0) => return self.not_sent(leg, SEND_BROKEN),
            Some(left) if shape == Shape::Stream => offered = &bytes[..bytes.len().min(left)],
            Some(_) | None => {}
        }
        let World { seed, faults, lines, now, .. } = &mut *self.world;
        if !is_door && seed.one_in(ONE_IN_EAGAIN) {
            return Ok(None);
        }
        let taken = lines[line].sent_by(Side::Session).send(offered, *now, faults, seed);
        if let Some(taken) = taken {
            self.ends[leg.index()].taken_bytes += taken;
            self.checks.lock().took(leg, &bytes[..taken]);
            self.note(&format!("leg {} sends {}", leg.index(), shown(&bytes[..taken])));
        }
        Ok(taken)
    }

    fn finish(&mut self, leg: Leg) {
        self.checks.lock().finishing(leg);
        self.note(&format!("leg {} finishes", leg.index()));
        if let Some(line) = self.ends.get(leg.index()).and_then(|end| end.line) {
            self.world.lines[line].sent_by(Side::Session).finish();
        }
    }

    fn is_delivered(&mut self, leg: Leg) -> bool {
        let line = self.ends.get(leg.index()).and_then(|end| end.line);
        line.is_none_or(|line| !self.world.lines[line].pipe(Side::Session).is_travelling())
    }

    fn abort(&mut self, leg: Leg) {
        self.checks.lock().aborting(leg);
        self.note(&format!("leg {} aborts", leg.index()));
        let end = self.ends.get_mut(leg.index()).filter(|end| end.is_socket);
        if let Some(line) = end.and_then(|end| end.line.take()) {
            let World { lines, seed, .. } = &mut *self.world;
            lines[line].reset(Side::Session, seed);
        }
    }

    fn dial(&mut self, leg: Leg, dialling: Dialling) {
        let Dialling { address, not_before, .. } = dialling;
        self.note(&format!("dials {address}"));
        if leg.index() == self.ends.len() {
            self.ends.push(LegEnd::new(None, false));
        }
        self.send_out_after(not_before, Asked::Dial(leg, Box::new(address)));
    }

    fn tell(&mut self, notice: &Notice) {
        self.note(&format!("tells that {notice}"));
    }

    fn hand_over(&mut self, address: Address) {
        self.note(&format!("is handed over to {address}"));
        self.send_out(Asked::Program);
    }

    fn name_peer(&mut self) {
        self.note("asks for the caller's name");
        self.send_out(Asked::Name);
    }

    fn output(&mut self, bytes: &[u8]) -> Result<(), CallFailed> {
        let bytes_max = self.world.faults.output_bytes_max.unwrap_or(usize::MAX);
        if self.world.output.len() + bytes.len() > bytes_max {
            self.note("cannot write to the output");
            return Err(OUTPUT_FULL);
        }
        self.note(&format!("outputs {}", shown(bytes)));
        self.world.output.extend_from_slice(bytes);
        Ok(())
    }

    fn subscribe(&mut self, topic: &Topic, others: usize) -> Result<(), CloseReason> {
        if others >= TOPICS_MAX {
            self.note("may not enter one more room");
            self.checks.lock().closes();
            return Err(CloseReason::Limit("rooms of one call"));
        }
        self.note(&format!("enters {topic}"));
        let call = self.call;
        self.worker().members.subscribe(topic, call);
        Ok(())
    }

    fn unsubscribe(&mut self, topic: &Topic) {
        self.note(&format!("leaves {topic}"));
        let call = self.call;
        self.worker().members.unsubscribe(topic, call);
    }

    fn publish(&mut self, topic: &Topic, bytes: &Arc<[u8]>) -> bool {
        self.note(&format!("publishes {} in {topic}", shown(bytes)));
        let call = self.call;
        self.worker().members.publish(topic, bytes, call)
    }
}

impl Hands<'_> {
    /// The worker that serves this call.
    fn worker(&mut self) -> &mut Worker {
        let workers = self.world.workers.len();
        &mut self.world.workers[self.call % workers]
    }

    fn send_out(&mut self, what: Asked) {
        self.send_out_after(None, what);
    }

    fn send_out_after(&mut self, not_before: Option<Moment>, what: Asked) {
        let takes = std::time::Duration::from_micros(self.world.seed.below(20_000));
        let due = not_before.unwrap_or(self.world.now).max(self.world.now) + takes;
        self.world.errands.push(Errand { due, call: self.call, what });
    }
}
