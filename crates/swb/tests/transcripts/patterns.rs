//! When a line that is shown is the line that is printed: ports, times and spans of time differ each time.
//!
//! Both lines are brought to one form and compared. `...` in the printed line stands for anything.

/// Whether `shown` is what `printed` promises.
pub(crate) fn agree(printed: &str, shown: &str) -> bool {
    let (printed, shown) = (plain(printed), plain(shown));
    let parts: Vec<&str> = printed.split("...").collect();
    let [first, middle @ .., last] = &parts[..] else { return printed == shown };
    let Some(mut rest) = shown.strip_prefix(first) else { return false };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A line with its variable parts replaced by their kind, and one spelling for both families.
fn plain(line: &str) -> String {
    let line = line.trim_end().replace("[::1]", "127.0.0.1").replace("(::1)", "(127.0.0.1)");
    let line = line.replace("[::]", "0.0.0.0").replace("ip6-localhost", "localhost");
    let mut plain = String::new();
    let mut rest = line.as_str();
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let (kind, length) = variable(from);
        plain.push_str(before);
        plain.push_str(kind);
        rest = &from[length..];
    }
    plain + rest
}

/// What a text that begins with a digit begins with, and how long that is.
fn variable(text: &str) -> (&str, usize) {
    const TIME: &str = "dddd-dd-ddTdd:dd:ddZ";
    const CLOCK: &str = "dd:dd:dd.dddddd";
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if begins(text, TIME) {
        ("TIME", TIME.len())
    } else if begins(&text[digits..], ".ddd s") {
        ("SECONDS", digits + ".ddd s".len())
    } else if begins(text, CLOCK) {
        ("TIME", CLOCK.len())
    } else if let Some(unit) = [" µs", " ms"].into_iter().find(|unit| text[digits..].starts_with(unit)) {
        ("SPAN", digits + unit.len())
    } else if digits == 5 {
        ("PORT", digits)
    } else {
        (&text[..digits], digits)
    }
}

/// Whether a text begins with this form, in which `d` stands for a digit.
fn begins(text: &str, form: &str) -> bool {
    let is_so = |(byte, form): (u8, u8)| if form == b'd' { byte.is_ascii_digit() } else { byte == form };
    text.len() >= form.len() && text.bytes().zip(form.bytes()).all(is_so)
}

#[test]
fn ports_times_and_spans_match_any_of_their_kind_and_nothing_else() {
    for (printed, shown, wanted) in [
        ("call 1: tcp://127.0.0.1:50368 called", "call 1: tcp://[::1]:41200 called", true),
        ("call 1: tcp://127.0.0.1:50368 called", "call 2: tcp://127.0.0.1:50368 called", false),
        ("listening tcp://[::]:2021", "listening tcp://0.0.0.0:2021", true),
        ("listening tcp://[::]:2021", "listening tcp://[::]:2022", false),
        ("at 2026-11-21T05:02:16Z", "at 2031-01-02T03:04:05Z", true),
        ("at 2026-11-21T05:02:16Z", "at 2031-01-02 03:04:05Z", false),
        ("5 bytes in, 0.000 s", "5 bytes in, 12.345 s", true),
        ("5 bytes in, 0.000 s", "6 bytes in, 0.000 s", false),
        ("07:08:07.312220  close(3) = 0  5 µs", "23:59:59.000000  close(3) = 0  12 µs", true),
        ("07:08:07.312220  close(3) = 0  5 µs", "07:08:07.312220  close(4) = 0  5 µs", false),
        ("users:((\"swb\",...))", "users:((\"swb\",pid=7,fd=3))", true),
        ("users:((\"swb\",...))", "users:((\"nc\",pid=7,fd=3))", false),
        ("a...b...c", "a1b2c", true),
        ("a...b...c", "a1b2", false),
        ("done", "done and more", false),
    ] {
        assert_eq!(agree(printed, shown), wanted, "{printed:?} {shown:?}");
    }
}
