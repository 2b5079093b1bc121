//! Any text is a format or an error, any line packs by it or is an error; what was packed is found again.
//!
//! The format stands before the first line feed, values as text or a message behind it. Protected besides: the
//! text of values drives no terminal, and errors neither.

use conversation::{Format, Value};

pub(crate) fn run(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (text, rest) = (String::from_utf8_lossy(&data[..end]), data.get(end + 1..).unwrap_or_default());
    let format: Format = match text.parse() {
        Ok(format) => format,
        Err(error) => return harmless(&error.to_string()),
    };
    assert!(format.size_bytes() <= Format::BYTES_MAX);
    if format.size_bytes() > 4096 {
        return; // no more than the same again, and slow
    }
    match format.pack_line(&String::from_utf8_lossy(rest)) {
        Ok(message) => found_again(&format, &message),
        Err(error) => harmless(&error.to_string()),
    }
    let mut message = rest.to_vec();
    message.resize(format.size_bytes(), 0);
    found_again(&format, &message);
}

fn found_again(format: &Format, message: &[u8]) {
    let line = shown(&format.unpack(message).unwrap_or_else(|error| panic!("{error}")));
    harmless(&line);
    let packed = format.pack_line(&line).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(format.unpack(&packed).map(|values| shown(&values)), Ok(line));
}

fn shown(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

/// No control, and nothing that turns or hides text; line feeds are the errors' own.
fn harmless(text: &str) {
    let drives = |c: char| {
        c != '\n' && (c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'))
    };
    assert!(!text.contains(drives), "{text:?}");
}
