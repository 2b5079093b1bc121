//! Reply: answers a caller who has spoken (lecture: hello, hello back).
//!
//! On a byte stream it answers once, at the caller's first bytes, whatever their cut; with a framing it answers
//! each frame with a frame. On a message transport it answers each message. With `every` and `times` an answer
//! is given so many times, so far apart (lecture: the long calls of the forking server). Then it finishes.
//!
//! ```text
//! > hello
//! < hello back
//! ```

use std::sync::Arc;
use std::time::Duration;

use conversation::{Call, CloseReason, Conversation, Framer, Framing, Leg, Needs, Outbox, Service};

/// Answers that are given in one turn.
const ANSWERS_AT_ONCE: u64 = 64;

/// Answers that one caller may have coming; what it says beyond that is not answered.
const ANSWERS_DUE_MAX: u64 = 1 << 32;

/// The reply service.
#[derive(Clone, Debug)]
pub struct Reply {
    text: Arc<[u8]>,
    framing: Option<Framing>,
    every: Duration,
    times: u64,
}

impl Reply {
    /// Answers exactly these bytes, once; nothing is added but the mark of a framing.
    #[must_use]
    pub fn new(text: impl Into<Arc<[u8]>>) -> Reply {
        Reply { text: text.into(), framing: None, every: Duration::ZERO, times: 1 }
    }

    /// On a byte stream, answers each frame.
    ///
    /// # Errors
    ///
    /// The text cannot be a frame of this framing.
    pub fn framed(mut self, framing: Framing) -> Result<Reply, conversation::FramingError> {
        let mut frame = Vec::new();
        framing.encode(&self.text, &mut frame)?;
        self.framing = Some(framing);
        Ok(self)
    }

    /// Gives each answer `times` times, `every` so often; the first at once.
    #[must_use]
    pub fn repeated(mut self, every: Duration, times: u64) -> Reply {
        (self.every, self.times) = (every, times);
        self
    }

    fn repeats(&self) -> bool {
        self.times > 1
    }
}

impl Service for Reply {
    fn name(&self) -> &'static str {
        "reply"
    }

    fn needs(&self) -> Needs {
        Needs { answers_anyone: true, memory_of_peers: self.repeats(), ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Replying {
            reply: self.clone(),
            hears: Hears::First,
            due: 0,
            waits_for_room: false,
            peer_finished: false,
        })
    }
}

/// What is answered on this call.
enum Hears {
    /// The caller's first bytes.
    First,
    /// Nothing any more.
    Nothing,
    /// Each frame of a stream.
    Frames(Framer),
    /// Each message.
    Messages,
}

struct Replying {
    reply: Reply,
    hears: Hears,
    /// Answers still to be given.
    due: u64,
    /// The caller does not take the answers as fast as they are given.
    waits_for_room: bool,
    peer_finished: bool,
}

impl Conversation for Replying {
    fn opened(&mut self, call: &Call, _out: &mut Outbox<'_>) {
        self.hears = match (call.shape.keeps_boundaries(), self.reply.framing) {
            (true, _) => Hears::Messages,
            (false, Some(framing)) => Hears::Frames(Framer::new(framing)),
            (false, None) => Hears::First,
        };
    }

    fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        let heard = match &mut self.hears {
            Hears::Nothing => 0,
            Hears::Messages => 1,
            Hears::First => {
                self.hears = Hears::Nothing;
                1
            }
            Hears::Frames(framer) => {
                let (mut rest, mut frames) = (bytes, 0);
                loop {
                    match framer.next(&mut rest) {
                        Ok(Some(_)) => frames += 1,
                        Ok(None) => break frames,
                        Err(_) => {
                            self.hears = Hears::Nothing;
                            out.close_because(CloseReason::Limit("a frame longer than the framing's bound"));
                            return;
                        }
                    }
                }
            }
        };
        let was_due = self.due;
        self.due = (self.due + heard * self.reply.times).min(ANSWERS_DUE_MAX);
        if was_due == 0 {
            self.answer(out);
        }
    }

    fn peer_finished(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        self.peer_finished = true;
        self.finish_if_done(out);
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        self.waits_for_room = out.is_congested(Leg::CALLER);
        if !self.waits_for_room {
            self.answer(out);
        }
    }

    fn drained(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        if std::mem::take(&mut self.waits_for_room) {
            self.answer(out);
        }
    }
}

impl Replying {
    /// Gives the answer that is due, and further ones where nothing lies between them; the rest has its turn
    /// later, so that no number of answers fills the memory.
    fn answer(&mut self, out: &mut Outbox<'_>) {
        let at_once = if self.reply.every.is_zero() { ANSWERS_AT_ONCE } else { 1 };
        for _ in 0..at_once.min(self.due) {
            self.due -= 1;
            self.send(out);
        }
        if self.due > 0 {
            out.deadline_at(out.now().moment + self.reply.every);
        }
        self.finish_if_done(out);
    }

    fn send(&self, out: &mut Outbox<'_>) {
        match (&self.hears, self.reply.framing) {
            (Hears::Frames(_), Some(framing)) => {
                let mut frame = Vec::new();
                // It was encoded once already, in `framed`.
                if framing.encode(&self.reply.text, &mut frame).is_ok() {
                    out.send(Leg::CALLER, frame);
                }
            }
            _ => out.send(Leg::CALLER, Arc::clone(&self.reply.text)),
        }
    }

    fn finish_if_done(&mut self, out: &mut Outbox<'_>) {
        match self.hears {
            _ if self.due > 0 => {}
            Hears::Nothing => out.close(),
            Hears::First | Hears::Frames(_) | Hears::Messages => {
                if self.peer_finished {
                    out.finish(Leg::CALLER);
                }
            }
        }
    }
}
