//! A stack: order, ends and failures across layers, without any that does much.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::time::{Duration, SystemTime};

use common::{Pair, Side};
use conversation::{Moment, Now};
use layers::{Above, Flow, HIGH_MARK_BYTES, Layer, ProxyFailure, Stack};

/// Opens at the peer's greeting, and adds one to every byte that is sent; fails at a byte `!`.
struct Shift {
    name: u8,
    greeted: bool,
    finished: bool,
}

impl Shift {
    fn boxed(name: u8) -> Box<dyn Layer> {
        Box::new(Shift { name, greeted: false, finished: false })
    }
}

impl Layer for Shift {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        flow.below().push(&[self.name]);
    }

    fn received(&mut self, mut bytes: &[u8], flow: &mut Flow<'_>) {
        if !self.greeted
            && let [greeting, rest @ ..] = bytes
        {
            assert_eq!(*greeting, self.name);
            self.greeted = true;
            flow.open();
            bytes = rest;
        }
        if bytes.contains(&b'!') {
            flow.below().push(b"alert");
            return flow.fail(ProxyFailure::NoHeader);
        }
        let back: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_sub(1)).collect();
        flow.deliver(&back);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        flow.finish_above();
    }

    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        assert!(!self.finished, "nothing is sent behind the end");
        let forth: Vec<u8> = bytes.iter().map(|byte| byte.wrapping_add(1)).collect();
        flow.below().push(&forth);
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        assert!(!std::mem::replace(&mut self.finished, true), "an end comes once");
        flow.finish_below();
    }
}

fn shifts(names: &[u8]) -> Vec<Box<dyn Layer>> {
    names.iter().map(|name| Shift::boxed(*name)).collect()
}

#[test]
fn each_layer_opens_when_the_one_below_has_and_bytes_come_through_all() {
    for seed in 0..50 {
        let mut pair = Pair::new(shifts(b"abc"), shifts(b"abc"), seed);
        assert_eq!(pair.caller.stack.outgoing(), b"a");
        pair.run(3);
        assert_eq!((pair.caller.opened, pair.server.opened), (1, 1));
        pair.caller.send(b"hello");
        assert_eq!(pair.caller.stack.outgoing(), b"khoor");
        pair.run(3);
        pair.caller.finish();
        pair.server.send(b"world");
        pair.run(3);
        assert_eq!((pair.server.text(), pair.server.finished), ("hello", 1));
        assert_eq!((pair.caller.text(), pair.caller.finished), ("world", 0), "the other half is open");
        pair.server.finish();
        pair.run(3);
        assert_eq!(pair.caller.finished, 1);
    }
}

#[test]
fn an_end_that_is_asked_for_before_it_is_open_comes_after() {
    let mut pair = Pair::new(shifts(b"ab"), shifts(b"ab"), 1);
    pair.caller.finish();
    assert!(!pair.caller.stack.finish_is_due());
    pair.run(1);
    assert!(pair.caller.stack.finish_is_due());
    assert_eq!((pair.server.opened, pair.server.finished), (1, 1));
}

#[test]
fn a_layer_that_fails_says_its_last_and_is_left_alone() {
    let mut side = Side::open(shifts(b"ab"));
    side.receive(b"ac"); // the second greeting, shifted by the first layer
    assert_eq!(side.opened, 1);
    side.take();
    side.receive(b"ij\"kl"); // shifted twice by two layers: the second finds an exclamation mark
    assert!(side.failed.is_some());
    assert_eq!(side.take(), b"bmfsu");
    assert!(side.stack.finish_is_due());
    side.receive(b"more");
    side.send(b"more");
    side.finish();
    assert_eq!(side.take(), b"");
    assert_eq!(side.finished, 0);
}

/// Holds what is sent back, until its moment.
#[derive(Default)]
struct Late {
    held: Vec<u8>,
    finish_asked: bool,
    due: Option<Moment>,
}

impl Layer for Late {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        flow.open();
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        flow.deliver(bytes);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        flow.finish_above();
    }

    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.held.extend_from_slice(bytes);
        self.due = Some(flow.now().moment + Duration::from_secs(1));
    }

    fn finish(&mut self, _flow: &mut Flow<'_>) {
        self.finish_asked = true;
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        self.due = None;
        flow.below().push(&std::mem::take(&mut self.held));
        if self.finish_asked {
            flow.finish_below();
        }
    }
}

#[test]
fn what_a_layer_said_last_goes_its_way_through_those_below_it() {
    let now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };
    let mut stack = Stack::new(vec![Box::<Late>::default(), Shift::boxed(b'a')]);
    let mut above = Above::default();
    stack.opened(now, &mut above);
    above.clear();
    stack.received(now, b"a!", &mut above);
    assert!(above.failed().is_some());
    above.clear();
    stack.finish(now, &mut above);
    assert_eq!(stack.outgoing(), b"", "it is late");
    let due = stack.next_deadline().unwrap();
    stack.deadline(Now { moment: due, ..now }, &mut above);
    assert_eq!(stack.outgoing(), b"aalert");
    let owed = stack.outgoing().len();
    stack.sent(owed);
    assert!(stack.finish_is_due(), "and the end behind it");
}

#[test]
fn behind_its_end_nothing_is_owed_whatever_comes() {
    for names in [&b""[..], b"a", b"ab"] {
        let mut side = Side::open(shifts(names));
        side.receive(&[b'a', b'c'][..names.len()]); // the greetings, the second shifted by the first layer
        side.take();
        side.finish();
        side.finish();
        side.send(b"too late");
        assert!(side.stack.finish_is_due(), "{names:?}");
        side.receive(b"\"!\"");
        assert_eq!(side.failed.is_some(), !names.is_empty());
        assert!(side.stack.finish_is_due(), "{names:?}: an alert has no way any more");
    }
}

#[test]
fn a_stack_says_that_it_owes_too_much_until_the_socket_has_taken_it() {
    let mut side = Side::open(Vec::new());
    side.send(&[7; HIGH_MARK_BYTES - 1]);
    assert!(!side.stack.is_congested());
    side.send(&[8]);
    side.finish();
    assert!(side.stack.is_congested() && !side.stack.finish_is_due() && !side.stack.is_bare());
    side.stack.sent(40_000);
    assert!(!side.stack.is_congested());
    assert_eq!(side.stack.outgoing().len(), HIGH_MARK_BYTES - 40_000);
    assert_eq!(side.take().last(), Some(&8));
    assert!(side.stack.finish_is_due());
}

#[test]
fn without_layers_all_is_passed_on_as_it_is() {
    let mut pair = Pair::new(Vec::new(), Vec::new(), 1);
    pair.caller.send(b"hello");
    pair.caller.finish();
    pair.run(2);
    assert_eq!((pair.server.opened, pair.server.text(), pair.server.finished), (1, "hello", 1));
}
