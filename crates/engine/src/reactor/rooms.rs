//! A worker's mail: what was published in rooms goes to its calls that are in them.
//!
//! Mail is delivered between the events of calls, never inside one: what a call publishes is heard once its
//! event is over. Bound: [`HEARD_PER_TURN`].

use std::io;

use conversation::{CallFailed, Moment, Now};

use crate::selector::Selector;
use crate::{Heard, Mail, Members, What};

use super::Reactor;

/// Calls that are told something in one turn, so that a flood of mail makes no open call wait. One message is
/// told to everybody in the room, however many they are.
const HEARD_PER_TURN: usize = 1024;

impl<S: Selector> Reactor<S> {
    /// Takes this worker's part in the rooms.
    ///
    /// # Errors
    ///
    /// A worker that answers has no eventfd(2) to be woken by. The loop of a single call goes on without: the
    /// call ends where it enters a room.
    pub(super) fn enter_rooms(&mut self) -> io::Result<()> {
        match self.wake_fd() {
            Ok(wake) => {
                let wake = move || crate::control::wake(&wake);
                self.members = Ok(Members::new(&self.host.rooms, wake));
                Ok(())
            }
            Err(error) if !self.doors.is_empty() => Err(error),
            Err(error) => {
                self.members = Err(CallFailed::new("eventfd(2)", &error));
                Ok(())
            }
        }
    }

    /// Whether calls of this worker have something to hear.
    pub(super) fn has_mail(&self) -> bool {
        self.members.as_ref().is_ok_and(Members::has_mail)
    }

    /// Tells the calls of this worker what was published for them.
    pub(super) fn deliver_mail(&mut self, now: Now) {
        let mut heard = 0;
        while heard < HEARD_PER_TURN
            && let Ok(members) = &self.members
            && let Some((mail, slots)) = members.take_mail()
        {
            heard += 1 + slots.len();
            for slot in slots {
                self.deliver(&mail, slot, now);
            }
        }
        if heard > 0 {
            self.say_missed(now);
        }
    }

    fn deliver(&mut self, mail: &Mail, slot: usize, now: Now) {
        let (mut heard, mut messages, mut why) = (Heard::Left, 1, "a subscriber reads too slowly");
        self.with(slot, now, |session, hands| match &mail.what {
            What::Bytes(bytes) => heard = session.heard(now, &mail.topic, bytes, hands),
            What::Missed(count) => {
                (messages, why) = (*count, "more was published than could be delivered");
                heard = session.missed(now, &mail.topic, *count, hands);
            }
        });
        if heard == Heard::Missed
            && let Ok(members) = &mut self.members
        {
            self.host.rooms.count_missed(messages, why);
            members.say_at = Some(now.moment);
        }
    }

    /// Lets the calls that published too much be read again.
    pub(super) fn release_publishers(&mut self, now: Now) {
        let Ok(members) = &mut self.members else { return };
        for slot in members.take_held() {
            if let Some(entry) = self.entries.get_mut(slot) {
                entry.session.release();
                self.turn(slot, now);
            }
        }
    }

    pub(super) fn say_missed_at(&self) -> Option<Moment> {
        self.members.as_ref().ok().and_then(|members| members.say_at)
    }

    /// Says what was missed, if that is due.
    pub(super) fn say_missed(&mut self, now: Now) {
        if let Ok(members) = &mut self.members
            && members.say_at.is_some_and(|due| due <= now.moment)
        {
            members.say_at = self.host.rooms.say_missed(now.moment, &*self.host.plan.observer);
        }
    }
}
