//! Percent-encoding of paths, names and option values.
//!
//! RFC 3986 section 2.1. Protected: what is encoded decodes to the same bytes, and the encoded text has no
//! control, invisible or space character, so that a path can sit in a log line or on a terminal.

use core::ops::Range;
use std::fmt;

/// Reserved in a path or abstract name, beside what never stands bare.
pub(crate) const IN_PATH: &[char] = &['%', '?', '&'];
/// Reserved in a command.
pub(crate) const IN_COMMAND: &[char] = &['%', '?'];
/// Reserved in the value of an option.
pub(crate) const IN_VALUE: &[char] = &['%', '?', '&', '=', '#'];

/// Writes bytes with each of `reserved`, and all that is not a visible character, as `%XX`.
pub(crate) fn encode(to: &mut impl fmt::Write, bytes: &[u8], reserved: &[char]) -> fmt::Result {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_visible(character) && !reserved.contains(&character) {
                to.write_char(character)?;
            } else {
                encode_bytes(to, character.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        encode_bytes(to, chunk.invalid())?;
    }
    Ok(())
}

fn encode_bytes(to: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(to, "%{byte:02X}"))
}

/// The bytes that a text stands for.
///
/// # Errors
/// Where in the text a `%` is not followed by two hexadecimal digits.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Range<usize>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let start = text.len() - rest.len() + at;
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(hexadecimal).ok_or(start..start + 1)?;
        bytes.push(byte);
        rest = &rest[at + 3..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The byte that two hexadecimal digits mean; a sign is no digit.
fn hexadecimal(digits: &str) -> Option<u8> {
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Whether a character shows as itself, alone, in one place: no control, space, format or combining one.
pub fn is_visible(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_graphic();
    }
    // escape_debug escapes what is not printable and what combines with the character before it.
    character.escape_debug().len() == 1 && !character.is_whitespace()
}
