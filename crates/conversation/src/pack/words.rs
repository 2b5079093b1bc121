//! The words of a line, as a shell would cut it.
//!
//! White space ends a word. In single quotes all stands for itself; in double quotes white space does, and a
//! backslash escapes there as outside.

use std::ops::Range;

use super::error::{PackError, PackProblem};

/// A word: what it means, and where it stands.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) bytes: Vec<u8>,
    pub(super) span: Range<usize>,
}

/// The words of a line.
pub(super) fn of_line(line: &str) -> Result<Vec<Word>, PackError> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let start = line.len() - rest.len();
        let word = word(line, start..line.len(), true)?;
        rest = line[word.span.end..].trim_ascii_start();
        words.push(word);
    }
    Ok(words)
}

/// The word that this whole part of a line is.
pub(super) fn whole(line: &str, span: Range<usize>) -> Result<Word, PackError> {
    word(line, span, false)
}

/// The word at the beginning of `span`, which ends at white space or else with the span.
fn word(line: &str, span: Range<usize>, ends_at_space: bool) -> Result<Word, PackError> {
    let error = |span, problem| Err(PackError { text: line.into(), span, problem });
    let mut bytes = Vec::new();
    let mut quote: Option<(usize, char)> = None;
    let mut at = span.start;
    while let Some(character) = line[at..span.end].chars().next() {
        let next = at + character.len_utf8();
        match (character, quote) {
            (_, Some((_, open))) if character == open => quote = None,
            ('"' | '\'', None) => quote = Some((at, character)),
            ('\\', None | Some((_, '"'))) => {
                let Some((meant, length)) = escape(&line[next..span.end]) else {
                    let end = line[next..span.end].chars().next().map_or(next, |bad| next + bad.len_utf8());
                    return error(at..end, PackProblem::Escape);
                };
                bytes.extend(meant);
                at = next + length;
                continue;
            }
            (_, None) if ends_at_space && character.is_ascii_whitespace() => {
                return Ok(Word { bytes, span: span.start..at });
            }
            (_, None | Some(_)) => bytes.extend(line[at..next].bytes()),
        }
        at = next;
    }
    match quote {
        Some((at, _)) => error(at..span.end, PackProblem::Quote),
        None => Ok(Word { bytes, span }),
    }
}

/// What an escape means, by the text behind its backslash, and how long it is there.
fn escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let first = text.chars().next()?;
    let byte = match first {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        '0' => 0,
        'x' => {
            let digits =
                text.get(1..3).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            return Some((vec![u8::from_str_radix(digits, 16).ok()?], 3));
        }
        'u' => {
            let (digits, _) = text[1..].strip_prefix('{')?.split_once('}')?;
            let digits =
                Some(digits).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            let character = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
            return Some((character.to_string().into_bytes(), "u{}".len() + digits.len()));
        }
        _ if first.is_alphanumeric() => return None,
        _ => return Some((first.to_string().into_bytes(), first.len_utf8())),
    };
    Some((vec![byte], 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<Vec<u8>> {
        of_line(line).unwrap_or_else(|error| panic!("{error}")).into_iter().map(|word| word.bytes).collect()
    }

    #[test]
    fn words_are_cut_as_a_shell_cuts_them() {
        assert_eq!(words("  42\thello\r\n"), [&b"42"[..], b"hello"]);
        assert_eq!(words(r#"'a b' "c d" e\ f g'"'h'' "#), [&b"a b"[..], b"c d", b"e f", b"g\"h"]);
        assert_eq!(words(r#""" '' "#), [b"", b""]);
        assert_eq!(words(r#""\n\r\t\0\x7f\u{e9}\\\"" '\n'"#), [&b"\n\r\t\0\x7f\xc3\xa9\\\""[..], b"\\n"]);
        assert_eq!(words(" \t "), [b""; 0]);
    }

    #[test]
    fn what_is_no_word_is_shown_where_it_begins() {
        let wrong = [
            ("a 'b", 2..4, PackProblem::Quote),
            (r#""\""#, 0..3, PackProblem::Quote),
            (r"a \q", 2..4, PackProblem::Escape),
            (r"\xg0", 0..2, PackProblem::Escape),
            (r"\x+f", 0..2, PackProblem::Escape),
            (r"\u{d800}", 0..2, PackProblem::Escape),
            ("é\\", 2..3, PackProblem::Escape),
        ];
        for (line, span, problem) in wrong {
            let error = of_line(line).err().map(|error| (error.span, error.problem));
            assert_eq!(error, Some((span, problem)), "{line}");
        }
    }
}
