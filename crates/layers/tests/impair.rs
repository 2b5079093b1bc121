//! Impairing: by script, on a clock of the test's own.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use conversation::{Moment, Now, Shape};
use layers::{Above, Hold, Impair, ImpairSettings, Stack};

const DELAY: Duration = Duration::from_millis(5);

fn at(ms: u64) -> Now {
    Now { moment: Moment::after(Duration::from_millis(ms)), wall: std::time::SystemTime::UNIX_EPOCH }
}

fn pieces(above: &Above) -> Vec<Vec<u8>> {
    above.pieces().map(<[u8]>::to_vec).collect()
}

#[test]
fn messages_pass_whole_and_late_in_both_directions() {
    let impair = Impair::new(ImpairSettings { delay: DELAY }, Shape::SeqPacket);
    let mut stack = Stack::over(Shape::SeqPacket, vec![Box::new(impair)]);
    let mut above = Above::default();
    assert_eq!(stack.shape(), Shape::SeqPacket);
    stack.opened(at(0), &mut above);
    assert!(above.take_open());
    for message in [&b"one"[..], b"", b"three"] {
        stack.received(at(0), message, &mut above);
        stack.send(at(1), message, &mut above);
    }
    stack.below_finished(at(1), &mut above);
    stack.finish(at(1), &mut above);
    assert!(above.is_empty() && stack.next_outgoing().is_none());
    assert_eq!((stack.holds().for_above, stack.holds().for_below), (Hold::Some, Hold::Some));
    stack.deadline(at(4), &mut above);
    assert!(above.is_empty(), "too early");
    assert_eq!(stack.next_deadline(), Some(at(5).moment));
    stack.deadline(at(5), &mut above);
    assert_eq!(pieces(&above), [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
    assert!(!above.is_finished(), "the end came later");
    above.clear();
    stack.deadline(at(6), &mut above);
    assert!(above.is_finished());
    let mut out = Vec::new();
    while let Some(message) = stack.next_outgoing().map(<[u8]>::to_vec) {
        assert!(!stack.finish_is_due(), "the end comes last");
        stack.sent(message.len());
        out.push(message);
    }
    assert_eq!(out, [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]);
    assert!(stack.finish_is_due());
    assert_eq!((stack.holds().for_above, stack.next_deadline()), (Hold::Nothing, None));
}
