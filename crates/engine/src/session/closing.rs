//! How a call ends: what is owed is delivered, then the peer may finish; or at once.
//!
//! RFC 9293 section 3.6: closing a TCP socket with unread bytes resets it. So a closed call reads on, and drops, for
//! at most [`LINGER`] once nothing is owed. A call that was closed at a limit has as long for what is owed.
//!
//! Of two joined sockets, how one breaks off is how the other is broken off (RFC 9293 section 3.5.3: a reset drops what
//! its sender still holds). So the reset goes out when the peer's host has acknowledged all that was sent, looked
//! at every [`DELIVERY_LOOK`].

use std::time::Duration;

use conversation::{Address, CallFailed, CloseReason, CopiedBy, Effect, Leg, Moment, Now, Payload};

use super::leg::LegState;
use super::{CallLimit, Carrier, LINGER, Session};

/// How often a leg that is to be reset is looked at, until its peer has all that was sent.
const DELIVERY_LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A program has the caller's socket, and the call lasts as long as it does.
    HandedOver,
    /// No event but the end reaches the conversation, unless it has to carry an answer; what is owed is still sent.
    /// Boxed, so that calls that are open do not hold room for it.
    Closing(Box<Closing>),
    Over(CloseReason),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Closing {
    pub(super) reason: CloseReason,
    /// Wait for the peer to finish, once nothing is owed any more.
    linger: bool,
    pub(super) linger_until: Option<Moment>,
    /// What is owed must be taken by then. `None`: it may take as long as the idle time-out lets it.
    pub(super) deliver_until: Option<Moment>,
    /// The caller has said as much as it may, and gets the answer of whom it is joined to.
    is_answered: bool,
    /// When to look whether a leg that breaks off may be reset.
    pub(super) look_at: Option<Moment>,
}

impl Closing {
    fn phase(reason: CloseReason, linger: bool, deliver_until: Option<Moment>) -> Phase {
        Phase::Closing(Box::new(Closing {
            reason,
            linger,
            linger_until: None,
            deliver_until,
            is_answered: false,
            look_at: None,
        }))
    }
}

/// Why a call ends of which that was asked.
pub(crate) const ON_ORDER: CloseReason = CloseReason::OnPurpose("by swb control");

impl Session {
    /// Closes the call, since that was asked: what is owed is delivered.
    pub(crate) fn close_on_order(&mut self, now: Now, carrier: &mut dyn Carrier) {
        self.close(ON_ORDER, true);
        self.settle(now, carrier);
    }

    /// Ends the call at once, as at the end of a drain. What is owed is dropped; a stream peer sees a reset
    /// where bytes were owed to it.
    pub fn end(&mut self, now: Now, reason: CloseReason, carrier: &mut dyn Carrier) {
        if self.over().is_some() {
            return;
        }
        for (index, state) in self.legs.iter_mut().enumerate() {
            // A joined leg that just ended would tell its peer that this was all.
            let is_whole = state.finished && state.broken.is_none();
            let is_joined = state.partner.is_some() || reason == CloseReason::NOT_HELD;
            let is_cut = !reason.is_clean() && is_joined && !is_whole;
            if let Some(leg) = Leg::new(index)
                && (state.owes() || is_cut || carrier.holds_back(leg))
            {
                carrier.abort(leg);
            }
            state.lose();
        }
        self.phase = Phase::Over(reason);
        self.leave_rooms(carrier);
        let mut out = self.outbox(now);
        self.conversation.closed(reason, &mut out);
        for effect in out.into_effects() {
            if let Effect::Publish { topic, bytes } = &effect {
                carrier.publish(topic, bytes);
            }
            if let Effect::Output(bytes) = effect
                && let Err(failed) = carrier.output(&bytes)
            {
                self.phase = Phase::Over(CloseReason::Failed(failed));
            }
        }
    }

    /// The peer takes nothing any more, but what it sent before may still lie in our receive queue: the leg is
    /// read to its end before the call ends.
    pub(super) fn cannot_send(&mut self, leg: Leg, failed: CallFailed) {
        let reason = reason_of(failed);
        self.stop_sending(leg, reason);
        if !matches!(reason, CloseReason::Reset) || !self.legs[leg.index()].can_receive() {
            self.break_off_partner(leg);
            self.close(reason, true);
        }
    }

    /// The peer takes nothing any more on this leg.
    pub(super) fn stop_sending(&mut self, leg: Leg, why: CloseReason) {
        self.legs[leg.index()].stop_sending(why);
        if !why.is_clean() {
            self.broken.get_or_insert(leg);
        }
    }

    /// One of two joined legs has broken off: so is the other, where both are sockets.
    pub(super) fn break_off_partner(&mut self, leg: Leg) {
        if let Some((partner, _)) = self.legs[leg.index()].partner
            && self.legs[leg.index()].lingers
            && self.legs[partner.index()].lingers
        {
            self.legs[partner.index()].break_off();
        }
    }

    /// From here on the conversation hears of the end and of nothing else.
    pub(super) fn hand_over(&mut self, address: Address, carrier: &mut dyn Carrier) {
        if self.phase == Phase::Open {
            self.phase = Phase::HandedOver;
            self.legs[Leg::CALLER.index()].lose();
            carrier.hand_over(address);
        }
    }

    pub(super) fn close(&mut self, reason: CloseReason, linger: bool) {
        if self.phase == Phase::Open {
            self.phase = Closing::phase(reason, linger, None);
        }
    }

    /// Closes the call at its limit. A conversation that has just closed it itself has the last word.
    pub(super) fn close_at(&mut self, limit: CallLimit, now: Now, carrier: &mut dyn Carrier) {
        if self.phase == Phase::Open {
            self.phase = Closing::phase(limit.reason(), true, Some(now.moment + LINGER));
            if let Phase::Closing(closing) = &mut self.phase {
                closing.is_answered = limit == CallLimit::Bytes;
            }
            self.settle(now, carrier);
        }
    }

    /// Whether what comes on this leg still goes to the caller, whose call is closed at its limit: it is the answer to
    /// what was let through.
    pub(super) fn owes_answer_of(&self, leg: Leg) -> bool {
        let state = &self.legs[leg.index()];
        let is_for_caller = state.partner.is_some_and(|(partner, _)| partner == Leg::CALLER);
        is_for_caller && self.is_answered() && !state.peer_finished
    }

    /// Whether the conversation may still send on this leg of a call that is closed: such an answer is moved by it.
    pub(super) fn answers_on(&self, leg: Leg) -> bool {
        leg == Leg::CALLER && self.is_answered()
    }

    fn is_answered(&self) -> bool {
        matches!(&self.phase, Phase::Closing(closing) if closing.is_answered)
    }

    /// Whether a leg of a call that is closed is read: what comes goes to the caller, or is dropped.
    #[cold]
    pub(super) fn reads_on(&self, leg: Leg) -> bool {
        self.legs[leg.index()].lingers && !(self.owes_answer_of(leg) && self.legs[0].congested)
    }

    /// More of such an answer, from this leg.
    #[cold]
    pub(super) fn answer(&mut self, now: Now, leg: Leg, bytes: &[u8], carrier: &mut dyn Carrier) {
        if self.is_moved_by_conversation(leg) {
            let mut out = self.outbox(now);
            self.conversation.received(leg, bytes, &mut out);
            return self.carry_out(out, carrier);
        }
        self.send(now, Leg::CALLER, Payload::Borrowed(bytes), carrier);
        self.settle(now, carrier);
    }

    /// A leg of a call that is closed has come to its end, and with it the answer if it had one to give.
    pub(super) fn answer_finished(&mut self, now: Now, leg: Leg, carrier: &mut dyn Carrier) {
        if leg != Leg::CALLER && self.is_answered() && self.is_moved_by_conversation(leg) {
            let mut out = self.outbox(now);
            self.conversation.peer_finished(leg, &mut out);
            return self.carry_out(out, carrier);
        }
        self.settle(now, carrier);
    }

    fn is_moved_by_conversation(&self, leg: Leg) -> bool {
        self.legs[leg.index()].partner.is_some_and(|(_, copied_by)| copied_by == CopiedBy::Conversation)
    }

    /// A closed call has waited as long as one does: it ends. But an answer in datagrams has no end of its own: this is
    /// it, and the caller, who was owed it in order, gets its own now.
    pub(super) fn waited_long_enough(&mut self, now: Now, carrier: &mut dyn Carrier) {
        let Phase::Closing(closing) = &mut self.phase else { return };
        let (reason, was_owed) = (closing.reason, closing.linger_until.take().is_none());
        let mut answers = (1..self.legs.len()).filter_map(Leg::new);
        match answers.find(|leg| self.owes_answer_of(*leg) && !self.legs[leg.index()].has_halves()) {
            Some(leg) if !was_owed => {
                self.legs[leg.index()].peer_finished = true;
                self.settle(now, carrier);
            }
            _ => self.end(now, self.honest(reason), carrier),
        }
    }

    /// `reason`, unless it claims that all was delivered on a leg that took nothing any more.
    pub(super) fn honest(&self, reason: CloseReason) -> CloseReason {
        let broken = self.broken.and_then(|leg| self.legs[leg.index()].broken.as_deref().copied());
        broken.filter(|_| reason.is_clean()).unwrap_or(reason)
    }

    /// Finishes the legs whose bytes are all sent, and ends the call when nothing is left to wait for.
    pub(super) fn settle(&mut self, now: Now, carrier: &mut dyn Carrier) {
        if self.phase == Phase::Open && !self.legs.iter().any(LegState::is_to_end) {
            return; // as after most events
        }
        let closing = matches!(self.phase, Phase::Closing(_));
        let (mut owes, mut silent, mut breaks_off) = (false, true, false);
        let answers =
            closing && (1..self.legs.len()).filter_map(Leg::new).any(|leg| self.owes_answer_of(leg));
        for (index, state) in self.legs.iter_mut().enumerate() {
            let Some(leg) = Leg::new(index) else { continue };
            if state.breaks_off && !state.owes() && carrier.is_delivered(leg) {
                carrier.abort(leg);
                state.lose();
            }
            breaks_off |= state.breaks_off;
            // Standard output outlives a call that is closed; it is finished only where that was asked for.
            state.finish_asked |= closing && state.lingers && !(answers && leg == Leg::CALLER);
            if state.finish_is_due() && !state.breaks_off {
                state.finished = true;
                if state.has_halves() {
                    carrier.finish(leg);
                }
            }
            owes |= state.owes();
            silent &= state.is_silent() && (!answers || state.has_halves());
        }
        let legs = self.legs.len();
        let mut holds_back = || (0..legs).filter_map(Leg::new).any(|leg| carrier.holds_back(leg));
        match &mut self.phase {
            Phase::Over(_) | Phase::HandedOver => {}
            Phase::Open => {
                let all_finished = self.legs.iter().all(|leg| leg.peer_finished && leg.finished);
                if all_finished && !owes && !holds_back() {
                    self.end(now, self.honest(CloseReason::Finished), carrier);
                }
            }
            Phase::Closing(closing) if breaks_off => closing.look_at = Some(now.moment + DELIVERY_LOOK),
            Phase::Closing(closing) if !owes && (silent || !closing.linger) && !holds_back() => {
                let reason = closing.reason;
                self.end(now, self.honest(reason), carrier);
            }
            Phase::Closing(closing) => {
                if !owes && closing.linger_until.is_none() && !holds_back() {
                    closing.linger_until = Some(now.moment + LINGER);
                    closing.deliver_until = None;
                }
            }
        }
    }
}

/// What a failed call says of how the call ended.
pub(super) fn reason_of(failed: CallFailed) -> CloseReason {
    // write(2) is to our own standard output, or to a file: its EPIPE is not the peer's doing, or has words of its own.
    let on_socket = !failed.call.starts_with("write(2)");
    match failed.errno {
        libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED if on_socket => CloseReason::Reset,
        libc::ETIMEDOUT => CloseReason::TimedOut,
        libc::ECONNREFUSED => CloseReason::Refused,
        _ => CloseReason::Failed(failed),
    }
}
