//! Terminal: joins a call to standard input and output.
//!
//! What both `connect` and `listen` do: it does not matter who called whom. Nothing that was received is lost:
//! what came from the peer is written out, and what was read from the input is sent, before the call ends.
//!
//! How it ends: the end of the input half-closes the call; the peer's end closes the output. [`Until`] says
//! which of them ends the call. On a message transport, which has no end, the call ends once the input has
//! ended and the peer has been quiet for a while.
//!
//! Input becomes messages line by line, each with its LF, so that what is typed is what is sent; with a
//! framing, one message a frame.

use std::time::Duration;

use conversation::{
    Address, Call, CloseReason, Conversation, CopiedBy, DialFailure, Framer, Framing, Leg, Moment, Needs,
    Outbox, Service, Transport,
};

use crate::Inert;

/// An input that gave nothing for this long before the peer finished, or gives nothing for this long after,
/// is not on its way to its end: a call that ends with its peer ends.
const INPUT_PAUSE: Duration = Duration::from_millis(100);

/// The longest message that is made of input: the longest UDP datagram (RFC 768 over IPv4).
const MESSAGE_BYTES_MAX: usize = 65_507;

/// Whose end ends the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The peer's: once it has finished, input that flows is still sent, but none is waited for.
    Peer,
    /// Both the peer's and the input's.
    Both,
    /// The input's.
    Input,
}

/// The service that joins a call to standard input and output.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whose end ends the call.
    pub until: Until,
    /// Whether the end of the input is passed on as the end of our half of the call.
    pub half_close: bool,
    /// An input that ends before its first byte says nothing, not even its end, until the peer has finished:
    /// a listener whose input is the null device is there to receive.
    pub empty_input_waits: bool,
    /// The output stays open for a further call.
    pub keep_output: bool,
    /// How messages are marked on the side of the input and output; without, a line is a message.
    pub framing: Option<Framing>,
    /// What the peer sends is shown on a terminal, and must not drive it.
    pub inert: bool,
    /// On a message transport: how long the peer may be quiet after the input has ended. `None`: for ever.
    pub quiet: Option<Duration>,
}

impl Service for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn needs(&self) -> Needs {
        Needs { dial: true, memory_of_peers: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Joined {
            terminal: self.clone(),
            own: None,
            messages: false,
            cutter: Cutter::new(self.framing),
            inert: self.inert.then(Inert::default),
            input_any: false,
            input_at: Moment::START,
            input_ended: false,
            peer_ended: false,
        })
    }
}

struct Joined {
    terminal: Terminal,
    /// The leg of our own standard input and output.
    own: Option<Leg>,
    messages: bool,
    cutter: Cutter,
    inert: Option<Inert>,
    input_any: bool,
    /// When input last came.
    input_at: Moment,
    input_ended: bool,
    peer_ended: bool,
}

impl Conversation for Joined {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.messages = call.shape.keeps_boundaries();
        self.own = out.dial(Address::new(Transport::Standard, conversation::Place::Standard));
    }

    fn connected(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.join(Leg::CALLER, leg, CopiedBy::Conversation);
    }

    fn dial_failed(&mut self, _leg: Leg, _why: &DialFailure, out: &mut Outbox<'_>) {
        out.abort(CloseReason::Limit("standard input and output cannot be used"));
    }

    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        match self.own {
            Some(own) if leg == own => self.input(bytes, out),
            Some(own) => self.output(own, bytes, out),
            None => {}
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        if Some(leg) == self.own {
            self.input_ends(out);
        } else {
            self.peer_ends(out);
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        // An input that is not read, because the peer does not take what was read before, is no pause.
        if !out.is_congested(Leg::CALLER) {
            out.close();
        }
    }

    fn drained(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        if leg == Leg::CALLER {
            self.input_at = out.now().moment; // it is read again from now on
            if self.input_ended {
                self.wait_for_quiet(out);
            } else if self.peer_ended {
                self.wait_for_pause(out);
            }
        }
    }
}

impl Joined {
    fn input<'a>(&mut self, bytes: &'a [u8], out: &mut Outbox<'a>) {
        self.input_any = true;
        self.input_at = out.now().moment;
        if self.messages {
            self.cutter.cut(bytes, out);
        } else {
            out.send(Leg::CALLER, bytes);
        }
        if self.peer_ended {
            self.wait_for_pause(out);
        }
    }

    fn output<'a>(&mut self, own: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        match self.terminal.framing {
            Some(framing) if self.messages => {
                let mut frame = Vec::new();
                if framing.encode(bytes, &mut frame).is_err() {
                    return out.close_because(CloseReason::Limit("a message does not fit the framing"));
                }
                out.send(own, frame);
            }
            Some(_) | None => match &mut self.inert {
                Some(inert) => out.send(own, inert.show(bytes)),
                None => out.send(own, bytes),
            },
        }
        if self.input_ended {
            self.wait_for_quiet(out);
        }
    }

    fn input_ends(&mut self, out: &mut Outbox<'_>) {
        self.input_ended = true;
        if self.messages {
            self.cutter.end(out);
            self.wait_for_quiet(out);
        }
        let says_nothing = !self.input_any && self.terminal.empty_input_waits;
        if self.terminal.half_close && (!says_nothing || self.peer_ended) {
            out.finish(Leg::CALLER);
        }
        match self.terminal.until {
            Until::Input => out.close(),
            Until::Peer | Until::Both if self.peer_ended => out.close(),
            Until::Peer | Until::Both => {}
        }
    }

    fn peer_ends(&mut self, out: &mut Outbox<'_>) {
        self.peer_ended = true;
        if let (Some(own), Some(inert)) = (self.own, &mut self.inert) {
            out.send(own, inert.finish());
        }
        if let Some(own) = self.own
            && !self.terminal.keep_output
        {
            out.finish(own);
        }
        match self.terminal.until {
            Until::Peer | Until::Both if self.input_ended => out.close(),
            Until::Peer if out.is_congested(Leg::CALLER) => {}
            Until::Peer if out.now().moment.since(self.input_at) >= INPUT_PAUSE => out.close(),
            Until::Peer => self.wait_for_pause(out),
            Until::Both | Until::Input => {}
        }
    }

    fn wait_for_pause(&self, out: &mut Outbox<'_>) {
        if self.terminal.until == Until::Peer {
            out.deadline_at(self.input_at + INPUT_PAUSE);
        }
    }

    fn wait_for_quiet(&self, out: &mut Outbox<'_>) {
        if let Some(quiet) = self.terminal.quiet.filter(|_| self.messages) {
            out.deadline_at(out.now().moment + quiet);
        }
    }
}

/// Makes messages of input.
enum Cutter {
    /// A line is a message, LF and all.
    Lines(Vec<u8>),
    Frames(Framer),
}

impl Cutter {
    fn new(framing: Option<Framing>) -> Cutter {
        framing.map_or_else(|| Cutter::Lines(Vec::new()), |framing| Cutter::Frames(Framer::new(framing)))
    }

    fn cut<'a>(&mut self, bytes: &'a [u8], out: &mut Outbox<'a>) {
        match self {
            Cutter::Lines(begun) => {
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    begun.extend_from_slice(line);
                    while begun.len() >= MESSAGE_BYTES_MAX {
                        let rest = begun.split_off(MESSAGE_BYTES_MAX);
                        out.send(Leg::CALLER, std::mem::replace(begun, rest));
                    }
                    if begun.ends_with(b"\n") {
                        out.send(Leg::CALLER, std::mem::take(begun));
                    }
                }
            }
            Cutter::Frames(framer) => {
                let mut rest = bytes;
                loop {
                    match framer.next(&mut rest) {
                        Ok(Some(message)) => out.send(Leg::CALLER, message),
                        Ok(None) => return,
                        Err(_) => {
                            return out.close_because(CloseReason::Limit(
                                "an input frame longer than the framing's bound",
                            ));
                        }
                    }
                }
            }
        }
    }

    /// The input has ended: what has no mark behind it is a message too.
    fn end(&mut self, out: &mut Outbox<'_>) {
        let rest = match self {
            Cutter::Lines(begun) => std::mem::take(begun),
            Cutter::Frames(framer) => framer.take_unfinished(),
        };
        if !rest.is_empty() {
            out.send(Leg::CALLER, rest);
        }
    }
}
