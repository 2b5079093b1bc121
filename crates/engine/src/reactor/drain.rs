//! How a drain ends the sessions of datagram peers, of whom none ever says that it is done.
//!
//! A service has answered what it heard: a session with it is over once nothing is owed. A far end answers in its own
//! time: so a session with one lasts until [`QUIET`] after its last message either way, within the time of the drain.

use std::time::Duration;

use conversation::{Moment, Now};

use crate::selector::Selector;

use super::Reactor;
use super::calls::Entry;

/// How long a far end has for its answer after the last message, as after a stream that has finished.
const QUIET: Duration = Duration::from_secs(1);

impl Entry {
    /// If it is a datagram peer's and nothing is owed to it: when it is over, unless somebody speaks before.
    pub(super) fn peer_lasts_until(&self) -> Option<Moment> {
        let is_peer = self.ends.first().is_some_and(|end| end.socket.peer().is_some());
        // What layers hold back comes by itself.
        let is_idle =
            is_peer && self.session.is_idle() && self.ends.iter().all(|end| end.next_deadline().is_none());
        let quiet = if self.ends.len() > 1 { QUIET } else { Duration::ZERO };
        is_idle.then(|| self.session.moved() + quiet)
    }
}

impl<S: Selector> Reactor<S> {
    /// Ends those of them that have nothing coming, and sees to it that the others end in time.
    pub(super) fn end_idle_peers(&mut self, now: Now) {
        let idle = self.entries.iter().filter(|(_, entry)| entry.peer_lasts_until().is_some());
        for slot in idle.map(|(slot, _)| slot).collect::<Vec<_>>() {
            self.settle(slot, now);
        }
    }
}
