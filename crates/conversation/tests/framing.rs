//! Framing: whatever is encoded is found again, however the stream is cut.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use conversation::{Framer, Framing, FramingError};
use proptest::collection::vec;
use proptest::prelude::*;

const NAMES: &[&str] = &["line", "nul", "u8", "u16be", "u16le", "u32be", "u32le"];

fn framing(name: &str) -> Framing {
    name.parse().unwrap()
}

/// All messages that `framer` finds in `pieces`.
fn messages<'a>(framer: &mut Framer, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for mut piece in pieces {
        while let Some(message) = framer.next(&mut piece).unwrap() {
            found.push(message.into_owned());
        }
    }
    found
}

#[test]
fn every_cut_of_a_stream_gives_the_same_messages() {
    for name in NAMES {
        let mut wire = Vec::new();
        let sent: Vec<&[u8]> = vec![b"ab", b"", b"cde"];
        for message in &sent {
            framing(name).encode(message, &mut wire).unwrap();
        }
        for cuts in 0..1u32 << (wire.len() - 1) {
            let mut pieces = Vec::new();
            let mut start = 0;
            for at in 1..wire.len() {
                if cuts & 1 << (at - 1) != 0 {
                    pieces.push(&wire[start..at]);
                    start = at;
                }
            }
            pieces.push(&wire[start..]);
            let mut framer = Framer::new(framing(name));
            assert_eq!(messages(&mut framer, pieces), sent, "{name}, cuts {cuts:b}");
            assert!(framer.unfinished().is_empty());
            if wire.len() > 18 && cuts > 4096 {
                break;
            }
        }
    }
}

#[test]
fn a_message_over_the_bound_is_an_error_before_it_is_kept() {
    for name in NAMES {
        let framing = framing(name).with_bytes_max(4);
        let mut wire = Vec::new();
        assert_eq!(framing.encode(b"12345", &mut wire), Err(FramingError::TooLong { bytes_max: 4 }));
        assert!(wire.is_empty());
        framing.with_bytes_max(5).encode(b"12345", &mut wire).unwrap();
        let mut framer = Framer::new(framing);
        assert_eq!(framer.next(&mut &wire[..]), Err(FramingError::TooLong { bytes_max: 4 }), "{name}");
        assert!(framer.unfinished().len() <= 4);
    }
}

#[test]
fn a_line_that_never_ends_is_an_error_at_the_bound() {
    let mut framer = Framer::new(Framing::Line { bytes_max: 10 });
    assert_eq!(framer.next(&mut &b"0123456789"[..]), Ok(None));
    assert_eq!(framer.next(&mut &b"x"[..]), Err(FramingError::TooLong { bytes_max: 10 }));
}

#[test]
fn a_message_that_holds_its_own_mark_is_refused() {
    assert_eq!(framing("line").encode(b"a\nb", &mut Vec::new()), Err(FramingError::HoldsMark));
    assert_eq!(framing("nul").encode(b"a\0b", &mut Vec::new()), Err(FramingError::HoldsMark));
}

#[test]
fn a_length_prefix_has_the_byte_order_of_its_name() {
    for (name, wire) in [("u16be", &b"\x00\x02hi"[..]), ("u16le", b"\x02\x00hi"), ("u32be", b"\0\0\0\x02hi")]
    {
        let mut encoded = Vec::new();
        framing(name).encode(b"hi", &mut encoded).unwrap();
        assert_eq!(encoded, wire, "{name}");
    }
}

#[test]
fn the_unfinished_last_line_can_be_taken() {
    let mut framer = Framer::new(framing("line"));
    assert_eq!(messages(&mut framer, [&b"one\ntw"[..], b"o"]), [b"one"]);
    assert_eq!(framer.take_unfinished(), b"two");
    assert!(framer.unfinished().is_empty());
}

#[test]
fn an_unknown_framing_is_refused_with_those_there_are() {
    let error = "u64".parse::<Framing>().unwrap_err().to_string();
    assert_eq!(error, "\"u64\" names no framing; there are line, nul, u8, u16be, u16le, u32be, u32le");
}

proptest! {
    #[test]
    fn messages_of_any_bytes_come_back_whole(
        sent in vec(vec(any::<u8>(), 0..200), 0..20),
        cut_every in 1usize..50,
        order in prop::sample::select(vec!["u8", "u16be", "u16le", "u32be", "u32le"]),
    ) {
        let mut wire = Vec::new();
        for message in &sent {
            framing(order).encode(message, &mut wire).unwrap();
        }
        let mut framer = Framer::new(framing(order));
        prop_assert_eq!(messages(&mut framer, wire.chunks(cut_every)), sent);
    }

    #[test]
    fn no_input_panics_and_none_is_kept_past_the_bound(
        pieces in vec(vec(any::<u8>(), 0..300), 0..10),
        name in prop::sample::select(NAMES.to_vec()),
    ) {
        let mut framer = Framer::new(framing(name).with_bytes_max(100));
        for piece in &pieces {
            let mut piece = &piece[..];
            loop {
                match framer.next(&mut piece) {
                    Ok(Some(message)) => prop_assert!(message.len() <= 100),
                    Ok(None) => break,
                    Err(_) => return Ok(()),
                }
            }
            prop_assert!(framer.unfinished().len() <= 104);
        }
    }
}
