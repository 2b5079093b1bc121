//! Framings as text: `line`, `nul`, `u8`, `u16be`, `u16le`, `u32be`, `u32le`.

use std::fmt;
use std::str::FromStr;

use super::{ByteOrder, Framing, Width};

const MAX: usize = Framing::BYTES_MAX;

/// Each framing by its name, with the default bound.
const NAMES: &[(&str, Framing)] = &[
    ("line", Framing::Line { bytes_max: MAX }),
    ("nul", Framing::Nul { bytes_max: MAX }),
    ("u8", Framing::Length { width: Width::U8, order: ByteOrder::Big, bytes_max: MAX }),
    ("u16be", Framing::Length { width: Width::U16, order: ByteOrder::Big, bytes_max: MAX }),
    ("u16le", Framing::Length { width: Width::U16, order: ByteOrder::Little, bytes_max: MAX }),
    ("u32be", Framing::Length { width: Width::U32, order: ByteOrder::Big, bytes_max: MAX }),
    ("u32le", Framing::Length { width: Width::U32, order: ByteOrder::Little, bytes_max: MAX }),
];

/// A text that names no framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseFramingError {
    text: String,
}

impl fmt::Display for ParseFramingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} names no framing; there are", self.text)?;
        for (index, (name, _)) in NAMES.iter().enumerate() {
            write!(f, "{} {name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseFramingError {}

impl FromStr for Framing {
    type Err = ParseFramingError;

    fn from_str(text: &str) -> Result<Framing, ParseFramingError> {
        match NAMES.iter().find(|(name, _)| *name == text) {
            Some((_, framing)) => Ok(*framing),
            None => Err(ParseFramingError { text: text.to_owned() }),
        }
    }
}
