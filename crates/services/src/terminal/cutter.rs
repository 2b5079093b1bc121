//! Cutter: makes messages of input, on a message transport.

use conversation::{CloseReason, Framer, Framing, Leg, Outbox};

/// The longest message that is made of input: the longest UDP datagram (RFC 768 over IPv4).
const MESSAGE_BYTES_MAX: usize = 65_507;

/// Makes messages of input.
#[derive(Debug)]
pub(super) enum Cutter {
    /// A line is a message, LF and all.
    Lines(Vec<u8>),
    Frames(Framer),
}

impl Cutter {
    pub(super) fn new(framing: Option<Framing>) -> Cutter {
        framing.map_or_else(|| Cutter::Lines(Vec::new()), |framing| Cutter::Frames(Framer::new(framing)))
    }

    /// Sends the messages that end in these bytes.
    pub(super) fn cut(&mut self, bytes: &[u8], out: &mut Outbox<'_>) {
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
                        Ok(Some(message)) => out.send(Leg::CALLER, message.into_owned()),
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
    pub(super) fn end(&mut self, out: &mut Outbox<'_>) {
        let rest = match self {
            Cutter::Lines(begun) => std::mem::take(begun),
            Cutter::Frames(framer) => framer.take_unfinished(),
        };
        if !rest.is_empty() {
            out.send(Leg::CALLER, rest);
        }
    }
}
