//! Exchanges by script: no sockets, no clock.

use std::time::Duration;

use super::*;
use crate::{Expect, Message, Offer};

const TIMEOUT: Duration = Duration::from_secs(1);

struct Script {
    rules: Rules,
    exchange: Exchange,
    tally: Tally,
    body: Vec<u8>,
}

fn at(ms: u64) -> Moment {
    Moment::after(Duration::from_millis(ms))
}

impl Script {
    fn new(shape: Shape, offer: Offer) -> Script {
        let rules = Rules::of(&Offer { timeout: TIMEOUT, ..offer }, shape);
        let body = rules.messages.from(0)[..rules.message_bytes].to_vec();
        Script { rules, exchange: Exchange::new(3), tally: Tally::new(Moment::START), body }
    }

    /// Begins and sends as much as there is room for; the messages, or the pieces of a stream.
    fn speak(&mut self, ms: u64) -> Vec<Vec<u8>> {
        while self.exchange.has_room(&self.rules) {
            self.exchange.begin(at(ms), at(ms), &mut self.tally);
        }
        let mut sent = Vec::new();
        while let Some(bytes) = self.exchange.owed(&self.rules, &mut self.body).map(<[u8]>::to_vec) {
            self.exchange.taken(bytes.len(), at(ms), &self.rules, &mut self.tally);
            sent.push(bytes);
        }
        sent
    }

    fn hear(&mut self, bytes: &[u8], ms: u64) -> Result<(), Trouble> {
        self.exchange.heard(bytes, at(ms), &self.rules, &self.body, &mut self.tally)
    }

    fn expire(&mut self, ms: u64) -> Result<(), Trouble> {
        self.exchange.expire(at(ms), &self.rules, &mut self.tally)
    }
}

#[test]
fn an_echo_may_come_back_in_any_cut() {
    let mut script = Script::new(Shape::Stream, Offer { in_flight: 5, ..Offer::default() });
    let stream = script.speak(0).concat();
    assert_eq!(stream.len(), 5 * 64);
    for byte in &stream[..200] {
        script.hear(&[*byte], 10).unwrap();
    }
    assert_eq!(script.tally.answered, 3);
    script.hear(&stream[200..], 20).unwrap();
    assert_eq!((script.tally.answered, script.tally.sent), (5, 5));
    assert!(script.exchange.is_quiet());
    script.tally.enter();
    assert_eq!(script.tally.latency.max() / 1_000_000, 20);
}

#[test]
fn lost_doubled_swapped_and_unasked_bytes_of_a_stream_are_wrong() {
    let offer = || Offer { in_flight: 3, ..Offer::default() };
    for wrong in [
        |sent: &[u8]| sent[1..].to_vec(),
        |sent: &[u8]| [&sent[..64], sent].concat(),
        |sent: &[u8]| [&sent[64..128], &sent[..64]].concat(),
        |sent: &[u8]| [sent, b"x"].concat(),
    ] {
        let mut script = Script::new(Shape::Stream, offer());
        let sent = script.speak(0).concat();
        assert_eq!(script.hear(&wrong(&sent), 1), Err(Trouble::WrongAnswer));
        assert_eq!(script.tally.wrong, 1);
        script.exchange.abandon(&mut script.tally);
        assert_eq!(script.tally.unanswered, 2);
    }
}

#[test]
fn another_calls_answer_is_wrong() {
    let mut script = Script::new(Shape::Stream, Offer::default());
    script.speak(0);
    let mut other = Script::new(Shape::Stream, Offer::default());
    other.exchange = Exchange::new(4);
    let theirs = other.speak(0).concat();
    assert_eq!(script.hear(&theirs, 1), Err(Trouble::WrongAnswer));
}

#[test]
fn a_text_a_length_or_nothing_may_be_expected() {
    let expect = |expect| Offer { expect, message: Message::Bytes(b"hi".to_vec()), ..Offer::default() };
    let mut text = Script::new(Shape::Stream, expect(Expect::Bytes(b"hello back".to_vec())));
    assert_eq!(text.speak(0), [b"hi"]);
    text.hear(b"hello ", 1).unwrap();
    text.hear(b"back", 2).unwrap();
    text.speak(3);
    assert_eq!(text.hear(b"hello bach", 4), Err(Trouble::WrongAnswer));
    let mut length = Script::new(Shape::SeqPacket, expect(Expect::Length(3)));
    length.speak(0);
    length.hear(b"any", 1).unwrap();
    length.speak(2);
    assert_eq!(length.hear(b"four", 3), Err(Trouble::WrongAnswer));
    let mut nothing = Script::new(Shape::SeqPacket, expect(Expect::Nothing));
    nothing.exchange.begin(at(0), at(0), &mut nothing.tally);
    nothing.exchange.taken(2, at(1), &nothing.rules, &mut nothing.tally);
    assert_eq!(nothing.tally.answered, 1);
}

#[test]
fn datagrams_are_told_apart_by_their_numbers() {
    let mut script = Script::new(Shape::Datagram, Offer { in_flight: 6, ..Offer::default() });
    let sent = script.speak(0);
    assert_eq!(sent.len(), 6);
    for index in [0, 2, 1, 1] {
        script.hear(&sent[index], 10).unwrap(); // 1 was overtaken by 2, and comes twice
    }
    let mut flipped = sent[3].clone();
    flipped[40] ^= 1;
    script.hear(&flipped, 20).unwrap();
    script.expire(1_000).unwrap();
    script.hear(&sent[4], 1_100).unwrap();
    script.hear(b"not ours", 1_200).unwrap();
    let Tally { answered, reordered, duplicated, wrong, lost, late, unanswered, .. } = script.tally;
    assert_eq!((answered, reordered, duplicated, wrong, lost, late, unanswered), (3, 1, 1, 2, 2, 1, 0));
    assert!(script.exchange.is_quiet());
}

#[test]
fn small_datagrams_without_numbers_are_counted_all_the_same() {
    let mut script = Script::new(Shape::Datagram, Offer { message: Message::Size(4), ..Offer::default() });
    let sent = script.speak(0).concat();
    script.hear(&sent, 5).unwrap();
    script.hear(&sent, 6).unwrap();
    script.speak(10);
    script.expire(1_010).unwrap();
    script.hear(&sent, 1_020).unwrap();
    let Tally { answered, duplicated, lost, late, .. } = script.tally;
    assert_eq!((answered, duplicated, lost, late), (1, 1, 1, 1));
}

#[test]
fn a_connection_that_is_silent_for_too_long_has_failed() {
    let mut script = Script::new(Shape::Stream, Offer::default());
    script.speak(0);
    assert_eq!(script.expire(999), Ok(()));
    assert_eq!(script.exchange.expires(&script.rules), Some(at(1_000)));
    assert_eq!(script.expire(1_000), Err(Trouble::TimedOut));
}
