//! Pack: values to bytes and back, in the notation of Python's struct module.
//!
//! A [`Format`] such as `!q10s` says in which order, size and alignment values lie in a message (Python
//! library reference, "struct: Interpret bytes as packed binary data"). [`Format::pack`] makes the bytes,
//! [`Format::unpack`] finds the values again, and [`Format::pack_line`] takes them from a line of text; what
//! [`Value`] shows is such a text.
//!
//! ```
//! use conversation::{Format, Value};
//!
//! let format: Format = "!q10s".parse()?;
//! let bytes = format.pack_line("42 hello")?;
//! assert_eq!(bytes, b"\0\0\0\0\0\0\0\x2ahello\0\0\0\0\0");
//! assert_eq!(format.unpack(&bytes)?, [Value::Integer(42), Value::Bytes(b"hello".to_vec())]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Where it differs from Python: a string longer than its field is refused, not cut; an unpacked `s` ends at
//! its last byte that is not zero, since packing pads with zeros; `P`, a pointer, means nothing to a peer.
//! Bounds: a format has at most [`Format::BYTES_MAX`] bytes.

mod codec;
mod error;
mod half;
mod letter;
mod parse;
mod value;
mod words;

use std::str::FromStr;

use codec::Field;
use letter::{Kind, Letter, Order};
use words::Word;

pub use error::{PackError, PackProblem, ParseFormatError, UnpackError};
pub use value::Value;

/// How values lie in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Format {
    text: Box<str>,
    order: Order,
    items: Vec<Item>,
    size_bytes: usize,
}

/// A letter with its count, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Item {
    letter: &'static Letter,
    count: usize,
    /// Of one; of `s` and `p` the whole string.
    size_bytes: usize,
    offset: usize,
}

impl Format {
    /// The longest message of a format: 1 MiB.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Bytes of every message of this format.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// How many values a message holds.
    #[must_use]
    pub fn values(&self) -> usize {
        self.items.iter().map(Item::values).sum()
    }

    /// The format as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The message that holds these values. What no value covers is zero.
    ///
    /// # Errors
    ///
    /// Too few or too many values, or the first that does not fit its letter. The error shows them as text.
    pub fn pack(&self, values: &[Value]) -> Result<Vec<u8>, PackError> {
        let mut text = String::new();
        let mut spans = Vec::with_capacity(values.len());
        for value in values {
            if !text.is_empty() {
                text.push(' ');
            }
            let start = text.len();
            text.push_str(&value.to_string());
            spans.push(start..text.len());
        }
        self.pack_each(&text, values.iter().zip(spans), |_, value| Ok(value.clone()))
    }

    /// The same for values in a line of text, with white space between them.
    ///
    /// Integers are decimal or `0x`, `0o`, `0b`; booleans `true` or `false`. Strings need quotes where they
    /// hold white space: in `'...'` all stands for itself, elsewhere `\n`, `\r`, `\t`, `\0`, `\xNN` and
    /// `\u{...}` stand for what they name, and a backslash before any other sign that is no letter or digit
    /// for that sign.
    ///
    /// # Errors
    ///
    /// As [`pack`](Self::pack); a quote without its second; an escape that stands for nothing.
    pub fn pack_line(&self, line: &str) -> Result<Vec<u8>, PackError> {
        let words = words::of_line(line)?;
        self.pack_words_of(line, &words)
    }

    /// The same for values that are words already: white space is a part of them.
    ///
    /// # Errors
    ///
    /// As [`pack_line`](Self::pack_line).
    pub fn pack_words(&self, words: &[impl AsRef<str>]) -> Result<Vec<u8>, PackError> {
        let line = words.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ");
        let mut found = Vec::with_capacity(words.len());
        let mut start = 0;
        for word in words {
            let end = start + word.as_ref().len();
            found.push(words::whole(&line, start..end)?);
            start = end + 1;
        }
        self.pack_words_of(&line, &found)
    }

    fn pack_words_of(&self, line: &str, words: &[Word]) -> Result<Vec<u8>, PackError> {
        let words = words.iter().map(|word| (word, word.span.clone()));
        self.pack_each(line, words, |field, word| field.value_of(&word.bytes))
    }

    /// Packs each of `given`, which stands in `text` where its span says, as `value` reads it.
    fn pack_each<G>(
        &self,
        text: &str,
        given: impl ExactSizeIterator<Item = (G, std::ops::Range<usize>)>,
        value: impl Fn(Field, G) -> Result<Value, PackProblem>,
    ) -> Result<Vec<u8>, PackError> {
        let error = |span, problem| PackError { text: text.into(), span, problem };
        let wanted = self.values();
        let mut message = vec![0; self.size_bytes];
        let mut fields = self.fields();
        let given_many = given.len();
        for (given, span) in given {
            let Some(field) = fields.next() else {
                return Err(error(span, PackProblem::TooMany { wanted, given: given_many }));
            };
            let packed = value(field, given).and_then(|value| field.pack(&value, self.order, &mut message));
            packed.map_err(|problem| error(span, problem))?;
        }
        if given_many < wanted {
            let problem = PackProblem::TooFew { wanted, given: given_many };
            return Err(error(text.len()..text.len(), problem));
        }
        Ok(message)
    }

    /// The values in a message.
    ///
    /// # Errors
    ///
    /// The message is not as long as the format.
    pub fn unpack(&self, message: &[u8]) -> Result<Vec<Value>, UnpackError> {
        if message.len() != self.size_bytes {
            let (format, bytes) = (self.text.clone(), message.len());
            return Err(UnpackError { format, size_bytes: self.size_bytes, bytes });
        }
        Ok(self.fields().map(|field| field.unpack(self.order, message)).collect())
    }

    /// Where each value lies.
    fn fields(&self) -> impl Iterator<Item = Field> {
        self.items.iter().flat_map(|item| {
            (0..item.values()).map(|index| Field {
                letter: item.letter,
                offset: item.offset + index * item.size_bytes,
                size_bytes: item.size_bytes,
            })
        })
    }
}

impl Item {
    fn values(&self) -> usize {
        match self.letter.kind {
            Kind::Pad => 0,
            Kind::Text | Kind::CountedText => 1,
            Kind::Character | Kind::Boolean | Kind::Signed | Kind::Unsigned | Kind::Float => self.count,
        }
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Format, ParseFormatError> {
        parse::format(text)
    }
}
