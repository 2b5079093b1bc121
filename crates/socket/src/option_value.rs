//! Values of an address's options as the kernel's numbers, and back.

use std::time::Duration;

use address::{OptionValue, format_duration, format_size};

use crate::option_rule::Unit;

/// The value as the kernel's `int`; `None` if it is of a kind that has none.
///
/// Durations are rounded up to whole units, so that none becomes 0 ("off" or "default"); what is past the
/// greatest `int` becomes that. A mark above it becomes the same 32 bits.
pub(crate) fn to_int(value: &OptionValue, unit: Unit) -> Option<i32> {
    match value {
        OptionValue::Flag(on) => Some(i32::from(*on)),
        OptionValue::Integer(number) => match i32::try_from(*number) {
            Ok(number) => Some(number),
            Err(_) => u32::try_from(*number).ok().map(u32::cast_signed),
        },
        OptionValue::Size(bytes) => Some(i32::try_from(*bytes).unwrap_or(i32::MAX)),
        OptionValue::Duration(duration) => Some(i32::try_from(in_units(*duration, unit)).unwrap_or(i32::MAX)),
        OptionValue::Text(_)
        | OptionValue::Mode(_)
        | OptionValue::Local(_)
        | OptionValue::Group(_)
        | OptionValue::Source(_)
        | OptionValue::Subnet(..)
        | OptionValue::Word(_)
        | OptionValue::Fingerprint(_)
        | OptionValue::Header { .. }
        | OptionValue::Via(_)
        | OptionValue::Retries(_)
        | OptionValue::Share(_)
        | OptionValue::Rate(_)
        | OptionValue::OneWay(..) => None,
    }
}

/// The kernel's `int` in the words of an address, for the same kind of value as `like`.
pub(crate) fn to_text(int: i32, unit: Unit, like: &OptionValue) -> String {
    let number = u64::try_from(int).unwrap_or(0);
    match like {
        OptionValue::Flag(_) => if int == 0 { "off" } else { "on" }.to_owned(),
        OptionValue::Size(_) => format_size(number),
        OptionValue::Duration(_) => format_duration(match unit {
            Unit::Plain | Unit::Seconds => Duration::from_secs(number),
            Unit::Milliseconds => Duration::from_millis(number),
            Unit::Microseconds => Duration::from_micros(number),
        }),
        OptionValue::Integer(_)
        | OptionValue::Text(_)
        | OptionValue::Mode(_)
        | OptionValue::Local(_)
        | OptionValue::Group(_)
        | OptionValue::Source(_)
        | OptionValue::Subnet(..)
        | OptionValue::Word(_)
        | OptionValue::Fingerprint(_)
        | OptionValue::Header { .. }
        | OptionValue::Via(_)
        | OptionValue::Retries(_)
        | OptionValue::Share(_)
        | OptionValue::Rate(_)
        | OptionValue::OneWay(..) => int.to_string(),
    }
}

fn in_units(duration: Duration, unit: Unit) -> u128 {
    let nanoseconds = match unit {
        Unit::Plain | Unit::Seconds => 1_000_000_000,
        Unit::Milliseconds => 1_000_000,
        Unit::Microseconds => 1_000,
    };
    duration.as_nanos().div_ceil(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_rounded_up_to_whole_units() {
        let value = |duration| to_int(&OptionValue::Duration(duration), Unit::Seconds);
        assert_eq!(value(Duration::from_millis(1)), Some(1));
        assert_eq!(value(Duration::from_millis(1001)), Some(2));
        assert_eq!(value(Duration::ZERO), Some(0));
    }

    #[test]
    fn what_is_past_the_greatest_int_becomes_that() {
        assert_eq!(to_int(&OptionValue::Size(u64::MAX), Unit::Plain), Some(i32::MAX));
        assert_eq!(to_int(&OptionValue::Duration(Duration::MAX), Unit::Microseconds), Some(i32::MAX));
    }

    #[test]
    fn a_mark_keeps_all_its_32_bits() {
        let mark = OptionValue::Integer(i64::from(u32::MAX));
        assert_eq!(to_int(&mark, Unit::Plain), Some(-1));
        assert_eq!(to_int(&OptionValue::Integer(i64::MAX), Unit::Plain), None);
    }
}
