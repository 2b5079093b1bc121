//! The screen, looked at through a terminal of one row.

use super::*;

const COLUMNS: usize = 20;

/// What a terminal shows: finished rows, and the row with the cursor.
#[derive(Debug, Default)]
struct Glass {
    rows: Vec<String>,
    row: Vec<char>,
    cursor: usize,
}

impl Glass {
    fn write(&mut self, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|error| panic!("{error}: {bytes:?}"));
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\r' => self.cursor = 0,
                '\n' => {
                    self.rows.push(self.row.drain(..).collect());
                    self.cursor = 0;
                }
                '\u{7}' => {}
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "{text:?}");
                    let (sequence, behind) =
                        rest.as_str().split_at(rest.as_str().find(char::is_alphabetic).unwrap_or(0) + 1);
                    match sequence {
                        "K" => self.row.truncate(self.cursor),
                        "H" => self.cursor = 0,
                        "2J" => self.row.clear(),
                        _ => {
                            let columns =
                                sequence.strip_suffix('C').and_then(|number| number.parse::<usize>().ok());
                            self.cursor += columns.unwrap_or_else(|| panic!("{sequence:?} in {text:?}"));
                        }
                    }
                    rest = behind.chars();
                }
                _ => {
                    assert!(!character.is_control(), "{text:?}");
                    if self.cursor == COLUMNS {
                        self.rows.push(self.row.drain(..).collect());
                        self.cursor = 0;
                    }
                    self.row.resize(self.row.len().max(self.cursor), ' ');
                    self.row.splice(self.cursor..(self.cursor + 1).min(self.row.len()), [character]);
                    self.cursor += 1;
                }
            }
        }
        assert!(self.cursor <= self.row.len(), "{self:?}");
    }

    fn row(&self) -> String {
        let (before, behind) = self.row.split_at(self.cursor);
        format!("{}|{}", before.iter().collect::<String>(), behind.iter().collect::<String>())
    }
}

/// A screen and what is seen of it.
#[derive(Default)]
struct Seen {
    screen: Screen,
    glass: Glass,
    lines: Vec<u8>,
}

impl Seen {
    fn keys(&mut self, keys: &str) -> Typed {
        let typed = self.screen.typed(keys.as_bytes(), COLUMNS);
        self.glass.write(&typed.shown);
        self.lines.extend(&typed.lines);
        typed
    }

    fn output(&mut self, text: &str) {
        let shown = self.screen.output(text.as_bytes(), COLUMNS);
        self.glass.write(&shown);
    }
}

#[test]
fn a_line_is_edited_and_entered() {
    let mut seen = Seen::default();
    seen.keys("helo\x1b[D");
    assert_eq!(seen.glass.row(), "hel|o");
    seen.keys("l\r");
    assert_eq!((&*seen.lines, &*seen.glass.rows), (&b"hello\n"[..], &["hello".to_owned()][..]));
    assert_eq!(seen.glass.row(), "|");
    seen.keys("one two\x17\x01\x0b\x19\x19\x7f\n");
    assert_eq!(&seen.lines[6..], b"one one\n");
}

#[test]
fn lines_that_were_entered_are_had_again() {
    let mut seen = Seen::default();
    seen.keys("one\rtwo\rthr\x1b[A\x1b[A");
    assert_eq!(seen.glass.row(), "one|");
    seen.keys("\x1b[B\x1b[Bee\r");
    assert_eq!(seen.lines, b"one\ntwo\nthree\n");
    assert_eq!(seen.screen.new_lines().collect::<Vec<_>>(), ["one", "two", "three"]);
}

#[test]
fn output_goes_above_the_line_that_is_typed() {
    let mut seen = Seen::default();
    seen.keys("hel");
    seen.output("first\nsecond\n");
    assert_eq!((seen.glass.row().as_str(), seen.glass.rows.join("/").as_str()), ("hel|", "first/second"));
    seen.keys("lo\r");
    assert_eq!((seen.glass.rows.join("/").as_str(), &*seen.lines), ("first/second/hello", &b"hello\n"[..]));
}

#[test]
fn a_line_that_the_peer_has_not_ended_is_shown_at_once_and_goes_on_where_it_was() {
    let mut seen = Seen::default();
    seen.output("login: ");
    assert_eq!(seen.glass.row(), "login: |");
    seen.keys("bo\x1b[D");
    assert_eq!(seen.glass.row(), "login: b|o");
    seen.output("(hurry) ");
    assert_eq!(seen.glass.row(), "login: (hurry) b|o");
    seen.keys("\x05b\r");
    assert_eq!(seen.glass.rows, ["login: (hurry) bob"]);
    seen.output("1");
    seen.keys("x");
    seen.output("2");
    seen.keys("\x7f");
    seen.output("3\n");
    assert_eq!(seen.glass.rows.last().map(String::as_str), Some("123"));
}

#[test]
fn a_line_that_is_too_long_for_the_row_is_shown_around_the_cursor() {
    let mut seen = Seen::default();
    seen.output("what is it? ");
    seen.keys("0123456789abcdef");
    assert_eq!(seen.glass.row(), "t is it? 6789abcdef|");
    seen.keys("\x01");
    assert_eq!(seen.glass.row(), "t is it? |0123456789");
    seen.output("\n");
    seen.keys("\x05!\r");
    assert_eq!(seen.glass.rows, ["what is it? ", "0123456789abcdef!"]);
}

#[test]
fn the_input_ends_on_an_empty_line_only() {
    let mut seen = Seen::default();
    assert!(!seen.keys("ab\x01\x04").ended);
    assert_eq!(seen.glass.row(), "|b");
    assert!(seen.keys("\x04\x04never looked at\r").ended);
    assert_eq!(seen.lines, b"");
}

#[test]
fn no_control_that_is_typed_reaches_the_terminal() {
    let mut seen = Seen::default();
    seen.keys("\t\x16\x1b\x16\x07\u{9b}");
    assert_eq!(seen.glass.row(), "^I^[^G\\u{9b}|");
    seen.keys("\r");
    assert_eq!(seen.lines, "\t\x1b\x07\u{9b}\n".as_bytes());
}

#[test]
fn what_is_told_stands_in_a_line_of_its_own() {
    let mut seen = Seen::default();
    seen.output("password: ");
    seen.keys("x");
    let told = seen.screen.tell("not \x1b that\n  ^", COLUMNS);
    seen.glass.write(&told);
    assert_eq!(seen.glass.rows, ["password: ", "not ^[ that", "  ^"]);
    assert_eq!(seen.glass.row(), "x|");
}

#[test]
fn what_is_being_edited_stays_to_be_seen_when_the_call_ends() {
    let mut seen = Seen::default();
    seen.output("> ");
    assert_eq!(seen.screen.leave(COLUMNS), b"");
    seen.keys("half\x01");
    let left = seen.screen.leave(COLUMNS);
    seen.glass.write(&left);
    assert_eq!((&*seen.glass.rows, seen.glass.row().as_str()), (&["> half".to_owned()][..], "|"));
    // The next call finds it there.
    seen.keys("\x05 done\r");
    assert_eq!(seen.lines, b"half done\n");
}

#[test]
fn a_line_above_the_bound_is_refused_with_a_bell() {
    let mut seen = Seen::default();
    seen.keys(&"x".repeat(LINE_BYTES_MAX));
    assert!(seen.keys("yz").shown.contains(&BELL));
    seen.keys("\r");
    assert_eq!(seen.lines.len(), LINE_BYTES_MAX + 1);
}

#[test]
fn whatever_is_typed_and_said_all_of_it_is_shown_in_order() {
    let mut state = 1_u64;
    let mut random = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let keys = ["a", "é", "\x7f", "\x1b[D", "\x1b[A", "\x1b[B", "\x01", "\x05", "\x17", "\x19", "\t", "\r"];
    for _ in 0..200 {
        let mut seen = Seen::default();
        let mut wanted = Vec::new();
        for number in 0..100 {
            if random(4) == 0 {
                // Behind the peer's own words, if it has not ended its line.
                let end = if random(2) == 0 { "\n" } else { "" };
                let said = format!("<{number}>{end}");
                wanted.push(format!("<{number}>"));
                seen.output(&said);
            } else {
                seen.keys(keys[random(keys.len())]);
            }
        }
        let left = seen.screen.leave(COLUMNS);
        seen.glass.write(&left);
        seen.output("\n");
        let all = seen.glass.rows.concat(); // without line ends: the terminal wraps
        let mut rest = &*all;
        for said in &wanted {
            let at =
                rest.find(said.as_str()).unwrap_or_else(|| panic!("{said} is not in {rest:?} of {all:?}"));
            rest = &rest[at + said.len()..];
        }
        let lines = String::from_utf8_lossy(&seen.lines).replace('\t', "^I");
        let mut rest = &*all;
        for line in lines.lines() {
            let at = rest.find(line).unwrap_or_else(|| panic!("{line:?} is not in {rest:?} of {all:?}"));
            rest = &rest[at + line.len()..];
        }
    }
}
