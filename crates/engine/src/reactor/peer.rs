//! One peer of a datagram door: its messages come in there, and answers to it go out there.
//!
//! Protected: a forged sender gets no more than [`UNPROVEN_ANSWER_BYTES`] or three times what came from it, and as many
//! answers a second as one source may have.

use conversation::Now;
use socket::PeerAddress;

use crate::host::Host;

use super::door::DoorState;

/// The largest answer to an unproven datagram sender, unless three times what came from it is more.
const UNPROVEN_ANSWER_BYTES: u64 = 512;

/// A peer, and how much was said.
pub(crate) struct Peer {
    pub(super) door: usize,
    /// `None` if it cannot be answered.
    pub(super) address: Option<PeerAddress>,
    received_bytes: u64,
    sent_bytes: u64,
}

impl Peer {
    pub(super) fn new(door: usize, address: Option<PeerAddress>) -> Peer {
        Peer { door, address, received_bytes: 0, sent_bytes: 0 }
    }

    /// A message of so many bytes came from it.
    pub(super) fn heard(&mut self, bytes: usize) {
        self.received_bytes += bytes as u64;
    }

    /// Sends it a message; what cannot be sent, or must not be, is counted as undelivered.
    pub(super) fn send(&mut self, bytes: &[u8], doors: &mut [DoorState], host: &Host, now: Now) {
        let Some(door) = doors.get_mut(self.door) else { return };
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
