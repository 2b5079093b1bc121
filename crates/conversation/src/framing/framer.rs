//! Finds the messages in a stream, however it is cut.

use super::{ByteOrder, Framing, FramingError, Width};
use crate::Payload;

/// Cuts a stream into messages. Holds at most one unfinished message, and nothing between messages.
///
/// ```
/// use conversation::{Framer, Framing};
///
/// let mut framer = Framer::new(Framing::Line { bytes_max: 80 });
/// let mut bytes = &b"one\ntwo\nth"[..];
/// assert_eq!(&*framer.next(&mut bytes)?.unwrap(), b"one");
/// assert_eq!(&*framer.next(&mut bytes)?.unwrap(), b"two");
/// assert!(framer.next(&mut bytes)?.is_none());
/// assert_eq!(&*framer.next(&mut &b"ree\n"[..])?.unwrap(), b"three");
/// # Ok::<(), conversation::FramingError>(())
/// ```
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    /// The beginning of a message whose end has not come; with its length prefix where it has one.
    partial: Vec<u8>,
}

impl Framer {
    /// A framer at the beginning of a stream.
    #[must_use]
    pub fn new(framing: Framing) -> Framer {
        Framer { framing, partial: Vec::new() }
    }

    /// The next message, taken from the front of `input`; `None` when `input` is used up.
    ///
    /// A message that lies whole in `input` is borrowed from it.
    ///
    /// # Errors
    ///
    /// A message longer than the bound. The stream cannot be cut any further then: end the call.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<Payload<'a>>, FramingError> {
        match self.framing {
            Framing::Line { bytes_max } => self.next_marked(b'\n', bytes_max, input),
            Framing::Nul { bytes_max } => self.next_marked(0, bytes_max, input),
            Framing::Length { width, order, .. } => self.next_counted(width, order, input),
        }
    }

    /// What has come of a message whose end has not; empty between messages.
    #[must_use]
    pub fn unfinished(&self) -> &[u8] {
        &self.partial
    }

    /// Takes what has come of a message whose end will not come, as the last line of a text may.
    #[must_use]
    pub fn take_unfinished(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.partial)
    }

    fn next_marked<'a>(
        &mut self,
        mark: u8,
        bytes_max: usize,
        input: &mut &'a [u8],
    ) -> Result<Option<Payload<'a>>, FramingError> {
        let found = input.iter().position(|byte| *byte == mark);
        let length = self.partial.len() + found.unwrap_or(input.len());
        if length > bytes_max {
            return Err(FramingError::TooLong { bytes_max });
        }
        let Some(end) = found else {
            self.partial.extend_from_slice(std::mem::take(input));
            return Ok(None);
        };
        let (message, rest) = (&input[..end], &input[end + 1..]);
        *input = rest;
        Ok(Some(self.complete(message)))
    }

    fn next_counted<'a>(
        &mut self,
        width: Width,
        order: ByteOrder,
        input: &mut &'a [u8],
    ) -> Result<Option<Payload<'a>>, FramingError> {
        let bytes_max = self.framing.bytes_max();
        let header = width.bytes();
        let missing = header.saturating_sub(self.partial.len()).min(input.len());
        let whole_header_in_input = self.partial.is_empty() && missing == header;
        let prefix = if whole_header_in_input {
            &input[..header]
        } else {
            let (start, rest) = input.split_at(missing);
            self.partial.extend_from_slice(start);
            *input = rest;
            match self.partial.get(..header) {
                Some(prefix) => prefix,
                None => return Ok(None),
            }
        };
        let length = number(prefix, order);
        if length > bytes_max {
            return Err(FramingError::TooLong { bytes_max });
        }
        if whole_header_in_input {
            if let Some(message) = input.get(header..header + length) {
                *input = &input[header + length..];
                return Ok(Some(Payload::Borrowed(message)));
            }
            self.partial.extend_from_slice(std::mem::take(input));
            return Ok(None);
        }
        let missing = header + length - self.partial.len();
        if missing > input.len() {
            self.partial.extend_from_slice(std::mem::take(input));
            return Ok(None);
        }
        let (rest_of_message, rest) = input.split_at(missing);
        *input = rest;
        self.partial.extend_from_slice(rest_of_message);
        self.partial.drain(..header);
        Ok(Some(Payload::Owned(std::mem::take(&mut self.partial))))
    }

    /// The message that `last` completes.
    fn complete<'a>(&mut self, last: &'a [u8]) -> Payload<'a> {
        if self.partial.is_empty() {
            return Payload::Borrowed(last);
        }
        let mut message = std::mem::take(&mut self.partial);
        message.extend_from_slice(last);
        Payload::Owned(message)
    }
}

/// The unsigned number in `prefix`, at most four bytes.
fn number(prefix: &[u8], order: ByteOrder) -> usize {
    let fold = |number: usize, byte: &u8| number << 8 | usize::from(*byte);
    match order {
        ByteOrder::Big => prefix.iter().fold(0, fold),
        ByteOrder::Little => prefix.iter().rev().fold(0, fold),
    }
}
