//! Pack: the bytes are those of Python's struct module, and every value is found again.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use conversation::{Format, Value};
use proptest::collection::vec;
use proptest::prelude::*;

/// A format, values as text, and the bytes that Python 3.11 packs of them.
type Row = (&'static str, &'static str, &'static [u8]);

#[rustfmt::skip]
const STANDARD: &[Row] = &[
    ("!q10s", "42 hello", b"\x00\x00\x00\x00\x00\x00\x00*hello\x00\x00\x00\x00\x00"),
    ("<bBhHiIlLqQ", "-1 2 -3 4 -5 6 -7 8 -9 10", b"\xff\x02\xfd\xff\x04\x00\xfb\xff\xff\xff\x06\x00\x00\x00\xf9\xff\xff\xff\x08\x00\x00\x00\xf7\xff\xff\xff\xff\xff\xff\xff\x0a\x00\x00\x00\x00\x00\x00\x00"),
    (">bBhHiIlLqQ", "-1 2 -3 4 -5 6 -7 8 -9 10", b"\xff\x02\xff\xfd\x00\x04\xff\xff\xff\xfb\x00\x00\x00\x06\xff\xff\xff\xf9\x00\x00\x00\x08\xff\xff\xff\xff\xff\xff\xff\xf7\x00\x00\x00\x00\x00\x00\x00\x0a"),
    ("!3B2x3H", "1 2 3 4 5 6", b"\x01\x02\x03\x00\x00\x00\x04\x00\x05\x00\x06"),
    ("!efd", "1.5 -2.25 3.1", b">\x00\xc0\x10\x00\x00@\x08\xcc\xcc\xcc\xcc\xcc\xcd"),
    ("<efd", "0.1 0.1 0.1", b"f.\xcd\xcc\xcc=\x9a\x99\x99\x99\x99\x99\xb9?"),
    ("!e3e", "65504 6e-8 -0.0 inf", b"{\xff\x00\x01\x80\x00|\x00"),
    ("!cc3c", "a \"\\0\" x y \"\\xff\"", b"a\x00xy\xff"),
    ("!5p3p1p", "abc xy \"\"", b"\x03abc\x00\x02xy\x00"),
    ("!s0s4s", "\"\" \"\" ab", b"\x00ab\x00\x00"),
    ("!??", "true false", b"\x01\x00"),
    ("!q", "-0x8000000000000000", b"\x80\x00\x00\x00\x00\x00\x00\x00"),
    ("!Q", "0xffffffffffffffff", b"\xff\xff\xff\xff\xff\xff\xff\xff"),
];

/// Where `long` has 8 bytes, and the least significant byte lies first.
#[rustfmt::skip]
const NATIVE: &[Row] = &[
    ("=bBhHiIlLqQ", "-1 2 -3 4 -5 6 -7 8 -9 10", b"\xff\x02\xfd\xff\x04\x00\xfb\xff\xff\xff\x06\x00\x00\x00\xf9\xff\xff\xff\x08\x00\x00\x00\xf7\xff\xff\xff\xff\xff\xff\xff\x0a\x00\x00\x00\x00\x00\x00\x00"),
    ("@bhilqnN", "-1 -2 -3 -4 -5 -6 7", b"\xff\x00\xfe\xff\xfd\xff\xff\xff\xfc\xff\xff\xff\xff\xff\xff\xff\xfb\xff\xff\xff\xff\xff\xff\xff\xfa\xff\xff\xff\xff\xff\xff\xff\x07\x00\x00\x00\x00\x00\x00\x00"),
    ("b i b q b d b h b e", "1 2 3 4 5 6.5 7 8 9 0.5", b"\x01\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x1a@\x07\x00\x08\x00\x09\x00\x008"),
    ("bhb?l0q", "1 2 3 true 4", b"\x01\x00\x02\x00\x03\x01\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00"),
    ("b0i", "1", b"\x01\x00\x00\x00"),
    ("", "", b""),
];

fn format(text: &str) -> Format {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn shown(values: &[Value]) -> String {
    values.iter().map(Value::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_bytes_are_those_of_python() {
    let is_as_in_table = cfg!(all(target_pointer_width = "64", target_endian = "little"));
    for (text, line, bytes) in STANDARD.iter().chain(NATIVE.iter().filter(|_| is_as_in_table)) {
        let format = format(text);
        assert_eq!(format.pack_line(line).as_deref(), Ok(*bytes), "{text} {line}");
        assert_eq!(format.size_bytes(), bytes.len(), "{text}");
        let values = format.unpack(bytes).unwrap();
        assert_eq!(values.len(), format.values(), "{text}");
        assert_eq!(format.pack(&values).as_deref(), Ok(*bytes), "{text} {values:?}");
        assert_eq!(format.pack_line(&shown(&values)).as_deref(), Ok(*bytes), "{text} {}", shown(&values));
    }
}

/// An error as it is shown.
fn lines(error: impl std::error::Error) -> String {
    error.to_string()
}

#[test]
fn what_is_no_format_is_shown_with_a_caret_under_it() {
    let wrong = [
        ("!q10y", "\"y\" is no letter of a format\n  !q10y\n      ^ one of xcbB?hHiIlLqQnNefdsp"),
        (
            "!P",
            "a pointer means nothing to another process\n  !P\n   ^ for its number: Q, or N in a native format",
        ),
        (
            "<n",
            "n has a size in native formats only\n  <n\n   ^ q and Q have 8 bytes everywhere; or begin the format with @",
        ),
        (
            "q!h",
            "the order of bytes holds for the whole format\n  q!h\n   ^ it stands once, at the beginning",
        ),
        (
            "!q 10",
            "the count 10 has no letter behind it\n  !q 10\n     ^^ 4h is hhhh, 10s a string of 10 bytes",
        ),
        ("!2 h", "the count 2 has no letter behind it\n  !2 h\n   ^ 4h is hhhh, 10s a string of 10 bytes"),
        ("!q1048577x", "the format is too long\n  !q1048577x\n    ^^^^^^^^ it ends above 1048576 bytes"),
        (
            "99999999999999999999999q",
            "the format is too long\n  99999999999999999999999q\n  ^^^^^^^^^^^^^^^^^^^^^^^^ it ends above 1048576 bytes",
        ),
        (
            "!\x1bq",
            "\"\\\\u{1b}\" is no letter of a format\n  !\\u{1b}q\n   ^^^^^^ one of xcbB?hHiIlLqQnNefdsp",
        ),
    ];
    for (text, error) in wrong {
        assert_eq!(text.parse::<Format>().map_err(lines), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_shown_with_a_caret_under_it() {
    let wrong = [
        ("!q10s", "42", "too few values: 1 for a format of 2\n  42\n    ^ the next one is missing here"),
        (
            "!q",
            "42 43 44",
            "too many values: 3 for a format of 1\n  42 43 44\n     ^^ nothing packs this; a string with spaces needs quotes",
        ),
        ("!hB", "7 256", "256 is out of range\n  7 256\n    ^^^ B packs 0 to 255"),
        ("!b", "-129", "-129 is out of range\n  -129\n  ^^^^ b packs -128 to 127"),
        ("!q", "four", "four cannot be packed as q\n  four\n  ^^^^ q packs an integer"),
        ("!d", "4,5", "4,5 cannot be packed as d\n  4,5\n  ^^^ d packs a number"),
        ("!?", "1", "1 cannot be packed as ?\n  1\n  ^ ? packs true or false"),
        ("!c", "ab", "ab cannot be packed as c\n  ab\n  ^^ c packs a string of one byte"),
        ("!e", "65520", "65520 is too large\n  65520\n  ^^^^^ e cannot pack it; d can"),
        ("!f", "1e39", "1e39 is too large\n  1e39\n  ^^^^ f cannot pack it; d can"),
        ("!4s", "hello", "a string of 5 bytes is too long\n  hello\n  ^^^^^ there is place for 4"),
        ("!5p", "hello", "a string of 5 bytes is too long\n  hello\n  ^^^^^ there is place for 4"),
        (
            "!s",
            "'a",
            "a quote has no second\n  'a\n  ^^ here it begins; \\' and \\\" stand for quotes that are meant",
        ),
        ("!s", "\\q", "\\q stands for nothing\n  \\q\n  ^^ one of \\n \\r \\t \\0 \\\\ \\\" \\xNN \\u{...}"),
    ];
    for (text, line, error) in wrong {
        assert_eq!(format(text).pack_line(line).map_err(lines), Err(error.to_owned()), "{text} {line}");
    }
}

#[test]
fn words_of_a_command_line_may_hold_white_space() {
    let format = format("!h12s");
    assert_eq!(format.pack_words(&["1", "hello world"]), format.pack_line("1 'hello world'"));
    let error = format.pack_words(&["x y", "z"]).unwrap_err();
    assert_eq!((error.span, &*error.text), (0..3, "x y z"));
}

#[test]
fn a_message_of_another_length_is_not_unpacked() {
    let error = format("!q10s").unpack(b"short").unwrap_err();
    assert_eq!(error.to_string(), "5 bytes are no !q10s, which has 18");
}

#[test]
fn a_string_is_unpacked_without_the_zeros_that_pad_it() {
    let values = format("!6s4p").unpack(b"a\0b\0\0\0\x02xyz").unwrap();
    assert_eq!(values, [Value::Bytes(b"a\0b".to_vec()), Value::Bytes(b"xy".to_vec())]);
}

proptest! {
    #[test]
    fn any_bytes_are_packed_again_from_the_text_of_their_values(
        order in "[@=<>!]?",
        items in vec(("([1-9][0-9]?)?", "[cbB?hHiIlLqQefds]"), 0..12),
        seed in vec(any::<u8>(), 1..64),
    ) {
        let text: String = std::iter::once(order).chain(items.into_iter().map(|(n, letter)| n + &letter)).collect();
        let format = format(&text);
        let message: Vec<u8> = seed.iter().copied().cycle().take(format.size_bytes()).collect();
        let values = format.unpack(&message).unwrap();
        let again = format.pack_line(&shown(&values)).unwrap();
        // Not the same bytes: padding is zero, true is 1, and one NaN is as good as another. The same values.
        prop_assert_eq!(shown(&format.unpack(&again).unwrap()), shown(&values));
    }

    #[test]
    fn every_string_survives_its_own_text(bytes in vec(any::<u8>(), 0..80)) {
        let value = Value::Bytes(bytes.clone());
        let packed = format("255p").pack_line(&value.to_string()).unwrap();
        prop_assert_eq!(format("255p").unpack(&packed).unwrap(), [value]);
    }

    #[test]
    fn no_text_makes_the_parsers_panic(text in ".{0,40}", line in ".{0,60}") {
        if let Ok(format) = text.parse::<Format>() {
            let _ = format.pack_line(&line).map_err(lines);
            let _ = format.pack_words(&[&line, &line]).map_err(lines);
        }
        let _ = text.parse::<Format>().map_err(lines);
        let _ = format("!q10sd?").pack_line(&line).map_err(lines);
    }
}
