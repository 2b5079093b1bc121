//! A call: who speaks with whom, over what, since when.

use std::time::SystemTime;

use address::{End, Shape};

/// What is known of a call when it opens.
#[derive(Clone, Debug)]
pub struct Call {
    /// Counts the calls of one engine from 1. No two calls of a run have the same number.
    pub number: u64,
    /// Whether the caller's leg is a byte stream or keeps message boundaries.
    pub shape: Shape,
    /// Our end, as getsockname(2) told.
    pub local: End,
    /// Their end, as accept(2), recvfrom(2) or getpeername(2) told.
    pub peer: End,
    /// The wall-clock time at which it was answered.
    pub opened: SystemTime,
}

/// One line of a call: a socket with whatever layers lie on it.
///
/// A call begins with one leg, [`Leg::CALLER`]; each [`Outbox::dial`](crate::Outbox::dial) adds the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Leg(u8);

impl Leg {
    /// The leg that opened the call.
    pub const CALLER: Leg = Leg(0);

    /// Legs that one call may have, the caller's among them.
    pub const MAX: usize = 16;

    /// The leg that was added as number `index`, the caller's being 0.
    ///
    /// Returns `None` from [`Leg::MAX`] on.
    #[must_use]
    pub fn new(index: usize) -> Option<Leg> {
        u8::try_from(index).ok().filter(|_| index < Leg::MAX).map(Leg)
    }

    /// Its place in the order in which the call's legs were added.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
