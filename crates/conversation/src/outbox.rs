//! Where a conversation puts what it wants done.

use std::sync::Arc;

use address::Address;
use smallvec::SmallVec;

use crate::{CloseReason, CopiedBy, Dialling, Effect, Leg, Moment, Notice, Now, Payload, Topic};

/// Effects that fit without an allocation. Most events ask for one or two.
const INLINE: usize = 3;

/// The effects of one event, in order, and the time at which it happened.
///
/// It lives for one event: the engine makes it, the conversation fills it, the engine takes all of it before
/// the next event. So it may borrow (`'a`) from the bytes that the event brought.
#[derive(Debug)]
pub struct Outbox<'a> {
    now: Now,
    legs: usize,
    /// A bit for each leg.
    congested: u16,
    /// A bit for each leg.
    heard: u16,
    moved: Moment,
    effects: SmallVec<[Effect<'a>; INLINE]>,
}

impl<'a> Outbox<'a> {
    /// An empty outbox for an event at `now` on a call that has `legs` legs so far, of which these are
    /// congested.
    #[must_use]
    pub fn new(now: Now, legs: usize, congested: impl Iterator<Item = Leg>) -> Self {
        let congested = bits(congested);
        Outbox { now, legs, congested, heard: 0, moved: now.moment, effects: SmallVec::new() }
    }

    /// The same on a call that has heard something on these legs, and on which bytes last moved then.
    #[must_use]
    pub fn after(self, heard: impl Iterator<Item = Leg>, moved: Moment) -> Self {
        Outbox { heard: bits(heard), moved, ..self }
    }

    /// When the event happened.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// Whether so much was owed on the leg before this event that `drained` will say when there is room again.
    /// A conversation that sends more than it receives waits for that.
    #[must_use]
    pub fn is_congested(&self, leg: Leg) -> bool {
        self.congested & 1 << leg.index() != 0
    }

    /// Whether anything has come on the leg so far, also while the engine copied it to another.
    #[must_use]
    pub fn has_heard(&self, leg: Leg) -> bool {
        self.heard & 1 << leg.index() != 0
    }

    /// When bytes last moved on any leg; at first, when the call was opened.
    #[must_use]
    pub fn moved(&self) -> Moment {
        self.moved
    }

    /// Asks for [`Effect::Send`]. Empty bytes on a byte stream are nothing; as a message they are a message.
    pub fn send(&mut self, leg: Leg, bytes: impl Into<Payload<'a>>) {
        self.effects.push(Effect::Send { leg, bytes: bytes.into() });
    }

    /// Asks for [`Effect::Finish`].
    pub fn finish(&mut self, leg: Leg) {
        self.effects.push(Effect::Finish(leg));
    }

    /// Asks for [`Effect::Close`] with the reason `Finished`.
    pub fn close(&mut self) {
        self.close_because(CloseReason::Finished);
    }

    /// Asks for [`Effect::Close`].
    pub fn close_because(&mut self, reason: CloseReason) {
        self.effects.push(Effect::Close { reason, linger: true });
    }

    /// Asks for [`Effect::Close`] without lingering: the peer has shown that it got all that matters.
    pub fn hang_up(&mut self) {
        self.effects.push(Effect::Close { reason: CloseReason::Finished, linger: false });
    }

    /// Asks for [`Effect::Abort`].
    pub fn abort(&mut self, reason: CloseReason) {
        self.effects.push(Effect::Abort(reason));
    }

    /// Asks for [`Effect::Dial`] and says which leg the call will be.
    ///
    /// Returns `None`, and asks for nothing, when the call has [`Leg::MAX`] legs already.
    pub fn dial(&mut self, dialling: impl Into<Dialling>) -> Option<Leg> {
        let leg = Leg::new(self.legs)?;
        self.legs += 1;
        self.dial_again(leg, dialling);
        Some(leg)
    }

    /// Asks for [`Effect::Dial`] of a leg whose dial has just failed.
    pub fn dial_again(&mut self, leg: Leg, dialling: impl Into<Dialling>) {
        self.effects.push(Effect::Dial { leg, dialling: Box::new(dialling.into()) });
    }

    /// Whether it asks for a dial of this leg.
    #[must_use]
    pub fn dials(&self, leg: Leg) -> bool {
        self.effects
            .iter()
            .any(|effect| matches!(effect, Effect::Dial { leg: dialled, .. } if *dialled == leg))
    }

    /// Asks for [`Effect::Tell`].
    pub fn tell(&mut self, notice: Notice) {
        self.effects.push(Effect::Tell(Box::new(notice)));
    }

    /// Asks for [`Effect::HandOver`].
    pub fn hand_over(&mut self, address: Address) {
        self.effects.push(Effect::HandOver(Box::new(address)));
    }

    /// Asks for [`Effect::Join`].
    pub fn join(&mut self, a: Leg, b: Leg, copied_by: CopiedBy) {
        self.effects.push(Effect::Join { a, b, copied_by });
    }

    /// Asks for [`Effect::Deadline`] at `moment`.
    pub fn deadline_at(&mut self, moment: Moment) {
        self.effects.push(Effect::Deadline(Some(moment)));
    }

    /// Takes the deadline back.
    pub fn no_deadline(&mut self) {
        self.effects.push(Effect::Deadline(None));
    }

    /// Asks for [`Effect::NamePeer`].
    pub fn name_peer(&mut self) {
        self.effects.push(Effect::NamePeer);
    }

    /// Asks for [`Effect::Output`].
    pub fn output(&mut self, bytes: impl Into<Payload<'a>>) {
        self.effects.push(Effect::Output(bytes.into()));
    }

    /// Asks for [`Effect::Subscribe`].
    pub fn subscribe(&mut self, topic: &Topic) {
        self.effects.push(Effect::Subscribe(topic.clone()));
    }

    /// Asks for [`Effect::Unsubscribe`].
    pub fn unsubscribe(&mut self, topic: &Topic) {
        self.effects.push(Effect::Unsubscribe(topic.clone()));
    }

    /// Asks for [`Effect::Publish`].
    pub fn publish(&mut self, topic: &Topic, bytes: impl Into<Arc<[u8]>>) {
        self.effects.push(Effect::Publish { topic: topic.clone(), bytes: bytes.into() });
    }

    /// Asks for [`Effect::PauseReading`].
    pub fn pause_reading(&mut self) {
        self.effects.push(Effect::PauseReading);
    }

    /// Asks for [`Effect::ReadOn`].
    pub fn read_on(&mut self) {
        self.effects.push(Effect::ReadOn);
    }

    /// The effects, in the order in which they were asked.
    pub fn into_effects(self) -> impl Iterator<Item = Effect<'a>> {
        self.effects.into_iter()
    }
}

fn bits(legs: impl Iterator<Item = Leg>) -> u16 {
    legs.fold(0, |bits, leg| bits | 1 << leg.index())
}
