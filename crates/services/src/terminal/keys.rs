//! Keys: what a terminal sends when they are pressed, as a table.
//!
//! ECMA-48 section 5.4 (control sequences), and what xterm, rxvt, the Linux console and their kin send for the
//! keys of an editor; the letters are those of Emacs, as in readline(3). A sequence may be cut anywhere: there
//! is no time-out, so the key Escape does nothing by itself. Bounds: a sequence has at most 32 bytes.

use tui_input::InputRequest;

/// What pressing a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Character(char),
    Edit(InputRequest),
    Enter,
    /// The end of the input, on an empty line; otherwise the character under the cursor goes.
    EndOrDelete,
    OlderLine,
    NewerLine,
    /// The next key is taken as it is.
    Quote,
    ClearScreen,
    Suspend,
}

/// Sequences and single bytes, and what they ask for.
#[rustfmt::skip]
const KEYS: &[(&[u8], Key)] = &[
    (b"\r",        Key::Enter),
    (b"\n",        Key::Enter),
    (b"\x04",      Key::EndOrDelete),
    (b"\x0c",      Key::ClearScreen),
    (b"\x16",      Key::Quote),
    (b"\x1a",      Key::Suspend),
    (b"\t",        Key::Character('\t')),
    // Back and forth in the history.
    (b"\x10",      Key::OlderLine),
    (b"\x1b[A",    Key::OlderLine),
    (b"\x1bOA",    Key::OlderLine),
    (b"\x0e",      Key::NewerLine),
    (b"\x1b[B",    Key::NewerLine),
    (b"\x1bOB",    Key::NewerLine),
    // Moving.
    (b"\x02",      Key::Edit(InputRequest::GoToPrevChar)),
    (b"\x1b[D",    Key::Edit(InputRequest::GoToPrevChar)),
    (b"\x1bOD",    Key::Edit(InputRequest::GoToPrevChar)),
    (b"\x06",      Key::Edit(InputRequest::GoToNextChar)),
    (b"\x1b[C",    Key::Edit(InputRequest::GoToNextChar)),
    (b"\x1bOC",    Key::Edit(InputRequest::GoToNextChar)),
    (b"\x1bb",     Key::Edit(InputRequest::GoToPrevWord)),
    (b"\x1b[1;5D", Key::Edit(InputRequest::GoToPrevWord)),
    (b"\x1b[1;3D", Key::Edit(InputRequest::GoToPrevWord)),
    (b"\x1bf",     Key::Edit(InputRequest::GoToNextWord)),
    (b"\x1b[1;5C", Key::Edit(InputRequest::GoToNextWord)),
    (b"\x1b[1;3C", Key::Edit(InputRequest::GoToNextWord)),
    (b"\x01",      Key::Edit(InputRequest::GoToStart)),
    (b"\x1b[H",    Key::Edit(InputRequest::GoToStart)),
    (b"\x1bOH",    Key::Edit(InputRequest::GoToStart)),
    (b"\x1b[1~",   Key::Edit(InputRequest::GoToStart)),
    (b"\x1b[7~",   Key::Edit(InputRequest::GoToStart)),
    (b"\x05",      Key::Edit(InputRequest::GoToEnd)),
    (b"\x1b[F",    Key::Edit(InputRequest::GoToEnd)),
    (b"\x1bOF",    Key::Edit(InputRequest::GoToEnd)),
    (b"\x1b[4~",   Key::Edit(InputRequest::GoToEnd)),
    (b"\x1b[8~",   Key::Edit(InputRequest::GoToEnd)),
    // Deleting, and putting what was deleted somewhere else.
    (b"\x08",      Key::Edit(InputRequest::DeletePrevChar)),
    (b"\x7f",      Key::Edit(InputRequest::DeletePrevChar)),
    (b"\x1b[3~",   Key::Edit(InputRequest::DeleteNextChar)),
    (b"\x17",      Key::Edit(InputRequest::DeletePrevWord)),
    (b"\x1b\x7f",  Key::Edit(InputRequest::DeletePrevWord)),
    (b"\x1bd",     Key::Edit(InputRequest::DeleteNextWord)),
    (b"\x0b",      Key::Edit(InputRequest::DeleteTillEnd)),
    (b"\x15",      Key::Edit(InputRequest::DeleteFromStart)),
    (b"\x19",      Key::Edit(InputRequest::Yank)),
];

const ESCAPE: u8 = 0x1b;

/// The longest sequence that is waited for.
const SEQUENCE_BYTES_MAX: usize = 32;

/// Finds the keys in what a terminal sends.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The beginning of a sequence or of a character.
    held: Vec<u8>,
    /// The next character is taken as it is.
    quoted: bool,
}

impl Keys {
    /// The key that this byte completes, if it does.
    pub(super) fn next(&mut self, byte: u8) -> Option<Key> {
        if byte == ESCAPE && !self.quoted {
            self.held.clear(); // a new sequence: what came of another will not go on
        }
        self.held.push(byte);
        if !self.quoted {
            if let Some((_, key)) = KEYS.iter().find(|(sequence, _)| *sequence == self.held) {
                self.held.clear();
                self.quoted = *key == Key::Quote;
                return (!self.quoted).then_some(*key);
            }
            if self.held[0] == ESCAPE {
                if !is_begun(&self.held) {
                    self.held.clear();
                }
                return None;
            }
            if byte.is_ascii_control() {
                self.held.clear(); // no key of ours
                return None;
            }
        }
        let character = match std::str::from_utf8(&self.held) {
            Ok(text) => text.chars().next(),
            Err(error) if error.error_len().is_none() => return None,
            Err(_) => Some(char::REPLACEMENT_CHARACTER),
        };
        self.held.clear();
        self.quoted = false;
        character.map(Key::Character)
    }
}

/// Whether more may belong to a sequence that is no key yet.
fn is_begun(sequence: &[u8]) -> bool {
    let may_go_on = match sequence {
        [ESCAPE] | [ESCAPE, b'O' | b'['] => true,
        // Parameters and intermediate bytes; any other is the final one, which no key of ours has.
        [ESCAPE, b'[', .., last] => matches!(last, 0x20..=0x3f),
        _ => false,
    };
    may_go_on && sequence.len() < SEQUENCE_BYTES_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|byte| keys.next(*byte)).collect()
    }

    #[test]
    fn every_row_of_the_table_is_reached_and_leaves_nothing_behind() {
        for (sequence, key) in KEYS {
            let then_x = [sequence, &b"x"[..]].concat();
            let wanted = [Some(*key).filter(|key| *key != Key::Quote), Some(Key::Character('x'))];
            assert_eq!(keys(&then_x), wanted.into_iter().flatten().collect::<Vec<_>>(), "{sequence:?}");
        }
    }

    #[test]
    fn characters_come_whole_and_bytes_that_are_none_are_shown_as_such() {
        assert_eq!(keys("aé\u{1f600}".as_bytes()), ['a', 'é', '\u{1f600}'].map(Key::Character));
        assert_eq!(keys(b"\xffa"), ['\u{fffd}', 'a'].map(Key::Character));
        assert_eq!(keys(b"\x16\x1b\x16\xc3\xa9\x16\x03"), ['\x1b', 'é', '\x03'].map(Key::Character));
    }

    #[test]
    fn sequences_of_other_keys_are_dropped_whole() {
        assert_eq!(keys(b"\x1b[15~\x1b[1;2P\x1bOP\x1bq\x1b\x1b[Ax"), [Key::OlderLine, Key::Character('x')]);
        let endless = [&b"\x1b["[..], &[b'1'; 100], b"x"].concat();
        assert!(keys(&endless).len() < 100);
        assert_eq!(keys(b"\x00\x1c\x1d"), []);
    }
}
