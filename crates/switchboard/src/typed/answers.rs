//! The answering side: a service made of a function from requests to answers.
//!
//! Each request is answered, in order. A message that is no request ends the call it came on, or is answered
//! by [`Answers::or_answer`]; a datagram that is none is not answered otherwise. Bounds: a message by its
//! format; the answers that are made at once by [`ANSWERS_AT_ONCE`] and [`ANSWERED_BYTES_AT_ONCE`], then
//! others have their turn. While a caller does not take its answers, nothing more is read from it.
//!
//! ```text
//! > 00 00 00 03  [2]          u32be length, JSON: a Vec<u8>
//! < 00 00 00 01  2            its sum
//! ```

use std::sync::Arc;

use conversation::{Call, CloseReason, Conversation, Framer, Leg, Needs, Outbox, Service};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{DecodeError, Format};

/// Requests answered at one turn.
const ANSWERS_AT_ONCE: usize = 64;

/// Bytes of answers from which on the next one has to wait for its turn.
const ANSWERED_BYTES_AT_ONCE: usize = 64 * 1024;

/// A service that answers each `Request` with an `Answer`.
pub struct Answers<Request, Answer> {
    name: &'static str,
    format: Format,
    shares_state: bool,
    answer: Arc<AnswerTo<Request, Answer>>,
    or_answer: Option<Arc<OrAnswer<Answer>>>,
}

type AnswerTo<Request, Answer> = dyn Fn(&Call, Request) -> Answer + Send + Sync;
type OrAnswer<Answer> = dyn Fn(&Call, &DecodeError) -> Answer + Send + Sync;

impl<Request, Answer> Answers<Request, Answer> {
    /// Answers each request with what `answer` makes of it. Other calls of the worker wait meanwhile, so it
    /// should be quick; and it must not panic, which would end the server.
    pub fn new(
        name: &'static str,
        format: Format,
        answer: impl Fn(Request) -> Answer + Send + Sync + 'static,
    ) -> Answers<Request, Answer> {
        Answers::by_caller(name, format, move |_, request| answer(request))
    }

    /// The same where the answer depends on who asks, over what, since when.
    pub fn by_caller(
        name: &'static str,
        format: Format,
        answer: impl Fn(&Call, Request) -> Answer + Send + Sync + 'static,
    ) -> Answers<Request, Answer> {
        Answers { name, format, shares_state: false, answer: Arc::new(answer), or_answer: None }
    }

    /// Answers a message that is no request, instead of ending the call.
    #[must_use]
    pub fn or_answer(
        mut self,
        or_answer: impl Fn(&Call, &DecodeError) -> Answer + Send + Sync + 'static,
    ) -> Answers<Request, Answer> {
        self.or_answer = Some(Arc::new(or_answer));
        self
    }

    /// Says that the function keeps state from one call to the next: an engine of separate processes is
    /// refused.
    #[must_use]
    pub fn sharing_state(mut self) -> Answers<Request, Answer> {
        self.shares_state = true;
        self
    }
}

impl<Request, Answer> Service for Answers<Request, Answer>
where
    Request: DeserializeOwned + 'static,
    Answer: Serialize + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn needs(&self) -> Needs {
        Needs { answers_anyone: true, shared_state: self.shares_state, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Answering {
            format: self.format,
            answer: Arc::clone(&self.answer),
            or_answer: self.or_answer.clone(),
            call: None,
            framer: Framer::new(self.format.framing()),
            ahead: Vec::new(),
            peer_finished: false,
        })
    }
}

struct Answering<Request, Answer> {
    format: Format,
    answer: Arc<AnswerTo<Request, Answer>>,
    or_answer: Option<Arc<OrAnswer<Answer>>>,
    call: Option<Box<Call>>,
    framer: Framer,
    /// Received and not yet answered; reading is paused while there is any.
    ahead: Vec<u8>,
    peer_finished: bool,
}

impl<Request: DeserializeOwned, Answer: Serialize> Conversation for Answering<Request, Answer> {
    fn opened(&mut self, call: &Call, _out: &mut Outbox<'_>) {
        self.call = Some(Box::new(call.clone()));
    }

    fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        if self.call.as_ref().is_some_and(|call| call.shape.keeps_boundaries()) {
            match self.answer_to(bytes) {
                Ok(answer) => out.send(Leg::CALLER, answer),
                Err(reason) => out.close_because(reason),
            }
        } else if self.ahead.is_empty() {
            self.work_off(bytes, out);
        } else {
            self.ahead.extend_from_slice(bytes);
        }
    }

    fn peer_finished(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        self.peer_finished = true;
        if self.ahead.is_empty() {
            self.finish(out);
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        if !out.is_congested(Leg::CALLER) {
            self.go_on(out); // otherwise at `drained`
        }
    }

    fn drained(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        self.go_on(out);
    }
}

impl<Request: DeserializeOwned, Answer: Serialize> Answering<Request, Answer> {
    fn go_on(&mut self, out: &mut Outbox<'_>) {
        if self.ahead.is_empty() {
            return;
        }
        out.read_on();
        let ahead = std::mem::take(&mut self.ahead);
        self.work_off(&ahead, out);
        if self.ahead.is_empty() && self.peer_finished {
            self.finish(out);
        }
    }

    /// Answers the requests in a piece of a stream. What is too much for one turn waits for the next.
    fn work_off(&mut self, mut bytes: &[u8], out: &mut Outbox<'_>) {
        let (mut answers, mut answered_bytes) = (0, 0);
        while answers < ANSWERS_AT_ONCE && answered_bytes < ANSWERED_BYTES_AT_ONCE {
            let answer = match self.framer.next(&mut bytes) {
                Ok(Some(message)) => self.answer_to(&message).and_then(|answer| self.framed(&answer)),
                Ok(None) => return,
                Err(_) => Err(CloseReason::Limit("a message longer than the format allows")),
            };
            match answer {
                Ok(frame) => {
                    answers += 1;
                    answered_bytes += frame.len();
                    out.send(Leg::CALLER, frame);
                }
                Err(reason) => return out.close_because(reason),
            }
        }
        if !bytes.is_empty() {
            self.ahead = bytes.to_vec();
            out.pause_reading();
            out.deadline_at(out.now().moment);
        }
    }

    fn answer_to(&self, message: &[u8]) -> Result<Vec<u8>, CloseReason> {
        let Some(call) = &self.call else { return Err(CloseReason::Malformed("a message before the call")) };
        let answer = match (self.format.decode(message), &self.or_answer) {
            (Ok(request), _) => (self.answer)(call, request),
            (Err(error), Some(or_answer)) => or_answer(call, &error),
            (Err(_), None) => return Err(CloseReason::Malformed("what came is no request")),
        };
        self.format.encode(&answer).map_err(|_| CloseReason::Malformed("an answer that cannot be written"))
    }

    fn framed(&self, answer: &[u8]) -> Result<Vec<u8>, CloseReason> {
        let mut frame = Vec::with_capacity(4 + answer.len());
        let framed = self.format.framing().encode(answer, &mut frame);
        framed.map(|()| frame).map_err(|_| CloseReason::Malformed("an answer that cannot be written"))
    }

    /// The caller has finished, and all that it asked is answered.
    fn finish(&self, out: &mut Outbox<'_>) {
        if self.framer.unfinished().is_empty() {
            out.finish(Leg::CALLER);
        } else {
            out.close_because(CloseReason::Malformed("a request that was cut off"));
        }
    }
}
