//! What the way to the other end does not carry, told to who sent it by datagrams.
//!
//! A caller at a door for datagrams has no connection that could be reset. What its kernel would have heard from the
//! other end's host it hears from us, by ICMP; of a message that is too long it is not told, since what it sends comes
//! here whole: an ICMP of ours would only have it cut what it sends to us. Both are counted and said in the log.

use std::num::NonZeroU16;

use conversation::{CallFailed, CloseReason, DialFailureKind, Leg, Now, Shape};
use socket::{PeerAddress, Unreachable};

use crate::Session;
use crate::doors::Door;
use crate::host::Host;

use super::door::DoorState;
use super::hands::Hands;
use super::leg_end::LegEnd;
use super::peer::Peer;

/// Why a message was lost.
pub(super) const TOO_LONG_FOR_THE_WAY: &str =
    "it is longer than a datagram may be on the way to the other end";

/// What could not be reached, where that is why a call is over.
pub(super) fn unreachable(session: &Session, reason: CloseReason) -> Option<Unreachable> {
    if let CloseReason::NotDialled(kind) = reason {
        return match kind {
            DialFailureKind::Refused => Some(Unreachable::Port),
            DialFailureKind::Unreachable | DialFailureKind::TimedOut => Some(Unreachable::Host),
            DialFailureKind::NameNotFound | DialFailureKind::Other => None,
        };
    }
    session.broken_leg().filter(|leg| *leg != Leg::CALLER)?;
    let no_way = |errno| matches!(errno, libc::EHOSTUNREACH | libc::ENETUNREACH);
    let is_host = matches!(reason, CloseReason::Failed(CallFailed { errno, .. }) if no_way(errno));
    let is_port = reason == CloseReason::Refused;
    is_port.then_some(Unreachable::Port).or(is_host.then_some(Unreachable::Host))
}

impl DoorState {
    /// Tells a sender, whose latest datagram had so many bytes, that it cannot be carried on. What answers of ours may
    /// cost the network bounds this too.
    pub(super) fn tell_unreachable(
        &mut self,
        sender: &PeerAddress,
        bytes: NonZeroU16,
        what: Unreachable,
        host: &Host,
        now: Now,
    ) {
        let Some(mut to) = self.end.ip() else { return }; // a Unix socket: there is no such message
        if let Some(ours) = sender.answer_from() {
            to.set_ip(ours);
        }
        if sender.ip().is_some_and(|sender| !host.gate.may_answer(sender.ip(), now.moment)) {
            return self.undelivered("one source is answered no more often (--rate-per-peer)", host);
        }
        let Some(Door::Datagrams { socket, .. }) = &mut self.door else { return };
        let why = match (socket.tell_unreachable(sender, to, bytes, what), what) {
            (Ok(()), Unreachable::Port) => "nobody listens at the other end; the sender is told (ICMP)",
            (Ok(()), Unreachable::Host) => "no way leads to the other end; the sender is told (ICMP)",
            (Err(_), Unreachable::Port) => {
                "nobody listens at the other end; to tell the sender (ICMP) takes CAP_NET_RAW"
            }
            (Err(_), Unreachable::Host) => {
                "no way leads to the other end; to tell the sender (ICMP) takes CAP_NET_RAW"
            }
        };
        self.undelivered(why, host);
    }
}

impl Hands<'_> {
    /// Whether a message that could not be sent on this leg is one datagram lost, as any may be, and not the call: it
    /// came as one. Then that is counted.
    pub(super) fn has_lost(&self, leg: Leg, failed: CallFailed) -> bool {
        let is_datagram = |end: &LegEnd| end.socket.shape() == Some(Shape::Datagram);
        if failed.errno == libc::EMSGSIZE
            && leg != Leg::CALLER
            && self.ends.get(leg.index()).is_some_and(is_datagram)
            && let Some(Peer { door, .. }) = self.ends.first().and_then(|end| end.socket.peer())
            && let Some(door) = self.doors.get(door.get())
        {
            door.undelivered(TOO_LONG_FOR_THE_WAY, self.host);
            return true;
        }
        false
    }
}
