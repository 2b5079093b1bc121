//! Durations and sizes: text to value and back.
//!
//! Durations need a unit: `250ms`, `30s`, `1m30s`. Sizes are bytes, or have one: KiB, MiB, GiB, TiB are powers
//! of 1024 (IEC 80000-13); kB (or KB), MB, GB, TB are powers of 1000. Protected: what is printed parses back
//! to the same value, for every value.

use std::fmt;
use std::time::Duration;

/// Why a text is no duration or no size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UnitError {
    /// There is no text.
    Empty,
    /// A duration of digits only: which unit?
    NoUnit,
    /// The unit is not one of a duration.
    DurationUnit,
    /// The unit is not one of a size.
    SizeUnit,
    /// Something else than digits and a unit.
    NotANumber,
    /// More than can be held: 2^64 seconds or bytes; or finer than a nanosecond.
    TooLarge,
}

impl fmt::Display for UnitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            UnitError::Empty => "there is no value",
            UnitError::NoUnit => "a duration needs a unit, such as 30s or 250ms",
            UnitError::DurationUnit => "the units of a duration are ns, us, ms, s, m, h and d",
            UnitError::SizeUnit => {
                "the units of a size are KiB, MiB, GiB, TiB (1024) and kB, MB, GB, TB (1000)"
            }
            UnitError::NotANumber => "digits and a unit are wanted",
            UnitError::TooLarge => "the number is too large or too fine to be held",
        })
    }
}

impl std::error::Error for UnitError {}

/// Reads a duration: numbers each with a unit, `90s`, `1m30s`, `1.5ms`; no spaces.
///
/// # Errors
/// [`UnitError`]; a number without a unit is refused, even `0`.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    if text.is_empty() {
        return Err(UnitError::Empty);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(UnitError::NoUnit);
    }
    if text.chars().any(char::is_whitespace) {
        return Err(UnitError::NotANumber);
    }
    // humantime knows longer units too, among them `M` for a month, which is taken for a minute too easily.
    let mut units = text.split(|character: char| character.is_ascii_digit() || character == '.');
    let is_unit = |word: &str| word.is_empty() || DURATION_UNITS.iter().any(|(unit, _)| *unit == word);
    let read = humantime::parse_duration(text);
    if read.is_ok() && !units.all(is_unit) {
        return Err(UnitError::DurationUnit);
    }
    read.map_err(|error| match error {
        humantime::DurationError::UnknownUnit { unit, .. } if unit.is_empty() => UnitError::NoUnit,
        humantime::DurationError::UnknownUnit { .. } => UnitError::DurationUnit,
        humantime::DurationError::NumberOverflow => UnitError::TooLarge,
        humantime::DurationError::Empty => UnitError::Empty,
        humantime::DurationError::InvalidCharacter(_) | humantime::DurationError::NumberExpected(_) => {
            UnitError::NotANumber
        }
    })
}

/// Writes a duration in the largest single unit that divides it: `90s`, `1500ms`, `2m`, `0s`.
///
/// Only what needs a fraction of a second beyond 584 years is written in two: `SECONDSsNANOSns`.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    for (unit, unit_nanos) in DURATION_UNITS {
        // Below a second the reader holds the whole duration in 64 bits of nanoseconds.
        let readable = *unit_nanos >= 1_000_000_000 || nanos <= u128::from(u64::MAX);
        if readable && nanos.is_multiple_of(*unit_nanos) {
            return format!("{}{unit}", nanos / unit_nanos);
        }
    }
    format!("{}s{}ns", duration.as_secs(), duration.subsec_nanos())
}

/// Reads a size in bytes: `4096`, `64KiB`, `1MB`; no spaces, no fractions.
///
/// # Errors
/// [`UnitError`]; `64k` is refused, as it means 64000 to some and 65536 to others.
pub fn parse_size(text: &str) -> Result<u64, UnitError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(if text.is_empty() { UnitError::Empty } else { UnitError::NotANumber });
    }
    let Some((_, unit_bytes)) = SIZE_UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(UnitError::SizeUnit);
    };
    let number: u64 = number.parse().map_err(|_| UnitError::TooLarge)?;
    number.checked_mul(*unit_bytes).ok_or(UnitError::TooLarge)
}

/// Writes a size in the first unit that divides it, powers of 1024 before powers of 1000: `64KiB`, `1MB`, `4097`.
pub fn format_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0".to_owned();
    }
    for (unit, unit_bytes) in SIZE_UNITS {
        if bytes.is_multiple_of(*unit_bytes) && *unit != "B" {
            return format!("{}{unit}", bytes / unit_bytes);
        }
    }
    bytes.to_string()
}

/// Units of a duration in nanoseconds, largest first.
const DURATION_UNITS: &[(&str, u128)] = &[
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of a size in bytes, in the order in which they are tried for writing.
const SIZE_UNITS: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
    ("", 1),
];
