//! Any text is a duration or size that survives its own text, or an error; every value has a text.

use std::time::Duration;

use address::{format_duration, format_size, parse_duration, parse_size};

pub(crate) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(duration) = parse_duration(text) {
            duration_survives(duration);
        }
        if let Ok(bytes) = parse_size(text) {
            size_survives(bytes);
        }
    }
    // The same bytes as numbers: values that no short text would lead to.
    let (seconds, rest) = number(data);
    let (nanos, _) = number(rest);
    duration_survives(Duration::new(seconds, (nanos % 1_000_000_000) as u32));
    size_survives(seconds);
}

fn duration_survives(duration: Duration) {
    assert_eq!(parse_duration(&format_duration(duration)), Ok(duration), "{}", format_duration(duration));
}

fn size_survives(bytes: u64) {
    assert_eq!(parse_size(&format_size(bytes)), Ok(bytes), "{}", format_size(bytes));
}

/// Up to eight bytes as a number, and the bytes behind them.
fn number(data: &[u8]) -> (u64, &[u8]) {
    let (first, rest) = data.split_at(data.len().min(8));
    (first.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)), rest)
}
