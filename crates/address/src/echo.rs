//! Shows a bad text and a caret under the bad part.
//!
//! Protected: the caret stands under the bad part in a terminal with fixed columns, whatever the text holds:
//! control, format and combining characters are escaped (one column a character then), and East Asian wide
//! characters count two columns (Unicode Standard Annex #11).

use core::ops::Range;
use std::fmt;

use crate::percent::is_visible;

/// Writes a line break, the text indented by two, a line break, and carets under `span` (one at least).
pub fn write_carets(formatter: &mut fmt::Formatter<'_>, text: &str, span: &Range<usize>) -> fmt::Result {
    let before = text.get(..span.start).unwrap_or_default();
    let bad = text.get(span.clone()).unwrap_or_default();
    write!(formatter, "\n  {}\n  ", visible(text))?;
    write!(formatter, "{:1$}", "", columns(before))?;
    write!(formatter, "{:^<1$}", "", columns(bad).max(1))
}

/// The text in one line, with what would not show as itself escaped: control, format and combining characters,
/// and spaces other than the usual one.
///
/// ```
/// assert_eq!(address::visible("é\n\u{1b}[31m\u{202e}"), r"é\n\u{1b}[31m\u{202e}");
/// ```
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character == ' ' || is_visible(character) {
            shown.push(character);
        } else {
            match character {
                '\n' | '\r' | '\t' => shown.extend(character.escape_default()),
                _ => shown.extend(character.escape_unicode()),
            }
        }
    }
    shown
}

/// Columns that the text takes when it is shown.
fn columns(text: &str) -> usize {
    visible(text).chars().map(|character| if is_wide(character) { 2 } else { 1 }).sum()
}

fn is_wide(character: char) -> bool {
    WIDE.iter().any(|range| range.contains(&character))
}

/// Characters of two columns, in blocks, Unicode Standard Annex #11.
const WIDE: &[core::ops::RangeInclusive<char>] = &[
    '\u{1100}'..='\u{115f}',
    '\u{2e80}'..='\u{a4cf}',
    '\u{a960}'..='\u{a97f}',
    '\u{ac00}'..='\u{d7a3}',
    '\u{f900}'..='\u{faff}',
    '\u{fe30}'..='\u{fe6f}',
    '\u{ff00}'..='\u{ff60}',
    '\u{ffe0}'..='\u{ffe6}',
    '\u{1f300}'..='\u{1faff}',
    '\u{20000}'..='\u{3fffd}',
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(visible("a\u{1b}[31m\nb\u{202e}c"), "a\\u{1b}[31m\\nb\\u{202e}c");
    }

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(columns("a日b"), 4);
        assert_eq!(columns("e\u{301}"), 1 + "\\u{301}".len());
    }
}
