//! What a leg's layers have for above is given to its session.
//!
//! Protected: the order in which they have it; what the session does not want to read yet stays where it is.

use conversation::{CloseReason, Leg, Now};
use layers::{Above, Failure, Told};
use smallvec::SmallVec;

use crate::reactor::hands::Hands;
use crate::{Event, Session};

use super::{LegEnd, spare};

/// Gives a session what its leg's stack has for above, as long as the leg is to be read.
pub(in crate::reactor) fn take_events(session: &mut Session, leg: Leg, now: Now, hands: &mut Hands<'_>) {
    while let Some((above, mut taken)) = first(hands.ends, leg) {
        if taken == 0 {
            for told in above.told() {
                if let Told::Unrecorded(unrecorded) = told {
                    hands.host.tallies.unrecorded(unrecorded);
                } else {
                    hands.host.tell(&Event::Layer { call: session.call(), leg, told });
                }
            }
            taken = 1;
        }
        let mut is_all = true;
        for piece in above.pieces().skip(taken - 1) {
            is_all = session.wants_read(leg);
            if !is_all {
                break;
            }
            taken += 1;
            session.received(now, leg, piece, hands);
        }
        if !is_all {
            return put_back(hands.ends, leg, above, taken);
        }
        if above.is_finished() {
            session.peer_finished(now, leg, hands);
        }
        if let Some(failure) = above.failed() {
            hands.host.tell(&Event::LayerFailed { call: session.call(), leg, failure });
            match failure.is_reset() {
                true => session.leg_reset(now, leg, reason_of(failure), hands),
                false => session.layer_failed(now, leg, reason_of(failure), hands),
            }
        }
        spare::put_above(above);
    }
}

fn first(ends: &mut SmallVec<[LegEnd; 1]>, leg: Leg) -> Option<(Above, usize)> {
    let layered = ends.get_mut(leg.index())?.socket.as_layered_mut()?;
    Some((layered.events.pop_front()?, std::mem::take(&mut layered.taken)))
}

fn put_back(ends: &mut SmallVec<[LegEnd; 1]>, leg: Leg, mut above: Above, taken: usize) {
    above.fit();
    if let Some(layered) = ends.get_mut(leg.index()).and_then(|end| end.socket.as_layered_mut()) {
        layered.events.push_front(above);
        layered.taken = taken;
    }
}

fn reason_of(failure: &Failure) -> CloseReason {
    let (name, is_on_purpose) = (failure.name(), matches!(failure, Failure::Impair(_)));
    match failure.is_distrust() {
        true => CloseReason::NotTrusted(name),
        false if is_on_purpose => CloseReason::OnPurpose(name),
        false => CloseReason::LayerFailed(name),
    }
}
