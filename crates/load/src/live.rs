//! Counts that other threads may look at while the load runs.

use std::sync::atomic::{AtomicU64, Ordering};

/// One thread's counts, written by it alone after each batch of events.
#[derive(Debug, Default)]
pub(crate) struct Live {
    answered: AtomicU64,
    open: AtomicU64,
    failed: AtomicU64,
}

impl Live {
    pub(crate) fn publish(&self, answered: u64, open: u64, failed: u64) {
        self.answered.store(answered, Ordering::Relaxed);
        self.open.store(open, Ordering::Relaxed);
        self.failed.store(failed, Ordering::Relaxed);
    }
}

/// How far a load has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Answers so far, those of the warm-up included.
    pub answered: u64,
    /// Calls that are open.
    pub open: u64,
    /// Calls that have failed.
    pub failed: u64,
    /// Time since the load began.
    pub elapsed: std::time::Duration,
}

impl Progress {
    pub(crate) fn of(threads: &[Live], elapsed: std::time::Duration) -> Progress {
        let sum = |field: fn(&Live) -> &AtomicU64| {
            threads.iter().map(|thread| field(thread).load(Ordering::Relaxed)).sum()
        };
        Progress {
            answered: sum(|live| &live.answered),
            open: sum(|live| &live.open),
            failed: sum(|live| &live.failed),
            elapsed,
        }
    }
}
