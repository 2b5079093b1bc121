//! The values of what impairs a network: shares, rates, where something happens, and in which direction.
//!
//! `1%`, `0.02%`; `1MB/s`; `64KiB` or `2s`; `in:1%` for what comes from the other end of the address only, `out:1%` for
//! what goes to it. Protected: what is printed parses back to the same value.

use std::fmt;

use crate::error::ValueError;
use crate::option_value::OptionValue;
use crate::units::{UnitError, format_size, parse_duration, parse_size};

/// A share in millionths: 10,000 are one per cent.
pub const SHARE_MAX: u32 = 1_000_000;

/// One direction, seen from the address.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Way {
    /// What comes from the other end.
    In,
    /// What goes to it.
    Out,
}

impl Way {
    /// Its word in front of a value: `in`.
    pub fn name(self) -> &'static str {
        match self {
            Way::In => "in",
            Way::Out => "out",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

/// The direction in front of a value, if one is there, and the value.
pub(crate) fn split_way(text: &str) -> (Option<Way>, &str) {
    for way in [Way::In, Way::Out] {
        if let Some(value) = text.strip_prefix(way.name()).and_then(|rest| rest.strip_prefix(':')) {
            return (Some(way), value);
        }
    }
    (None, text)
}

/// Reads a share: `1%`, `0.01%`, in millionths. Four digits behind the point are all that is held.
pub(crate) fn parse_share(text: &str) -> Result<u32, ValueError> {
    let number = text.strip_suffix('%').ok_or(ValueError::NotThisKind)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return Err(ValueError::NotThisKind);
    }
    if fraction.len() > 4 || whole.len() > 3 {
        return Err(ValueError::OutOfBounds);
    }
    // At most seven digits: they fit.
    format!("{whole}{fraction:0<4}").parse().map_err(|_| ValueError::OutOfBounds)
}

/// Writes a share: `1%`, `0.01%`.
pub(crate) fn write_share(to: &mut fmt::Formatter<'_>, millionths: u32) -> fmt::Result {
    let (whole, rest) = (millionths / 10_000, format!("{:04}", millionths % 10_000));
    match rest.trim_end_matches('0') {
        "" => write!(to, "{whole}%"),
        fraction => write!(to, "{whole}.{fraction}%"),
    }
}

/// Reads a rate in bytes a second: `1MB/s`.
pub(crate) fn parse_rate(text: &str) -> Result<u64, ValueError> {
    Ok(parse_size(text.strip_suffix("/s").ok_or(ValueError::NotThisKind)?)?)
}

/// Writes a rate: `1MB/s`, and `9B/s` where it has no other unit.
pub(crate) fn write_rate(to: &mut fmt::Formatter<'_>, bytes: u64) -> fmt::Result {
    let size = format_size(bytes);
    let unit = if size.ends_with('B') { "" } else { "B" };
    write!(to, "{size}{unit}/s")
}

/// Reads where something happens: behind so many bytes, or after a time.
pub(crate) fn parse_after(text: &str) -> Result<OptionValue, ValueError> {
    match parse_duration(text) {
        Ok(time) => Ok(OptionValue::Duration(time)),
        Err(UnitError::NoUnit | UnitError::DurationUnit) => Ok(OptionValue::Size(parse_size(text)?)),
        Err(error) => Err(error.into()),
    }
}
