//! A session's part in rooms: where it is, what it hears, and what it missed.
//!
//! A room feeds every leg of the call, as any leg does; but it cannot be made to wait. So while a leg is
//! congested, what would be heard is counted instead, and the conversation is told the count once there is
//! room again.

use std::sync::Arc;

use conversation::{Now, Topic};

use super::{Carrier, Phase, Session};

/// The rooms that a call is in.
#[derive(Default)]
pub(super) struct Membership {
    /// Each with the messages that were missed there since the conversation was told last. Few: the engine
    /// bounds them.
    rooms: Vec<(Topic, u64)>,
}

impl Session {
    /// Another call published this in a room.
    pub fn heard(&mut self, now: Now, topic: &Topic, bytes: &Arc<[u8]>, carrier: &mut dyn Carrier) -> Heard {
        self.tell_missed(now, carrier);
        let is_congested = self.is_congested();
        match self.missed_in(topic) {
            Some(missed) if is_congested => {
                *missed += 1;
                Heard::Missed
            }
            Some(_) => {
                let mut out = self.outbox(now);
                self.conversation.heard(topic, bytes, &mut out);
                self.carry_out(out, carrier);
                Heard::Told
            }
            None => Heard::Left,
        }
    }

    /// So many messages were published in a room and could not be kept for this call.
    pub fn missed(&mut self, now: Now, topic: &Topic, messages: u64, carrier: &mut dyn Carrier) -> Heard {
        let Some(missed) = self.missed_in(topic) else { return Heard::Left };
        *missed += messages;
        self.tell_missed(now, carrier);
        Heard::Missed
    }

    /// What it published has room to be delivered again: its legs may be read on.
    pub fn release(&mut self) {
        self.is_held = false;
    }

    /// Whether it published more than there was room for, and waits for [`Session::release`].
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }

    /// Tells the conversation what it missed, as long as it may be told anything and there is room.
    pub(super) fn tell_missed(&mut self, now: Now, carrier: &mut dyn Carrier) {
        while !self.is_congested()
            && let Some((topic, messages)) = self.take_missed()
        {
            let mut out = self.outbox(now);
            self.conversation.missed(&topic, messages, &mut out);
            self.carry_out(out, carrier);
        }
    }

    pub(super) fn subscribe(&mut self, topic: Topic, carrier: &mut dyn Carrier) {
        let membership = self.membership.get_or_insert_default();
        if self.phase != Phase::Open || membership.rooms.iter().any(|(other, _)| *other == topic) {
            return;
        }
        match carrier.subscribe(&topic, membership.rooms.len()) {
            Ok(()) => membership.rooms.push((topic, 0)),
            Err(reason) => self.close(reason, true),
        }
    }

    pub(super) fn unsubscribe(&mut self, topic: &Topic, carrier: &mut dyn Carrier) {
        let Some(membership) = &mut self.membership else { return };
        if let Some(index) = membership.rooms.iter().position(|(other, _)| other == topic) {
            membership.rooms.swap_remove(index);
            carrier.unsubscribe(topic);
        }
    }

    /// The call is over: it leaves all its rooms.
    pub(super) fn leave_rooms(&mut self, carrier: &mut dyn Carrier) {
        let membership = self.membership.take();
        for (topic, _) in membership.map(|membership| membership.rooms).unwrap_or_default() {
            carrier.unsubscribe(&topic);
        }
    }

    /// The count of what was missed in a room; `None` when nothing of it is to reach the conversation.
    fn missed_in(&mut self, topic: &Topic) -> Option<&mut u64> {
        let membership = self.membership.as_mut().filter(|_| self.phase == Phase::Open)?;
        membership.rooms.iter_mut().find(|(other, _)| other == topic).map(|(_, missed)| missed)
    }

    fn take_missed(&mut self) -> Option<(Topic, u64)> {
        let membership = self.membership.as_mut().filter(|_| self.phase == Phase::Open)?;
        let (topic, missed) = membership.rooms.iter_mut().find(|(_, missed)| *missed > 0)?;
        Some((topic.clone(), std::mem::take(missed)))
    }

    fn is_congested(&self) -> bool {
        self.legs.iter().any(|leg| leg.congested)
    }
}

/// What became of something that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The conversation was told.
    Told,
    /// It was counted; the conversation is told the count.
    Missed,
    /// The call has left the room, or is closing.
    Left,
}
