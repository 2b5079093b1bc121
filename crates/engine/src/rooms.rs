//! Rooms: what one call publishes, the calls of every worker hear.
//!
//! Workers share nothing on the way of a byte but this. A worker's part is [`Members`]: which of its calls
//! are in which room, and the [`Mailbox`] by which it is reached. [`Rooms`] knows which mailboxes a topic
//! reaches, so a message goes only to workers that have a subscriber, once each; its bytes are in memory once
//! in all.
//!
//! What is protected, so that no call makes another wait and none fills the memory:
//!
//! - Who publishes does not hear itself. Everybody else in the room hears each publisher's messages once and
//!   in order, or is told how many it missed, in the place where they are missing.
//! - A mailbox has a bound in bytes ([`Limits::mailbox_bytes_max`](crate::Limits)). Above an eighth of it the
//!   calls that publish into it are read no further until the worker has caught up, which it does however
//!   slowly its callers read. At the bound messages are missed.
//! - What is missed is counted, and said at most once a second ([`Event::Missed`]).

mod mailbox;
mod members;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use conversation::{Moment, Topic};

use crate::{Event, Observer};

use mailbox::Mailbox;
pub use mailbox::{Mail, What};
pub use members::Members;

/// How often at most it is said that messages were missed.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// Who can be reached by which topic, in all workers of a run.
pub struct Rooms {
    /// The mailboxes of the workers that have a subscriber; no entry is empty.
    reached: RwLock<HashMap<Topic, Vec<Arc<Mailbox>>>>,
    /// Mailboxes made so far, which numbers them.
    mailboxes: AtomicUsize,
    mailbox_bytes_max: usize,
    missed: Mutex<Missed>,
}

/// What was missed and not said yet.
#[derive(Default)]
struct Missed {
    messages: u64,
    why: &'static str,
    said: Option<Moment>,
}

impl Rooms {
    /// No rooms yet. Each worker's mailbox will hold at most so many bytes; a message that is longer
    /// alone is missed by everybody.
    #[must_use]
    pub fn new(mailbox_bytes_max: usize) -> Arc<Rooms> {
        Arc::new(Rooms {
            reached: RwLock::default(),
            mailboxes: AtomicUsize::new(0),
            mailbox_bytes_max,
            missed: Mutex::default(),
        })
    }

    /// Counts messages that a subscriber missed.
    pub fn count_missed(&self, messages: u64, why: &'static str) {
        let mut missed = self.missed();
        missed.messages += messages;
        missed.why = why;
    }

    /// Says what was missed, if anything and if the last time is a second ago. Returns when to come back, if
    /// something is still to be said.
    pub fn say_missed(&self, now: Moment, observer: &dyn Observer) -> Option<Moment> {
        let (messages, why) = {
            let mut missed = self.missed();
            let due = missed.said.map_or(Moment::START, |said| said + SAY_EVERY);
            if missed.messages == 0 || now < due {
                return (missed.messages > 0).then_some(due);
            }
            missed.said = Some(now);
            (std::mem::take(&mut missed.messages), missed.why)
        };
        observer.event(&Event::Missed { messages, why });
        None
    }

    /// Says what is left to be said at the end of a run.
    pub(crate) fn say_last(&self, observer: &dyn Observer) {
        self.missed().said = None;
        self.say_missed(Moment::START, observer);
    }

    /// Puts a message into the mailbox of every worker that has somebody in the room. Returns whether all of
    /// them have room for more; where one has not, `sender` is woken once it has.
    fn publish(
        &self,
        topic: &Topic,
        bytes: &Arc<[u8]>,
        publisher: impl Fn(&Arc<Mailbox>) -> Option<usize>,
        sender: &Arc<Mailbox>,
    ) -> bool {
        // A worker that panicked while it held the lock had added or taken off a whole mailbox.
        let reached = self.reached.read().unwrap_or_else(PoisonError::into_inner);
        let mailboxes = reached.get(topic).map(Vec::as_slice).unwrap_or_default();
        let put = mailboxes.iter().map(|mailbox| mailbox.put(topic, publisher(mailbox), bytes, sender));
        put.filter(|has_room| !has_room).count() == 0
    }

    /// The worker of this mailbox has its first subscriber of the topic.
    fn reach(&self, topic: &Topic, mailbox: &Arc<Mailbox>) {
        let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
        reached.entry(topic.clone()).or_default().push(Arc::clone(mailbox));
    }

    /// The worker of this mailbox has no subscriber of the topic any more.
    fn leave(&self, topic: &Topic, mailbox: &Arc<Mailbox>) {
        let mut reached = self.reached.write().unwrap_or_else(PoisonError::into_inner);
        let Some(mailboxes) = reached.get_mut(topic) else { return };
        mailboxes.retain(|other| !Arc::ptr_eq(other, mailbox));
        if mailboxes.is_empty() {
            reached.remove(topic);
        }
    }

    fn next_number(&self) -> usize {
        self.mailboxes.fetch_add(1, Ordering::Relaxed)
    }

    fn missed(&self) -> std::sync::MutexGuard<'_, Missed> {
        // Whoever panicked while holding it had counted a whole message.
        self.missed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
