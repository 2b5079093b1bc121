//! One peer of a datagram door: its messages come in there, and answers to it go out there.
//!
//! Protected: a forged sender gets no more than [`UNPROVEN_ANSWER_BYTES`] or three times what came from it, and as many
//! answers a second as one source may have.

use std::num::NonZeroU16;

use conversation::Now;
use socket::PeerAddress;

use crate::host::Host;

use super::door::{DoorIndex, DoorState};

/// The largest answer to an unproven datagram sender, unless three times what came from it is more.
const UNPROVEN_ANSWER_BYTES: u64 = 512;

/// Of each datagram, RFC 768.
const UDP_HEADER_BYTES: u16 = 8;

/// A peer, and how much was said.
pub(crate) struct Peer {
    pub(super) door: DoorIndex,
    /// `None` if it cannot be answered.
    pub(super) address: Option<PeerAddress>,
    received_bytes: u64,
    sent_bytes: u64,
    /// Bytes of its latest datagram, with those of UDP's header; `None` if that went to many hosts: of those no error may
    /// be told.
    pub(super) latest_bytes: Option<NonZeroU16>,
}

impl Peer {
    pub(super) fn new(door: usize, address: Option<PeerAddress>) -> Peer {
        let door = DoorIndex::new(door);
        Peer { door, address, received_bytes: 0, sent_bytes: 0, latest_bytes: None }
    }

    /// A message of so many bytes came from it, to this host alone or to many.
    pub(super) fn heard(&mut self, bytes: usize, is_to_one: bool) {
        self.received_bytes += bytes as u64;
        let length = u16::try_from(bytes).unwrap_or(u16::MAX).saturating_add(UDP_HEADER_BYTES);
        self.latest_bytes = NonZeroU16::new(length).filter(|_| is_to_one);
    }

    /// Sends it a message; what cannot be sent, or must not be, is counted as undelivered.
    pub(super) fn send(&mut self, bytes: &[u8], doors: &mut [DoorState], host: &Host, now: Now) {
        let Some(door) = doors.get_mut(self.door.get()) else { return };
        let allowed = UNPROVEN_ANSWER_BYTES.max(self.received_bytes.saturating_mul(3));
        if self.sent_bytes + bytes.len() as u64 > allowed {
            return door.undelivered("the answer is much longer than what came (amplification)", host);
        }
        if let Some(source) = self.address.as_ref().and_then(PeerAddress::ip)
            && !host.gate.may_answer(source.ip(), now.moment)
        {
            return door.undelivered("one source is answered no more often (--rate-per-peer)", host);
        }
        self.sent_bytes += bytes.len() as u64;
        door.answer(bytes, self.address.as_ref(), host);
    }
}
