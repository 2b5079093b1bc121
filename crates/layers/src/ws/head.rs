//! The head of an HTTP message: all up to the blank line (RFC 9112 section 2).
//!
//! Protected: what comes behind it is left for the frames; what is no HTTP is told from it at its first bytes; however
//! it is cut, each byte is looked at a bounded number of times. Lines end with CR LF: RFC 9112 section 2.2 lets LF alone
//! pass, but who reads one head in two ways can be told two things by it. Bounds: 16 KiB, and 64 fields.

/// The longest head.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// The most fields of a head.
pub(crate) const FIELDS_MAX: usize = 64;

const LINE_END: &[u8] = b"\r\n";

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
    TooManyFields,
    /// A line of it ends with LF alone.
    BareLineFeed,
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
        let length = found.map(|at| from + at + BLANK_LINE.len());
        if has_bare_line_feed(&self.bytes[held.saturating_sub(1)..length.unwrap_or(self.bytes.len())]) {
            return Err(HeadProblem::BareLineFeed);
        }
        match length {
            Some(length) => {
                // The first line and the blank one are none.
                let lines = self.bytes[..length].windows(LINE_END.len()).filter(|window| *window == LINE_END);
                if lines.count() > FIELDS_MAX + 2 {
                    return Err(HeadProblem::TooManyFields);
                }
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

/// Whether one is in these bytes; what is before the first of them is known to be right.
fn has_bare_line_feed(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r')
}

impl HeadProblem {
    /// What is wrong with it, where it was known to be HTTP.
    pub(crate) fn rule(self) -> &'static str {
        match self {
            HeadProblem::TooLong => "its head is longer than 16 KiB",
            HeadProblem::TooManyFields => "its head has more than 64 fields",
            HeadProblem::BareLineFeed => "a line of its head ends with LF alone, not with CR LF",
            HeadProblem::NotHttp => "it is none of HTTP/1.1",
        }
    }
}
