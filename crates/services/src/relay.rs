//! Relay: each caller gets a call of its own to another address.
//!
//! The engine copies between the two, in both directions and as fast as the slower end takes it; the relay hears
//! only how each ends. An end in one direction is passed on as an end of that direction (RFC 9293 section 3.6:
//! half-close), a reset as a reset, and a call that cannot be made as a reset of the caller, so that nobody takes
//! it for an empty answer.
//!
//! Whom it calls is one of several addresses where there are several (`relay/targets.rs`), and another if that is not
//! reached, or the same again (`relay/seeking.rs`).
//!
//! Between a byte stream and datagrams a [`Framing`] says where messages end on the stream; then the relay moves
//! the messages itself. Datagrams have no end: once a stream has finished, answers to it may still come for
//! `QUIET`, and a peer that calls by datagrams is given up when it has been silent for the idle time-out.
//!
//! ```text
//! caller   > hello         far   > hello
//! caller   < hello back    far   < hello back
//! ```

mod seeking;
mod targets;

use std::sync::Arc;
use std::time::Duration;

use conversation::{
    Address, Call, CloseReason, Conversation, CopiedBy, DialFailure, Framer, Framing, Leg, Needs, Outbox,
    Service, Shape,
};

use seeking::Seeking;
use targets::Taken;
pub use targets::{Balance, TARGETS_MAX, Targets, Words};

/// How long datagrams may be silent once the stream that they are joined to has finished.
const QUIET: Duration = Duration::from_secs(1);

const TOO_LONG: CloseReason = CloseReason::Malformed("it is longer than its framing may be");
const NOT_FOR_FRAMING: CloseReason = CloseReason::Malformed("its framing cannot carry it");
const CUT_OFF: CloseReason = CloseReason::Malformed("the stream ended within it");
const LEGS: CloseReason = CloseReason::Limit("legs of one call");

/// The service that calls another address for each caller.
#[derive(Clone, Debug)]
pub struct Relay {
    targets: Arc<Targets>,
    framing: Option<Framing>,
    /// What the waits before retries are drawn from.
    seed: u64,
}

impl Relay {
    /// Callers are joined to this address.
    #[must_use]
    pub fn to(address: Address) -> Relay {
        Relay::among(Targets::new(vec![address], Balance::default()))
    }

    /// Callers are joined each to one of these addresses, which are all of one shape.
    #[must_use]
    pub fn among(targets: Targets) -> Relay {
        Relay { targets: Arc::new(targets), framing: None, seed: 0 }
    }

    /// Whether it calls programs, which are started for each caller.
    #[must_use]
    pub fn starts_programs(&self) -> bool {
        self.targets.addresses().iter().any(|address| address.transport.is_program())
    }

    /// The same; where one end has messages and the other a byte stream, they are marked so on the stream.
    #[must_use]
    pub fn framed(self, framing: Framing) -> Relay {
        Relay { framing: Some(framing), ..self }
    }

    /// The same; what is random in it is drawn from this.
    #[must_use]
    pub fn seeded(self, seed: u64) -> Relay {
        Relay { seed, ..self }
    }

    fn far_shape(&self) -> Option<Shape> {
        self.targets.addresses().first().and_then(Address::shape)
    }
}

impl Service for Relay {
    fn name(&self) -> &'static str {
        "relay"
    }

    fn needs(&self) -> Needs {
        Needs { dial: true, memory_of_peers: true, answers_anyone: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Relayed {
            relay: self.clone(),
            far: None,
            seeking: None,
            taken: None,
            framed: None,
            is_ending: false,
        })
    }
}

struct Relayed {
    relay: Relay,
    far: Option<Leg>,
    /// Until somebody is reached.
    seeking: Option<Box<Seeking>>,
    /// Whom it has reached.
    taken: Option<Taken>,
    framed: Option<Box<Framed>>,
    /// A stream has finished that is joined to datagrams.
    is_ending: bool,
}

/// What moves messages between a stream and a message transport.
struct Framed {
    framing: Framing,
    framer: Framer,
    stream: Leg,
    messages: Leg,
}

impl Conversation for Relayed {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        let far_shape = self.relay.far_shape();
        let mut seeking =
            Box::new(Seeking::new(&self.relay.targets, call.number, self.relay.seed, out.now().moment));
        let dialling = match seeking.first() {
            Ok(dialling) => dialling,
            Err(reason) => return out.abort(reason),
        };
        let Some(far) = out.dial(dialling) else { return out.abort(LEGS) };
        (self.far, self.seeking) = (Some(far), Some(seeking));
        let sides = match (call.shape, far_shape) {
            (Shape::Stream, Some(Shape::Datagram | Shape::SeqPacket)) => Some((Leg::CALLER, far)),
            (Shape::Datagram | Shape::SeqPacket, Some(Shape::Stream)) => Some((far, Leg::CALLER)),
            (Shape::Stream | Shape::Datagram | Shape::SeqPacket, _) => None,
        };
        self.framed = self.relay.framing.zip(sides).map(|(framing, (stream, messages))| {
            Box::new(Framed { framing, framer: Framer::new(framing), stream, messages })
        });
        let copied_by = if self.framed.is_some() { CopiedBy::Conversation } else { CopiedBy::Engine };
        out.join(Leg::CALLER, far, copied_by);
    }

    fn connected(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        self.taken = self.seeking.take().and_then(|seeking| seeking.reached(out));
    }

    fn dial_failed(&mut self, leg: Leg, why: &DialFailure, out: &mut Outbox<'_>) {
        let next = self.seeking.as_mut().map(|seeking| seeking.failed(why, out));
        match next.unwrap_or(Err(CloseReason::NotDialled(why.kind))) {
            Ok(dialling) => out.dial_again(leg, dialling),
            Err(reason) => out.close_because(reason),
        }
    }

    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        if let Some(framed) = &mut self.framed {
            framed.carry(leg, bytes, out);
        }
        if self.is_ending {
            out.deadline_at(out.now().moment + QUIET);
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        let Some(far) = self.far else { return };
        if let Some(framed) = self.framed.as_mut().filter(|framed| framed.stream == leg) {
            framed.end(out);
        }
        out.finish(if leg == far { Leg::CALLER } else { far });
        if leg == Leg::CALLER && self.relay.far_shape() == Some(Shape::Datagram) {
            self.is_ending = true;
            out.deadline_at(out.now().moment + QUIET);
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        out.close();
    }

    fn closed(&mut self, _why: CloseReason, _out: &mut Outbox<'_>) {
        // What others see of it is given back now, whenever the rest is dropped.
        (self.seeking, self.taken) = (None, None);
    }
}

impl Framed {
    /// The stream has ended: what has no mark behind it is a message too, as the last line of a text may be. One that
    /// is shorter than its length says is none.
    fn end(&mut self, out: &mut Outbox<'_>) {
        let rest = self.framer.take_unfinished();
        match self.framing {
            _ if rest.is_empty() => {}
            Framing::Line { .. } | Framing::Nul { .. } => out.send(self.messages, rest),
            Framing::Length { .. } => out.close_because(CUT_OFF),
        }
    }

    /// Messages of one leg go to the other, marked or cut.
    fn carry<'a>(&mut self, from: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        if from == self.messages {
            let mut frame = Vec::new();
            return match self.framing.encode(bytes, &mut frame) {
                Ok(()) => out.send(self.stream, frame),
                Err(_) => out.close_because(NOT_FOR_FRAMING),
            };
        }
        let mut rest = bytes;
        loop {
            match self.framer.next(&mut rest) {
                Ok(Some(message)) => out.send(self.messages, message),
                Ok(None) => return,
                Err(_) => return out.close_because(TOO_LONG),
            }
        }
    }
}
