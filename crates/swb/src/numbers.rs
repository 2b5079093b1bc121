//! Numbers for people: grouped by thousands, times and bytes in the unit that suits them.

/// `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A rate: `31,400`, or `12.5` where that is few.
pub(crate) fn rate(per_s: f64) -> String {
    if per_s < 100.0 { format!("{per_s:.1}") } else { grouped(per_s.round() as u64) }
}

/// A time to three digits: `41.2 µs`, `4.56 ms`, `1.23 s`.
pub(crate) fn time(nanos: f64) -> String {
    let (value, unit) = match nanos {
        ..1e6 => (nanos / 1e3, "µs"),
        ..1e9 => (nanos / 1e6, "ms"),
        _ => (nanos / 1e9, "s"),
    };
    format!("{} {unit}", digits(value))
}

/// Bytes in powers of 1000: `512 B`, `7.51 MB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let (value, unit) = match bytes {
        ..1e3 => return format!("{bytes:.0} B"),
        ..1e6 => (bytes / 1e3, "kB"),
        ..1e9 => (bytes / 1e6, "MB"),
        _ => (bytes / 1e9, "GB"),
    };
    format!("{} {unit}", digits(value))
}

fn digits(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_that_suits_them() {
        assert_eq!([grouped(7), grouped(1_000), grouped(1_234_567)], ["7", "1,000", "1,234,567"]);
        assert_eq!([rate(12.34), rate(31_400.4)], ["12.3", "31,400"]);
        assert_eq!(
            [time(41_234.0), time(4.56e6), time(123e6), time(1.5e9)],
            ["41.2 µs", "4.56 ms", "123 ms", "1.50 s"]
        );
        assert_eq!([bytes(512.0), bytes(7.512e6)], ["512 B", "7.51 MB"]);
    }
}
