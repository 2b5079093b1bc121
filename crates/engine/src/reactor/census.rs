//! The census: each worker, and each child, tells its open calls when the observer asks for it; and carries out what is
//! asked of one of them.
//!
//! Nobody keeps a list of all calls: that would be shared by all workers, and cost each call memory and a lock.
//! Bound: [`OPEN_TOLD_MAX`] calls of a worker, since who tells them serves calls too.

use conversation::{Leg, Now};

use crate::selector::Selector;
use crate::session::ON_ORDER;
use crate::{Event, Order};

use super::Reactor;

/// How many open calls a worker tells at a time.
pub const OPEN_TOLD_MAX: usize = 1_000;

impl<S: Selector> Reactor<S> {
    /// Somebody rang, or the timer did: the observer looks why, and may want to hear of the open calls.
    pub(super) fn bell(&self) {
        let host = &self.host;
        let (has_rung, has_ticked) = (host.plan.control.has_rung(), host.plan.control.has_ticked());
        if has_rung || has_ticked {
            host.tell(&Event::Bell);
            if host.plan.observer.wants_open_calls() {
                host.tell(&Event::OpenCalls { calls: host.open_calls() });
                host.plan.control.take_census();
            }
        }
    }

    /// A census is taken: tells this loop's calls, once each time.
    pub(super) fn count_me(&mut self, turn: usize, now: Now) {
        // In a child only the turn tells; with several workers one may have missed a census.
        let next = if (self.census + 1) % 2 == turn { self.census + 1 } else { self.census };
        let taken = self.host.plan.control.censuses().max(next);
        if taken == self.census {
            return;
        }
        let is_silent = self.host.plan.control.is_silent_after(self.census);
        self.census = taken;
        self.carry_out_order(now);
        if is_silent {
            return;
        }
        let calls = self.entries.iter().map(|(_, entry)| entry);
        let calls = calls.filter(|entry| entry.ends.first().is_some_and(|end| !end.socket.is_speakers()));
        for entry in calls.take(OPEN_TOLD_MAX) {
            let call = entry.session.call();
            let (received_bytes, sent_bytes) = entry.session.moved_bytes();
            let lasts = now.wall.duration_since(call.opened).unwrap_or_default();
            self.host.tell(&Event::Open { call, received_bytes, sent_bytes, lasts });
        }
    }

    /// Closes or resets the call of this loop of which that is asked, if it is one of them.
    fn carry_out_order(&mut self, now: Now) {
        let slot_of = |number: u64| {
            self.entries.iter().find(|(_, entry)| entry.session.call().number == number).map(|(slot, _)| slot)
        };
        let order = self.host.plan.control.take_order(|number| slot_of(number).is_some());
        let Some((slot, order)) = order.and_then(|(number, order)| Some((slot_of(number)?, order))) else {
            return;
        };
        self.with(slot, now, |session, hands| match order {
            Order::Close => session.close_on_order(now, hands),
            Order::Reset => session.leg_reset(now, Leg::CALLER, ON_ORDER, hands),
        });
    }
}
