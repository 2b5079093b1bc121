//! What all calls of a load go by: the bytes, and the bounds of one call.

use std::time::Duration;

use address::Shape;

use crate::pattern::Pattern;
use crate::{Expect, Message, Offer};

/// Bytes of the number that a datagram begins with: 20 bits of the call's, 44 of the message's.
pub(crate) const NUMBER_BYTES: usize = 8;

/// On a stream that nobody answers, as much as this is begun at once.
const ONE_WAY_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) shape: Shape,
    pub(crate) messages: Pattern,
    pub(crate) message_bytes: usize,
    pub(crate) answer: Answer,
    pub(crate) answer_bytes: usize,
    pub(crate) in_flight: usize,
    /// Messages of one call; 1 where each has a call of its own.
    pub(crate) messages_max: u64,
    pub(crate) timeout: Duration,
    /// Messages begin with a number, and so do their answers.
    pub(crate) numbered: bool,
}

/// What an answer is compared with.
#[derive(Debug)]
pub(crate) enum Answer {
    Echo,
    Bytes(Pattern),
    Any,
    Nothing,
}

impl Rules {
    pub(crate) fn of(offer: &Offer, shape: Shape) -> Rules {
        let (messages, message_bytes) = match &offer.message {
            Message::Size(length) => (Pattern::lines(*length), *length),
            Message::Bytes(bytes) => (Pattern::of(bytes), bytes.len()),
        };
        let (answer, answer_bytes) = match &offer.expect {
            Expect::Echo => (Answer::Echo, message_bytes),
            Expect::Bytes(bytes) => (Answer::Bytes(Pattern::of(bytes)), bytes.len()),
            Expect::Length(length) => (Answer::Any, *length),
            Expect::Nothing => (Answer::Nothing, 0),
        };
        let has_room = matches!(offer.message, Message::Size(NUMBER_BYTES..));
        let one_way = matches!(answer, Answer::Nothing) && shape == Shape::Stream && offer.rate.is_none();
        let in_flight = if one_way { ONE_WAY_BYTES / message_bytes.max(1) } else { offer.in_flight };
        Rules {
            shape,
            messages,
            message_bytes,
            numbered: shape == Shape::Datagram && has_room && matches!(answer, Answer::Echo),
            answer,
            answer_bytes,
            in_flight: in_flight.max(1),
            messages_max: match (offer.idle, offer.churn) {
                (true, _) => 0,
                (false, true) => 1,
                (false, false) => u64::MAX,
            },
            timeout: offer.timeout,
        }
    }

    /// Whether messages may be lost, or overtake each other.
    pub(crate) fn may_lose(&self) -> bool {
        self.shape == Shape::Datagram
    }

    /// Where in the pattern a message lies: that of a datagram tells nothing, since answers may be missing.
    pub(crate) fn place(&self, number: u64) -> u64 {
        if self.may_lose() { 0 } else { number * self.message_bytes as u64 }
    }
}
