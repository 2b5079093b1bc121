//! Relay: each caller gets a call of its own to another address.
//!
//! The engine copies between the two, in both directions and as fast as the slower end takes it; the relay hears
//! only how each ends. An end in one direction is passed on as an end of that direction (RFC 9293 section 3.6:
//! half-close), a reset as a reset, and a call that cannot be made as a reset of the caller, so that nobody takes
//! it for an empty answer.
//!
//! Between a byte stream and datagrams a [`Framing`] says where messages end on the stream; then the relay moves
//! the messages itself. Datagrams have no end: once a stream has finished, answers to it may still come for
//! `QUIET`, and a peer that calls by datagrams is given up when it has been silent for the idle time-out.
//!
//! ```text
//! caller   > hello         far   > hello
//! caller   < hello back    far   < hello back
//! ```

use std::sync::Arc;
use std::time::Duration;

use conversation::{
    Address, Call, CloseReason, Conversation, CopiedBy, DialFailure, Framer, Framing, Leg, Needs, Outbox,
    Service, Shape,
};

/// How long datagrams may be silent once the stream that they are joined to has finished.
const QUIET: Duration = Duration::from_secs(1);

const TOO_LONG: CloseReason = CloseReason::Malformed("it is longer than its framing may be");
const NOT_FOR_FRAMING: CloseReason = CloseReason::Malformed("its framing cannot carry it");
const LEGS: CloseReason = CloseReason::Limit("legs of one call");

/// The service that calls another address for each caller.
#[derive(Clone, Debug)]
pub struct Relay {
    to: Arc<Address>,
    framing: Option<Framing>,
}

impl Relay {
    /// Callers are joined to this address.
    #[must_use]
    pub fn to(address: Address) -> Relay {
        Relay { to: Arc::new(address), framing: None }
    }

    /// Whether it calls a program, which is started for each caller.
    #[must_use]
    pub fn starts_programs(&self) -> bool {
        self.to.transport.is_program()
    }

    /// The same; where one end has messages and the other a byte stream, they are marked so on the stream.
    #[must_use]
    pub fn framed(self, framing: Framing) -> Relay {
        Relay { framing: Some(framing), ..self }
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
        Box::new(Relayed { relay: self.clone(), far: None, framed: None, is_ending: false })
    }
}

struct Relayed {
    relay: Relay,
    far: Option<Leg>,
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
        let far_shape = self.relay.to.shape();
        let Some(far) = out.dial((*self.relay.to).clone()) else { return out.abort(LEGS) };
        self.far = Some(far);
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

    fn dial_failed(&mut self, _leg: Leg, why: &DialFailure, out: &mut Outbox<'_>) {
        out.close_because(CloseReason::NotDialled(why.kind));
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
        out.finish(if leg == far { Leg::CALLER } else { far });
        if leg == Leg::CALLER && self.relay.to.shape() == Some(Shape::Datagram) {
            self.is_ending = true;
            out.deadline_at(out.now().moment + QUIET);
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        out.close();
    }
}

impl Framed {
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
