//! The clock of a TLS end: what the last event said.
//!
//! Certificates and tickets have wall-clock times, and rustls asks its settings for the time. Nothing here reads a
//! clock, so each layer sets this one from its event before it does anything.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;

/// Seconds since 1970, shared by all layers of one end; they differ by less than certificates care for.
#[derive(Debug, Default)]
pub(super) struct WallClock(AtomicU64);

impl WallClock {
    /// A clock that stands at 1970 until it is set.
    pub(super) fn new() -> Arc<WallClock> {
        Arc::default()
    }

    pub(super) fn set(&self, wall: SystemTime) {
        let since = wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.0.store(since.as_secs(), Ordering::Relaxed);
    }
}

impl TimeProvider for WallClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}
