//! Why a text is no format, values do not fit one, or a message has another length.
//!
//! The first two show the text with a caret under the bad part, as errors of addresses do.

use std::fmt;
use std::ops::Range;

use super::Format;
use super::letter::LETTERS;

/// Why a text is no format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFormatError {
    /// The text that was tried.
    pub text: Box<str>,
    /// The bad part of it, in bytes.
    pub span: Range<usize>,
    pub(super) problem: FormatProblem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FormatProblem {
    Letter,
    Pointer,
    NativeOnly,
    OrderInside,
    CountAlone,
    TooLong,
}

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = address::visible(self.text.get(self.span.clone()).unwrap_or_default());
        let hint = match self.problem {
            FormatProblem::Letter => {
                write!(f, "{bad:?} is no letter of a format")?;
                format!("one of {}", LETTERS.iter().map(|row| row.letter).collect::<String>())
            }
            FormatProblem::Pointer => {
                f.write_str("a pointer means nothing to another process")?;
                "for its number: Q, or N in a native format".to_owned()
            }
            FormatProblem::NativeOnly => {
                write!(f, "{bad} has a size in native formats only")?;
                "q and Q have 8 bytes everywhere; or begin the format with @".to_owned()
            }
            FormatProblem::OrderInside => {
                f.write_str("the order of bytes holds for the whole format")?;
                "it stands once, at the beginning".to_owned()
            }
            FormatProblem::CountAlone => {
                write!(f, "the count {bad} has no letter behind it")?;
                "4h is hhhh, 10s a string of 10 bytes".to_owned()
            }
            FormatProblem::TooLong => {
                f.write_str("the format is too long")?;
                format!("it ends above {} bytes", Format::BYTES_MAX)
            }
        };
        address::write_carets(f, &self.text, &self.span)?;
        write!(f, " {hint}")
    }
}

impl std::error::Error for ParseFormatError {}

/// Why values do not fit a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackError {
    /// The values as text.
    pub text: Box<str>,
    /// The bad part of it, in bytes; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong with that part.
    pub problem: PackProblem,
}

/// What is wrong with a value, or with their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PackProblem {
    /// Fewer values than the format has places for.
    TooFew {
        /// How many it has.
        wanted: usize,
        /// How many there were.
        given: usize,
    },
    /// More values than the format has places for.
    TooMany {
        /// How many it has.
        wanted: usize,
        /// How many there were.
        given: usize,
    },
    /// Not what the letter packs.
    Kind {
        /// The letter.
        letter: char,
        /// What it packs: `an integer`.
        wanted: &'static str,
    },
    /// An integer that has not enough bytes in the message.
    OutOfRange {
        /// The letter.
        letter: char,
        /// The least that fits.
        least: i128,
        /// The largest that fits.
        most: i128,
    },
    /// A number that would be infinite in the message.
    FloatTooLarge {
        /// The letter.
        letter: char,
    },
    /// A string longer than its field.
    StringTooLong {
        /// What the field holds.
        bytes_max: usize,
        /// What the string has.
        bytes: usize,
    },
    /// A quote without its second.
    Quote,
    /// A backslash before what it gives no meaning to.
    Escape,
}

impl fmt::Display for PackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = address::visible(self.text.get(self.span.clone()).unwrap_or_default());
        let hint = match self.problem {
            PackProblem::TooFew { wanted, given } => {
                write!(f, "too few values: {given} for a format of {wanted}")?;
                "the next one is missing here".to_owned()
            }
            PackProblem::TooMany { wanted, given } => {
                write!(f, "too many values: {given} for a format of {wanted}")?;
                "nothing packs this; a string with spaces needs quotes".to_owned()
            }
            PackProblem::Kind { letter, wanted } => {
                write!(f, "{bad} cannot be packed as {letter}")?;
                format!("{letter} packs {wanted}")
            }
            PackProblem::OutOfRange { letter, least, most } => {
                write!(f, "{bad} is out of range")?;
                format!("{letter} packs {least} to {most}")
            }
            PackProblem::FloatTooLarge { letter } => {
                write!(f, "{bad} is too large")?;
                format!("{letter} cannot pack it; d can")
            }
            PackProblem::StringTooLong { bytes_max, bytes } => {
                write!(f, "a string of {bytes} bytes is too long")?;
                format!("there is place for {bytes_max}")
            }
            PackProblem::Quote => {
                f.write_str("a quote has no second")?;
                "here it begins; \\' and \\\" stand for quotes that are meant".to_owned()
            }
            PackProblem::Escape => {
                write!(f, "{bad} stands for nothing")?;
                "one of \\n \\r \\t \\0 \\\\ \\\" \\xNN \\u{...}".to_owned()
            }
        };
        address::write_carets(f, &self.text, &self.span)?;
        write!(f, " {hint}")
    }
}

impl std::error::Error for PackError {}

/// A message that is not as long as its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpackError {
    /// The format.
    pub format: Box<str>,
    /// What it has.
    pub size_bytes: usize,
    /// What the message has.
    pub bytes: usize,
}

impl fmt::Display for UnpackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnpackError { format, size_bytes, bytes } = self;
        write!(f, "{bytes} bytes are no {}, which has {size_bytes}", address::visible(format))
    }
}

impl std::error::Error for UnpackError {}
