//! Bytes on their way: a send buffer, a receive buffer, seeded cuts.
//!
//! Each buffer holds 1 byte to 64 KiB, by the seed, so that some runs are full at every byte and some never.

use std::collections::VecDeque;

use crate::Seed;

/// The largest buffer.
const BUFFER_BYTES_MAX: usize = 64 * 1024;

/// Up to here a stream may be cut into crumbs. Longer ones are then cut anywhere, or a megabyte would take a
/// million steps.
const CRUMBS_BYTES: u64 = 1024;

pub(super) struct Bytes {
    sending: VecDeque<u8>,
    sending_bytes_max: usize,
    arrived: VecDeque<u8>,
    arrived_bytes_max: usize,
    cuts: Cuts,
    moved_bytes: u64,
}

/// How this stream is cut wherever it is.
#[derive(Clone, Copy, Debug)]
enum Cuts {
    /// As few pieces as there can be.
    Whole,
    /// Anywhere.
    Anywhere,
    /// At most four bytes each.
    Crumbs,
}

impl Bytes {
    pub(super) fn new(seed: &mut Seed) -> Bytes {
        let cuts = [Cuts::Whole, Cuts::Anywhere, Cuts::Crumbs][seed.index(3)];
        Bytes {
            sending: VecDeque::new(),
            sending_bytes_max: buffer_bytes(seed),
            arrived: VecDeque::new(),
            arrived_bytes_max: buffer_bytes(seed),
            cuts,
            moved_bytes: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.sending.len() < self.room_max(self.sending_bytes_max)
    }

    pub(super) fn send(&mut self, bytes: &[u8], seed: &mut Seed) -> Option<usize> {
        if bytes.is_empty() {
            return Some(0);
        }
        let room = self.room_max(self.sending_bytes_max).saturating_sub(self.sending.len());
        if room == 0 {
            return None;
        }
        let taken = self.cut(room.min(bytes.len()), seed);
        self.sending.extend(&bytes[..taken]);
        self.moved_bytes += taken as u64;
        Some(taken)
    }

    pub(super) fn is_travelling(&self) -> bool {
        !self.sending.is_empty()
    }

    pub(super) fn can_arrive(&self) -> bool {
        self.is_travelling() && self.arrived.len() < self.room_max(self.arrived_bytes_max)
    }

    pub(super) fn arrive(&mut self, seed: &mut Seed) {
        let room = self.room_max(self.arrived_bytes_max).saturating_sub(self.arrived.len());
        let arriving = self.cut(room.min(self.sending.len()), seed);
        self.arrived.extend(self.sending.drain(..arriving));
    }

    pub(super) fn has_arrived(&self) -> bool {
        !self.arrived.is_empty()
    }

    pub(super) fn receive(&mut self, seed: &mut Seed) -> Option<Vec<u8>> {
        if self.arrived.is_empty() {
            return None;
        }
        let received = self.cut(self.arrived.len(), seed);
        Some(self.arrived.drain(..received).collect())
    }

    pub(super) fn drop_travelling(&mut self, arrived_too: bool) {
        self.sending.clear();
        if arrived_too {
            self.arrived.clear();
        }
    }

    /// What a buffer holds now: tiny ones grow with a long stream, as the kernel's do.
    fn room_max(&self, bytes_max: usize) -> usize {
        if self.moved_bytes > CRUMBS_BYTES { bytes_max.max(CRUMBS_BYTES as usize) } else { bytes_max }
    }

    fn cut(&self, length: usize, seed: &mut Seed) -> usize {
        match self.cuts {
            Cuts::Whole => length,
            Cuts::Crumbs if self.moved_bytes <= CRUMBS_BYTES => length.min(1 + seed.index(4)),
            Cuts::Anywhere | Cuts::Crumbs => length.min(1 + seed.index(length)),
        }
    }
}

/// 2^0 to 2^16 bytes, each power as likely.
fn buffer_bytes(seed: &mut Seed) -> usize {
    (BUFFER_BYTES_MAX >> seed.index(17)).max(1)
}
