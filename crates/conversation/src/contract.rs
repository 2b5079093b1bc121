//! The contract: events in as methods, effects out through the outbox.

use std::fmt;
use std::sync::Arc;

use crate::{Call, CloseReason, Leg, Outbox, Topic};

/// The logic of one call.
///
/// Every method is an event; a conversation implements those that matter to it. All come from one driver, in
/// an order that a call can have: `opened` first, `closed` last, nothing on a leg before it is open.
pub trait Conversation: Send {
    /// The call is open and may be spoken on: the caller need not speak first.
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        let _ = (call, out);
    }

    /// Bytes came: any cut of a byte stream, or exactly one message.
    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>);

    /// The peer has finished: it sends no more (FIN), but still reads. Message transports without an end,
    /// such as UDP, never say this.
    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>);

    /// The moment asked for by [`Effect::Deadline`](crate::Effect::Deadline) has come.
    fn deadline(&mut self, out: &mut Outbox<'_>) {
        let _ = out;
    }

    /// A dialled leg is open.
    fn connected(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        let _ = (leg, out);
    }

    /// A dialled leg could not be opened. It is gone, unless it is [dialled again](Outbox::dial_again) now.
    fn dial_failed(&mut self, leg: Leg, why: &DialFailure, out: &mut Outbox<'_>) {
        let _ = (leg, why, out);
    }

    /// The answer to [`Effect::NamePeer`](crate::Effect::NamePeer): the caller's host name, if it has one.
    fn peer_named(&mut self, name: Option<&str>, out: &mut Outbox<'_>) {
        let _ = (name, out);
    }

    /// What was owed on the leg was above its high mark and is now below its low mark: there is room again.
    fn drained(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        let _ = (leg, out);
    }

    /// Another call published this in a room where this one is. One publisher's messages come in their order;
    /// send them on as they are (`Arc::clone`), and they stay in memory once.
    fn heard(&mut self, topic: &Topic, bytes: &Arc<[u8]>, out: &mut Outbox<'_>) {
        let _ = (topic, bytes, out);
    }

    /// So many messages were published in a room and not heard, because this call's peer reads too slowly (a leg
    /// was congested; this comes once it has drained) or because more was published than could be delivered. It
    /// comes before anything that is heard later.
    fn missed(&mut self, topic: &Topic, messages: u64, out: &mut Outbox<'_>) {
        let _ = (topic, messages, out);
    }

    /// The call is over. The legs are gone, and it has left its rooms: of the effects only
    /// [`Effect::Output`](crate::Effect::Output) and [`Effect::Publish`](crate::Effect::Publish) are still carried
    /// out.
    fn closed(&mut self, why: CloseReason, out: &mut Outbox<'_>) {
        let _ = (why, out);
    }
}

/// Why a dialled leg could not be opened.
#[derive(Clone, Debug)]
pub struct DialFailure {
    /// What kind of failure it is.
    pub kind: DialFailureKind,
    /// Whether the same may go better later, without anybody changing what is asked for.
    pub may_pass: bool,
    /// Every address tried and why each failed, in one line.
    pub text: String,
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What kind of failure a [`DialFailure`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailureKind {
    /// The name was not found.
    NameNotFound,
    /// Nobody listens there.
    Refused,
    /// No way leads there.
    Unreachable,
    /// No answer came in time.
    TimedOut,
    /// Anything else, such as a shortage of descriptors.
    Other,
}

impl DialFailureKind {
    /// Each of them once.
    pub const ALL: [DialFailureKind; 5] = [
        DialFailureKind::NameNotFound,
        DialFailureKind::Refused,
        DialFailureKind::Unreachable,
        DialFailureKind::TimedOut,
        DialFailureKind::Other,
    ];
}

impl fmt::Display for DialFailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            DialFailureKind::NameNotFound => "its name was not found",
            DialFailureKind::Refused => "nobody listens there",
            DialFailureKind::Unreachable => "no way leads there",
            DialFailureKind::TimedOut => "no answer came in time",
            DialFailureKind::Other => "it could not be called",
        })
    }
}

/// What is offered at an address: a maker of conversations and what they share.
pub trait Service: Send + Sync {
    /// Its name on the command line: `echo`.
    fn name(&self) -> &'static str;

    /// What it asks of an engine.
    fn needs(&self) -> Needs;

    /// The logic of one more call.
    fn conversation(&self) -> Box<dyn Conversation>;
}

/// What a service asks of the engine that runs it; an engine that lacks one of these is refused beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Its calls share state in memory, so they must run in one process.
    pub shared_state: bool,
    /// On a message transport it must know a peer again: it gets a place in the table of peers. Without
    /// this every message is a call of its own.
    pub memory_of_peers: bool,
    /// It dials out.
    pub dial: bool,
    /// Its calls speak to each other in rooms.
    pub rooms: bool,
    /// It gives callers' sockets to programs: each must be one caller's alone.
    pub hand_over: bool,
    /// It answers whatever comes, so that over datagrams it could be turned against others: the engine
    /// answers no suspicious sender, and bounds the answers' size.
    pub answers_anyone: bool,
}
