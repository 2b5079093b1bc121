//! The promises of the driver, checked at every step of a run.
//!
//! An account of what each leg was promised (the conversation's sends, and what the engine copies between
//! joined legs) is held against what the driver hands to its carrier. What is protected: the rules of a
//! conversation (no event before `opened` or after `closed`, which comes once; time never goes back) and those
//! of a session (every byte once and in order, nothing read above the high mark, a finish behind all that is
//! owed, a clean end only when all was delivered; nothing heard but in a room that it is in, and while there is
//! room for it).

use std::collections::VecDeque;

use conversation::{CloseReason, CopiedBy, Effect, Leg, Moment, Shape, Topic};
use engine::{HIGH_MARK_BYTES, LOW_MARK_BYTES};

use crate::Happened;

#[derive(Default)]
pub(crate) struct Checks {
    legs: Vec<Account>,
    pub(crate) events: Vec<(Moment, Happened)>,
    pub(crate) violations: Vec<String>,
    closed: Option<CloseReason>,
    /// What is received from here on is dropped, and so is what the conversation asks for.
    closing: bool,
    /// The call is at a limit of its own: the driver closes it behind the event that is under way.
    at_limit: bool,
    name_asked: bool,
    deadline: Option<Moment>,
    /// The rooms that it asked to be in.
    rooms: Vec<Topic>,
    /// It asked that nothing be read.
    paused: bool,
    /// What was owed on the leg whose dial has just failed: it still is if that is dialled again.
    undialled: Option<Account>,
}

#[derive(Clone)]
struct Account {
    /// `None` until it is connected.
    shape: Option<Shape>,
    /// What is still to be sent, oldest first.
    promised: VecDeque<Vec<u8>>,
    /// Bytes of the first that are sent.
    front_sent: usize,
    promised_bytes: usize,
    partner: Option<(usize, CopiedBy)>,
    finish_asked: bool,
    finished: bool,
    peer_finished: bool,
    /// It takes nothing any more.
    broken: bool,
}

impl Account {
    fn new(shape: Option<Shape>) -> Account {
        Account {
            shape,
            promised: VecDeque::new(),
            front_sent: 0,
            promised_bytes: 0,
            partner: None,
            finish_asked: false,
            finished: false,
            peer_finished: false,
            broken: false,
        }
    }

    fn promise(&mut self, bytes: &[u8]) {
        let nothing = bytes.is_empty() && self.shape == Some(Shape::Stream);
        if !self.finish_asked && !self.broken && !nothing {
            self.promised_bytes += bytes.len();
            self.promised.push_back(bytes.to_vec());
        }
    }

    fn forget(&mut self) {
        self.promised.clear();
        self.front_sent = 0;
        self.promised_bytes = 0;
    }

    fn took(&mut self, mut taken: &[u8]) -> bool {
        self.promised_bytes = self.promised_bytes.saturating_sub(taken.len());
        if self.shape.is_some_and(Shape::keeps_boundaries) {
            return self.promised.pop_front().is_some_and(|message| message == taken);
        }
        loop {
            let Some(front) = self.promised.front() else { return taken.is_empty() };
            let rest = &front[self.front_sent..];
            let length = rest.len().min(taken.len());
            if rest[..length] != taken[..length] {
                return false;
            }
            if length < rest.len() {
                self.front_sent += length;
                return true;
            }
            taken = &taken[length..];
            self.promised.pop_front();
            self.front_sent = 0;
            if taken.is_empty() {
                return true;
            }
        }
    }
}

/// What the simulator reports.
impl Checks {
    pub(crate) fn new(shape: Shape) -> Checks {
        Checks { legs: vec![Account::new(Some(shape))], ..Checks::default() }
    }

    /// Bytes are about to be given to the session, of which so many are within the call's limit.
    pub(crate) fn receiving(&mut self, leg: Leg, bytes: &[u8], within: usize) {
        if self.closing {
            return;
        }
        if self.paused {
            self.violations.push(format!("leg {} was read, and reading is paused", leg.index()));
        }
        self.at_limit |= within < bytes.len();
        let partner = self.legs[leg.index()].partner;
        for (index, account) in self.legs.iter().enumerate() {
            let is_fed = partner.is_none_or(|(partner, _)| partner == index);
            if is_fed && account.promised_bytes >= HIGH_MARK_BYTES {
                let owed = account.promised_bytes;
                self.violations
                    .push(format!("leg {} was read while {owed} bytes are owed on {index}", leg.index()));
                break;
            }
        }
        if let Some((partner, CopiedBy::Engine)) = partner {
            self.legs[partner].promise(&bytes[..within]);
        }
    }

    /// The call has lasted as long as it may.
    pub(crate) fn at_limit(&mut self) {
        self.at_limit = true;
    }

    /// An event has been given to the session, which has done what follows from it.
    pub(crate) fn event_is_over(&mut self) {
        self.closing |= self.at_limit;
    }

    /// The carrier took these bytes.
    pub(crate) fn took(&mut self, leg: Leg, taken: &[u8]) {
        let account = &mut self.legs[leg.index()];
        let finished = account.finished;
        if !account.took(taken) {
            self.violations.push(format!("leg {} sent other bytes than it was promised", leg.index()));
        }
        if finished {
            self.violations.push(format!("leg {} sent after its finish", leg.index()));
        }
    }

    /// The carrier could not send.
    pub(crate) fn send_failed(&mut self, leg: Leg, ends_call: bool) {
        let account = &mut self.legs[leg.index()];
        account.forget();
        account.broken = true;
        self.closing |= ends_call || account.peer_finished;
    }

    /// Receiving failed, or the session is ended from outside.
    pub(crate) fn leg_failed(&mut self, leg: Leg) {
        self.legs[leg.index()].forget();
        self.legs[leg.index()].broken = true;
        self.closing = true;
    }

    /// The carrier was told to abort.
    pub(crate) fn aborting(&mut self, leg: Leg) {
        self.legs[leg.index()].forget();
    }

    pub(crate) fn ending(&mut self) {
        self.closing = true;
        for account in &mut self.legs {
            account.forget();
        }
    }

    /// The carrier was told to finish.
    pub(crate) fn finishing(&mut self, leg: Leg) {
        let account = &mut self.legs[leg.index()];
        let owed = account.promised_bytes;
        let asked = account.finish_asked || self.closing || self.at_limit;
        let again = std::mem::replace(&mut account.finished, true);
        if owed > 0 {
            self.violations.push(format!("leg {} finished while it owes {owed} bytes", leg.index()));
        }
        if again || !asked {
            self.violations.push(format!("leg {} finished again, or nobody asked for it", leg.index()));
        }
    }

    pub(crate) fn connected(&mut self, leg: Leg, shape: Shape) {
        self.legs[leg.index()].shape = Some(shape);
    }

    /// The driver closes the call, at a limit.
    pub(crate) fn closes(&mut self) {
        self.closing = true;
    }

    /// Whether anything is owed on the leg.
    pub(crate) fn owes(&self, leg: Leg) -> bool {
        self.legs.get(leg.index()).is_some_and(|account| !account.promised.is_empty())
    }

    /// Whether the call has been closed; what is received then is dropped.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing
    }

    /// The session is over for this reason.
    pub(crate) fn over(&mut self, reason: CloseReason) {
        match self.closed {
            None => self.violations.push("the call is over, and closed was not called".to_owned()),
            Some(closed) if closed != reason && reason.is_clean() => {
                self.violations.push(format!("it was told \"{closed}\" and ended \"{reason}\""));
            }
            Some(_) => {}
        }
        let owing = self.legs.iter().position(|account| !account.promised.is_empty());
        if let Some(leg) = owing.filter(|_| reason.is_clean()) {
            self.violations.push(format!("ended \"{reason}\" while leg {leg} owes bytes"));
        }
    }
}

/// What the watched conversation reports.
impl Checks {
    pub(crate) fn legs(&self) -> usize {
        self.legs.len()
    }

    /// The conversation will be told that these legs are congested, and no others.
    pub(crate) fn told_congested(&mut self, congested: &[Leg]) {
        for (index, account) in self.legs.iter().enumerate() {
            let told = congested.iter().any(|leg| leg.index() == index);
            let owed = account.promised_bytes;
            if owed >= HIGH_MARK_BYTES && !told || told && account.promised.is_empty() {
                self.violations
                    .push(format!("{owed} bytes are owed on leg {index}, and congested is {told}"));
            }
        }
    }

    /// An event is about to be given to the conversation.
    pub(crate) fn event(&mut self, now: Moment, happened: Happened) {
        let mut wrong = Vec::new();
        if self.closed.is_some() {
            wrong.push("came after closed");
        }
        if self.events.is_empty() != (happened == Happened::Opened)
            && !matches!(happened, Happened::Closed(_))
        {
            wrong.push("came where opened must come once and first");
        }
        if self.events.last().is_some_and(|(last, _)| *last > now) {
            wrong.push("came at a time before the last");
        }
        match &happened {
            Happened::Opened | Happened::Connected(_) => {}
            Happened::Drained(leg) => {
                let account = &self.legs[leg.index()];
                if account.broken || account.promised_bytes >= LOW_MARK_BYTES {
                    wrong.push("came where there is no room");
                }
            }
            Happened::Received(leg, _) | Happened::PeerFinished(leg) => {
                let account = &mut self.legs[leg.index()];
                if account.shape.is_none() || account.peer_finished {
                    wrong.push("came on a leg that is not open or has finished");
                }
                account.peer_finished |= matches!(happened, Happened::PeerFinished(_));
            }
            Happened::Deadline => {
                if self.deadline.take().is_none_or(|due| due > now) {
                    wrong.push("was not asked for, or not yet");
                }
            }
            Happened::DialFailed(leg, _) => {
                self.undialled = Some(self.legs[leg.index()].clone());
                self.legs[leg.index()].forget();
                self.legs[leg.index()].broken = true;
            }
            Happened::PeerNamed(_) => {
                if !std::mem::take(&mut self.name_asked) {
                    wrong.push("was not asked for");
                }
            }
            Happened::Heard(topic, _) | Happened::Missed(topic, _) => {
                if !self.rooms.contains(topic) {
                    wrong.push("came from a room that it is not in");
                }
                if self.legs.iter().any(|account| account.promised_bytes >= HIGH_MARK_BYTES) {
                    wrong.push("came where there is no room");
                }
            }
            Happened::Closed(reason) => self.closed = Some(*reason),
        }
        let told_while_closing = self.closing && !matches!(happened, Happened::Closed(_));
        if told_while_closing {
            wrong.push("came after the call was closed");
        }
        for what in wrong {
            self.violations.push(format!("{happened:?} {what}"));
        }
        self.events.push((now, happened));
    }

    /// The conversation asks for this.
    pub(crate) fn asked(&mut self, effect: &Effect<'_>) {
        if self.closed.is_some() {
            return;
        }
        match effect {
            Effect::Send { leg, bytes } if !self.closing => self.legs[leg.index()].promise(bytes),
            Effect::Send { .. } | Effect::Output(_) => {}
            Effect::Finish(leg) => self.legs[leg.index()].finish_asked = true,
            // A program has the call from then on.
            Effect::Close { .. } | Effect::Abort(_) | Effect::HandOver(_) => self.closing = true,
            Effect::Dial { leg, .. } if leg.index() < self.legs.len() => {
                if let Some(account) = self.undialled.take() {
                    self.legs[leg.index()] = account;
                }
            }
            Effect::Dial { .. } => self.legs.push(Account::new(None)),
            Effect::Tell(_) => {}
            Effect::Join { a, b, copied_by } => {
                self.legs[a.index()].partner = Some((b.index(), *copied_by));
                self.legs[b.index()].partner = Some((a.index(), *copied_by));
            }
            Effect::Deadline(due) => self.deadline = *due,
            Effect::NamePeer => self.name_asked = true,
            Effect::Subscribe(topic) => self.rooms.push(topic.clone()),
            Effect::Unsubscribe(topic) => self.rooms.retain(|other| other != topic),
            Effect::Publish { .. } => {}
            Effect::PauseReading => self.paused = true,
            Effect::ReadOn => self.paused = false,
        }
    }
}
