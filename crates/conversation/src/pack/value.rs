//! A value, and its text.

use std::fmt::{self, Write};

use address::is_visible;

/// What a message is packed of.
///
/// Its text can be read again by [`Format::pack_line`](super::Format::pack_line) and is safe on a terminal:
/// strings stand in double quotes, and whatever does not show as itself is escaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of any letter for integers.
    Integer(i128),
    /// Of `e`, `f`, `d`; the narrower ones exactly as they are in the message.
    Float(f64),
    /// Of `?`.
    Boolean(bool),
    /// A string: of `c` one byte, of `s` and `p` any.
    Bytes(Vec<u8>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Integer(number) => number.fmt(f),
            Value::Float(number) => fmt::Debug::fmt(number, f), // 1.0 and 1e300, the shortest that is exact
            Value::Boolean(truth) => truth.fmt(f),
            Value::Bytes(bytes) => {
                f.write_char('"')?;
                for chunk in bytes.utf8_chunks() {
                    chunk.valid().chars().try_for_each(|character| show(character, f))?;
                    chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
                }
                f.write_char('"')
            }
        }
    }
}

fn show(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '"' | '\\' => write!(f, "\\{character}"),
        '\n' => f.write_str("\\n"),
        '\r' => f.write_str("\\r"),
        '\t' => f.write_str("\\t"),
        '\0' => f.write_str("\\0"),
        _ if character == ' ' || is_visible(character) => f.write_char(character),
        _ => write!(f, "{}", character.escape_unicode()),
    }
}

/// An integer as text: decimal, or with `0x`, `0o`, `0b` before it; either with a sign.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (is_negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let radixes = [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)];
    let radix = radixes.iter().find_map(|(prefix, radix)| Some((unsigned.strip_prefix(prefix)?, *radix)));
    let (digits, radix) = radix.unwrap_or((unsigned, 10));
    // The sign was taken off: a second one is none of the digits.
    let number = digits.starts_with(|first: char| first.is_digit(radix)).then_some(digits)?;
    let number = i128::from_str_radix(number, radix).ok()?;
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_in_four_radixes_with_one_sign_at_most() {
        let read = ["42", "-42", "+7", "0x1F", "-0x80", "0o17", "0b101"].map(integer);
        assert_eq!(read, [42, -42, 7, 31, -128, 15, 5].map(Some));
        for text in ["", "-", "--1", "-+1", "0x", "0x-1", "1_000", " 1", "1e3", "0xg"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn a_string_shows_nothing_that_a_terminal_would_obey() {
        let shown = Value::Bytes(b"a \"b\"\\\n\x1b[31m\xff\xe2\x80\xae\0".to_vec()).to_string();
        assert_eq!(shown, r#""a \"b\"\\\n\u{1b}[31m\xff\u{202e}\0""#);
    }
}
