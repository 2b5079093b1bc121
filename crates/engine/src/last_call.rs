//! An observer that remembers how the last call ended, and passes every event on.

use std::sync::{Arc, Mutex, PoisonError};

use conversation::{CloseReason, End};

use crate::{Event, Observer, ProgramEnd};

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Who called, or was called.
    pub peer: End,
    /// How it ended.
    pub reason: CloseReason,
    /// Bytes that came from the peer.
    pub received_bytes: u64,
    /// Bytes that the kernel took for the peer.
    pub sent_bytes: u64,
    /// How the program ended that was called.
    pub program: Option<ProgramEnd>,
}

/// Remembers how the last call ended: for programs that hold one call, or one after the other.
pub struct LastCall {
    ended: Mutex<Option<Ended>>,
    next: Arc<dyn Observer>,
}

impl LastCall {
    /// Passes events on to `next`.
    #[must_use]
    pub fn before(next: Arc<dyn Observer>) -> Arc<LastCall> {
        Arc::new(LastCall { ended: Mutex::new(None), next })
    }

    /// How the last call ended, if one has since this was asked before.
    #[must_use]
    pub fn take(&self) -> Option<Ended> {
        self.ended().take()
    }

    fn ended(&self) -> std::sync::MutexGuard<'_, Option<Ended>> {
        // Whoever panicked while holding it had stored a whole value or none.
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Event::Ended { call, reason, received_bytes, sent_bytes, program, .. } = *event {
            *self.ended() =
                Some(Ended { peer: call.peer.clone(), reason, received_bytes, sent_bytes, program });
        }
        self.next.event(event);
    }
}
