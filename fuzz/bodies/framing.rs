//! Any stream is messages that, marked again, are the stream; however it is cut.
//!
//! The first byte chooses a framing, the second its bound in bytes, the third the length of the pieces in
//! which the rest, the stream, arrives. Protected: no message and nothing kept passes the bound.

use conversation::{Framer, Framing, FramingError};

const NAMES: &[&str] = &["line", "nul", "u8", "u16be", "u16le", "u32be", "u32le"];

pub(crate) fn run(data: &[u8]) {
    let [chosen, bound, piece, wire @ ..] = data else { return };
    let name = NAMES[usize::from(*chosen) % NAMES.len()];
    let framing = name.parse::<Framing>().unwrap_or_else(|error| panic!("{error}"));
    let framing = framing.with_bytes_max(usize::from(*bound));

    let whole = Found::of(framing, [wire]);
    let in_pieces = Found::of(framing, wire.chunks(usize::from(*piece).max(1)));
    assert_eq!(in_pieces, whole, "{name}");

    let mut again = Vec::new();
    for message in &whole.messages {
        assert!(message.len() <= framing.bytes_max(), "{name}");
        assert_eq!(framing.encode(message, &mut again), Ok(()), "{name}");
    }
    again.extend(&whole.unfinished);
    if whole.error.is_some() {
        assert!(wire.starts_with(&again), "{name}");
    } else {
        assert_eq!(again, wire, "{name}");
    }
    one_message(name, framing, wire);
    no_name(data);
}

/// What a framer made of a stream.
#[derive(Debug, Default, PartialEq)]
struct Found {
    messages: Vec<Vec<u8>>,
    /// Empty after an error: what is kept then is nobody's any more.
    unfinished: Vec<u8>,
    error: Option<FramingError>,
}

impl Found {
    fn of<'a>(framing: Framing, pieces: impl IntoIterator<Item = &'a [u8]>) -> Found {
        let (mut framer, mut found) = (Framer::new(framing), Found::default());
        for mut piece in pieces {
            loop {
                match framer.next(&mut piece) {
                    Ok(Some(message)) => found.messages.push(message.into_owned()),
                    Ok(None) => break,
                    Err(error) => return Found { error: Some(error), ..found },
                }
            }
            // Four bytes: the longest length prefix.
            assert!(framer.unfinished().len() <= framing.bytes_max() + 4);
        }
        Found { unfinished: framer.take_unfinished(), ..found }
    }
}

/// The bytes as one message: refused without a trace, or found again.
fn one_message(name: &str, framing: Framing, message: &[u8]) {
    let mut wire = Vec::new();
    match framing.encode(message, &mut wire) {
        Ok(()) => assert_eq!(Found::of(framing, [&wire[..]]).messages, [message], "{name}"),
        Err(_) => assert!(wire.is_empty(), "{name}"),
    }
}

/// The bytes as the name of a framing: known, or an error of one printable line.
fn no_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = text.parse::<Framing>() {
        assert!(!NAMES.contains(&text));
        assert!(!error.to_string().contains(char::is_control), "{error:?}");
    }
}
