//! What is said on one call, as its caller: which messages are on their way, and which answers are right. No I/O.
//!
//! Invariants: messages are begun, sent and answered in the order of their numbers, unless the transport may lose
//! them; no more are on their way than the rules allow; every message that is begun is answered, wrong, lost or
//! unanswered in the end, and counted as that once.
//!
//! It is no `Conversation`: an outbox lends only what an event brought, and nothing brings a caller's messages. Here
//! they are slices of one ring, sent by as few calls as the kernel takes them.

use address::Shape;
use conversation::Moment;

use crate::Trouble;
use crate::flights::{Flight, Flights};
use crate::given_up::GivenUp;
use crate::rules::{Answer, NUMBER_BYTES, Rules};
use crate::tally::Tally;

/// One call's messages and answers.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    /// The call's own number: calls say different things, so that one cannot get another's answers unnoticed.
    call: u64,
    begun: u64,
    /// Bytes of a stream, messages elsewhere, that the kernel took.
    sent: u64,
    received_bytes: u64,
    flights: Flights,
    /// Of datagrams: what became of earlier ones.
    past: Option<Box<Past>>,
}

/// What is remembered of messages that are done with, where answers may be late, doubled or out of order.
#[derive(Debug, Default)]
struct Past {
    given_up: GivenUp,
    /// The highest number that was answered.
    highest: Option<u64>,
}

impl Exchange {
    pub(crate) fn new(call: u64) -> Exchange {
        Exchange { call, ..Exchange::default() }
    }

    /// Whether one more message may be begun.
    pub(crate) fn has_room(&self, rules: &Rules) -> bool {
        self.flights.len() < rules.in_flight && self.begun < rules.messages_max
    }

    /// Nothing is on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.flights.is_empty()
    }

    /// Nothing is on its way, and nothing may be begun any more.
    pub(crate) fn is_complete(&self, rules: &Rules) -> bool {
        self.is_quiet() && self.begun >= rules.messages_max
    }

    /// One more message, that was due at `due`.
    pub(crate) fn begin(&mut self, due: Moment, now: Moment, tally: &mut Tally) {
        self.flights.add(Flight { number: self.begun, due, begun: now });
        self.begun += 1;
        tally.sent += u64::from(tally.counts(due));
    }

    /// What is to be sent next: bytes of a stream, or one message. `body` is room for a numbered message.
    pub(crate) fn owed<'r>(&self, rules: &'r Rules, body: &'r mut [u8]) -> Option<&'r [u8]> {
        let length = rules.message_bytes;
        if rules.shape == Shape::Stream {
            let rest = self.begun * length as u64 - self.sent;
            if rest == 0 {
                return None;
            }
            let run = rules.messages.from(self.call * length as u64 + self.sent);
            let rest = usize::try_from(rest).unwrap_or(usize::MAX).min(run.len());
            return Some(&run[..rest]);
        }
        if self.sent == self.begun {
            return None;
        }
        if rules.numbered {
            body[..NUMBER_BYTES].copy_from_slice(&self.label(self.sent).to_be_bytes());
            return Some(body);
        }
        let place = rules.place(self.call + self.sent);
        Some(&rules.messages.from(place)[..length])
    }

    /// The kernel took `bytes` of a stream, or a whole message.
    pub(crate) fn taken(&mut self, bytes: usize, now: Moment, rules: &Rules, tally: &mut Tally) {
        tally.sent_bytes += if tally.counts(now) { bytes as u64 } else { 0 };
        let is_stream = rules.shape == Shape::Stream;
        self.sent += if is_stream { bytes as u64 } else { 1 };
        if matches!(rules.answer, Answer::Nothing) {
            let whole = if is_stream { self.sent / rules.message_bytes as u64 } else { self.sent };
            self.answered_below(whole, now, tally);
        }
    }

    /// Bytes of a stream, or one message, came.
    pub(crate) fn heard(
        &mut self,
        bytes: &[u8],
        now: Moment,
        rules: &Rules,
        body: &[u8],
        tally: &mut Tally,
    ) -> Result<(), Trouble> {
        tally.received_bytes += if tally.counts(now) { bytes.len() as u64 } else { 0 };
        match (&rules.answer, rules.shape) {
            (Answer::Nothing, _) => Ok(()),
            (_, Shape::Stream) => self.heard_stream(bytes, now, rules, tally),
            (_, Shape::SeqPacket) => self.heard_record(bytes, now, rules, tally),
            (_, Shape::Datagram) if rules.numbered => {
                self.heard_numbered(bytes, now, body, tally);
                Ok(())
            }
            (_, Shape::Datagram) => {
                self.heard_datagram(bytes, now, rules, tally);
                Ok(())
            }
        }
    }

    fn heard_stream(
        &mut self,
        bytes: &[u8],
        now: Moment,
        rules: &Rules,
        tally: &mut Tally,
    ) -> Result<(), Trouble> {
        let length = rules.answer_bytes as u64;
        let unasked = self.received_bytes + bytes.len() as u64 > self.begun * length;
        if unasked || !self.is_right(self.received_bytes, bytes, rules) {
            return Err(self.wrong(tally));
        }
        self.received_bytes += bytes.len() as u64;
        self.answered_below(self.received_bytes / length, now, tally);
        Ok(())
    }

    fn heard_record(
        &mut self,
        bytes: &[u8],
        now: Moment,
        rules: &Rules,
        tally: &mut Tally,
    ) -> Result<(), Trouble> {
        let Some(flight) = self.flights.first() else { return Err(self.wrong(tally)) };
        let number = flight.number;
        let place = number * rules.answer_bytes as u64;
        if bytes.len() != rules.answer_bytes || !self.is_right(place, bytes, rules) {
            return Err(self.wrong(tally));
        }
        self.answered_below(number + 1, now, tally);
        Ok(())
    }

    fn heard_datagram(&mut self, bytes: &[u8], now: Moment, rules: &Rules, tally: &mut Tally) {
        let is_right = match &rules.answer {
            Answer::Echo => rules.messages.matches(0, bytes),
            Answer::Bytes(pattern) => pattern.matches(0, bytes),
            Answer::Any | Answer::Nothing => true,
        };
        match self.flights.first() {
            _ if bytes.len() != rules.answer_bytes || !is_right => drop(self.wrong(tally)),
            Some(flight) => self.answered_below(flight.number + 1, now, tally),
            None if self.past().given_up.take_any() => tally.late += 1,
            None => tally.duplicated += 1,
        }
    }

    fn heard_numbered(&mut self, bytes: &[u8], now: Moment, body: &[u8], tally: &mut Tally) {
        let label = bytes.first_chunk::<NUMBER_BYTES>().map(|label| u64::from_be_bytes(*label));
        let number = label.map_or(u64::MAX, |label| label & NUMBER_MASK);
        let is_ours = label == Some(self.label(number)) && number < self.begun;
        if !is_ours {
            tally.wrong += 1; // whose answer it is cannot be said: that message will be lost
            return;
        }
        let is_right = bytes.len() == body.len() && bytes[NUMBER_BYTES..] == body[NUMBER_BYTES..];
        match self.flights.take(number) {
            Some(flight) => {
                if !is_right {
                    tally.wrong += u64::from(tally.counts(flight.due));
                    return;
                }
                tally.answered(flight.due, now);
                // RFC 4737, section 3: a packet is reordered if a later one has come before it.
                let highest = &mut self.past().highest;
                tally.reordered += u64::from(highest.is_some_and(|highest| number < highest));
                *highest = (*highest).max(Some(number));
            }
            None if self.past().given_up.take(number) => tally.late += 1,
            None => tally.duplicated += 1,
        }
    }

    /// The time of a message is up, if it is: it is lost, or the call has failed.
    pub(crate) fn expire(&mut self, now: Moment, rules: &Rules, tally: &mut Tally) -> Result<(), Trouble> {
        while let Some(flight) = self.flights.first()
            && now >= flight.begun + rules.timeout
        {
            if !rules.may_lose() {
                return Err(Trouble::TimedOut);
            }
            self.flights.take_first();
            self.past().given_up.add(flight.number);
            tally.last_event = now;
            tally.lost += u64::from(tally.counts(flight.due));
        }
        Ok(())
    }

    /// When [`Exchange::expire`] has something to do.
    pub(crate) fn expires(&self, rules: &Rules) -> Option<Moment> {
        self.flights.first().map(|flight| flight.begun + rules.timeout)
    }

    /// The call is over: what is still on its way will not be answered.
    pub(crate) fn abandon(&mut self, tally: &mut Tally) {
        while let Some(flight) = self.flights.take_first() {
            tally.unanswered += u64::from(tally.counts(flight.due));
        }
    }

    fn is_right(&self, position: u64, bytes: &[u8], rules: &Rules) -> bool {
        match &rules.answer {
            Answer::Echo => rules.messages.matches(self.call * rules.message_bytes as u64 + position, bytes),
            Answer::Bytes(pattern) => pattern.matches(position, bytes),
            Answer::Any | Answer::Nothing => true,
        }
    }

    /// All messages with a number below this are done.
    fn answered_below(&mut self, number: u64, now: Moment, tally: &mut Tally) {
        while let Some(flight) = self.flights.first()
            && flight.number < number
        {
            self.flights.take_first();
            tally.answered(flight.due, now);
        }
    }

    /// The message whose answer it should have been is done with.
    fn wrong(&mut self, tally: &mut Tally) -> Trouble {
        let flight = self.flights.take_first();
        tally.wrong += u64::from(flight.is_none_or(|flight| tally.counts(flight.due)));
        Trouble::WrongAnswer
    }

    fn past(&mut self) -> &mut Past {
        self.past.get_or_insert_default()
    }

    /// What a numbered message begins with.
    fn label(&self, number: u64) -> u64 {
        self.call << NUMBER_BITS | number & NUMBER_MASK
    }
}

/// Bits of a label that are the message's number; the others are the call's.
const NUMBER_BITS: u32 = 44;
const NUMBER_MASK: u64 = (1 << NUMBER_BITS) - 1;

#[cfg(test)]
mod tests;
