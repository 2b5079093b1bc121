//! The simulated workers: which calls each serves, and its part of the rooms.
//!
//! The rooms are the engine's own. What is simulated is when a worker looks at its mail: between any two
//! things that happen, but one worker's mail in its order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::{Members, Rooms};

/// Workers of a run. Calls are dealt out to them in turn.
const WORKERS: usize = 3;

pub(crate) struct Worker {
    pub(crate) members: Members,
    woken: Arc<AtomicBool>,
}

impl Worker {
    /// The workers of one run.
    pub(crate) fn all(mailbox_bytes_max: usize) -> Vec<Worker> {
        let rooms = Rooms::new(mailbox_bytes_max);
        (0..WORKERS).map(|_| Worker::new(&rooms)).collect()
    }

    fn new(rooms: &Arc<Rooms>) -> Worker {
        let woken = Arc::new(AtomicBool::new(false));
        let wake = Arc::clone(&woken);
        let members = Members::new(rooms, move || wake.store(true, Ordering::Relaxed));
        Worker { members, woken }
    }

    /// Whether it was woken and has not looked since.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::Relaxed)
    }

    /// The calls that may be read again.
    pub(crate) fn look(&mut self) -> Vec<usize> {
        self.woken.store(false, Ordering::Relaxed);
        self.members.take_held()
    }
}
