//! Line ends as the Internet's older protocols want them: CR LF.
//!
//! RFC 5321 section 2.3.8, RFC 9112 section 2.2. An LF behind a CR stays as it is, at any cut.

/// Makes LF in one stream of bytes CR LF.
#[derive(Clone, Copy, Debug, Default)]
pub struct Crlf {
    behind_cr: bool,
}

impl Crlf {
    /// What `bytes`, which follow what was given before, become.
    #[must_use]
    pub fn convert(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut converted = Vec::with_capacity(bytes.len() + bytes.len() / 16 + 1);
        for byte in bytes {
            if *byte == b'\n' && !self.behind_cr {
                converted.push(b'\r');
            }
            converted.push(*byte);
            self.behind_cr = *byte == b'\r';
        }
        converted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cut_of_a_text_gives_the_same_line_ends() {
        let text = b"\none\ntwo\r\n\r\r\n\n";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut crlf = Crlf::default();
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let converted: Vec<u8> = pieces.iter().flat_map(|piece| crlf.convert(piece)).collect();
                assert_eq!(converted, b"\r\none\r\ntwo\r\n\r\r\n\r\n");
            }
        }
    }
}
