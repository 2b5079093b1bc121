//! The calls of a worker: dialled, opened, ended, and dialled again.

use std::os::fd::AsFd;
use std::time::Duration;

use address::Transport;
use conversation::Moment;
use engine::Watch;
use socket::{Connection, Dialling};

use super::Worker;
use crate::Trouble;
use crate::exchange::Exchange;
use crate::schedule::Schedule;
use crate::slot::State;

/// How long after a failure the next call is made, so that a server that is gone is not called without pause.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How long after a Unix listener had no room in its backlog it is tried again.
const AFTER_FULL_BACKLOG: Duration = Duration::from_millis(1);

impl Worker<'_> {
    pub(super) fn connect_timeout(&self) -> Duration {
        self.common.callee.map_or(Duration::MAX, socket::Callee::connect_timeout)
    }

    /// Makes the call that a slot waits for, if its time has come.
    pub(super) fn dial_when_due(&mut self, slot: usize, now: Moment) {
        let State::Waiting(until) = self.slots[slot].state else { return };
        if self.may_not_call(slot, now) {
            return self.give_up(slot);
        }
        if now < until {
            return self.plan(slot);
        }
        let Some(callee) = self.common.callee else { return self.give_up(slot) };
        if self.slots[slot].dialled.is_none() {
            self.begin_call(slot, now);
        }
        match callee.dial() {
            Ok(Dialling::Connected(connection)) => {
                let now = self.common.clock.now();
                self.opened(slot, connection, Watch::Read, now);
            }
            Ok(Dialling::Pending(pending)) => {
                match self.epoll.add(pending.as_fd(), self.token(slot), Watch::Both) {
                    Ok(()) => {
                        self.slots[slot].state = State::Dialling(Box::new(pending));
                        self.plan(slot);
                    }
                    Err(error) => self.fail(slot, Trouble::of("epoll_ctl(2)", &error), now),
                }
            }
            Err(attempt) => {
                let is_full = attempt.error.kind() == std::io::ErrorKind::WouldBlock;
                let dialled = self.slots[slot].dialled.unwrap_or(now);
                if is_full && now < dialled + self.connect_timeout() {
                    self.slots[slot].state = State::Waiting(now + AFTER_FULL_BACKLOG);
                    return self.plan(slot);
                }
                let trouble = if is_full { Trouble::NotOpened } else { attempt.into() };
                self.fail(slot, trouble, now);
            }
        }
    }

    /// A new call is about to be made. With `churn` it is the message that is due.
    pub(super) fn begin_call(&mut self, slot: usize, now: Moment) {
        let at = &mut self.slots[slot];
        at.due = at.schedule.due(now);
        at.dialled = Some(now);
        at.generation = at.generation.wrapping_add(1);
        let threads = self.common.offer.threads as u64;
        at.exchange = Exchange::new(self.thread as u64 + threads * self.calls_made);
        self.calls_made += 1;
        self.tally.calls_dialled += 1;
        if self.common.offer.churn {
            at.schedule.advance();
            let counts = self.tally.counts(at.due);
            self.take_from_quota(counts);
        }
    }

    /// The socket under a call that was dialled says that connect(2) is done.
    pub(super) fn dialled(&mut self, slot: usize, now: Moment) {
        let State::Dialling(pending) = std::mem::replace(&mut self.slots[slot].state, State::Over) else {
            return;
        };
        match pending.outcome() {
            Ok(connection) => self.opened(slot, connection, Watch::Both, now),
            Err(attempt) => self.fail(slot, attempt.into(), now),
        }
    }

    /// A call is open. `watched` is what its descriptor is watched for already, unless it is new to the selector.
    pub(super) fn opened(&mut self, slot: usize, connection: Connection, watched: Watch, now: Moment) {
        let token = self.token(slot);
        let at = &mut self.slots[slot];
        self.tally.calls_opened += 1;
        if let Some(dialled) = at.dialled.take() {
            self.tally.connected(dialled, now);
        }
        if watched == Watch::Read
            && let Err(error) = self.epoll.add(connection.as_fd(), token, watched)
        {
            return self.fail(slot, Trouble::of("epoll_ctl(2)", &error), now);
        }
        self.calls_open += 1;
        self.slots[slot].state = State::Open { connection, watch: watched, is_full: false };
        self.go_on(slot, now);
    }

    /// A call has ended as it should; its slot makes the next.
    pub(super) fn close(&mut self, slot: usize, now: Moment) {
        let State::Open { connection, .. } =
            std::mem::replace(&mut self.slots[slot].state, State::Waiting(now))
        else {
            return;
        };
        self.calls_open -= 1;
        self.slots[slot].exchange.abandon(&mut self.tally);
        if self.common.offer.churn && connection.transport() == Transport::Tcp {
            // All was answered. A reset leaves no port in TIME_WAIT, of which there are some 28,000, ip(7).
            connection.abort();
        } else {
            drop(connection);
        }
        self.call_again(slot, now, Duration::ZERO);
    }

    /// A call has failed, before it was open or after.
    pub(super) fn fail(&mut self, slot: usize, trouble: Trouble, now: Moment) {
        let at = &mut self.slots[slot];
        let was_open = matches!(std::mem::replace(&mut at.state, State::Waiting(now)), State::Open { .. });
        self.calls_open -= u64::from(was_open);
        at.dialled = None;
        at.exchange.abandon(&mut self.tally);
        self.tally.failed(trouble);
        self.tally.last_event = now;
        let after = if was_open && self.common.offer.churn { Duration::ZERO } else { AFTER_FAILURE };
        self.call_again(slot, now, after);
    }

    fn call_again(&mut self, slot: usize, now: Moment, after: Duration) {
        if self.may_not_call(slot, now) {
            return self.give_up(slot);
        }
        let at = &mut self.slots[slot];
        let due = if self.common.offer.churn { at.schedule.due(now) } else { now };
        at.state = State::Waiting(due.max(now + after));
        if due.max(now + after) <= now {
            self.queue(slot);
        } else {
            self.plan(slot);
        }
    }

    /// No call is made any more from this slot.
    fn may_not_call(&self, slot: usize, now: Moment) -> bool {
        let at = &self.slots[slot];
        let was_held = self.common.offer.idle && at.generation > 0 && at.dialled.is_none();
        was_held || !(self.has_time(slot, now) && (self.quota != Some(0) || at.dialled.is_some()))
    }

    /// Whether there is a message still to come on this slot before the end, or one that was due and is not begun.
    pub(super) fn has_time(&self, slot: usize, now: Moment) -> bool {
        let schedule = &self.slots[slot].schedule;
        match schedule {
            Schedule::Closed => now < self.end(),
            Schedule::Open { .. } => schedule.due(now) < self.end() && now < self.last_moment(),
        }
    }

    pub(super) fn give_up(&mut self, slot: usize) {
        let at = &mut self.slots[slot];
        if !at.is_over() {
            let was_open = matches!(std::mem::replace(&mut at.state, State::Over), State::Open { .. });
            self.calls_open -= u64::from(was_open);
            self.slots_over += 1;
        }
    }

    pub(super) fn queue(&mut self, slot: usize) {
        if !std::mem::replace(&mut self.slots[slot].is_queued, true) {
            self.again.push(slot);
        }
    }

    pub(super) fn take_from_quota(&mut self, counts: bool) {
        if let Some(quota) = &mut self.quota
            && counts
        {
            *quota = quota.saturating_sub(1);
        }
    }

    pub(super) fn token(&self, slot: usize) -> u64 {
        u64::from(self.slots[slot].generation) << 32 | slot as u64
    }
}
