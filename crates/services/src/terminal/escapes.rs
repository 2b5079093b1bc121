//! Escapes: lines that are for us and not for the peer, as in ssh(1).
//!
//! A line that is `~.` hangs up, one that is `~?` asks what there is; `~~` at the beginning of a line is `~`.
//! All else is the peer's, at any cut. Only where a person types: a file may hold such lines.

/// What `~?` tells.
pub(super) const HELP: &str =
    "escapes: a line that is ~. hangs up, ~? shows this; ~~ at the beginning of a line sends ~";

/// A part of what was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    ToPeer(Vec<u8>),
    HangUp,
    Help,
}

/// Finds the escapes in a stream.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    at: At,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    LineBegin,
    /// Behind `~` at the beginning of a line.
    Tilde,
    /// Behind `~` and this.
    Sign(u8),
    Line,
}

impl Escapes {
    /// What was said with these bytes. The beginning of an escape is held back.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Said> {
        let mut said = Vec::new();
        let mut to_peer = Vec::with_capacity(bytes.len() + 2);
        for byte in bytes {
            self.at = match (self.at, *byte) {
                (At::LineBegin, b'~') => At::Tilde,
                (At::Tilde, sign @ (b'.' | b'?')) => At::Sign(sign),
                (At::Sign(sign), b'\n') => {
                    if !to_peer.is_empty() {
                        said.push(Said::ToPeer(std::mem::take(&mut to_peer)));
                    }
                    said.push(if sign == b'.' { Said::HangUp } else { Said::Help });
                    At::LineBegin
                }
                (At::Tilde, b'~') => {
                    to_peer.push(b'~');
                    At::Line
                }
                (_, byte) => {
                    to_peer.extend(self.held());
                    to_peer.push(byte);
                    if byte == b'\n' { At::LineBegin } else { At::Line }
                }
            };
        }
        if !to_peer.is_empty() {
            said.push(Said::ToPeer(to_peer));
        }
        said
    }

    /// What was held back, at the end of the input.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let held = self.held();
        self.at = At::Line;
        held
    }

    fn held(&self) -> Vec<u8> {
        match self.at {
            At::LineBegin | At::Line => Vec::new(),
            At::Tilde => b"~".to_vec(),
            At::Sign(sign) => vec![b'~', sign],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said, with the peer's bytes in one piece between the escapes, and what is held at the end.
    fn read(pieces: &[&[u8]]) -> Vec<Said> {
        let mut escapes = Escapes::default();
        let mut all: Vec<Said> = Vec::new();
        let said = pieces.iter().flat_map(|piece| escapes.read(piece)).collect::<Vec<_>>();
        for said in said.into_iter().chain([Said::ToPeer(escapes.finish())]) {
            match (all.last_mut(), said) {
                (_, Said::ToPeer(bytes)) if bytes.is_empty() => {}
                (Some(Said::ToPeer(before)), Said::ToPeer(bytes)) => before.extend(bytes),
                (_, said) => all.push(said),
            }
        }
        all
    }

    fn to_peer(text: &str) -> Said {
        Said::ToPeer(text.into())
    }

    #[test]
    fn escapes_are_whole_lines_and_only_at_their_beginning() {
        assert_eq!(read(&[b"hello\n~.\nmore"]), [to_peer("hello\n"), Said::HangUp, to_peer("more")]);
        assert_eq!(read(&[b"~?\n~~.\n"]), [Said::Help, to_peer("~.\n")]);
        for text in ["a~.\n", "~x\n", "~.x\n", "~\n", "~. \n", "~", "~.", "\n\n~?"] {
            assert_eq!(read(&[text.as_bytes()]), [to_peer(text)]);
        }
        assert_eq!(read(&[b"~~\n~~~\n"]), [to_peer("~\n~~\n")]);
    }

    #[test]
    fn every_cut_says_the_same() {
        let text = b"~~a\n~.\n~?\n~.x\n~";
        let whole = read(&[text]);
        for first in 0..=text.len() {
            for second in first..=text.len() {
                assert_eq!(read(&[&text[..first], &text[first..second], &text[second..]]), whole);
            }
        }
    }
}
