//! Durations and sizes as a user writes and reads them.

use std::time::Duration;

use address::{UnitError, format_duration, format_size, parse_duration, parse_size};
use proptest::prelude::*;

#[test]
fn durations_are_read_with_one_unit_or_several() {
    for (text, millis) in
        [("250ms", 250), ("30s", 30_000), ("1m30s", 90_000), ("0s", 0), ("1.5s", 1500), ("1h", 3_600_000)]
    {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn a_duration_is_printed_in_the_largest_unit_that_divides_it() {
    for (text, shown) in [
        ("1m30s", "90s"),
        ("1500ms", "1500ms"),
        ("60s", "1m"),
        ("86400s", "1d"),
        ("0ms", "0s"),
        ("1us", "1us"),
    ] {
        assert_eq!(parse_duration(text).map(format_duration).as_deref(), Ok(shown));
    }
}

#[test]
fn a_duration_without_a_unit_asks_for_one() {
    for text in ["30", "0", "1.5", "1s30"] {
        assert_eq!(parse_duration(text), Err(UnitError::NoUnit), "{text}");
    }
}

#[test]
fn what_is_no_duration_is_refused() {
    for (text, error) in [
        ("", UnitError::Empty),
        ("1 s", UnitError::NotANumber),
        ("-1s", UnitError::NotANumber),
        ("s", UnitError::NotANumber),
        ("3parsecs", UnitError::DurationUnit),
        ("5M", UnitError::DurationUnit),
        ("0.1ns", UnitError::TooLarge),
        ("99999999999999999999s", UnitError::TooLarge),
    ] {
        assert_eq!(parse_duration(text), Err(error), "{text}");
    }
}

#[test]
fn sizes_are_read_in_powers_of_1024_and_of_1000() {
    for (text, bytes) in [
        ("4096", 4096),
        ("4096B", 4096),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("2GiB", 2_147_483_648),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1MB", 1_000_000),
        ("1GB", 1_000_000_000),
        ("0", 0),
    ] {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_size_is_refused() {
    for (text, error) in [
        ("", UnitError::Empty),
        ("64k", UnitError::SizeUnit),
        ("64 KiB", UnitError::SizeUnit),
        ("1.5MB", UnitError::SizeUnit),
        ("-1", UnitError::NotANumber),
        ("KiB", UnitError::NotANumber),
        ("99999999TiB", UnitError::TooLarge),
        ("99999999999999999999", UnitError::TooLarge),
    ] {
        assert_eq!(parse_size(text), Err(error), "{text}");
    }
}

#[test]
fn a_size_is_printed_in_a_unit_that_divides_it() {
    for (bytes, shown) in
        [(0, "0"), (65_536, "64KiB"), (1_000_000, "1MB"), (64_000, "64kB"), (4097, "4097"), (1 << 40, "1TiB")]
    {
        assert_eq!(format_size(bytes), shown);
    }
}

proptest! {
    #[test]
    fn every_duration_survives_its_text(seconds: u64, nanos in 0..1_000_000_000_u32, small: bool) {
        let duration = Duration::new(if small { seconds >> 40 } else { seconds }, nanos);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn every_duration_of_one_unit_survives_its_text(count: u32, unit in prop::sample::select(vec!["ns", "us", "ms", "s", "m", "h", "d"])) {
        let duration = parse_duration(&format!("{count}{unit}")).unwrap();
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn every_size_survives_its_text(bytes: u64, shift in 0..64_u32) {
        prop_assert_eq!(parse_size(&format_size(bytes >> shift << (shift / 2))), Ok(bytes >> shift << (shift / 2)));
    }

    #[test]
    fn no_text_makes_the_readers_panic(text in "\\PC{0,12}|[0-9.]{0,24}[a-zA-Zµ ]{0,4}") {
        let _either = (parse_duration(&text), parse_size(&text));
    }
}
