//! What is to happen to what passes, and where all layers of one address find it.
//!
//! It can be changed while calls are open: each looks at its next event whether it has been. Protected: what all calls
//! of an address share (a total rate) is one number, the moment at which its line is free again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use conversation::{Moment, Shape, Way};

use super::{Counts, Impair};

/// Bytes that may wait for their turn at a rate where nothing else is said.
pub const QUEUE_BYTES: u64 = 64 * 1024;

/// What is to happen in one direction. Shares are in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// How late everything is.
    pub delay: Duration,
    /// How much earlier or later than that, each as likely.
    pub jitter: Duration,
    /// Messages that are lost.
    pub loss: u32,
    /// How many of them in a row, on the average; `None`: each by itself.
    pub burst: Option<u32>,
    /// Messages that come twice.
    pub duplicate: u32,
    /// Messages that are overtaken by the next.
    pub reorder: u32,
    /// Messages, or bytes of a stream, of which one bit is wrong.
    pub corrupt: u32,
    /// Bytes a second of each call.
    pub rate: Option<u64>,
    /// Bytes a second of all calls together.
    pub total_rate: Option<u64>,
    /// Bytes that may wait for their turn; `None`: [`QUEUE_BYTES`].
    pub queue_bytes: Option<u64>,
    /// Messages that may wait for their turn.
    pub queue_messages: Option<u32>,
    /// Bytes of a piece of a stream at most.
    pub slice_bytes: Option<usize>,
    /// When nothing passes any more.
    pub stall_after: Option<After>,
    /// When the call is closed.
    pub close_after: Option<After>,
    /// When the call is reset.
    pub reset_after: Option<After>,
}

/// When something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Behind so many bytes in this direction.
    Bytes(u64),
    /// So long after the call was opened.
    Time(Duration),
}

/// What is to happen at one address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImpairSettings {
    /// To what comes from the other end.
    pub inward: Faults,
    /// To what goes there.
    pub outward: Faults,
    /// So many calls are reset before any is let through.
    pub fail_first: u64,
    /// Every call is reset.
    pub refuse: bool,
    /// Where chance begins.
    pub seed: u64,
}

impl ImpairSettings {
    /// What is to happen in this direction.
    #[must_use]
    pub fn of(&self, way: Way) -> &Faults {
        match way {
            Way::In => &self.inward,
            Way::Out => &self.outward,
        }
    }

    /// The same, to be changed.
    pub fn of_mut(&mut self, way: Way) -> &mut Faults {
        match way {
            Way::In => &mut self.inward,
            Way::Out => &mut self.outward,
        }
    }

    /// Whether messages may be lost, wrong, or come otherwise than in their order and once.
    #[must_use]
    pub fn is_lossy(&self) -> bool {
        let is_lossy = |faults: &Faults| {
            faults.loss + faults.duplicate + faults.reorder + faults.corrupt > 0
                || faults.rate.or(faults.total_rate).is_some() // what a full queue drops
        };
        is_lossy(&self.inward) || is_lossy(&self.outward)
    }
}

/// The settings of an address and what its calls share.
#[derive(Debug)]
pub struct Impairments {
    settings: Mutex<ImpairSettings>,
    /// How often they were changed.
    version: AtomicU64,
    /// For each direction the nanoseconds after the start at which the line of all calls is free again.
    free_at: [AtomicU64; 2],
    /// What became of all that came in each direction of the calls that are over.
    totals: Mutex<[Counts; 2]>,
}

impl Impairments {
    /// With these settings.
    #[must_use]
    pub fn new(settings: ImpairSettings) -> Arc<Impairments> {
        let free_at = [AtomicU64::new(0), AtomicU64::new(0)];
        let (settings, totals) = (Mutex::new(settings), Mutex::default());
        Arc::new(Impairments { settings, version: AtomicU64::new(0), free_at, totals })
    }

    /// The settings now.
    #[must_use]
    pub fn settings(&self) -> ImpairSettings {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes them: for calls that are open too, from their next event on.
    pub fn set(&self, settings: ImpairSettings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = settings;
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The layer of one call, on a leg of this shape. `call` tells calls apart, and the legs of a call.
    #[must_use]
    pub fn layer(self: &Arc<Self>, shape: Shape, call: u64, leg: usize) -> Impair {
        Impair::new(Arc::clone(self), shape, call, leg)
    }

    /// What became of all that came in this direction of the calls that are over.
    #[must_use]
    pub fn total(&self, way: Way) -> Counts {
        self.totals.lock().unwrap_or_else(PoisonError::into_inner)[way as usize]
    }

    /// A call is over.
    pub(super) fn count(&self, inward: Counts, outward: Counts) {
        let mut totals = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        for (way, counts) in [(Way::In, inward), (Way::Out, outward)] {
            totals[way as usize] = totals[way as usize].plus(counts);
        }
    }

    pub(super) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Takes the line of all calls in this direction for so long. Returns when that is over.
    pub(super) fn take_line(&self, way: Way, now: Moment, lasts: Duration) -> Moment {
        let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let (now, lasts) = (nanos(now.since_start()), nanos(lasts));
        let line = &self.free_at[way as usize];
        let later = |free_at: u64| Some(free_at.max(now).saturating_add(lasts));
        let before = line.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).unwrap_or(now);
        Moment::after(Duration::from_nanos(before.max(now).saturating_add(lasts)))
    }
}

/// How long so many bytes take at a rate.
pub(super) fn lasting(bytes: usize, rate: u64) -> Duration {
    let nanos = bytes as u128 * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
