//! An observer that remembers how the last call ended, and passes every event on.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conversation::{CloseReason, End};

use crate::{Event, Observer, ProgramEnd};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who called, or was called.
    pub peer: End,
    /// How it ended.
    pub reason: CloseReason,
    /// Who broke it off, where it was joined to another.
    pub broken_by: Option<End>,
    /// Bytes that came from the peer.
    pub received_bytes: u64,
    /// Bytes that the kernel took for the peer.
    pub sent_bytes: u64,
    /// What the layer said that could not go on, if one could not.
    pub failure: Option<String>,
    /// That was because its peer was waited for in vain.
    pub has_layer_timed_out: bool,
    /// How the program ended that was called.
    pub program: Option<ProgramEnd>,
}

/// Remembers how the last call ended: for programs that hold one call, or one after the other.
pub struct LastCall {
    ended: Mutex<Option<Ended>>,
    failure: Mutex<Option<(String, bool)>>,
    next: Arc<dyn Observer>,
}

impl LastCall {
    /// Passes events on to `next`.
    #[must_use]
    pub fn before(next: Arc<dyn Observer>) -> Arc<LastCall> {
        Arc::new(LastCall { ended: Mutex::default(), failure: Mutex::default(), next })
    }

    /// How the last call ended, if one has since this was asked before.
    #[must_use]
    pub fn take(&self) -> Option<Ended> {
        lock(&self.ended).take()
    }
}

impl Observer for LastCall {
    fn wants_open_calls(&self) -> bool {
        self.next.wants_open_calls()
    }

    fn wants_tcp_info(&self) -> bool {
        self.next.wants_tcp_info()
    }

    fn event(&self, event: &Event<'_>) {
        if let Event::LayerFailed { failure, .. } = event {
            *lock(&self.failure) = Some((failure.to_string(), failure.is_time_out()));
        }
        if let Event::Ended { call, reason, broken_by, received_bytes, sent_bytes, program, .. } = *event {
            let (peer, failure) = (call.peer.clone(), lock(&self.failure).take());
            let (failure, has_layer_timed_out) =
                failure.map_or((None, false), |(text, late)| (Some(text), late));
            *lock(&self.ended) = Some(Ended {
                peer,
                reason,
                broken_by: broken_by.cloned(),
                received_bytes,
                sent_bytes,
                failure,
                has_layer_timed_out,
                program,
            });
        }
        self.next.event(event);
    }
}

/// Whoever panicked while holding one of these had stored a whole value or none.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
