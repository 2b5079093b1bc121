//! A rate: so many a second, and so many at once.
//!
//! The token bucket, kept as one number (GCRA, ITU-T I.371): the moment at which the bucket is full again. A
//! rate therefore needs eight bytes a bucket and no timer. Unit: nanoseconds since the engine began.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conversation::Moment;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// What one costs.
    interval_ns: u64,
    /// What a full bucket holds.
    burst_ns: u64,
}

impl Rate {
    /// `per_second` a second, and at most `burst` at once.
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Rate {
        let interval_ns = (1_000_000_000 / u64::from(per_second.get())).max(1);
        Rate { interval_ns, burst_ns: interval_ns.saturating_mul(u64::from(burst.get())) }
    }

    /// Takes one from the bucket that is full again at `full_at`: when it then will be. An error is the moment
    /// from which on there is one to be had.
    pub(crate) fn take(self, full_at: u64, now: Moment) -> Result<u64, Moment> {
        let now = nanoseconds(now);
        let then = full_at.max(now).saturating_add(self.interval_ns);
        let room_from = then.saturating_sub(self.burst_ns);
        if room_from <= now { Ok(then) } else { Err(Moment::after(Duration::from_nanos(room_from))) }
    }
}

/// Whether a bucket that is full again at `full_at` is full now: it may be forgotten.
pub(crate) fn is_full(full_at: u64, now: Moment) -> bool {
    full_at <= nanoseconds(now)
}

fn nanoseconds(moment: Moment) -> u64 {
    u64::try_from(moment.since_start().as_nanos()).unwrap_or(u64::MAX)
}

/// A bucket that all workers take from.
#[derive(Debug)]
pub(crate) struct SharedBucket {
    rate: Rate,
    full_at: AtomicU64,
}

impl SharedBucket {
    pub(crate) fn new(rate: Rate) -> SharedBucket {
        SharedBucket { rate, full_at: AtomicU64::new(0) }
    }

    /// Takes one, or says from when on there is one.
    pub(crate) fn take(&self, now: Moment) -> Result<(), Moment> {
        let mut full_at = self.full_at.load(Ordering::Relaxed);
        loop {
            let then = self.rate.take(full_at, now)?;
            match self.full_at.compare_exchange_weak(full_at, then, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(other) => full_at = other,
            }
        }
    }

    /// Gives back one that was taken and not used.
    pub(crate) fn give_back(&self) {
        self.full_at.fetch_sub(self.rate.interval_ns, Ordering::Relaxed); // it was added before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate::new(NonZeroU32::new(per_second).unwrap(), NonZeroU32::new(burst).unwrap())
    }

    fn at(milliseconds: u64) -> Moment {
        Moment::after(Duration::from_millis(milliseconds))
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let bucket = SharedBucket::new(rate(100, 10));
        let taken = |from: u64, to: u64| (from..to).filter(|ms| bucket.take(at(*ms)).is_ok()).count();
        assert_eq!((0..1_000).filter(|_| bucket.take(at(5_000)).is_ok()).count(), 10);
        assert_eq!(taken(5_000, 6_000), 99);
        assert_eq!(taken(6_000, 7_000), 100);
    }

    #[test]
    fn who_finds_it_empty_is_told_when_to_come_again() {
        let bucket = SharedBucket::new(rate(4, 1));
        assert_eq!(bucket.take(at(1_000)), Ok(()));
        assert_eq!(bucket.take(at(1_100)), Err(at(1_250)));
        assert_eq!(bucket.take(at(1_250)), Ok(()));
    }

    #[test]
    fn what_is_given_back_can_be_taken() {
        let bucket = SharedBucket::new(rate(1, 1));
        assert_eq!(bucket.take(at(0)), Ok(()));
        bucket.give_back();
        assert_eq!(bucket.take(at(0)), Ok(()));
        assert!(bucket.take(at(0)).is_err());
    }
}
