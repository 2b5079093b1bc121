//! Messages in one direction: lost, dropped, corrupted, doubled, overtaken.

use conversation::Moment;

use super::super::chance::{Draws, below, falls_into};
use super::super::settings::QUEUE_BYTES;
use super::super::{Fault, Faults, Impaired, Impairments};
use super::{HELD_BYTES_MAX, Lane, OVERHEAD_BYTES, OVERTAKEN_WITHIN, Parcel};

impl Lane {
    pub(super) fn put_message(
        &mut self,
        bytes: &[u8],
        faults: &Faults,
        all: &Impairments,
        now: Moment,
        told: &mut Vec<Impaired>,
    ) {
        self.counts.came += 1;
        let (number, draws) = (self.counts.came, self.chance.message(self.counts.came));
        let passes = self.passes(faults, bytes.len() as u64);
        if self.is_ended || self.is_stalled || passes < bytes.len() as u64 {
            self.counts.lost += 1;
            return self.end_in_place(faults, now);
        }
        if self.is_lost(&draws, faults) {
            self.counts.lost += 1;
            return self.tell(number, Fault::Lost, told);
        }
        if self.is_full(bytes.len(), faults) {
            self.counts.dropped += 1;
            return self.tell(number, Fault::Dropped, told);
        }
        let mut message = bytes.to_vec();
        if falls_into(draws.corrupt, faults.corrupt) && !message.is_empty() {
            let (byte, bit) = (below(draws.place, message.len()), below(draws.bit, 8) as u8);
            message[byte] ^= 1 << bit;
            self.counts.corrupted += 1;
            self.tell(number, Fault::Corrupted { byte, bit }, told);
        }
        let due = self.due(message.len(), draws.jitter, faults, all, now);
        let copies = 1 + usize::from(falls_into(draws.duplicate, faults.duplicate));
        if copies > 1 {
            self.counts.doubled += 1;
            self.tell(number, Fault::Doubled, told);
        }
        self.was_to_wait = !self.was_to_wait && falls_into(draws.reorder, faults.reorder);
        if self.was_to_wait {
            self.counts.overtaken += 1;
            self.tell(number, Fault::Overtaken, told);
            if copies > 1 {
                self.hold_back(due, Parcel::Bytes(message.clone()));
            }
            self.held_bytes += message.len() + OVERHEAD_BYTES;
            self.overtaken = Some((due + OVERTAKEN_WITHIN, message));
        } else {
            for _ in 1..copies {
                self.hold_back(due, Parcel::Bytes(message.clone()));
            }
            self.hold_back(due, Parcel::Bytes(message));
            self.let_be_overtaken(due);
        }
        self.end_in_place(faults, now);
    }

    fn is_lost(&mut self, draws: &Draws, faults: &Faults) -> bool {
        let Some(burst) = faults.burst.filter(|_| faults.loss > 0) else {
            return falls_into(draws.loss, faults.loss);
        };
        // Gilbert's model (Bell System Technical Journal 39, 1960) with these chances to stay has both means.
        let (burst, loss) = (u64::from(burst.max(1)), u64::from(faults.loss));
        let begins = (loss << 32) / (burst * 1_000_000_u64.saturating_sub(loss)).max(1);
        let goes_on = (1 << 32) - (1 << 32) / burst;
        self.in_burst = u64::from(draws.loss) < if self.in_burst { goes_on } else { begins };
        self.in_burst
    }

    /// Whether a message more is too many to be held.
    fn is_full(&self, bytes: usize, faults: &Faults) -> bool {
        let is_rated = faults.rate.is_some() || faults.total_rate.is_some();
        let queue = usize::try_from(faults.queue_bytes.unwrap_or(QUEUE_BYTES)).unwrap_or(usize::MAX);
        let messages = faults.queue_messages.map_or(usize::MAX, |messages| messages as usize);
        let waits_too_much = self.turn_bytes + bytes > queue || self.turns.len() >= messages;
        is_rated && !self.turns.is_empty() && waits_too_much
            || self.held_bytes + bytes + OVERHEAD_BYTES > HELD_BYTES_MAX
    }
}
