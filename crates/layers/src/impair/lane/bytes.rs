//! A byte stream in one direction: cut into pieces, each late by itself, with wrong bits at places that its cuts do not
//! move.

use std::time::Duration;

use conversation::Moment;

use super::super::chance::{below, gap};
use super::super::{Fault, Faults, Impaired, Impairments};
use super::{Lane, Parcel};

/// How much of a stream at a rate goes at once: what takes so long.
const TURN: Duration = Duration::from_millis(10);

/// Bytes of a stream that are equally late, counted from its start.
const JITTER_BYTES: u64 = 4096;

impl Lane {
    pub(super) fn put_bytes(
        &mut self,
        bytes: &[u8],
        faults: &Faults,
        all: &Impairments,
        now: Moment,
        told: &mut Vec<Impaired>,
    ) {
        self.counts.came += bytes.len() as u64;
        if self.is_ended || self.is_stalled {
            self.counts.lost += bytes.len() as u64;
            return;
        }
        let start = self.offset;
        // No more than there are.
        let passes = self.passes(faults, bytes.len() as u64) as usize;
        self.counts.lost += (bytes.len() - passes) as u64;
        let mut bytes = bytes[..passes].to_vec();
        self.flip_bits(&mut bytes, start, faults.corrupt, told);
        let rate = faults.rate.into_iter().chain(faults.total_rate).min();
        let of_a_turn =
            rate.map(|rate| usize::try_from(rate / (1000 / TURN.as_millis() as u64)).unwrap_or(usize::MAX));
        let piece_max = of_a_turn.into_iter().chain(faults.slice_bytes).min().unwrap_or(usize::MAX).max(1);
        let (mut rest, mut at) = (&bytes[..], start);
        while !rest.is_empty() {
            let mut length = rest.len().min(piece_max);
            let mut jitter = 0;
            if !faults.jitter.is_zero() {
                let block = at / JITTER_BYTES;
                jitter = self.chance.message(block).jitter;
                // Within a block, so it fits.
                length = length.min(((block + 1) * JITTER_BYTES - at) as usize);
            }
            let (piece, behind) = rest.split_at(length);
            let due = self.due(length, jitter, faults, all, now);
            self.hold_back(due, Parcel::Bytes(piece.to_vec()));
            (rest, at) = (behind, at + length as u64);
        }
        self.end_in_place(faults, now);
    }

    fn flip_bits(&mut self, bytes: &mut [u8], start: u64, share: u32, told: &mut Vec<Impaired>) {
        if self.flip.is_none_or(|(_, drawn_for)| drawn_for != share) {
            self.flip = Some((start.saturating_add(self.next_gap(share)), share));
        }
        while let Some((at, _)) = self.flip
            && let Some(byte) = usize::try_from(at - start).ok().and_then(|index| bytes.get_mut(index))
        {
            let bit = below(self.chance.message(self.flips).bit, 8) as u8;
            *byte ^= 1 << bit;
            self.counts.corrupted += 1;
            self.tell(at, Fault::BitFlipped(bit), told);
            self.flip = Some(((at + 1).saturating_add(self.next_gap(share)), share));
        }
    }

    fn next_gap(&mut self, share: u32) -> u64 {
        self.flips += 1;
        gap(self.chance.message(self.flips).corrupt, share)
    }
}
