//! The addresses that a relay calls: whose turn it is, and which are down.
//!
//! An address that could not be reached is *down* for a time that doubles with each failure in a row, up to its
//! `retry-wait-max`. Callers get the others meanwhile. When the time is over one caller tries it; the next does so once
//! that has failed again. Where all are down, the one that is to be tried first gets the caller.
//!
//! Protected: what workers share is atomic, and no lock is waited for. It lies in words that may be memory which child
//! processes share. A child that is killed leaves its call counted.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conversation::{Address, Moment, OptionKey};

/// For how long a first failure takes an address out, and for how long failures do at the most, unless it says
/// otherwise (`retry-wait`, `retry-wait-max`).
const DOWN_FIRST: Duration = Duration::from_millis(100);
const DOWN_LONGEST: Duration = Duration::from_secs(10);

/// Words at the front that belong to all addresses, and words of each.
const WORDS_OF_ALL: usize = 1;
const WORDS_EACH: usize = 3;

/// Callers who are held.
const HELD: usize = 0;
/// Of an address: its open calls; until when it is down, in nanoseconds, 0 while it is up; its failures in a row.
const CALLS: usize = 0;
const DOWN_UNTIL: usize = 1;
const FAILURES: usize = 2;

/// Addresses at the most.
pub const TARGETS_MAX: usize = 64;

/// Whose turn it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Each in its turn.
    #[default]
    RoundRobin,
    /// Who has the fewest calls open.
    LeastCalls,
    /// The first that is not down, in the order given.
    Failover,
}

impl Balance {
    /// Each, by its name.
    pub const ALL: [(&'static str, Balance); 3] = [
        ("round-robin", Balance::RoundRobin),
        ("least-calls", Balance::LeastCalls),
        ("failover", Balance::Failover),
    ];
}

impl FromStr for Balance {
    type Err = String;

    fn from_str(text: &str) -> Result<Balance, String> {
        let found = Balance::ALL.into_iter().find(|(name, _)| *name == text);
        let names = Balance::ALL.map(|(name, _)| name).join(", ");
        found.map(|(_, balance)| balance).ok_or_else(|| format!("it is none of {names}"))
    }
}

/// Words that workers share: in memory of the process, or of several.
pub type Words = Box<dyn Deref<Target = [AtomicU64]> + Send + Sync>;

/// The addresses, and what is known of them.
pub struct Targets {
    addresses: Vec<Address>,
    balance: Balance,
    held_max: Option<u64>,
    words: Words,
}

impl fmt::Debug for Targets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Targets { addresses, balance, held_max, .. } = self;
        f.debug_struct("Targets")
            .field("addresses", addresses)
            .field("balance", balance)
            .field("held_max", held_max)
            .finish_non_exhaustive()
    }
}

impl Targets {
    /// These, all up. Of more than [`TARGETS_MAX`] the first are taken.
    #[must_use]
    pub fn new(mut addresses: Vec<Address>, balance: Balance) -> Targets {
        addresses.truncate(TARGETS_MAX);
        let words: Vec<AtomicU64> = (0..Targets::words(addresses.len())).map(|_| AtomicU64::new(0)).collect();
        Targets { addresses, balance, held_max: None, words: Box::new(words) }
    }

    /// So many words hold what is known of so many addresses.
    #[must_use]
    pub fn words(addresses: usize) -> usize {
        WORDS_OF_ALL + WORDS_EACH * addresses
    }

    /// The same, with what is known in these words, which are 0. Fewer than [`Targets::words`] are not taken.
    #[must_use]
    pub fn sharing(self, words: Words) -> Targets {
        if words.len() < Targets::words(self.addresses.len()) { self } else { Targets { words, ..self } }
    }

    /// The same, holding so many callers at once at the most.
    #[must_use]
    pub fn holding(self, held_max: u64) -> Targets {
        Targets { held_max: Some(held_max), ..self }
    }

    /// Each address.
    #[must_use]
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// Whom the call of this number gets, of those that are not in `tried`; `None` if all are.
    pub(super) fn choose(&self, number: u64, tried: Tried, now: Moment) -> Option<usize> {
        let count = self.addresses.len();
        let turn = usize::try_from(number % count.max(1) as u64).unwrap_or_default();
        let untried = || (0..count).map(|step| (turn + step) % count).filter(|at| !tried.has(*at));
        let up = || untried().filter(|at| self.is_up(*at, now));
        let chosen = match self.balance {
            Balance::RoundRobin => up().next(),
            Balance::LeastCalls => up().min_by_key(|at| self.word(*at, CALLS).load(Ordering::Relaxed)),
            Balance::Failover => up().min(),
        };
        let chosen = chosen
            .or_else(|| untried().min_by_key(|at| self.word(*at, DOWN_UNTIL).load(Ordering::Relaxed)))?;
        self.probe(chosen, now);
        Some(chosen)
    }

    /// Whether it is worth a word, and to be remembered, which are down: somebody else is called then, or the same again.
    pub(super) fn are_watched(&self) -> bool {
        let again = |address: &Address| address.options.retries().is_some();
        self.addresses.len() > 1 || self.held_max.is_some() || self.addresses.iter().any(again)
    }

    /// Whether no address is up.
    pub(super) fn are_all_down(&self, now: Moment) -> bool {
        !(0..self.addresses.len()).any(|at| self.is_up(at, now))
    }

    /// It is up, or was down for as long as it had to be.
    fn is_up(&self, at: usize, now: Moment) -> bool {
        self.word(at, DOWN_UNTIL).load(Ordering::Relaxed) <= nanoseconds(now.since_start())
    }

    /// Whoever tries one that was down keeps the others from it, for as long as another failure would.
    fn probe(&self, at: usize, now: Moment) {
        let word = self.word(at, DOWN_UNTIL);
        let until = word.load(Ordering::Relaxed);
        if until != 0 && until <= nanoseconds(now.since_start()) {
            let failures = self.word(at, FAILURES).load(Ordering::Relaxed);
            let next = nanoseconds(now.since_start() + self.down_for(at, failures + 1));
            // Somebody else may have been first: then there are two who try.
            let _ = word.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// It could not be reached. For how long it is down now, if it was up until then.
    pub(super) fn failed(&self, at: usize, now: Moment) -> Option<Duration> {
        let failures = self.word(at, FAILURES).fetch_add(1, Ordering::Relaxed) + 1;
        let lasting = self.down_for(at, failures);
        let until = nanoseconds(now.since_start() + lasting).max(1);
        let was = self.word(at, DOWN_UNTIL).swap(until, Ordering::Relaxed);
        (was == 0).then_some(lasting)
    }

    /// It was reached. Whether it was down until then.
    pub(super) fn reached(&self, at: usize) -> bool {
        if self.word(at, DOWN_UNTIL).load(Ordering::Relaxed) == 0 {
            return false; // the usual case, in which nothing is written
        }
        self.word(at, FAILURES).store(0, Ordering::Relaxed);
        self.word(at, DOWN_UNTIL).swap(0, Ordering::Relaxed) != 0
    }

    fn down_for(&self, at: usize, failures: u64) -> Duration {
        let options = &self.addresses[at].options;
        let first = options.duration(OptionKey::RetryWait).unwrap_or(DOWN_FIRST);
        let longest = options.duration(OptionKey::RetryWaitMax).unwrap_or(DOWN_LONGEST.max(first));
        let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(31);
        first.saturating_mul(1 << doublings).min(longest)
    }

    fn word(&self, at: usize, which: usize) -> &AtomicU64 {
        &self.words[WORDS_OF_ALL + at * WORDS_EACH + which]
    }

    fn held(&self) -> &AtomicU64 {
        &self.words[HELD]
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Which addresses a call has tried: a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tried(u64);

impl Tried {
    pub(super) fn has(self, at: usize) -> bool {
        self.0 & 1 << at != 0
    }

    pub(super) fn with(self, at: usize) -> Tried {
        Tried(self.0 | 1 << at)
    }

    pub(super) fn count(self) -> usize {
        self.0.count_ones() as usize
    }
}

/// A call that an address has, counted until it is dropped.
pub(super) struct Taken {
    targets: Arc<Targets>,
    pub(super) at: usize,
}

impl Taken {
    pub(super) fn new(targets: &Arc<Targets>, at: usize) -> Taken {
        targets.word(at, CALLS).fetch_add(1, Ordering::Relaxed);
        Taken { targets: Arc::clone(targets), at }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.targets.word(self.at, CALLS).fetch_sub(1, Ordering::Relaxed);
    }
}

/// A place among the callers who are held, given back when it is dropped.
pub(super) struct Place(Arc<Targets>);

impl Place {
    /// `None` if as many are held as may be.
    pub(super) fn take(targets: &Arc<Targets>) -> Option<Place> {
        let max = targets.held_max.unwrap_or(u64::MAX);
        let one_more = |held| (held < max).then_some(held + 1);
        targets.held().fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Place(Arc::clone(targets)))
    }

    /// Whether as many are held as may be.
    pub(super) fn are_none(targets: &Targets) -> bool {
        targets.held_max.is_some_and(|max| targets.held().load(Ordering::Relaxed) >= max)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.held().fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(count: usize, balance: Balance) -> Arc<Targets> {
        let address = |at| format!("tcp://h{at}:1?retry-wait=1s&retry-wait-max=4s").parse().ok();
        Arc::new(Targets::new((0..count).filter_map(address).collect(), balance))
    }

    fn at(seconds: f64) -> Moment {
        Moment::after(Duration::from_secs_f64(seconds))
    }

    const NONE: Tried = Tried(0);

    #[test]
    fn each_gets_callers_in_its_turn() {
        let targets = targets(3, Balance::RoundRobin);
        let chosen: Vec<_> = (1..=6).filter_map(|number| targets.choose(number, NONE, at(0.0))).collect();
        assert_eq!(chosen, [1, 2, 0, 1, 2, 0]);
        assert_eq!(targets.choose(1, NONE.with(1), at(0.0)), Some(2), "the next for one who was not reached");
        assert_eq!(targets.choose(1, NONE.with(0).with(1).with(2), at(0.0)), None);
    }

    #[test]
    fn who_has_the_fewest_calls_gets_the_next() {
        let targets = targets(3, Balance::LeastCalls);
        let mut taken: Vec<Taken> = Vec::new();
        for number in 1..=9 {
            let chosen = targets.choose(number, NONE, at(0.0)).unwrap_or_default();
            taken.push(Taken::new(&targets, chosen));
        }
        let of = |taken: &[Taken], at| taken.iter().filter(|taken| taken.at == at).count();
        assert_eq!([of(&taken, 0), of(&taken, 1), of(&taken, 2)], [3, 3, 3]);
        taken.retain(|taken| taken.at != 1);
        assert!((10..13).all(|number| targets.choose(number, NONE, at(0.0)) == Some(1)));
    }

    #[test]
    fn one_that_is_down_gets_nobody_and_then_one_caller_who_tries() {
        let targets = targets(2, Balance::Failover);
        assert_eq!(targets.choose(1, NONE, at(0.0)), Some(0));
        assert_eq!(targets.failed(0, at(0.0)), Some(Duration::from_secs(1)), "said once");
        assert_eq!(targets.failed(0, at(0.1)), None);
        // Two failures: 2 s from the last.
        assert_eq!(targets.choose(2, NONE, at(2.0)), Some(1));
        assert_eq!(targets.choose(3, NONE, at(2.2)), Some(0), "it is tried again");
        assert_eq!(targets.choose(4, NONE, at(2.2)), Some(1), "by one alone");
        assert!(targets.reached(0) && !targets.reached(0), "said once");
        assert_eq!(targets.choose(5, NONE, at(2.3)), Some(0));
        assert_eq!(
            targets.failed(0, at(3.0)),
            Some(Duration::from_secs(1)),
            "it counts from the start again"
        );
    }

    #[test]
    fn where_all_are_down_the_one_gets_callers_that_is_up_first() {
        let targets = targets(3, Balance::RoundRobin);
        for (down, when) in [(0, 0.3), (1, 0.1), (2, 0.2)] {
            targets.failed(down, at(when));
        }
        assert!(targets.are_all_down(at(0.4)) && !targets.are_all_down(at(1.15)));
        assert_eq!(targets.choose(1, NONE, at(0.4)), Some(1));
        assert_eq!(targets.choose(1, NONE.with(1), at(0.4)), Some(2));
    }

    #[test]
    fn the_time_that_one_is_down_doubles_to_its_bound() {
        let targets = targets(1, Balance::RoundRobin);
        let times = (1..=5).map(|failures| targets.down_for(0, failures).as_secs());
        assert_eq!(times.collect::<Vec<_>>(), [1, 2, 4, 4, 4]);
        assert_eq!(targets.down_for(0, u64::MAX).as_secs(), 4);
    }

    #[test]
    fn so_many_callers_are_held_and_no_more() {
        let targets = Arc::new(Targets::new(Vec::new(), Balance::default()).holding(2));
        let mut places: Vec<_> = (0..3).map(|_| Place::take(&targets)).collect();
        assert!(places[1].is_some() && places[2].is_none() && Place::are_none(&targets));
        places.remove(0);
        assert!(!Place::are_none(&targets) && Place::take(&targets).is_some());
    }
}
