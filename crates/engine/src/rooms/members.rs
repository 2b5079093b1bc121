//! One worker's part of the rooms: which of its calls are in which, and what is to be delivered to them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use conversation::{Moment, Topic};

use super::Rooms;
use super::mailbox::{Mail, Mailbox};

/// The calls of one worker that are in a room. A worker that ends leaves all rooms.
pub struct Members {
    rooms: Arc<Rooms>,
    mailbox: Arc<Mailbox>,
    /// The slots of the calls in each room, each with the number of the first mail that came after it had
    /// entered; no entry is empty.
    slots: HashMap<Topic, BTreeMap<usize, u64>>,
    /// The slots of the calls that published more than there was room for.
    held: Vec<usize>,
    /// When [`Rooms::say_missed`] is due in this worker.
    pub(crate) say_at: Option<Moment>,
}

impl Members {
    /// The part of one more worker, which is woken by `wake`, from any thread, when there is mail or when its
    /// publishers need wait no longer.
    pub fn new(rooms: &Arc<Rooms>, wake: impl Fn() + Send + Sync + 'static) -> Members {
        let mailbox = Mailbox::new(rooms.next_number(), rooms.mailbox_bytes_max, Box::new(wake));
        let (rooms, slots) = (Arc::clone(rooms), HashMap::new());
        Members { rooms, mailbox, slots, held: Vec::new(), say_at: None }
    }

    /// The call in `slot` enters a room.
    pub fn subscribe(&mut self, topic: &Topic, slot: usize) {
        let slots = self.slots.entry(topic.clone()).or_default();
        let is_first = slots.is_empty();
        slots.insert(slot, self.mailbox.next_number());
        if is_first {
            self.rooms.reach(topic, &self.mailbox);
        }
    }

    /// The call in `slot` leaves a room.
    pub fn unsubscribe(&mut self, topic: &Topic, slot: usize) {
        let Some(slots) = self.slots.get_mut(topic) else { return };
        slots.remove(&slot);
        if slots.is_empty() {
            self.slots.remove(topic);
            self.rooms.leave(topic, &self.mailbox);
        }
    }

    /// The call in `slot` says something. Returns whether it may say more: if not, `slot` is among
    /// [`Members::take_held`] after the worker is woken.
    pub fn publish(&mut self, topic: &Topic, bytes: &Arc<[u8]>, slot: usize) -> bool {
        let hears = self.slots.get(topic).is_some_and(|slots| slots.contains_key(&slot));
        let publisher =
            |mailbox: &Arc<Mailbox>| (hears && Arc::ptr_eq(mailbox, &self.mailbox)).then_some(slot);
        let has_room = self.rooms.publish(topic, bytes, publisher, &self.mailbox);
        if !has_room && self.held.last() != Some(&slot) {
            self.held.push(slot);
        }
        has_room
    }

    /// The next mail, and the slots to deliver it to.
    pub fn take_mail(&self) -> Option<(Mail, Vec<usize>)> {
        let mail = self.mailbox.take()?;
        let slots = self.slots.get(&mail.topic).into_iter().flatten();
        let hears = |slot: &usize, since: &u64| *since <= mail.number && Some(*slot) != mail.publisher;
        let slots = slots.filter(|(slot, since)| hears(slot, since)).map(|(slot, _)| *slot).collect();
        Some((mail, slots))
    }

    /// Whether there is mail.
    #[must_use]
    pub fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// The slots of the calls that were told to wait, and may publish again. The call may be over by now.
    pub fn take_held(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.held)
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for topic in self.slots.keys() {
            self.rooms.leave(topic, &self.mailbox);
        }
        self.mailbox.close();
    }
}
