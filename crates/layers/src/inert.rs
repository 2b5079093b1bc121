//! Text of a peer, made fit for a line of a log.
//!
//! Protected: it cannot drive a terminal, end its line, or fill the log. Bound: [`CHARS_MAX`] characters are shown.

/// Characters that are shown of a text.
const CHARS_MAX: usize = 200;

/// The beginning of `text`, with what is not printed escaped.
pub(crate) fn inert(text: &str) -> String {
    let mut shown = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == CHARS_MAX {
            shown.push_str("...");
            break;
        }
        if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() {
            shown.push(c);
        } else {
            shown.extend(c.escape_default());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::inert;

    #[test]
    fn only_what_is_printed_stays_as_it_is() {
        assert_eq!(inert("Zoë's \"x\""), "Zoë's \"x\"");
        assert_eq!(inert("\x1b[2J\n\u{202e}"), "\\u{1b}[2J\\n\\u{202e}");
        assert_eq!(inert(&"x".repeat(1000)).len(), 203);
    }
}
