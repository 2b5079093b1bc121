//! What happens too often to be said each time, counted for the whole run and said once a second a door.
//!
//! Protected: workers that share an address say it together. Whoever counted something wakes up in time to say
//! it, unless another worker has. While there is nothing to say, asking costs one atomic load.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use conversation::{DialFailure, DialFailureKind, End, Moment};
use layers::Unrecorded;

use crate::gate::Why;
use crate::tally::Tally;
use crate::{CallLimit, Event};

#[derive(Debug, Default)]
pub(crate) struct Tallies {
    counts: Mutex<Counts>,
    /// There is something to say, now or later.
    is_waiting: AtomicBool,
}

#[derive(Debug, Default)]
struct Counts {
    doors: Vec<DoorCounts>,
    at_limit: Tally<(End, CallLimit)>,
    /// By kind, in the order of [`DialFailureKind::ALL`].
    not_dialled: [Tally<(End, String)>; DialFailureKind::ALL.len()],
    unrecorded: Tally<Unrecorded>,
}

#[derive(Debug)]
struct DoorCounts {
    door: End,
    undelivered: Tally<Why>,
    refused: Tally<(End, Why)>,
}

impl Tallies {
    /// A message that came in at `door` was not answered, or an answer not sent.
    pub(crate) fn undelivered(&self, door: &End, why: Why) {
        self.count(|counts| counts.of(door).undelivered.add(why));
    }

    /// A caller at `door`, or the sender of a message, was not let in.
    pub(crate) fn refused(&self, door: &End, caller: End, why: Why) {
        self.count(|counts| counts.of(door).refused.add((caller, why)));
    }

    /// A call ended at a limit of its own.
    pub(crate) fn ended_at(&self, limit: CallLimit, peer: &End) {
        self.count(|counts| counts.at_limit.add((peer.clone(), limit)));
    }

    /// A caller was not joined to the other end.
    pub(crate) fn not_dialled(&self, caller: &End, why: &DialFailure) {
        self.count(|counts| counts.not_dialled[why.kind as usize].add((caller.clone(), why.text.clone())));
    }

    /// What passed a tap could not be recorded.
    pub(crate) fn unrecorded(&self, unrecorded: &Unrecorded) {
        self.count(|counts| counts.unrecorded.add(unrecorded.clone()));
    }

    /// Why something could not be recorded that was not said yet: what a child tells its parent.
    pub(crate) fn take_unrecorded(&self) -> Option<Unrecorded> {
        self.counts().unrecorded.rest().map(|(_, unrecorded)| unrecorded)
    }

    /// Which failure was not said yet, and why: what a child tells its parent.
    pub(crate) fn take_not_dialled(&self) -> Option<(DialFailureKind, String)> {
        let mut counts = self.counts();
        let mut kinds = DialFailureKind::ALL.into_iter();
        kinds.find_map(|kind| counts.not_dialled[kind as usize].rest().map(|(_, (_, why))| (kind, why)))
    }

    /// At which limit a call ended that was not said yet: what a child tells its parent.
    pub(crate) fn take_limit(&self) -> Option<CallLimit> {
        self.counts().at_limit.rest().map(|(_, (_, limit))| limit)
    }

    /// Says what is due; at the end of the run (`None`) all that is left.
    pub(crate) fn say(&self, now: Option<Moment>, tell: impl Fn(&Event<'_>)) {
        if !self.is_waiting() {
            return;
        }
        let mut counts = self.counts();
        let Counts { doors, at_limit, not_dialled, unrecorded } = &mut *counts;
        let doors = doors.iter_mut().map(|counts| {
            (counts.door.clone(), due(&mut counts.undelivered, now), due(&mut counts.refused, now))
        });
        let (doors, at_limit) = (doors.collect::<Vec<_>>(), due(at_limit, now));
        let not_dialled: Vec<_> = not_dialled.iter_mut().filter_map(|tally| due(tally, now)).collect();
        let unrecorded = due(unrecorded, now);
        self.is_waiting.store(counts.next_deadline().is_some(), Ordering::Relaxed);
        drop(counts); // whoever is told may take its time
        for (door, undelivered, refused) in &doors {
            if let Some((messages, why)) = *undelivered {
                tell(&Event::Undelivered { door, messages, why });
            }
            if let Some((callers, (last, why))) = refused {
                tell(&Event::Refused { door, callers: *callers, last, why });
            }
        }
        if let Some((calls, (last, limit))) = &at_limit {
            tell(&Event::CallsAtLimit { calls: *calls, last, limit: *limit });
        }
        for (callers, (last, why)) in &not_dialled {
            tell(&Event::NotDialled { callers: *callers, last, why });
        }
        if let Some((pieces, last)) = &unrecorded {
            tell(&Event::Unrecorded { pieces: *pieces, file: &last.file, failed: last.failed });
        }
    }

    /// Whether there is something to say, now or later.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting.load(Ordering::Relaxed)
    }

    /// When there is something to say.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.counts().next_deadline()
    }

    fn count(&self, add: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts();
        add(&mut counts);
        self.is_waiting.store(true, Ordering::Relaxed);
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Whoever panicked while holding it had at most stored whole counts.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn due<T>(tally: &mut Tally<T>, now: Option<Moment>) -> Option<(u64, T)> {
    match now {
        Some(now) => tally.due(now),
        None => tally.rest(),
    }
}

impl Counts {
    fn of(&mut self, door: &End) -> &mut DoorCounts {
        let index = self.doors.iter().position(|counts| counts.door == *door).unwrap_or_else(|| {
            let (undelivered, refused) = (Tally::default(), Tally::default());
            self.doors.push(DoorCounts { door: door.clone(), undelivered, refused });
            self.doors.len() - 1
        });
        &mut self.doors[index]
    }

    fn next_deadline(&self) -> Option<Moment> {
        let of_doors = self
            .doors
            .iter()
            .flat_map(|counts| [counts.undelivered.next_deadline(), counts.refused.next_deadline()]);
        let not_dialled = self.not_dialled.iter().map(Tally::next_deadline);
        let once = [self.at_limit.next_deadline(), self.unrecorded.next_deadline()];
        of_doors.chain(once).chain(not_dialled).flatten().min()
    }
}
