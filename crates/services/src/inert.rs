//! Makes what a peer sent inert: nothing in it can drive a terminal.
//!
//! A terminal obeys what it is sent: escape sequences move its cursor, change its title, answer queries as if
//! typed; other characters reorder the text around them. So before a peer's bytes go to a terminal, control
//! characters (C0, DEL, C1) become `^X` or `\u{..}`, characters that change the direction or the lines of text
//! become `\u{..}`, and bytes that are not UTF-8 become `\x..`. Line feeds, tabs, and carriage returns before a
//! line feed stay. A character may be cut anywhere: at most three bytes are held back for the rest of it.

/// Makes one stream of bytes inert.
#[derive(Clone, Debug, Default)]
pub struct Inert {
    /// The beginning of a character, or a carriage return, whose sequel has not come.
    held: Vec<u8>,
}

impl Inert {
    /// What may be shown of a text that is whole.
    ///
    /// ```
    /// assert_eq!(services::Inert::text("a\u{1b}[31m\u{202e}b"), "a^[[31m\\u{202e}b");
    /// ```
    #[must_use]
    pub fn text(text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        show_text(text, false, &mut shown);
        shown
    }

    /// What may be shown of `bytes`, which follow what was given before.
    #[must_use]
    pub fn show(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = std::mem::take(&mut self.held);
        text.extend_from_slice(bytes);
        let mut shown = String::with_capacity(text.len());
        let mut rest = &text[..];
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    if show_text(valid, true, &mut shown) {
                        self.held = b"\r".to_vec();
                    }
                    break;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    // The bytes up to there are UTF-8, as the error says.
                    show_text(&String::from_utf8_lossy(valid), false, &mut shown);
                    match error.error_len() {
                        None => {
                            self.held = broken.to_vec();
                            break;
                        }
                        Some(length) => {
                            let (bad, sequel) = broken.split_at(length);
                            show_bytes(bad, &mut shown);
                            rest = sequel;
                        }
                    }
                }
            }
        }
        shown.into_bytes()
    }

    /// What was held back, at the end of the stream.
    #[must_use]
    pub fn finish(&mut self) -> Vec<u8> {
        let mut shown = String::new();
        match &std::mem::take(&mut self.held)[..] {
            b"\r" => shown.push_str("^M"),
            held => show_bytes(held, &mut shown),
        }
        shown.into_bytes()
    }
}

/// A whole text, inert; line feeds and tabs stay.
pub(crate) fn inert_text(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    show_text(text, false, &mut shown);
    shown
}

/// Shows text; returns whether it ends in a carriage return that is not shown, since `more` may be its line feed.
fn show_text(text: &str, more: bool, shown: &mut String) -> bool {
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' => match characters.peek() {
                Some('\n') => shown.push('\r'),
                None if more => return true,
                Some(_) | None => shown.push_str("^M"),
            },
            '\0'..='\x1f' | '\x7f' => {
                shown.push('^');
                shown.push(char::from(character as u8 ^ 0x40));
            }
            _ if changes_text_around(character) => shown.extend(character.escape_unicode()),
            _ => shown.push(character),
        }
    }
    false
}

/// C1 controls, and characters that set direction, hide, or break lines where no line feed is (Unicode
/// Standard Annex 9; RFC 9839, section 2).
fn changes_text_around(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e007f}')
}

fn show_bytes(bytes: &[u8], shown: &mut String) {
    for byte in bytes {
        shown.push_str(&format!("\\x{byte:02x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut inert = Inert::default();
        let mut all: Vec<u8> = pieces.iter().flat_map(|piece| inert.show(piece)).collect();
        all.extend(inert.finish());
        String::from_utf8(all).unwrap()
    }

    #[test]
    fn text_lines_and_tabs_stay_as_they_are() {
        assert_eq!(shown(&["Grüße\t\u{1f600}\r\nnext\n".as_bytes()]), "Grüße\t\u{1f600}\r\nnext\n");
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(shown(&[b"\x1b]0;title\x07 \x08\x7f\rover\0"]), "^[]0;title^G ^H^?^Mover^@");
        assert_eq!(shown(&["\u{9b}31m".as_bytes()]), "\\u{9b}31m");
        assert_eq!(shown(&[b"\x9b31m"]), "\\x9b31m");
        assert_eq!(shown(&["a\u{202e}b\u{2066}".as_bytes()]), "a\\u{202e}b\\u{2066}");
    }

    #[test]
    fn every_cut_of_a_text_shows_the_same() {
        let text = "é\r\n\u{1f600}\x1b[\r\u{202e}\n".as_bytes();
        let whole = shown(&[text]);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                assert_eq!(shown(&[&text[..first], &text[first..second], &text[second..]]), whole);
            }
        }
    }

    #[test]
    fn no_bytes_at_all_leave_a_control_character_behind() {
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                let text = shown(&[&[first], &[second]]);
                let harmless = text.chars().all(|c| !c.is_control() || "\n\t".contains(c) || text == "\r\n");
                assert!(harmless, "{first:#x} {second:#x}: {text:?}");
            }
        }
    }
}
