//! How values become bytes and come back, within bounds.
//!
//! What is protected: bytes that somebody else wrote make an error at worst. A message has a bound in bytes;
//! JSON is nested at most 128 deep, postcard at most as deep as 64 KiB of stack allow. One thing a type can
//! do to itself: values that take no bytes in postcard, a `Vec<()>` say, may be claimed by the billion; do
//! not receive such types.

use std::fmt;

use conversation::{ByteOrder, Framing, FramingError, Width};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shallow;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON, RFC 8259.
    Json,
    /// The wire format of the crate postcard, version 1.
    Postcard,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encoding::Json => "JSON",
            Encoding::Postcard => "postcard",
        })
    }
}

/// How values are written, and how long a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// How values are written.
    pub encoding: Encoding,
    /// The longest message, in bytes, its length prefix aside.
    pub bytes_max: usize,
}

impl Format {
    /// JSON, up to 1 MiB a message.
    pub const JSON: Format = Format { encoding: Encoding::Json, bytes_max: Framing::BYTES_MAX };

    /// Postcard, up to 1 MiB a message.
    pub const POSTCARD: Format = Format { encoding: Encoding::Postcard, bytes_max: Framing::BYTES_MAX };

    /// The same with another bound.
    #[must_use]
    pub const fn with_bytes_max(self, bytes_max: usize) -> Format {
        Format { bytes_max, ..self }
    }

    /// How messages are marked on a byte stream.
    #[must_use]
    pub const fn framing(self) -> Framing {
        Framing::Length { width: Width::U32, order: ByteOrder::Big, bytes_max: self.bytes_max }
    }

    /// The message that stands for a value.
    ///
    /// # Errors
    ///
    /// The encoding cannot write the value (JSON has no maps whose keys are structures), or it is too long.
    pub fn encode<T: Serialize + ?Sized>(self, value: &T) -> Result<Vec<u8>, EncodeError> {
        let encoded = match self.encoding {
            Encoding::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
            Encoding::Postcard => postcard::to_allocvec(value).map_err(|error| error.to_string()),
        };
        let too_long = FramingError::TooLong { bytes_max: self.bytes_max };
        let encoded = encoded.and_then(|message| {
            if message.len() > self.bytes_max { Err(too_long.to_string()) } else { Ok(message) }
        });
        let (encoding, what) = (self.encoding, std::any::type_name::<T>());
        encoded.map_err(|why| EncodeError { encoding, what, why })
    }

    /// The value that a message stands for.
    ///
    /// # Errors
    ///
    /// The message is no such value, more than one, or too long.
    pub fn decode<T: DeserializeOwned>(self, message: &[u8]) -> Result<T, DecodeError> {
        let decoded = match self.encoding {
            _ if message.len() > self.bytes_max => {
                Err(FramingError::TooLong { bytes_max: self.bytes_max }.to_string())
            }
            Encoding::Json => serde_json::from_slice(message).map_err(|error| error.to_string()),
            Encoding::Postcard => shallow::decode(message),
        };
        let (encoding, what, bytes) = (self.encoding, std::any::type_name::<T>(), message.len());
        decoded.map_err(|why| DecodeError { encoding, what, bytes, why })
    }
}

/// A value that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodeError {
    /// As what it was to be written.
    pub encoding: Encoding,
    /// The type of the value.
    pub what: &'static str,
    /// Why not.
    pub why: String,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write {} as {}: {}", self.what, self.encoding, self.why)
    }
}

impl std::error::Error for EncodeError {}

/// A message that is not the value that was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// As what it was read.
    pub encoding: Encoding,
    /// The type that was expected.
    pub what: &'static str,
    /// How long the message is.
    pub bytes: usize,
    /// What is wrong, and where in the message.
    pub why: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DecodeError { encoding, what, bytes, why } = self;
        write!(f, "a message of {bytes} bytes is no {what} in {encoding}: {why}")
    }
}

impl std::error::Error for DecodeError {}
