//! The one driver: all that ever calls a conversation.
//!
//! A session is a conversation with the state of its call. Engines (and the simulator) report to it what
//! happened and ask it what to wait for; it asks a [`Carrier`] to do things. It does no I/O, so its invariants
//! hold under every engine alike:
//!
//! - After each event the outbox is taken whole before the next event goes in.
//! - `now` is an argument and never goes back.
//! - What is owed on a leg is bounded: above [`HIGH_MARK_BYTES`] the legs that feed it are not read, until it
//!   is below [`LOW_MARK_BYTES`] again. One event may overshoot the mark by what it brought.
//! - A FIN from the peer drops nothing that is owed to it, and a reset is not a FIN.
//! - A session in a room never makes it wait: while a leg is congested it misses what is said, and its conversation
//!   is told how much.
//! - A close delivers what is owed first, then lets the peer finish (at most [`LINGER`]), because closing a
//!   TCP socket with unread bytes sends a reset, which destroys what the peer has not read yet (RFC 9293,
//!   section 3.6; RFC 2525, section 2.17).
//! - Within its [`CallLimits`] a call is left alone; at one it is closed as above, but what is owed has at most
//!   [`LINGER`] to be taken, so that a peer who does not read is no way round the limit.

mod call_limits;
mod carrier;
mod closing;
mod leg;
mod rooms;

use std::time::Duration;

use conversation::{
    Call, CallFailed, CloseReason, Conversation, CopiedBy, DialFailure, Effect, End, Leg, Moment, Now,
    Outbox, Payload, Shape,
};
use smallvec::{SmallVec, smallvec};

use crate::timers::earlier;

pub(crate) use closing::ON_ORDER;
use closing::{Phase, reason_of};
use leg::LegState;
pub use rooms::Heard;
use rooms::Membership;

pub use call_limits::{CallLimit, CallLimits};
pub use carrier::{Carrier, HeldSent};

/// Bytes owed on a leg from which on its feeders are no longer read.
pub const HIGH_MARK_BYTES: usize = 64 * 1024;

/// Bytes owed on a leg below which its feeders are read again.
pub const LOW_MARK_BYTES: usize = 16 * 1024;

/// How long a closed call waits for its peer to finish, its bytes being read and dropped.
pub const LINGER: Duration = Duration::from_secs(2);

/// A conversation with the state of its call.
pub struct Session {
    call: Call,
    conversation: Box<dyn Conversation>,
    legs: SmallVec<[LegState; 1]>,
    deadline: Option<Moment>,
    /// `None` where there are none: most calls have none.
    limits: Option<Box<CallLimits>>,
    /// When it has lasted as long as it may.
    last_moment: Option<Moment>,
    /// When bytes last moved on any leg.
    moved: Moment,
    phase: Phase,
    /// The first leg that broke off: another may after it, and because of it.
    broken: Option<Leg>,
    /// The conversation wants nothing read.
    is_paused: bool,
    /// It published more than there is room for.
    is_held: bool,
    /// `None` for a call that was never in a room: most are not.
    membership: Option<Box<Membership>>,
}

impl Session {
    /// A session whose call is not open yet; [`Session::opened`] comes first.
    #[must_use]
    pub fn new(call: Call, conversation: Box<dyn Conversation>, limits: CallLimits, now: Now) -> Session {
        let caller = LegState::connected(call.shape, call.peer != End::Standard);
        let (legs, moved) = (smallvec![caller], now.moment);
        let last_moment = limits.duration_max.map(|max| now.moment + max);
        Session {
            call,
            conversation,
            legs,
            deadline: None,
            limits: (limits != CallLimits::default()).then(|| Box::new(limits)),
            last_moment,
            moved,
            phase: Phase::Open,
            broken: None,
            is_paused: false,
            is_held: false,
            membership: None,
        }
    }

    /// The call as it was when it opened.
    #[must_use]
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// How the call ended, once it has. The engine then drops the session and closes its legs.
    #[must_use]
    pub fn over(&self) -> Option<CloseReason> {
        match self.phase {
            Phase::Over(reason) => Some(reason),
            Phase::Open | Phase::HandedOver | Phase::Closing(_) => None,
        }
    }

    /// Bytes received from the caller and bytes that the kernel took for it.
    #[must_use]
    pub fn moved_bytes(&self) -> (u64, u64) {
        (self.legs[0].received_bytes, self.legs[0].sent_bytes)
    }

    /// When bytes last moved on any leg.
    #[must_use]
    pub fn moved(&self) -> Moment {
        self.moved
    }

    /// The first leg that broke off, if one has.
    #[must_use]
    pub fn broken_leg(&self) -> Option<Leg> {
        self.broken
    }

    /// Whether a message from this leg has to be dropped: it feeds a leg on which more is owed than may be.
    #[must_use]
    pub fn is_full(&self, leg: Leg) -> bool {
        let partner = self.legs.get(leg.index()).and_then(|state| state.partner);
        partner.is_some_and(|(partner, _)| self.legs[partner.index()].congested)
    }

    /// Whether nothing will be done before the peer speaks again: nothing is owed, and no deadline is set.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.deadline.is_none() && !self.legs.iter().any(LegState::owes)
    }

    /// Whether the leg is to be read now. Not above a high mark, not while the conversation or a full room asks to
    /// wait, and not after the peer has finished.
    #[inline]
    #[must_use]
    pub fn wants_read(&self, leg: Leg) -> bool {
        let Some(state) = self.legs.get(leg.index()) else { return false };
        if !state.can_receive() {
            return false;
        }
        match (&self.phase, state.partner) {
            (Phase::Over(_) | Phase::HandedOver, _) => false,
            (Phase::Closing(_), _) => self.reads_on(leg),
            (Phase::Open, _) if self.is_paused || self.is_held => false,
            (Phase::Open, Some((partner, _))) => !self.legs[partner.index()].congested,
            (Phase::Open, None) => !self.legs.iter().any(|leg| leg.congested),
        }
    }

    /// Whether bytes are owed on the leg that the kernel did not take yet.
    #[must_use]
    pub fn wants_write(&self, leg: Leg) -> bool {
        self.over().is_none() && self.legs.get(leg.index()).is_some_and(LegState::owes)
    }

    /// When [`Session::deadline`] is due, if ever.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        let idle = self.idle_timeout().map(|timeout| self.moved + timeout);
        let (one, other) = match &self.phase {
            Phase::Open => (self.deadline, self.last_moment),
            Phase::Closing(closing) => {
                (earlier(closing.linger_until, closing.look_at), closing.deliver_until)
            }
            Phase::HandedOver => (None, self.last_moment),
            Phase::Over(_) => return None,
        };
        earlier(earlier(one, other), idle)
    }

    /// The call is open.
    pub fn opened(&mut self, now: Now, carrier: &mut dyn Carrier) {
        let mut out = self.outbox(now);
        self.conversation.opened(&self.call, &mut out);
        self.carry_out(out, carrier);
    }

    /// Bytes came on a leg: any cut of a byte stream, or one message.
    pub fn received(&mut self, now: Now, leg: Leg, bytes: &[u8], carrier: &mut dyn Carrier) {
        self.moved = now.moment;
        let state = &mut self.legs[leg.index()];
        state.received_bytes += bytes.len() as u64;
        let partner = state.partner;
        if self.phase != Phase::Open {
            // Read so that the peer is not stuck, and dropped: the call has been closed.
            if self.owes_answer_of(leg) {
                self.answer(now, leg, bytes, carrier);
            }
            return;
        }
        let is_beyond = self.is_beyond_bytes(leg);
        let bytes = if is_beyond { self.allowed(bytes) } else { bytes };
        match partner {
            _ if is_beyond && bytes.is_empty() => {}
            Some((partner, CopiedBy::Engine)) => {
                self.send(now, partner, Payload::Borrowed(bytes), carrier);
                self.settle(now, carrier);
            }
            Some((_, CopiedBy::Conversation)) | None => {
                let mut out = self.outbox(now);
                self.conversation.received(leg, bytes, &mut out);
                self.carry_out(out, carrier);
            }
        }
        if is_beyond {
            self.close_at(CallLimit::Bytes, now, carrier);
        }
    }

    /// The leg that gets what comes on this one, if the carrier may move it there by itself, without showing it:
    /// the two are joined byte streams, and nobody counts the bytes beforehand.
    #[must_use]
    pub fn feeds(&self, leg: Leg) -> Option<Leg> {
        let (partner, _) =
            self.legs[leg.index()].partner.filter(|(_, copied_by)| *copied_by == CopiedBy::Engine)?;
        let may_hold = self.phase == Phase::Open && self.legs[partner.index()].may_hold();
        (may_hold && self.received_bytes_max().is_none()).then_some(partner)
    }

    /// So many bytes came on a leg, and the carrier holds them for the leg that it [feeds](Session::feeds).
    pub fn held(&mut self, now: Now, leg: Leg, bytes: usize, carrier: &mut dyn Carrier) {
        self.moved = now.moment;
        let state = &mut self.legs[leg.index()];
        state.received_bytes += bytes as u64;
        if let Some((partner, _)) = state.partner
            && let Err(failed) = self.legs[partner.index()].hold(partner, bytes, carrier)
        {
            self.cannot_send(partner, failed);
        }
        self.settle(now, carrier);
    }

    /// The carrier can hold no more for this leg: its feeders are not read before some has gone.
    pub fn held_enough(&mut self, leg: Leg) {
        let state = &mut self.legs[leg.index()];
        state.congested |= state.owes();
    }

    /// The peer has finished on this leg: it sends no more, but still reads.
    pub fn peer_finished(&mut self, now: Now, leg: Leg, carrier: &mut dyn Carrier) {
        if std::mem::replace(&mut self.legs[leg.index()].peer_finished, true) {
            return;
        }
        if self.phase == Phase::Open {
            // A joined leg on which nothing could be sent any more has been read to its end: so has its call.
            let state = &self.legs[leg.index()];
            let broken = state.broken.as_deref().copied().filter(|_| state.partner.is_some());
            if broken.is_some_and(|why| !why.is_clean()) {
                self.break_off_partner(leg);
            }
            let mut out = self.outbox(now);
            self.conversation.peer_finished(leg, &mut out);
            self.carry_out(out, carrier);
            if let Some(reason) = broken {
                self.close(reason, true);
                self.settle(now, carrier);
            }
        } else {
            self.answer_finished(now, leg, carrier);
        }
    }

    /// The peer has closed its ear and breaks nothing off: a program has closed its input. What is owed to it, and what
    /// would still be sent, nobody misses. With a peer that has finished too, a joined call is over.
    pub fn peer_deaf(&mut self, now: Now, leg: Leg, carrier: &mut dyn Carrier) {
        self.stop_sending(leg, CloseReason::Finished);
        let state = &self.legs[leg.index()];
        if state.peer_finished && state.partner.is_some() {
            self.close(CloseReason::Finished, true);
        }
        self.settle(now, carrier);
    }

    /// The leg may take more of what is owed.
    pub fn writable(&mut self, now: Now, leg: Leg, carrier: &mut dyn Carrier) {
        let was_congested = self.legs[leg.index()].congested;
        match self.legs[leg.index()].flush(leg, carrier) {
            Ok(0) => {}
            Ok(_) => self.moved = now.moment,
            Err(failed) => self.cannot_send(leg, failed),
        }
        let state = &self.legs[leg.index()];
        let has_room_again = was_congested && !state.congested && state.broken.is_none();
        if has_room_again && self.phase == Phase::Open {
            let mut out = self.outbox(now);
            self.conversation.drained(leg, &mut out);
            self.carry_out(out, carrier);
            self.tell_missed(now, carrier);
        } else {
            self.settle(now, carrier);
        }
    }

    /// What the carrier [held back](Carrier::holds_back) has gone.
    pub fn gone(&mut self, now: Now, carrier: &mut dyn Carrier) {
        self.settle(now, carrier);
    }

    /// A layer of the leg cannot go on: the call ends, once what its stack still has to say has gone.
    pub fn layer_failed(&mut self, now: Now, leg: Leg, reason: CloseReason, carrier: &mut dyn Carrier) {
        self.stop_sending(leg, reason);
        self.legs[leg.index()].finished = false; // its stack says goodbye
        self.break_off_partner(leg);
        self.close(reason, true);
        self.settle(now, carrier);
    }

    /// A layer of the leg wants it reset: so it is, and the one it is joined to, once each has what was sent.
    pub fn leg_reset(&mut self, now: Now, leg: Leg, reason: CloseReason, carrier: &mut dyn Carrier) {
        self.stop_sending(leg, reason);
        self.legs[leg.index()].breaks_off = true;
        self.break_off_partner(leg);
        self.close(reason, true);
        self.settle(now, carrier);
    }

    /// The moment of [`Session::next_deadline`] has come. Early calls do nothing.
    pub fn deadline(&mut self, now: Now, carrier: &mut dyn Carrier) {
        if self.idle_timeout().is_some_and(|timeout| now.moment >= self.moved + timeout) {
            return self.end(now, CloseReason::TimedOut, carrier);
        }
        match &self.phase {
            Phase::Open if self.last_moment.is_some_and(|last| now.moment >= last) => {
                self.close_at(CallLimit::Duration, now, carrier);
            }
            Phase::Open if self.deadline.is_some_and(|due| now.moment >= due) => {
                self.deadline = None;
                let mut out = self.outbox(now);
                self.conversation.deadline(&mut out);
                self.carry_out(out, carrier);
            }
            Phase::Closing(closing)
                if closing
                    .linger_until
                    .or(closing.deliver_until)
                    .is_some_and(|until| now.moment >= until) =>
            {
                self.waited_long_enough(now, carrier);
            }
            Phase::Closing(closing) if closing.look_at.is_some_and(|look_at| now.moment >= look_at) => {
                self.settle(now, carrier);
            }
            Phase::HandedOver if self.last_moment.is_some_and(|last| now.moment >= last) => {
                self.end(now, CallLimit::Duration.reason(), carrier);
            }
            Phase::Open | Phase::HandedOver | Phase::Closing(_) | Phase::Over(_) => {}
        }
    }

    /// A dialled leg is open: of this shape, and either a socket, which lingers when it is closed, or the
    /// standard input and output, which do not.
    pub fn connected(
        &mut self,
        now: Now,
        leg: Leg,
        shape: Shape,
        is_socket: bool,
        carrier: &mut dyn Carrier,
    ) {
        self.legs[leg.index()].connect(shape, is_socket);
        if self.phase != Phase::Open {
            return self.settle(now, carrier);
        }
        let mut out = self.outbox(now);
        self.conversation.connected(leg, &mut out);
        self.carry_out(out, carrier);
    }

    /// Whether a leg is still to be opened.
    #[must_use]
    pub fn is_dialling(&self, leg: Leg) -> bool {
        self.over().is_none() && self.legs.get(leg.index()).is_some_and(LegState::is_dialling)
    }

    /// Whether nothing but the end is still to come of it.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.phase != Phase::Open
    }

    /// A dialled leg could not be opened; the conversation may dial it again.
    pub fn dial_failed(&mut self, now: Now, leg: Leg, why: &DialFailure, carrier: &mut dyn Carrier) {
        let mut out = self.outbox(now);
        if self.phase == Phase::Open {
            self.conversation.dial_failed(leg, why, &mut out);
        }
        if !out.dials(leg) {
            if self.legs[leg.index()].owes() {
                self.stop_sending(leg, CloseReason::Refused); // what was sent on it is lost: the call did not finish
            }
            self.legs[leg.index()].lose();
            self.break_off_partner(leg);
        }
        self.carry_out(out, carrier);
    }

    /// The caller's host name was looked up.
    pub fn peer_named(&mut self, now: Now, name: Option<&str>, carrier: &mut dyn Carrier) {
        if self.phase == Phase::Open {
            let mut out = self.outbox(now);
            self.conversation.peer_named(name, &mut out);
            self.carry_out(out, carrier);
        }
    }

    /// A leg failed while it was read or waited for. What is owed on the other legs is still delivered.
    pub fn leg_failed(&mut self, now: Now, leg: Leg, failed: CallFailed, carrier: &mut dyn Carrier) {
        let reason = reason_of(failed);
        self.stop_sending(leg, reason);
        self.legs[leg.index()].lose();
        self.break_off_partner(leg);
        self.close(reason, true);
        self.settle(now, carrier);
    }

    fn outbox<'a>(&self, now: Now) -> Outbox<'a> {
        let legs_that = |is: fn(&LegState) -> bool| {
            let those = self.legs.iter().enumerate().filter(move |(_, state)| is(state));
            those.filter_map(|(index, _)| Leg::new(index))
        };
        let congested = legs_that(|leg| leg.congested);
        Outbox::new(now, self.legs.len(), congested)
            .after(legs_that(|leg| leg.received_bytes > 0), self.moved)
    }

    fn carry_out(&mut self, out: Outbox<'_>, carrier: &mut dyn Carrier) {
        let now = out.now();
        for effect in out.into_effects() {
            match effect {
                Effect::Send { leg, bytes } => self.send(now, leg, bytes, carrier),
                Effect::Finish(leg) => self.legs[leg.index()].finish_asked = true,
                Effect::Close { reason, linger } => self.close(reason, linger),
                Effect::Abort(reason) => return self.end(now, reason, carrier),
                Effect::Dial { leg, dialling } => {
                    debug_assert!(leg.index() <= self.legs.len());
                    if leg.index() == self.legs.len() {
                        self.legs.push(LegState::dialling());
                    }
                    carrier.dial(leg, *dialling);
                }
                Effect::Tell(notice) => carrier.tell(&notice),
                Effect::HandOver(address) => {
                    self.hand_over(*address, carrier);
                }
                Effect::Join { a, b, copied_by } => {
                    self.legs[a.index()].partner = Some((b, copied_by));
                    self.legs[b.index()].partner = Some((a, copied_by));
                }
                Effect::Deadline(due) => self.deadline = due,
                Effect::NamePeer => carrier.name_peer(),
                Effect::Subscribe(topic) => self.subscribe(topic, carrier),
                Effect::Unsubscribe(topic) => self.unsubscribe(&topic, carrier),
                Effect::Publish { topic, bytes } => self.is_held |= !carrier.publish(&topic, &bytes),
                Effect::PauseReading => self.is_paused = true,
                Effect::ReadOn => self.is_paused = false,
                Effect::Output(bytes) => {
                    if let Err(failed) = carrier.output(&bytes) {
                        return self.end(now, CloseReason::Failed(failed), carrier);
                    }
                }
            }
        }
        self.settle(now, carrier);
    }

    fn send(&mut self, now: Now, leg: Leg, bytes: Payload<'_>, carrier: &mut dyn Carrier) {
        if self.phase != Phase::Open && !self.answers_on(leg) {
            return; // asked for behind its own close
        }
        match self.legs[leg.index()].send(leg, bytes, carrier) {
            Ok(0) => {}
            Ok(_) => self.moved = now.moment,
            Err(failed) => self.cannot_send(leg, failed),
        }
    }
}
