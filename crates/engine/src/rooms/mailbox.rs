//! One worker's mailbox: what was published for its calls and is not delivered yet.
//!
//! Bounds, in bytes: at an eighth of the bound publishers are asked to wait; at the bound messages are
//! counted instead of kept, until the mailbox has been emptied, so that the count stands where the messages
//! would. Who enters a room while messages are counted there may be told of some from before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conversation::Topic;

/// What a message counts beyond its bytes, so that a mailbox of empty messages is bounded too.
const MAIL_OVERHEAD_BYTES: usize = 64;

/// Above this part of the bound, publishers wait.
const MARK_PART: usize = 8;

/// Something for everybody in a room, but for its publisher.
pub struct Mail {
    /// Which room.
    pub topic: Topic,
    /// The slot of the call that published it, if that call is in the room and of this worker. A call that
    /// takes the slot later has not missed it: it came later.
    pub(super) publisher: Option<usize>,
    /// Its place among all that was ever put into the mailbox: who has entered the room since does not hear
    /// it.
    pub(super) number: u64,
    /// What it is.
    pub what: What,
}

/// What is in a mail.
pub enum What {
    /// A message.
    Bytes(Arc<[u8]>),
    /// So many messages that there was no room for.
    Missed(u64),
}

pub(super) struct Mailbox {
    /// No two mailboxes of a run have the same.
    number: usize,
    bytes_max: usize,
    /// Wakes the worker.
    wake: Box<dyn Fn() + Send + Sync>,
    pile: Mutex<Pile>,
}

#[derive(Default)]
struct Pile {
    mail: VecDeque<(Topic, Option<usize>, Arc<[u8]>)>,
    /// Bytes in `mail`, with the overhead of each.
    bytes: usize,
    /// How much mail was taken in all: the number of the first in `mail`.
    taken: u64,
    /// Messages that there was no room for behind what is in `mail`, by topic and publisher.
    missed: HashMap<(Topic, Option<usize>), u64>,
    /// Whose publishers wait for room.
    waiting: Vec<Arc<Mailbox>>,
}

impl Mailbox {
    pub(super) fn new(number: usize, bytes_max: usize, wake: Box<dyn Fn() + Send + Sync>) -> Arc<Mailbox> {
        Arc::new(Mailbox { number, bytes_max, wake, pile: Mutex::default() })
    }

    /// Puts a message in, or counts it as missed. Returns whether there is room for more; if not, `sender`
    /// will be woken. The own worker is not woken: it looks before it waits.
    pub(super) fn put(
        &self,
        topic: &Topic,
        publisher: Option<usize>,
        bytes: &Arc<[u8]>,
        sender: &Arc<Mailbox>,
    ) -> bool {
        let mut pile = self.pile();
        let was_empty = pile.is_empty();
        let cost = bytes.len() + MAIL_OVERHEAD_BYTES;
        if pile.missed.is_empty() && pile.bytes + cost <= self.bytes_max {
            pile.bytes += cost;
            pile.mail.push_back((topic.clone(), publisher, Arc::clone(bytes)));
        } else {
            *pile.missed.entry((topic.clone(), publisher)).or_default() += 1;
        }
        let has_room = pile.bytes <= self.bytes_max / MARK_PART && pile.missed.is_empty();
        if !has_room && !pile.waiting.iter().any(|waiting| waiting.number == sender.number) {
            pile.waiting.push(Arc::clone(sender));
        }
        drop(pile);
        if was_empty && self.number != sender.number {
            (self.wake)();
        }
        has_room
    }

    /// The oldest mail. Wakes who waits for room once half of what made them wait is delivered.
    pub(super) fn take(&self) -> Option<Mail> {
        let mut pile = self.pile();
        let mail = pile.take();
        if pile.bytes <= self.bytes_max / MARK_PART / 2 && pile.missed.is_empty() {
            let waiting = std::mem::take(&mut pile.waiting);
            drop(pile);
            waiting.iter().for_each(|mailbox| (mailbox.wake)());
        }
        mail
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pile().is_empty()
    }

    /// The number of the mail that comes next.
    pub(super) fn next_number(&self) -> u64 {
        let pile = self.pile();
        pile.taken + pile.mail.len() as u64
    }

    /// Nobody will take anything any more: nobody is to wait for it.
    pub(super) fn close(&self) {
        let pile = std::mem::take(&mut *self.pile());
        pile.waiting.iter().for_each(|mailbox| (mailbox.wake)());
    }

    fn pile(&self) -> MutexGuard<'_, Pile> {
        // Whoever panicked while holding it, by a failed allocation at most, had changed one entry.
        self.pile.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pile {
    fn is_empty(&self) -> bool {
        self.mail.is_empty() && self.missed.is_empty()
    }

    fn take(&mut self) -> Option<Mail> {
        if let Some((topic, publisher, bytes)) = self.mail.pop_front() {
            self.bytes -= bytes.len() + MAIL_OVERHEAD_BYTES;
            let number = self.taken;
            self.taken += 1;
            if self.mail.is_empty() {
                self.mail = VecDeque::new(); // an idle worker holds no memory for it
            }
            return Some(Mail { topic, publisher, number, what: What::Bytes(bytes) });
        }
        let key = self.missed.keys().next()?.clone();
        let missed = self.missed.remove(&key)?;
        let (topic, publisher) = key;
        Some(Mail { topic, publisher, number: u64::MAX, what: What::Missed(missed) })
    }
}
