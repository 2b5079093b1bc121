//! Places for the open calls of each peer.
//!
//! Protected: a place that was taken is given back when its [`PeerPlace`] is dropped, in whatever way the call
//! ends. A peer without an open call holds no memory here.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::peer_key::PeerKey;

/// How many calls each peer has open, all workers together.
#[derive(Debug)]
pub(crate) struct PeerPlaces {
    calls_max: u32,
    open: Mutex<HashMap<PeerKey, u32>>,
}

impl PeerPlaces {
    pub(crate) fn new(calls_max: NonZeroU32) -> Arc<PeerPlaces> {
        Arc::new(PeerPlaces { calls_max: calls_max.get(), open: Mutex::default() })
    }

    /// A place for one more call of this peer, if it has fewer open than it may.
    pub(crate) fn take(self: &Arc<Self>, peer: PeerKey) -> Option<PeerPlace> {
        let mut open = self.open();
        let calls = open.entry(peer).or_default();
        if *calls >= self.calls_max {
            return None;
        }
        *calls += 1;
        Some(PeerPlace { places: Arc::clone(self), peer })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<PeerKey, u32>> {
        // Whoever panicked while holding it left whole counts.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open call's place among those of its peer; given back when dropped.
#[derive(Debug)]
pub(crate) struct PeerPlace {
    places: Arc<PeerPlaces>,
    peer: PeerKey,
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        let mut open = self.places.open();
        if let Entry::Occupied(mut calls) = open.entry(self.peer) {
            *calls.get_mut() -= 1;
            if *calls.get() == 0 {
                calls.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn each_peer_has_its_own_places_and_gets_them_back() {
        let places = PeerPlaces::new(NonZeroU32::new(2).unwrap());
        let peer = |text: &str| PeerKey::from(text.parse::<IpAddr>().unwrap());
        let (one, other) = (peer("192.0.2.1"), peer("192.0.2.2"));
        let held = [places.take(one), places.take(one), places.take(other)];
        assert!(held.iter().all(Option::is_some));
        assert!(places.take(one).is_none());
        drop(held);
        assert!(places.open().is_empty());
        assert!(places.take(one).is_some());
    }
}
