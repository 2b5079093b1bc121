//! The calls of a worker: dialled, opened, ended, and dialled again.

use std::time::Duration;

use conversation::Moment;
use engine::{Edge, Watch};

use super::Worker;
use crate::exchange::Exchange;
use crate::line::{Begun, Left, Line, NotBegun};
use crate::schedule::Schedule;
use crate::slot::State;
use crate::{Offer, Trouble};

/// How long after a failure the next call is made, so that a server that is gone is not called without pause.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How long after a Unix listener had no room in its backlog it is tried again.
const AFTER_FULL_BACKLOG: Duration = Duration::from_millis(1);

impl<L: Line> Worker<'_, L> {
    pub(super) fn connect_timeout(&self) -> Duration {
        self.common.callee.map_or(Duration::MAX, L::connect_timeout)
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
        match L::dial(callee) {
            Ok(Begun::Open(line)) => {
                let now = self.common.clock.now();
                self.opened(slot, line, None, now);
            }
            Ok(Begun::Opening(opening)) => {
                let token = self.token(slot);
                match L::watch_opening(&opening, &mut self.epoll, token) {
                    Ok(()) => {
                        self.slots[slot].state = State::Dialling(opening);
                        self.plan(slot);
                    }
                    Err(error) => self.fail(slot, Trouble::of("epoll_ctl(2)", &error), now),
                }
            }
            Err(NotBegun::Full) => {
                let dialled = self.slots[slot].dialled.unwrap_or(now);
                if now < dialled + self.connect_timeout() {
                    self.slots[slot].state = State::Waiting(now + AFTER_FULL_BACKLOG);
                    return self.plan(slot);
                }
                self.fail(slot, Trouble::NotOpened, now);
            }
            Err(NotBegun::Trouble(trouble)) => self.fail(slot, trouble, now),
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

    /// The descriptor under a call that was dialled is ready. Returns whether the call is open now.
    pub(super) fn dialled(&mut self, slot: usize, edge: Edge, now: Moment) -> bool {
        let Some(callee) = self.common.callee else { return false };
        self.opening_goes_on(slot, now, |opening| L::go_on_opening(opening, callee, edge))
    }

    /// Something concerns a call that was dialled. Returns whether it is open now.
    pub(super) fn opening_goes_on(
        &mut self,
        slot: usize,
        now: Moment,
        go_on: impl FnOnce(L::Opening) -> Result<Begun<L>, Trouble>,
    ) -> bool {
        let State::Dialling(opening) = std::mem::replace(&mut self.slots[slot].state, State::Over) else {
            return false;
        };
        match go_on(opening) {
            Ok(Begun::Open(line)) => {
                self.opened(slot, line, Some(Watch::Both), now);
                true
            }
            Ok(Begun::Opening(opening)) => {
                self.slots[slot].state = State::Dialling(opening);
                self.plan(slot);
                false
            }
            Err(trouble) => {
                self.fail(slot, trouble, now);
                false
            }
        }
    }

    /// A call is open. `watched` is what its descriptor is watched for; `None`: it is new to the selector.
    pub(super) fn opened(&mut self, slot: usize, line: L, watched: Option<Watch>, now: Moment) {
        let token = self.token(slot);
        let at = &mut self.slots[slot];
        self.tally.calls_opened += 1;
        if let Some(dialled) = at.dialled.take() {
            self.tally.connected(dialled, now);
        }
        let watch = match watched.map_or_else(|| line.watch(&mut self.epoll, token), Ok) {
            Ok(watch) => watch,
            Err(error) => return self.fail(slot, Trouble::of("epoll_ctl(2)", &error), now),
        };
        self.calls_open += 1;
        let has_kept = line.has_kept();
        self.slots[slot].state = State::Open { line, watch, is_full: false };
        self.go_on(slot, now);
        if has_kept {
            self.listen(slot, false); // it came with the opening
        }
    }

    /// A call has ended as it should; its slot makes the next.
    pub(super) fn close(&mut self, slot: usize, now: Moment) {
        self.leave(slot, None, now);
    }

    /// A call has failed, before it was open or after.
    pub(super) fn fail(&mut self, slot: usize, trouble: Trouble, now: Moment) {
        let at = &mut self.slots[slot];
        if matches!(at.state, State::Open { .. }) {
            return self.leave(slot, Some(trouble), now);
        }
        at.state = State::Waiting(now);
        at.dialled = None;
        at.exchange.abandon(&mut self.tally);
        self.failed(slot, trouble, AFTER_FAILURE, now);
    }

    /// A call that is open says no more.
    fn leave(&mut self, slot: usize, why: Option<Trouble>, now: Moment) {
        let token = self.token(slot);
        let state = std::mem::replace(&mut self.slots[slot].state, State::Waiting(now));
        let State::Open { line, .. } = state else { return };
        self.calls_open -= 1;
        self.slots[slot].exchange.abandon(&mut self.tally);
        let Offer { churn, .. } = *self.common.offer;
        let left = line.leave(why, churn, self.common.clock, &mut self.epoll, token);
        self.left(slot, left, now);
    }

    /// A call that leaves is looked after.
    pub(super) fn go_on_leaving(&mut self, slot: usize, now: Moment) {
        let token = self.token(slot);
        let state = std::mem::replace(&mut self.slots[slot].state, State::Waiting(now));
        let State::Leaving(leaving) = state else { return };
        let (buffer, epoll) = (&mut self.buffer, &mut self.epoll);
        let left = L::go_on_leaving(leaving, buffer, self.common.clock, epoll, token);
        self.left(slot, left, now);
    }

    fn left(&mut self, slot: usize, left: Left<L>, now: Moment) {
        match left {
            Left::Gone(None) => self.call_again(slot, now, Duration::ZERO),
            Left::Gone(Some(trouble)) => {
                let after = if self.common.offer.churn { Duration::ZERO } else { AFTER_FAILURE };
                self.failed(slot, trouble, after, now);
            }
            Left::Leaving(leaving) => {
                self.slots[slot].state = State::Leaving(leaving);
                self.plan(slot);
            }
        }
    }

    fn failed(&mut self, slot: usize, trouble: Trouble, after: Duration, now: Moment) {
        self.tally.failed(trouble);
        self.tally.last_event = now;
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
