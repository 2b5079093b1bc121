//! Chance that can be looked up: the draws of one message depend on nothing but their place.
//!
//! ChaCha with 8 rounds (RFC 8439 has 20) as a table of random numbers: the seed is its key, a direction of a leg of a
//! call is its stream, and each message has a block of its own. So what becomes of message 7 does not depend on when it
//! came, on what became of message 6, or on what was set then.

use conversation::Way;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// The chance of one direction.
#[derive(Debug)]
pub(super) struct Chance(ChaCha8Rng);

/// The draws of one message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    pub(super) loss: u32,
    pub(super) duplicate: u32,
    pub(super) reorder: u32,
    pub(super) corrupt: u32,
    pub(super) place: u32,
    pub(super) bit: u32,
    pub(super) jitter: u32,
}

impl Chance {
    pub(super) fn new(seed: u64, call: u64, leg: usize, way: Way) -> Chance {
        let mut table = ChaCha8Rng::seed_from_u64(seed);
        table.set_stream(call.wrapping_mul(4) + (leg as u64 & 1) * 2 + way as u64);
        Chance(table)
    }

    /// The draws of a message by its number.
    pub(super) fn message(&mut self, number: u64) -> Draws {
        self.0.set_block_pos(number);
        let mut next = || self.0.next_u32();
        Draws {
            loss: next(),
            duplicate: next(),
            reorder: next(),
            corrupt: next(),
            place: next(),
            bit: next(),
            jitter: next(),
        }
    }
}

/// Whether a draw falls into a share in millionths.
pub(super) fn falls_into(draw: u32, millionths: u32) -> bool {
    u64::from(draw) * 1_000_000 < u64::from(millionths) << 32
}

/// A whole number below `end`, as likely as every other.
pub(super) fn below(draw: u32, end: usize) -> usize {
    // Below `end`, so it fits.
    ((u64::from(draw) * end as u64) >> 32) as usize
}

/// How many are let through before the next that falls into this share: geometric.
pub(super) fn gap(draw: u32, millionths: u32) -> u64 {
    if millionths == 0 {
        return u64::MAX;
    }
    let share = f64::from(millionths) / 1_000_000.0;
    let uniform = (f64::from(draw) + 0.5) / 4_294_967_296.0;
    // At a share of 1 the divisor is minus infinity, and the gap 0.
    (uniform.ln() / (1.0 - share).ln()) as u64
}
