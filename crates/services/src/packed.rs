//! Packed messages in a stream of lines, and lines of values in a stream of packed messages.
//!
//! Bounds: a line of values has at most 4 MiB, a packed message as much as its format.

use conversation::{CloseReason, Format, Payload, UnpackError, Value};

/// Why a call ended that brought what `--unpack` cannot unpack.
pub const MISFIT: CloseReason = CloseReason::Limit("bytes that do not fit the format of --unpack");

/// The longest line of values: a MiB of bytes, each escaped.
const LINE_BYTES_MAX: usize = 4 << 20;

/// Makes a message of each line.
#[derive(Debug)]
pub(crate) struct Packer {
    format: Format,
    line: Vec<u8>,
}

impl Packer {
    pub(crate) fn new(format: Format) -> Packer {
        Packer { format, line: Vec::new() }
    }

    /// The message of each line that ends in `bytes`, or why there is none.
    pub(crate) fn read(&mut self, bytes: &[u8]) -> Vec<Result<Vec<u8>, String>> {
        let mut messages = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                messages.push(self.pack());
            } else if self.line.len() > LINE_BYTES_MAX {
                self.line.clear();
                messages.push(Err(format!("a line of values is longer than {LINE_BYTES_MAX} bytes")));
            }
        }
        messages
    }

    /// The same for a line that was not ended.
    pub(crate) fn finish(&mut self) -> Option<Result<Vec<u8>, String>> {
        (!self.line.is_empty()).then(|| self.pack())
    }

    fn pack(&mut self) -> Result<Vec<u8>, String> {
        let line = String::from_utf8(std::mem::take(&mut self.line));
        let line = line.map_err(|_| "a line of values is not UTF-8".to_owned())?;
        self.format.pack_line(line.trim_ascii_end()).map_err(|error| error.to_string())
    }
}

/// Makes a line of each message.
#[derive(Debug)]
pub(crate) struct Unpacker {
    format: Format,
    /// On a byte stream: the beginning of a message.
    begun: Vec<u8>,
}

impl Unpacker {
    pub(crate) fn new(format: Format) -> Unpacker {
        Unpacker { format, begun: Vec::new() }
    }

    /// The line of one message.
    pub(crate) fn message(&self, bytes: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let values = self.format.unpack(bytes)?;
        let mut line = values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ");
        line.push('\n');
        Ok(line.into_bytes())
    }

    /// The lines of the messages that end in these bytes of a stream.
    pub(crate) fn stream(&mut self, bytes: &[u8]) -> Result<Payload<'static>, UnpackError> {
        self.begun.extend_from_slice(bytes);
        let size = self.format.size_bytes().max(1);
        let whole = self.begun.len() / size * size;
        let mut lines = Vec::new();
        for message in self.begun[..whole].chunks(size) {
            lines.extend(self.message(message)?);
        }
        self.begun.drain(..whole);
        Ok(lines.into())
    }

    /// The stream has ended.
    ///
    /// # Errors
    ///
    /// Within a message.
    pub(crate) fn finish(&mut self) -> Result<(), UnpackError> {
        let begun = std::mem::take(&mut self.begun);
        if begun.is_empty() { Ok(()) } else { self.message(&begun).map(drop) }
    }
}
