//! The open calls of a worker: messages sent, answers received.

use std::io::ErrorKind;
use std::os::fd::AsFd;

use address::{Shape, Transport};
use conversation::Moment;
use engine::{Edge, Watch};

use super::{Stage, Worker};
use crate::Trouble;
use crate::rules::Answer;
use crate::slot::State;

/// Sends, and receives, that one call may have in a turn.
const TURN: usize = 64;

impl Worker<'_> {
    /// The descriptor of a slot is ready.
    pub(super) fn slot_ready(&mut self, slot: usize, edge: Edge) {
        match &mut self.slots[slot].state {
            State::Dialling(_) if edge.writable => {
                let now = self.common.clock.now();
                self.dialled(slot, now);
                if edge.readable {
                    self.listen(slot, edge.ended); // it has spoken, or finished, already: that edge has come too
                }
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
            State::Dialling(_) | State::Waiting(_) | State::Over => {}
        }
    }

    /// Moves a slot on: dials, sends what is due, gives up what has expired, ends what is done.
    pub(super) fn go_on(&mut self, slot: usize, now: Moment) {
        match &self.slots[slot].state {
            State::Waiting(_) => self.dial_when_due(slot, now),
            State::Dialling(_) => {
                let late = |dialled| now >= dialled + self.connect_timeout();
                if self.slots[slot].dialled.is_some_and(late) {
                    self.fail(slot, Trouble::NotOpened, now);
                } else if self.stage == Stage::Leaving
                    || self.stage == Stage::Ending && !self.common.offer.churn
                {
                    self.tally.unsent += u64::from(self.common.offer.churn);
                    self.give_up(slot);
                } else {
                    self.plan(slot);
                }
            }
            State::Open { .. } => {
                let expired = self.slots[slot].exchange.expire(now, self.common.rules, &mut self.tally);
                match expired.and_then(|()| self.speak(slot, now)) {
                    Ok(()) => self.settle(slot, now),
                    Err(trouble) => self.fail(slot, trouble, now),
                }
            }
            State::Over => {}
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

    /// Receives what has come. `ended`: the peer has finished or is gone, so that all has to be read.
    fn listen(&mut self, slot: usize, ended: bool) {
        let rules = self.common.rules;
        for _ in 0..TURN {
            let at = &mut self.slots[slot];
            let State::Open { connection, .. } = &at.state else { return };
            let received = connection.receive(&mut self.buffer);
            let now = self.common.clock.now();
            let heard = match received {
                Ok(received) if received.end => return self.peer_finished(slot, now),
                Ok(received) => {
                    let (bytes, answered) = (&self.buffer[..received.length], self.tally.answered_ever);
                    let heard = at.exchange.heard(bytes, now, rules, &self.body, &mut self.tally);
                    at.is_served |= self.tally.answered_ever > answered && self.stage == Stage::Offering;
                    let is_quiet = at.exchange.is_quiet();
                    heard.map(|()| (received.length, is_quiet))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(Trouble::of("recv(2)", &error)),
            };
            let (length, was_quiet) = match heard.and_then(|had| self.speak(slot, now).map(|()| had)) {
                Ok(had) => had,
                Err(trouble) => return self.fail(slot, trouble, now),
            };
            self.settle(slot, now);
            // Nothing is left where a stream gave less than there was room for, or the last answer has come.
            let is_drained = match rules.shape {
                Shape::Stream => length < self.buffer.len(),
                Shape::Datagram | Shape::SeqPacket => was_quiet,
            };
            if is_drained && !ended {
                return;
            }
        }
        // An edge comes once: what is left is asked for at the next turn.
        self.queue_listening(slot);
    }

    fn queue_listening(&mut self, slot: usize) {
        let token = self.token(slot);
        if let State::Open { connection, watch, .. } = &self.slots[slot].state {
            // To watch it anew is to be told what it is ready for; it cannot fail for want of anything.
            let _ = self.epoll.change(connection.as_fd(), token, *watch);
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
        let State::Open { connection, watch, is_full } = &mut at.state else { return Ok(false) };
        if *is_full {
            return Ok(false);
        }
        let unwatched = |error| Trouble::of("epoll_ctl(2)", &error);
        while let Some(bytes) = at.exchange.owed(rules, &mut self.body) {
            match connection.send(bytes) {
                Ok(taken) => {
                    let is_one_way = matches!(rules.answer, Answer::Nothing);
                    let now = if is_one_way { self.common.clock.now() } else { now };
                    at.exchange.taken(taken, now, rules, &mut self.tally);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    *is_full = true;
                    if *watch != Watch::Both {
                        *watch = Watch::Both;
                        self.epoll.change(connection.as_fd(), token, *watch).map_err(unwatched)?;
                    }
                    return Ok(false);
                }
                Err(error) => return Err(Trouble::of("send(2)", &error)),
            }
        }
        // TCP tells of room only after it had none. The others would wake us for each message that the peer takes.
        if *watch == Watch::Both && connection.transport() != Transport::Tcp {
            *watch = Watch::Read;
            self.epoll.change(connection.as_fd(), token, *watch).map_err(unwatched)?;
        }
        Ok(true)
    }
}
