//! When what failed is tried again: exponential back-off with jitter, for a number of times or for ever.
//!
//! The wait doubles with each failure up to a bound, and each is drawn between its half and its whole, so that many who
//! failed together do not come again together. Pure: the same seed gives the same waits.

use std::time::Duration;

use address::{OptionKey, Options};

/// The first wait where nothing else is said.
const FIRST: Duration = Duration::from_millis(100);

/// The longest wait where nothing else is said.
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait after each of several failures in a row.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    /// What the next wait is drawn below.
    next: Duration,
    /// The state of the generator (splitmix64).
    seed: u64,
}

impl Backoff {
    /// From the first wait to the longest.
    #[must_use]
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Backoff {
        let first = first.min(longest);
        Backoff { first, longest, next: first, seed }
    }

    /// As `?retry-wait=` and `?retry-wait-max=` say: from 100 ms to 10 s unless given.
    #[must_use]
    pub fn of(options: &Options, seed: u64) -> Backoff {
        let first = options.duration(OptionKey::RetryWait).unwrap_or(FIRST);
        let longest = options.duration(OptionKey::RetryWaitMax).unwrap_or(LONGEST.max(first));
        Backoff::new(first, longest, seed)
    }

    /// How long to wait now that it has failed once more: at least half of what the doubling has come to.
    pub fn after_failure(&mut self) -> Duration {
        let whole = self.next;
        self.next = whole.saturating_mul(2).min(self.longest);
        let half = whole / 2;
        let micros = u64::try_from((whole - half).as_micros()).unwrap_or(u64::MAX);
        half + Duration::from_micros(self.draw() % micros.saturating_add(1).max(1))
    }

    /// It went well: the next failure waits as the first did.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    fn draw(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.seed;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A back-off that is over after some times.
#[derive(Clone, Debug)]
pub struct Retries {
    /// `None`: without end.
    left: Option<u32>,
    backoff: Backoff,
}

impl Retries {
    /// As often as `?retry=` says, which is never unless given.
    #[must_use]
    pub fn of(options: &Options, seed: u64) -> Retries {
        Retries { left: options.retries().unwrap_or(Some(0)), backoff: Backoff::of(options, seed) }
    }

    /// How long to wait now that it has failed once more; `None`: it is not to be tried again.
    pub fn after_failure(&mut self) -> Option<Duration> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1)?;
        }
        Some(self.backoff.after_failure())
    }
}

#[cfg(test)]
mod tests {
    use address::Address;

    use super::*;

    fn options(text: &str) -> Options {
        let address = format!("tcp://h:1?{text}").parse::<Address>();
        address.map(|address| address.options).unwrap_or_default()
    }

    #[test]
    fn waits_double_to_the_bound_and_lie_between_half_and_whole() {
        for seed in 0..500 {
            let mut backoff = Backoff::of(&options("retry-wait=100ms&retry-wait-max=1s"), seed);
            for whole in [100, 200, 400, 800, 1000, 1000, 1000] {
                let whole = Duration::from_millis(whole);
                let wait = backoff.after_failure();
                assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}, seed {seed}");
            }
            backoff.reset();
            assert!(backoff.after_failure() <= Duration::from_millis(100));
        }
    }

    #[test]
    fn a_seed_gives_the_same_waits_and_seeds_differ() {
        let waits = |seed| {
            let mut backoff = Backoff::of(&Options::default(), seed);
            (0..5).map(|_| backoff.after_failure()).collect::<Vec<_>>()
        };
        assert_eq!(waits(7), waits(7));
        assert_ne!(waits(7), waits(8));
    }

    #[test]
    fn it_is_tried_as_often_as_asked() {
        let times = |text| {
            let mut retries = Retries::of(&options(text), 1);
            (0..1000).take_while(|_| retries.after_failure().is_some()).count()
        };
        assert_eq!(
            [times("v4"), times("retry=0"), times("retry=3"), times("retry=forever")],
            [0, 0, 3, 1000]
        );
    }

    #[test]
    fn a_first_wait_above_the_bound_is_the_bound() {
        let mut backoff = Backoff::of(&options("retry-wait=60s"), 1);
        assert!(backoff.after_failure() >= Duration::from_secs(30));
        let mut backoff = Backoff::of(&options("retry-wait=60s&retry-wait-max=1s"), 1);
        assert!(backoff.after_failure() <= Duration::from_secs(1));
    }
}
