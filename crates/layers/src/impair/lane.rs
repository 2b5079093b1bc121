//! One direction of an impaired leg: what came, what is under way, and when it is let go of.
//!
//! ```text
//!   came --> lost? --> waits for its turn at a rate --> late by delay and jitter --> let go of, in order
//!                      (bounded: what is beyond is dropped, or a stream is not read)
//! ```
//!
//! Protected: what was held before is let go of before, but for a message that is overtaken by the one behind it.

mod bytes;
mod messages;

use std::collections::VecDeque;
use std::time::Duration;

use conversation::{Moment, Shape, Way};

use crate::Hold;

use super::chance::Chance;
use super::settings::{QUEUE_BYTES, lasting};
use super::told::TOLD_MAX;
use super::{After, Counts, Fault, Faults, Impaired, Impairments};

/// Bytes held in one direction of a leg, from which on a stream is not read and messages are dropped.
pub const HELD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a held message counts beyond its bytes.
const OVERHEAD_BYTES: usize = 64;

/// How long a message waits to be overtaken. Nobody sends at this pace: with whole seconds, what is sent once a second would
/// be overtaken in one run and not in the next.
const OVERTAKEN_WITHIN: Duration = Duration::from_millis(1_500);

#[derive(Debug)]
pub(super) enum Parcel {
    Bytes(Vec<u8>),
    End,
    Close(After),
    Reset(After),
}

#[derive(Debug)]
pub(super) struct Lane {
    way: Way,
    shape: Shape,
    chance: Chance,
    counts: Counts,
    /// Faults that were told.
    told: u64,
    /// Bytes that came.
    offset: u64,
    /// The last message was lost, in a row.
    in_burst: bool,
    /// What waits for its turn: when it has had it, and its bytes.
    turns: VecDeque<(Moment, usize)>,
    turn_bytes: usize,
    line_free: Moment,
    last_due: Moment,
    held: VecDeque<(Moment, Parcel)>,
    held_bytes: usize,
    /// A message that the next is to overtake, until then.
    overtaken: Option<(Moment, Vec<u8>)>,
    /// The last message was to be overtaken, whether or not it still waits: what becomes of the next is no matter of time.
    was_to_wait: bool,
    /// The next wrong byte of a stream, the share for which it was drawn, and how many were drawn.
    flip: Option<(u64, u32)>,
    flips: u64,
    /// An end of the direction is under way: nothing more passes.
    is_ended: bool,
    is_stalled: bool,
}

impl Lane {
    pub(super) fn new(way: Way, shape: Shape, seed: u64, call: u64, leg: usize) -> Lane {
        Lane {
            way,
            shape,
            chance: Chance::new(seed, call, leg, way),
            counts: Counts::default(),
            told: 0,
            offset: 0,
            in_burst: false,
            turns: VecDeque::new(),
            turn_bytes: 0,
            line_free: Moment::START,
            last_due: Moment::START,
            held: VecDeque::new(),
            held_bytes: 0,
            overtaken: None,
            was_to_wait: false,
            flip: None,
            flips: 0,
            is_ended: false,
            is_stalled: false,
        }
    }

    /// Chance begins anew.
    pub(super) fn sow(&mut self, seed: u64, call: u64, leg: usize) {
        self.chance = Chance::new(seed, call, leg, self.way);
        (self.flip, self.flips) = (None, 0);
    }

    /// Something is to pass. Returns what is to be told of it.
    pub(super) fn put(
        &mut self,
        bytes: &[u8],
        faults: &Faults,
        all: &Impairments,
        now: Moment,
    ) -> Vec<Impaired> {
        let mut told = Vec::new();
        self.end_turns(now);
        self.end_wait(now);
        if self.shape.keeps_boundaries() {
            self.put_message(bytes, faults, all, now, &mut told);
        } else {
            self.put_bytes(bytes, faults, all, now, &mut told);
        }
        told
    }

    /// What has had its turn waits no more.
    fn end_turns(&mut self, now: Moment) {
        while self.turns.front().is_some_and(|(over, _)| *over <= now)
            && let Some((_, length)) = self.turns.pop_front()
        {
            self.turn_bytes -= length;
        }
    }

    /// How many of so many bytes may pass before the direction ends. All of them are counted.
    fn passes(&mut self, faults: &Faults, bytes: u64) -> u64 {
        let ends = [faults.stall_after, faults.close_after, faults.reset_after];
        let end = ends.into_iter().filter_map(|after| match after? {
            After::Bytes(end) => Some(end),
            After::Time(_) => None,
        });
        let left = end.min().map_or(u64::MAX, |end| end.saturating_sub(self.offset));
        self.offset += bytes;
        bytes.min(left)
    }

    /// Ends the direction where as many bytes came as it has.
    fn end_in_place(&mut self, faults: &Faults, now: Moment) {
        let is_there = |after: Option<After>| match after {
            Some(After::Bytes(end)) => self.offset >= end,
            Some(After::Time(_)) | None => false,
        };
        let (stalls, closes, resets) =
            (is_there(faults.stall_after), is_there(faults.close_after), is_there(faults.reset_after));
        if self.is_ended {
            return;
        }
        let due = self.last_due.max(now);
        match (faults.reset_after, faults.close_after) {
            (Some(after), _) if resets => self.end_with(due, Parcel::Reset(after)),
            (_, Some(after)) if closes => self.end_with(due, Parcel::Close(after)),
            _ => self.is_stalled |= stalls,
        }
    }

    /// Ends the direction where its time has come.
    pub(super) fn end_in_time(&mut self, faults: &Faults, opened: Moment, now: Moment) {
        if self.is_ended {
            return;
        }
        let is_time = |after: Option<After>| match after {
            Some(After::Time(time)) => now >= opened + time,
            Some(After::Bytes(_)) | None => false,
        };
        if let Some(after) = faults.reset_after.filter(|after| is_time(Some(*after))) {
            self.drop_held();
            self.end_with(now, Parcel::Reset(after));
        } else if let Some(after) = faults.close_after.filter(|after| is_time(Some(*after))) {
            let due = self.last_due.max(now);
            self.end_with(due, Parcel::Close(after));
        } else if is_time(faults.stall_after) {
            self.is_stalled = true;
            self.drop_held();
        }
    }

    /// What is held is lost.
    fn drop_held(&mut self) {
        self.let_be_overtaken(Moment::START);
        for (_, parcel) in self.held.drain(..) {
            if let Parcel::Bytes(bytes) = parcel {
                self.counts.lost += if self.shape.keeps_boundaries() { 1 } else { bytes.len() as u64 };
            }
        }
        self.held_bytes = 0;
    }

    fn end_with(&mut self, due: Moment, parcel: Parcel) {
        self.let_be_overtaken(due);
        self.hold_back(due, parcel);
        self.is_ended = true;
    }

    /// Nothing passes any more: what is held is lost, and what comes.
    pub(super) fn cut(&mut self) {
        self.drop_held();
        self.is_ended = true;
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self, faults: &Faults, now: Moment) {
        if !self.is_ended && !self.is_stalled {
            self.end_with(self.last_due.max(now + faults.delay), Parcel::End);
        }
    }

    /// When what came now is let go of.
    fn due(&mut self, bytes: usize, jitter: u32, faults: &Faults, all: &Impairments, now: Moment) -> Moment {
        let mut sent = now;
        if let Some(rate) = faults.rate {
            self.line_free = self.line_free.max(now) + lasting(bytes, rate);
            sent = self.line_free;
        }
        if let Some(rate) = faults.total_rate {
            sent = sent.max(all.take_line(self.way, now, lasting(bytes, rate)));
        }
        if sent > now {
            self.turns.push_back((sent, bytes));
            self.turn_bytes += bytes;
        }
        // As likely to be earlier as later, but never before it came.
        let spread = (u128::from(jitter) * 2 * faults.jitter.as_nanos()) >> 32;
        let late = faults.delay + Duration::from_nanos(u64::try_from(spread).unwrap_or(u64::MAX));
        let due = sent + late.saturating_sub(faults.jitter);
        self.last_due = self.last_due.max(due);
        self.last_due
    }

    fn hold_back(&mut self, due: Moment, parcel: Parcel) {
        if let Parcel::Bytes(bytes) = &parcel {
            self.held_bytes += bytes.len() + OVERHEAD_BYTES;
        }
        self.held.push_back((due, parcel));
    }

    /// A message that waited to be overtaken has been.
    fn let_be_overtaken(&mut self, due: Moment) {
        if let Some((_, message)) = self.overtaken.take() {
            self.held_bytes -= message.len() + OVERHEAD_BYTES;
            self.hold_back(due, Parcel::Bytes(message));
        }
    }

    /// A message that has waited long enough is overtaken by none.
    fn end_wait(&mut self, now: Moment) {
        if let Some(until) = self.overtaken.as_ref().map(|(until, _)| *until).filter(|until| *until <= now) {
            self.let_be_overtaken(until);
        }
    }

    /// What is to be let go of now.
    pub(super) fn next(&mut self, now: Moment) -> Option<Parcel> {
        self.end_turns(now);
        self.end_wait(now);
        self.held.front().filter(|(due, _)| *due <= now)?;
        let (_, parcel) = self.held.pop_front()?;
        if let Parcel::Bytes(bytes) = &parcel {
            self.held_bytes -= bytes.len() + OVERHEAD_BYTES;
            self.counts.passed += if self.shape.keeps_boundaries() { 1 } else { bytes.len() as u64 };
        }
        Some(parcel)
    }

    pub(super) fn next_deadline(&self, faults: &Faults, opened: Moment) -> Option<Moment> {
        let ends = [faults.stall_after, faults.close_after, faults.reset_after];
        let is_over = self.is_ended || self.is_stalled;
        let ends = ends.into_iter().filter(|_| !is_over).filter_map(|after| match after? {
            After::Time(time) => Some(opened + time),
            After::Bytes(_) => None,
        });
        let first = self.held.front().map(|(due, _)| *due);
        let overtaken = self.overtaken.as_ref().map(|(until, _)| *until);
        let turn = self.turns.front().filter(|_| self.is_congested(faults)).map(|(over, _)| *over);
        ends.chain(first).chain(overtaken).chain(turn).min()
    }

    /// Whether a stream is not to be read, because as much waits for its turn as may.
    fn is_congested(&self, faults: &Faults) -> bool {
        let queue = usize::try_from(faults.queue_bytes.unwrap_or(QUEUE_BYTES)).unwrap_or(usize::MAX);
        !self.shape.keeps_boundaries() && self.turn_bytes >= queue
    }

    pub(super) fn hold(&self, faults: &Faults) -> Hold {
        let is_stream = !self.shape.keeps_boundaries();
        let is_enough = self.held_bytes >= HELD_BYTES_MAX || self.is_congested(faults) || self.is_stalled;
        match is_stream && is_enough {
            true => Hold::Enough,
            false if self.held.is_empty() && self.overtaken.is_none() => Hold::Nothing,
            false => Hold::Some,
        }
    }

    fn tell(&mut self, number: u64, fault: Fault, told: &mut Vec<Impaired>) {
        self.told += 1;
        if self.told <= TOLD_MAX {
            told.push(Impaired::Fault { way: self.way, number, fault });
        }
    }

    /// What became of all that came. What is still held is lost.
    pub(super) fn counts(&mut self) -> Counts {
        self.drop_held();
        self.counts
    }

    /// The same, to be told; nothing where no fault happened.
    pub(super) fn counted(&mut self) -> Option<Impaired> {
        let Counts { lost, dropped, doubled, overtaken, corrupted, .. } = self.counts();
        let is_worth_it = lost + dropped + doubled + overtaken + corrupted > 0;
        is_worth_it.then_some(Impaired::Counted { way: self.way, counts: self.counts })
    }
}
