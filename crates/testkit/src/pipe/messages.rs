//! Messages on their way: datagrams in any order, sequenced packets in theirs.
//!
//! udp(7), unix(7). At most [`MESSAGES_MAX`] lie between the ends; a further sequenced packet waits at its
//! sender, a further datagram is lost, as at a full receive buffer.

use std::collections::VecDeque;
use std::time::Duration;

use conversation::Moment;

use crate::{Faults, Seed};

/// Messages between the two ends.
const MESSAGES_MAX: usize = 64;

pub(super) struct Messages {
    /// Sequenced packets: neither lost nor overtaken.
    ordered: bool,
    travelling: Vec<(Moment, Vec<u8>)>,
    arrived: VecDeque<Vec<u8>>,
}

impl Messages {
    pub(super) fn new(ordered: bool) -> Messages {
        Messages { ordered, travelling: Vec::new(), arrived: VecDeque::new() }
    }

    pub(super) fn has_room(&self) -> bool {
        !self.ordered || !self.is_full()
    }

    pub(super) fn send(
        &mut self,
        message: &[u8],
        now: Moment,
        faults: &Faults,
        seed: &mut Seed,
    ) -> Option<usize> {
        let delay_us = u64::try_from(faults.delay_max.as_micros()).unwrap_or(u64::MAX);
        let mut due = now + Faults::TRAVEL + Duration::from_micros(seed.below(delay_us));
        if self.ordered {
            if self.is_full() {
                return None;
            }
            due = due.max(self.travelling.last().map_or(Moment::START, |last| last.0));
            self.travelling.push((due, message.to_vec()));
            return Some(message.len());
        }
        if seed.percent(faults.reorder_percent) {
            due = due + Faults::OVERTAKEN_BY;
        }
        let copies = match (seed.percent(faults.loss_percent), seed.percent(faults.duplicate_percent)) {
            (true, _) => 0,
            (false, false) => 1,
            (false, true) => 2,
        };
        for _ in 0..copies {
            if !self.is_full() {
                self.travelling.push((due, message.to_vec()));
            }
        }
        Some(message.len())
    }

    pub(super) fn can_arrive(&self, now: Moment) -> bool {
        self.next_arrival().is_some_and(|due| due <= now)
    }

    pub(super) fn next_arrival(&self) -> Option<Moment> {
        self.travelling.iter().map(|(due, _)| *due).min()
    }

    pub(super) fn arrive(&mut self) {
        // The first of equals is the one that was sent first.
        let next = self.travelling.iter().enumerate().min_by_key(|(_, (due, _))| *due);
        if let Some((index, _)) = next {
            self.arrived.push_back(self.travelling.remove(index).1);
        }
    }

    pub(super) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    pub(super) fn receive(&mut self) -> Option<Vec<u8>> {
        self.arrived.pop_front()
    }

    pub(super) fn drop_travelling(&mut self, arrived_too: bool) {
        self.travelling.clear();
        if arrived_too {
            self.arrived.clear();
        }
    }

    fn is_full(&self) -> bool {
        self.travelling.len() + self.arrived.len() >= MESSAGES_MAX
    }
}
