//! Ask: sends one message, prints what comes back, ends.
//!
//! On a byte stream it sends the message, finishes, and prints to the end; with a framing it sends one frame
//! and prints one. On a message transport it sends one message and prints the first answers; a message that
//! is not answered in time is sent again, because either may have been lost. With a format, answers are printed
//! as lines of values; on a byte stream each as many bytes as the format has are one.

use std::time::Duration;

use conversation::{
    Call, CloseReason, Conversation, Format, Framer, Framing, Leg, Needs, Outbox, Payload, Service,
};

use crate::packed::{MISFIT, Unpacker};

/// The caller's side of one question.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is sent.
    pub message: Vec<u8>,
    /// How it and the answer are marked on a byte stream; without, the answer is all up to the end.
    pub framing: Option<Framing>,
    /// How long to wait for the first of the answer; `None`: for ever.
    pub timeout: Option<Duration>,
    /// How often a message is sent again on a transport that may lose it.
    pub retries: u32,
    /// Messages that make up the answer.
    pub replies: u64,
    /// How long to wait for further messages once the first has come.
    pub wait: Duration,
    /// How an answer is packed; without, it is printed as it comes.
    pub unpack: Option<Format>,
}

impl Ask {
    /// Asks this, once, without a time-out.
    #[must_use]
    pub fn new(message: impl Into<Vec<u8>>) -> Ask {
        Ask {
            message: message.into(),
            framing: None,
            timeout: None,
            retries: 0,
            replies: 1,
            wait: Duration::from_secs(1),
            unpack: None,
        }
    }
}

impl Service for Ask {
    fn name(&self) -> &'static str {
        "ask"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        let framer = self.framing.map(Framer::new);
        let unpacker = self.unpack.clone().map(Unpacker::new);
        Box::new(Asking { ask: self.clone(), framer, unpacker, messages: false, answered: 0, tries: 0 })
    }
}

struct Asking {
    ask: Ask,
    framer: Option<Framer>,
    unpacker: Option<Unpacker>,
    messages: bool,
    answered: u64,
    tries: u32,
}

impl Conversation for Asking {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.messages = call.shape.keeps_boundaries();
        self.send(out);
    }

    fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        if self.messages {
            print(self.unpacker.as_ref(), bytes.into(), out);
            return self.count_answer(out);
        }
        let Some(framer) = &mut self.framer else {
            self.answered += 1;
            out.no_deadline();
            return match self.unpacker.as_mut().map(|unpacker| unpacker.stream(bytes)) {
                None => out.output(bytes),
                Some(Ok(lines)) => out.output(lines),
                Some(Err(_)) => out.close_because(MISFIT),
            };
        };
        let mut rest = bytes;
        while self.answered < self.ask.replies {
            match framer.next(&mut rest) {
                Ok(None) => return,
                Ok(Some(frame)) => {
                    print(self.unpacker.as_ref(), frame, out);
                    if matches!(self.ask.framing, Some(Framing::Line { .. })) && self.unpacker.is_none() {
                        out.output(&b"\n"[..]);
                    }
                    self.answered += 1;
                }
                Err(_) => {
                    return out
                        .close_because(CloseReason::Limit("an answer longer than the framing's bound"));
                }
            }
        }
        out.hang_up();
    }

    fn peer_finished(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        match self.unpacker.as_mut().map(Unpacker::finish) {
            None | Some(Ok(())) => out.close(),
            Some(Err(_)) => out.close_because(MISFIT),
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        if self.answered > 0 {
            return out.hang_up(); // fewer than asked for, but all that came in time
        }
        if self.messages && self.tries <= self.ask.retries {
            return self.send(out);
        }
        out.abort(CloseReason::TimedOut);
    }
}

impl Asking {
    fn send(&mut self, out: &mut Outbox<'_>) {
        self.tries += 1;
        match self.ask.framing {
            Some(framing) if !self.messages => {
                let mut frame = Vec::new();
                if framing.encode(&self.ask.message, &mut frame).is_err() {
                    return out.abort(CloseReason::Limit("the message does not fit the framing"));
                }
                out.send(Leg::CALLER, frame);
            }
            Some(_) | None => {
                out.send(Leg::CALLER, self.ask.message.clone());
                if !self.messages {
                    out.finish(Leg::CALLER);
                }
            }
        }
        if let Some(timeout) = self.ask.timeout {
            out.deadline_at(out.now().moment + timeout);
        }
    }

    fn count_answer(&mut self, out: &mut Outbox<'_>) {
        self.answered += 1;
        if self.answered >= self.ask.replies {
            out.hang_up();
        } else {
            out.deadline_at(out.now().moment + self.ask.wait);
        }
    }
}

/// Prints one answer, as it is or unpacked.
fn print<'a>(unpacker: Option<&Unpacker>, answer: Payload<'a>, out: &mut Outbox<'a>) {
    match unpacker.map(|unpacker| unpacker.message(&answer)) {
        None => out.output(answer),
        Some(Ok(line)) => out.output(line),
        Some(Err(_)) => out.close_because(MISFIT),
    }
}
