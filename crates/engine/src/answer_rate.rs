//! How often one source is answered by a datagram service that answers anyone.
//!
//! Protected: no source gets more answers than the rate allows, whoever else is answered; the table takes
//! 400 KiB and no more. A source is found among the [`WAYS`] slots that its hash names. Where all of them belong to
//! others who are still within their budgets, it is not answered: safe, and it takes tens of thousands of
//! forged sources at once to bring that about. The hash has a random key, so nobody can choose sources that
//! meet in one place.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

use conversation::Moment;

use crate::peer_key::PeerKey;
use crate::rate::{self, Rate};

/// How often a service that answers anyone answers one source over datagrams, so that two of them cannot be
/// set upon each other at line rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerRate {
    /// As often as it asks.
    Off,
    /// So many times a second; sources on this host's loopback as often as they ask.
    NotLoopback(NonZeroU32),
    /// So many times a second, whoever asks.
    Everyone(NonZeroU32),
}

impl Default for AnswerRate {
    /// 1,000 a second, but on loopback.
    fn default() -> AnswerRate {
        AnswerRate::NotLoopback(NonZeroU32::new(1_000).unwrap_or(NonZeroU32::MIN))
    }
}

/// Slots that a source can be in.
const WAYS: usize = 8;

/// Sets of slots: a power of two.
const SETS: usize = 2_048;

/// Part of the rate that a source may have at once.
const BURST_PART: u32 = 10;

/// The budgets of the sources that were answered of late, all workers together.
pub(crate) struct AnswerRates {
    rate: Rate,
    with_loopback: bool,
    hashing: RandomState,
    sets: Box<[Mutex<[Slot; WAYS]>]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    source: Option<PeerKey>,
    /// When its bucket is full again: from then on the slot is anybody's.
    full_at: u64,
}

impl AnswerRates {
    /// `None` where sources are answered as often as they ask.
    pub(crate) fn new(rate: AnswerRate) -> Option<AnswerRates> {
        let (per_second, with_loopback) = match rate {
            AnswerRate::Off => return None,
            AnswerRate::NotLoopback(per_second) => (per_second, false),
            AnswerRate::Everyone(per_second) => (per_second, true),
        };
        let burst = NonZeroU32::new(per_second.get() / BURST_PART).unwrap_or(NonZeroU32::MIN);
        let sets = (0..SETS).map(|_| Mutex::default()).collect();
        let rate = Rate::new(per_second, burst);
        Some(AnswerRates { rate, with_loopback, hashing: RandomState::new(), sets })
    }

    /// Whether this source may be answered once more now; if so, that is counted.
    pub(crate) fn allow(&self, source: IpAddr, now: Moment) -> bool {
        let source = source.to_canonical();
        if source.is_loopback() && !self.with_loopback {
            return true;
        }
        let source = PeerKey::from(source);
        let set = self.hashing.hash_one(source) as usize % SETS;
        // Whoever panicked while holding it left whole slots.
        let mut slots = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let own = slots.iter().position(|slot| slot.source == Some(source));
        let place = own.or_else(|| slots.iter().position(|slot| rate::is_full(slot.full_at, now)));
        let Some(slot) = place.map(|place| &mut slots[place]) else { return false };
        let full_at = if own.is_some() { slot.full_at } else { 0 };
        match self.rate.take(full_at, now) {
            Ok(full_at) => {
                *slot = Slot { source: Some(source), full_at };
                true
            }
            Err(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn rates(rate: fn(NonZeroU32) -> AnswerRate, per_second: u32) -> AnswerRates {
        AnswerRates::new(rate(NonZeroU32::new(per_second).unwrap())).unwrap()
    }

    fn at(milliseconds: u64) -> Moment {
        Moment::after(Duration::from_millis(milliseconds))
    }

    fn source(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(0x0a00_0000 + number).into()
    }

    #[test]
    fn a_source_is_answered_at_its_rate_whatever_others_ask() {
        let rates = rates(AnswerRate::Everyone, 100);
        let mut answered = [0; 3];
        for millisecond in 0..1_000 {
            for (number, answered) in (0..).zip(&mut answered) {
                *answered += u32::from(rates.allow(source(number), at(millisecond)));
            }
        }
        assert!(answered.iter().all(|answered| (100..=110).contains(answered)), "{answered:?}");
    }

    #[test]
    fn forged_sources_without_end_neither_grow_the_table_nor_lift_the_rate() {
        let rates = rates(AnswerRate::Everyone, 1);
        let answered = (0..200_000).filter(|number| rates.allow(source(*number), at(0))).count();
        assert!(answered <= WAYS * SETS, "{answered}");
        assert!((0..200_000).all(|number| !rates.allow(source(number), at(500))));
        assert!(rates.allow(source(300_000), at(1_001)), "the slots are free again");
    }

    #[test]
    fn loopback_is_left_alone_unless_it_is_asked_for() {
        let often = |rates: &AnswerRates, source: &str| {
            let source = source.parse().unwrap();
            (0..10).filter(|_| rates.allow(source, at(0))).count()
        };
        let default = rates(AnswerRate::NotLoopback, 1);
        assert_eq!(often(&default, "127.0.0.9"), 10);
        assert_eq!(often(&default, "::1"), 10);
        assert_eq!(often(&default, "::ffff:127.0.0.1"), 10);
        assert_eq!(often(&default, "192.0.2.1"), 1);
        assert_eq!(often(&rates(AnswerRate::Everyone, 1), "127.0.0.9"), 1);
    }
}
