//! Any bytes are a proxy's answers, the beginning of them, or none; however they are cut.
//!
//! The first byte says what is spoken, whether with a password, and how the rest is cut. Protected: the cut changes
//! nothing of what comes of them, what is said of a failure cannot drive a terminal, and nothing but what is behind the
//! answers comes through.

use std::time::SystemTime;

use conversation::{Moment, Now};
use layers::{Above, Destination, DestinationHost, HttpConnect, Layer, ProxyCredentials, Socks5, Stack};

const NOW: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// What came of the answers.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    is_open: bool,
    through: Vec<u8>,
    failed: Option<String>,
}

pub(crate) fn run(data: &[u8]) {
    let Some((how, answers)) = data.split_first() else { return };
    let whole = hear(*how, answers, answers.len());
    assert_eq!(whole, hear(*how, answers, 1 + usize::from(how >> 2)), "in pieces");
    assert!(answers.ends_with(&whole.through), "what comes through is what was behind the answers");
    assert!(whole.is_open || whole.through.is_empty());
    assert!(!whole.failed.is_some_and(|failed| failed.contains(char::is_control)));
}

fn hear(how: u8, answers: &[u8], piece: usize) -> Outcome {
    let known = ProxyCredentials { user: "user".into(), password: "password".into() };
    let credentials = (how & 2 != 0).then_some(known);
    let destination = Destination { host: DestinationHost::Name("far.example".into()), port: 80 };
    let layer: Box<dyn Layer> = match how & 1 {
        0 => Box::new(Socks5::new("socks5://proxy:1080", destination, credentials)),
        _ => Box::new(HttpConnect::new("http-connect://proxy:3128", destination, credentials)),
    };
    let (mut stack, mut above, mut outcome) = (Stack::new(vec![layer]), Above::default(), Outcome::default());
    stack.opened(NOW, &mut above);
    above.clear();
    for piece in answers.chunks(piece.max(1)) {
        stack.received(NOW, piece, &mut above);
        outcome.is_open |= above.is_open();
        above.pieces().for_each(|piece| outcome.through.extend_from_slice(piece));
        outcome.failed = outcome.failed.or(above.failed().map(ToString::to_string));
        assert!(stack.outgoing().len() < 2048, "it says no more than the protocol has it say");
        above.clear();
    }
    outcome
}
