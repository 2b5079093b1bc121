//! Whatever bytes a peer sends, what is shown of them cannot drive a terminal; however they are cut.
//!
//! The first byte is the length of the pieces in which the rest arrives. Protected besides: plain text is shown
//! as it is, and nothing is shown at more than four times its length.

use services::Inert;

pub(crate) fn run(data: &[u8]) {
    let [piece, sent @ ..] = data else { return };
    let shown = show([sent]);
    assert_eq!(show(sent.chunks(usize::from(*piece).max(1))), shown);
    assert!(shown.len() <= 4 * sent.len());

    let text = std::str::from_utf8(&shown).unwrap_or_else(|error| panic!("{error}: {shown:?}"));
    let without_line_ends = text.replace("\r\n", "\n");
    assert!(!without_line_ends.contains(drives_a_terminal), "{text:?}");
    if sent.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t')) {
        assert_eq!(shown, sent);
    }
}

fn show<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut inert = Inert::default();
    let mut shown = Vec::new();
    for piece in pieces {
        shown.extend(inert.show(piece));
    }
    shown.extend(inert.finish());
    shown
}

/// Controls (C0, DEL, C1) but line feed and tab; characters that set direction or break lines.
fn drives_a_terminal(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => c.is_control(),
    }
}
