//! The head of an HTTP message: all up to the blank line (RFC 9112 section 2).
//!
//! Protected: what comes behind it is left for the frames; what is no HTTP is told from it at its first bytes; however
//! it is cut, each byte is looked at a bounded number of times. Bound: 16 KiB.

/// The longest head.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

const BLANK_LINE: &[u8] = b"\r\n\r\n";

/// What has come of a head.
#[derive(Debug, Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeadProblem {
    TooLong,
    /// It begins otherwise.
    NotHttp,
}

impl Head {
    /// The head, once it is whole, taken from the front of `input`; `may_begin` knows it by its beginning.
    pub(crate) fn take(
        &mut self,
        input: &mut &[u8],
        may_begin: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<&[u8]>, HeadProblem> {
        let held = self.bytes.len();
        let room = input.len().min(HEAD_BYTES_MAX - held);
        self.bytes.extend_from_slice(&input[..room]);
        if !may_begin(&self.bytes) {
            return Err(HeadProblem::NotHttp);
        }
        let from = held.saturating_sub(BLANK_LINE.len() - 1);
        let found = self.bytes[from..].windows(BLANK_LINE.len()).position(|window| window == BLANK_LINE);
        match found {
            Some(at) => {
                let length = from + at + BLANK_LINE.len();
                *input = &input[length - held..];
                Ok(Some(&self.bytes[..length]))
            }
            None if self.bytes.len() == HEAD_BYTES_MAX => Err(HeadProblem::TooLong),
            None => {
                *input = &input[room..];
                Ok(None)
            }
        }
    }
}
