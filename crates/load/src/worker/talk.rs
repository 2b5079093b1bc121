//! The open calls of a worker: messages sent, answers received.

use conversation::Moment;
use engine::{Edge, Watch};

use super::{Stage, Worker};
use crate::Trouble;
use crate::line::{Came, Line};
use crate::rules::Answer;
use crate::slot::State;

/// Sends, and receives, that one call may have in a turn.
const TURN: usize = 64;

impl<L: Line> Worker<'_, L> {
    /// The descriptor of a slot is ready.
    pub(super) fn slot_ready(&mut self, slot: usize, edge: Edge) {
        match &mut self.slots[slot].state {
            State::Dialling(_) => {
                let now = self.common.clock.now();
                if self.dialled(slot, edge, now) && edge.readable {
                    self.listen(slot, edge.ended); // it has spoken, or finished, already: that edge has come too
                }
            }
            State::Leaving(_) => {
                let now = self.common.clock.now();
                self.go_on_leaving(slot, now);
            }
            State::Open { is_full, .. } => {
                let had_no_room = *is_full && edge.writable;
                if had_no_room {
                    *is_full = false;
                }
                if edge.readable {
                    self.listen(slot, edge.ended);
                }
                if had_no_room {
                    let now = self.common.clock.now();
                    self.go_on(slot, now);
                }
            }
            State::Waiting(_) | State::Over => {}
        }
    }

    /// Moves a slot on: dials, sends what is due, gives up what has expired, ends what is done.
    pub(super) fn go_on(&mut self, slot: usize, now: Moment) {
        let connected_by = self.slots[slot].dialled.map(|dialled| dialled + self.connect_timeout());
        match &mut self.slots[slot].state {
            State::Waiting(_) => self.dial_when_due(slot, now),
            State::Dialling(opening) => {
                let is_due = connected_by
                    .is_some_and(|connected| now >= L::opening_due(opening, connected, self.common.clock));
                if is_due {
                    self.opening_goes_on(slot, now, L::late);
                }
                let is_too_late =
                    self.stage == Stage::Leaving || self.stage == Stage::Ending && !self.common.offer.churn;
                if matches!(self.slots[slot].state, State::Dialling(_)) && is_too_late {
                    self.tally.unsent += u64::from(self.common.offer.churn);
                    self.give_up(slot);
                } else {
                    self.plan(slot);
                }
            }
            State::Open { .. } => self.converse(slot, now),
            State::Leaving(_) => self.go_on_leaving(slot, now),
            State::Over => {}
        }
    }

    /// Moves an open call on.
    fn converse(&mut self, slot: usize, mut now: Moment) {
        let (rules, clock) = (self.common.rules, self.common.clock);
        let at = &mut self.slots[slot];
        let State::Open { line, is_full, .. } = &mut at.state else { return };
        let is_due = line.due(clock).is_some_and(|due| now >= due);
        if is_due {
            line.look_after();
            *is_full = false;
        }
        let is_late = at.exchange.expires(rules).is_some_and(|due| now >= due);
        if is_due || is_late {
            // What came in time lies there yet where this process was stopped meanwhile, or is behind; or layers let go of it.
            self.listen(slot, false);
            if !matches!(self.slots[slot].state, State::Open { .. }) {
                return;
            }
            if let Err(trouble) = self.slots[slot].exchange.expire(now, rules, &mut self.tally) {
                return self.fail(slot, trouble, now);
            }
            now = clock.now();
        }
        match self.speak(slot, now) {
            Ok(()) => self.settle(slot, now),
            Err(trouble) => self.fail(slot, trouble, now),
        }
    }

    /// Closes a call that has nothing more to do, or sees to it that it goes on.
    fn settle(&mut self, slot: usize, now: Moment) {
        let at = &self.slots[slot];
        let is_complete = !self.common.offer.idle && at.exchange.is_complete(self.common.rules);
        if is_complete || at.exchange.is_quiet() && (!self.has_time(slot, now) || self.quota == Some(0)) {
            self.close(slot, now);
        } else {
            self.plan(slot);
        }
    }

    /// Receives what has come; what is to be said then is said when the slot goes on. `ended`: the peer has finished or is
    /// gone, so that all has to be read.
    pub(super) fn listen(&mut self, slot: usize, ended: bool) {
        let (rules, clock) = (self.common.rules, self.common.clock);
        for _ in 0..TURN {
            let at = &mut self.slots[slot];
            let State::Open { line, .. } = &mut at.state else { return };
            let (exchange, body, tally) = (&mut at.exchange, &self.body, &mut self.tally);
            let answered = tally.answered_ever;
            let came = line.receive(&mut self.buffer, clock, |bytes, now| {
                exchange.heard(bytes, now, rules, body, tally)
            });
            let (length, now) = match came {
                Ok(Came::Bytes(length, now)) => (length, now),
                Ok(Came::Nothing) => {
                    // It may be kept for later.
                    if line.due(clock).is_some() {
                        self.plan(slot);
                    }
                    return;
                }
                Ok(Came::End) => return self.peer_finished(slot, clock.now()),
                Err(trouble) => return self.fail(slot, trouble, clock.now()),
            };
            at.is_served |= self.tally.answered_ever > answered && self.stage == Stage::Offering;
            let was_quiet = at.exchange.is_quiet();
            let is_drained = line.is_drained(length, self.buffer.len(), was_quiet);
            if is_drained && !ended {
                return self.queue(slot);
            }
            // A peer that sends without end is answered meanwhile.
            if let Err(trouble) = self.speak(slot, now) {
                return self.fail(slot, trouble, now);
            }
            self.settle(slot, now);
        }
        // An edge comes once: what is left is asked for at the next turn.
        self.queue_listening(slot);
    }

    fn queue_listening(&mut self, slot: usize) {
        let token = self.token(slot);
        if let State::Open { line, watch, .. } = &self.slots[slot].state {
            // To watch it anew is to be told what it is ready for; it cannot fail for want of anything.
            let _ = line.change(&self.epoll, token, *watch);
        }
    }

    fn peer_finished(&mut self, slot: usize, now: Moment) {
        let is_quiet = self.slots[slot].exchange.is_quiet();
        if is_quiet && !self.common.offer.idle && self.slots[slot].is_served {
            return self.close(slot, now);
        }
        self.fail(slot, Trouble::PeerFinished, now);
    }

    /// Begins the messages that are due and sends what the kernel takes.
    fn speak(&mut self, slot: usize, mut now: Moment) -> Result<(), Trouble> {
        for _ in 0..TURN {
            let has_begun = self.begin_messages(slot, now);
            if !self.flush(slot, now)? || !has_begun {
                return Ok(());
            }
            // Where answers are waited for, there is no more room now than there was.
            if !matches!(self.common.rules.answer, Answer::Nothing) {
                return Ok(());
            }
            now = self.common.clock.now();
        }
        self.queue(slot);
        Ok(())
    }

    fn begin_messages(&mut self, slot: usize, now: Moment) -> bool {
        let mut has_begun = false;
        while let Some(due) = self.next_due(slot, now) {
            let counts = self.tally.counts(due);
            let at = &mut self.slots[slot];
            at.exchange.begin(due, now, &mut self.tally);
            if !self.common.offer.churn {
                at.schedule.advance();
                self.take_from_quota(counts);
            }
            has_begun = true;
        }
        has_begun
    }

    /// When the next message of a call was due, if it may be begun now.
    fn next_due(&self, slot: usize, now: Moment) -> Option<Moment> {
        let at = &self.slots[slot];
        if !at.exchange.has_room(self.common.rules) {
            return None;
        }
        if self.common.offer.churn {
            return Some(at.due); // its call was made for it
        }
        let due = at.schedule.due(now);
        (due <= now && self.has_time(slot, now) && self.quota != Some(0)).then_some(due)
    }

    /// Sends what is owed. Returns whether the kernel took it all.
    fn flush(&mut self, slot: usize, now: Moment) -> Result<bool, Trouble> {
        let rules = self.common.rules;
        let token = self.token(slot);
        let at = &mut self.slots[slot];
        let State::Open { line, watch, is_full } = &mut at.state else { return Ok(false) };
        if *is_full {
            return Ok(false);
        }
        let unwatched = |error| Trouble::of("epoll_ctl(2)", &error);
        let mut has_room = true;
        while has_room && let Some(bytes) = at.exchange.owed(rules, &mut self.body) {
            match line.send(bytes)? {
                Some(taken) => {
                    let is_one_way = matches!(rules.answer, Answer::Nothing);
                    let now = if is_one_way { self.common.clock.now() } else { now };
                    at.exchange.taken(taken, now, rules, &mut self.tally);
                }
                None => has_room = false,
            }
        }
        if !has_room || !line.flush() {
            *is_full = true;
            if *watch != Watch::Both {
                *watch = Watch::Both;
                line.change(&self.epoll, token, *watch).map_err(unwatched)?;
            }
            return Ok(false);
        }
        // TCP tells of room only after it had none. The others would wake us for each message that the peer takes.
        if *watch == Watch::Both && line.wakes_for_room() {
            *watch = Watch::Read;
            line.change(&self.epoll, token, *watch).map_err(unwatched)?;
        }
        Ok(true)
    }
}
