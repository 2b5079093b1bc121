//! Framing: marks that cut a byte stream into messages.
//!
//! A stream has no messages of its own: what one side sent in one piece may arrive in ten, and ten in one.
//! [`Framing`] says how messages are marked, [`Framing::encode`] marks one, and a [`Framer`] finds them again
//! in whatever cuts the stream arrives. Every framing has a bound in bytes, so that a peer that never ends its
//! message cannot fill the memory.

mod framer;
mod parse;

use std::fmt;

pub use framer::Framer;
pub use parse::ParseFramingError;

/// How messages are marked on a byte stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A line: the message, then LF. The message itself cannot hold an LF.
    Line {
        /// The longest message, without its LF.
        bytes_max: usize,
    },
    /// The message, then a zero byte.
    Nul {
        /// The longest message, without its zero byte.
        bytes_max: usize,
    },
    /// The message's length as an unsigned number, then the message.
    Length {
        /// How many bytes the number has.
        width: Width,
        /// Their order.
        order: ByteOrder,
        /// The longest message; a number above it is an error before any of the message is kept.
        bytes_max: usize,
    },
}

/// Bytes in a length prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte: messages up to 255 bytes.
    U8,
    /// Two bytes: up to 65,535.
    U16,
    /// Four bytes: up to 4,294,967,295.
    U32,
}

/// The order of the bytes in a length prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// Most significant first: network order (RFC 1700).
    Big,
    /// Least significant first.
    Little,
}

/// A message that the framing cannot carry, or a stream that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FramingError {
    /// A message longer than the bound.
    TooLong {
        /// The bound that it passed.
        bytes_max: usize,
    },
    /// A message to be sent holds the mark that would end it.
    HoldsMark,
}

impl fmt::Display for FramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FramingError::TooLong { bytes_max } => write!(f, "a message is longer than {bytes_max} bytes"),
            FramingError::HoldsMark => f.write_str("a message holds the mark that ends a message"),
        }
    }
}

impl std::error::Error for FramingError {}

impl Width {
    /// Bytes of the prefix.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Width::U8 => 1,
            Width::U16 => 2,
            Width::U32 => 4,
        }
    }

    /// The longest message whose length fits the prefix.
    #[must_use]
    pub const fn longest(self) -> usize {
        (1 << (8 * self.bytes())) - 1
    }
}

impl Framing {
    /// The bound where none is asked for: 1 MiB.
    pub const BYTES_MAX: usize = 1 << 20;

    /// The longest message that it carries.
    #[must_use]
    pub fn bytes_max(self) -> usize {
        match self {
            Framing::Line { bytes_max } | Framing::Nul { bytes_max } => bytes_max,
            Framing::Length { width, bytes_max, .. } => bytes_max.min(width.longest()),
        }
    }

    /// The same framing with another bound.
    #[must_use]
    pub fn with_bytes_max(self, bytes_max: usize) -> Framing {
        match self {
            Framing::Line { .. } => Framing::Line { bytes_max },
            Framing::Nul { .. } => Framing::Nul { bytes_max },
            Framing::Length { width, order, .. } => Framing::Length { width, order, bytes_max },
        }
    }

    /// Appends `message`, marked, to `wire`.
    ///
    /// # Errors
    ///
    /// A message above the bound, or one that holds the mark which would end it; `wire` is then unchanged.
    pub fn encode(self, message: &[u8], wire: &mut Vec<u8>) -> Result<(), FramingError> {
        if message.len() > self.bytes_max() {
            return Err(FramingError::TooLong { bytes_max: self.bytes_max() });
        }
        match self {
            Framing::Line { .. } => encode_marked(message, b'\n', wire),
            Framing::Nul { .. } => encode_marked(message, 0, wire),
            Framing::Length { width, order, .. } => {
                let length = (message.len() as u64).to_be_bytes();
                let prefix = &length[length.len() - width.bytes()..];
                match order {
                    ByteOrder::Big => wire.extend(prefix),
                    ByteOrder::Little => wire.extend(prefix.iter().rev()),
                }
                wire.extend(message);
                Ok(())
            }
        }
    }
}

fn encode_marked(message: &[u8], mark: u8, wire: &mut Vec<u8>) -> Result<(), FramingError> {
    if message.contains(&mark) {
        return Err(FramingError::HoldsMark);
    }
    wire.extend(message);
    wire.push(mark);
    Ok(())
}
