//! Legs that are dialled later: the wait before a dial that failed is tried again.
//!
//! One timer a call has room for it. A call that ends, or a drain, ends the wait at once: the dial has then failed.

use conversation::{DialFailure, DialFailureKind, Dialling, End, Leg, Moment, Now};

use crate::selector::Selector;

use super::Reactor;
use super::calls::Entry;
use super::hands::Chore;

/// A dial that is not due yet.
pub(super) struct Waiting {
    pub(super) due: Moment,
    pub(super) leg: Leg,
    dialling: Box<Dialling>,
    /// How the last one failed.
    kind: DialFailureKind,
}

/// The other end of a call.
pub(super) enum Far {
    End(End),
    /// It is still to be dialled.
    Waiting(Waiting),
}

impl<S: Selector> Reactor<S> {
    /// Dials then, unless it is to be ended before.
    pub(super) fn dial_later(&mut self, slot: usize, leg: Leg, due: Moment, dialling: Box<Dialling>) {
        if let Some(entry) = self.entries.get_mut(slot) {
            let kind = DialFailureKind::Other;
            entry.far = Some(Box::new(Far::Waiting(Waiting { due, leg, dialling, kind })));
        }
    }

    /// How the dial failed that is waited after.
    pub(super) fn waits_after(&mut self, slot: usize, kind: DialFailureKind) {
        if let Some(waiting) = self.entries.get_mut(slot).and_then(Entry::waiting) {
            waiting.kind = kind;
        }
    }

    /// Dials whom the call in `slot` waits to dial, if it is time.
    pub(super) fn dial_due(&mut self, slot: usize, now: Now) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        if entry.waiting().is_some_and(|waiting| waiting.due <= now.moment)
            && let Some(Waiting { leg, dialling, .. }) = take(entry)
        {
            self.do_chore(Chore::Dial { slot, leg, dialling }, now);
        }
    }

    /// Nobody is dialled any more for the call in `slot`.
    pub(super) fn give_up_waiting(&mut self, slot: usize, now: Now) {
        if let Some(Waiting { leg, kind, .. }) = self.entries.get_mut(slot).and_then(take) {
            let why = DialFailure { kind, may_pass: false, text: kind.to_string() };
            self.with(slot, now, |session, hands| session.dial_failed(now, leg, &why, hands));
        }
    }

    /// It is drained: who waits for a dial is told that there is none.
    pub(super) fn give_up_all_waiting(&mut self, now: Now) {
        let waiting = self.entries.iter_mut().filter_map(|(slot, entry)| entry.waiting().map(|_| slot));
        for slot in waiting.collect::<Vec<_>>() {
            self.give_up_waiting(slot, now);
        }
    }
}

/// What a call waits for, if it does: it does so no more.
fn take(entry: &mut Entry) -> Option<Waiting> {
    entry.waiting()?;
    match entry.far.take().map(|far| *far) {
        Some(Far::Waiting(waiting)) => Some(waiting),
        Some(Far::End(_)) | None => None,
    }
}
