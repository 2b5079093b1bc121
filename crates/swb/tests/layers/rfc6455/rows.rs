//! The rows: what a peer sends, what of it is heard, and the code with which it is closed.

use super::by_hand::{BINARY, By, CLOSE, PING, PONG, TEXT, frame, frame_of_length};

/// The bound of a message.
pub(super) const BYTES_MAX: usize = 70_000;

const FIN: u8 = 0x80;
const REST: u8 = 0;

/// What comes before and behind each row. Behind a rule that is broken nothing is heard.
pub(super) const BEFORE: &[u8] = b"before";
pub(super) const BEHIND: &[u8] = b"behind";

pub(super) struct Row {
    pub(super) what: String,
    pub(super) wire: Vec<u8>,
    /// Its messages that are heard.
    pub(super) messages: Vec<Vec<u8>>,
    /// What its pings are answered with.
    pub(super) pongs: Vec<Vec<u8>>,
    /// The code of our close frame.
    pub(super) close: u16,
    /// What it sends has a close frame in it.
    pub(super) closes: bool,
}

impl Row {
    /// All messages that are heard.
    pub(super) fn heard(&self) -> Vec<Vec<u8>> {
        let goes_on = self.close == 1000 && !self.closes;
        let behind = goes_on.then(|| BEHIND.to_vec());
        [BEFORE.to_vec()].into_iter().chain(self.messages.clone()).chain(behind).collect()
    }

    /// Whether all was said as it should be.
    pub(super) fn is_clean(&self) -> bool {
        matches!(self.close, 1000 | 1001 | 3000..=4999)
    }
}

/// All rows, as this end sends them.
pub(super) fn table(by: By) -> Vec<Row> {
    let parts = [heard(by), frames(by), lengths(by), closes(by), close_codes(by), texts(by)];
    parts.into_iter().flatten().collect()
}

fn broken(what: impl Into<String>, wire: Vec<u8>, close: u16) -> Row {
    Row { what: what.into(), wire, messages: Vec::new(), pongs: Vec::new(), close, closes: false }
}

/// What keeps the rules, section 5.4 and 5.5.
fn heard(by: By) -> Vec<Row> {
    let long = [b'x'; 65_536];
    let fine = |what: &str, frames: &[Vec<u8>], messages: &[&[u8]], pongs: &[&[u8]]| Row {
        messages: messages.iter().map(|message| message.to_vec()).collect(),
        pongs: pongs.iter().map(|pong| pong.to_vec()).collect(),
        ..broken(what, frames.concat(), 1000)
    };
    let of = |first, payload: &[u8]| frame(by, first, payload);
    let many = [vec![of(2, b"x")], vec![of(REST, b"x"); 65_534], vec![of(FIN | REST, b"x")]].concat();
    let with_pings =
        [of(1, b"a"), of(PING, b"1"), of(REST, b"b"), of(PING, b"2"), of(PONG, b"?"), of(FIN, b"c")];
    vec![
        fine("a text", &[of(TEXT, b"hello")], &[b"hello"], &[]),
        fine("any bytes", &[of(BINARY, &[0, 0xff, 0x80])], &[&[0, 0xff, 0x80]], &[]),
        fine("nothing", &[of(TEXT, b""), of(BINARY, b"")], &[b"", b""], &[]),
        fine("65,535 bytes", &[of(BINARY, &long[1..])], &[&long[1..]], &[]),
        fine("65,536 bytes", &[of(BINARY, &long)], &[&long], &[]),
        fine("three fragments", &[of(2, b"th"), of(REST, b"re"), of(FIN, b"e")], &[b"three"], &[]),
        fine("empty fragments", &[of(2, b""), of(REST, b""), of(FIN, b"")], &[b""], &[]),
        fine("65,536 fragments", &many, &[&long], &[]),
        fine("control frames between fragments", &with_pings, &[b"abc"], &[b"1", b"2"]),
        fine("a ping of 125 bytes", &[of(PING, &long[..125])], &[], &[&long[..125]]),
        fine("a pong that nobody asked for", &[of(PONG, b"here")], &[], &[]),
    ]
}

/// What a frame may not be, sections 5.1 to 5.5.
fn frames(by: By) -> Vec<Row> {
    let of = |first, payload: &[u8]| frame(by, first, payload);
    let long = [b'x'; 126];
    let mut rows = vec![
        broken("a mask where none may be, or none where one must be", frame(by.other(), BINARY, b"a"), 1002),
        broken("the same of a ping", frame(by.other(), PING, b"a"), 1002),
        broken("a ping in fragments", of(9, b"a"), 1002),
        broken("a pong in fragments", of(10, b"a"), 1002),
        broken("a close frame in fragments", of(8, &1000_u16.to_be_bytes()), 1002),
        broken("a ping of 126 bytes", of(PING, &long), 1002),
        broken("a pong of 126 bytes", of(PONG, &long), 1002),
        broken("a close frame of 126 bytes", of(CLOSE, &[&[3, 0xe8], &long[..124]].concat()), 1002),
        broken("the rest of nothing", of(REST, b"a"), 1002),
        broken("the last of nothing", of(FIN | REST, b"a"), 1002),
        broken("a text within a message", [of(2, b"a"), of(TEXT, b"b")].concat(), 1002),
        broken("bytes within a text", [of(1, b"a"), of(2, b"b")].concat(), 1002),
    ];
    for (bit, name) in [(0x40, "RSV1"), (0x20, "RSV2"), (0x10, "RSV3")] {
        for first in [TEXT, BINARY, CLOSE, PING, PONG] {
            rows.push(broken(format!("{name} of {first:#04x}"), of(first | bit, b""), 1002));
        }
        rows.push(broken(format!("{name} of a rest"), [of(2, b"a"), of(FIN | bit, b"b")].concat(), 1002));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        rows.push(broken(format!("the reserved opcode {opcode}"), of(FIN | opcode, b"a"), 1002));
    }
    rows
}

/// How a length may not be written, and what is too long, section 5.2.
fn lengths(by: By) -> Vec<Row> {
    let long = vec![b'x'; BYTES_MAX + 1];
    let of = |length: &[u8], payload: &[u8]| frame_of_length(by, BINARY, length, payload);
    let eight = |length: u64| [&[127][..], &length.to_be_bytes()].concat();
    let fragments = [frame(by, 2, &long[1..]), frame(by, FIN, b"x")].concat();
    vec![
        broken("1 in two bytes", of(&[126, 0, 1], b"x"), 1002),
        broken("125 in two bytes", of(&[126, 0, 125], &long[..125]), 1002),
        broken("1 in eight bytes", of(&eight(1), b"x"), 1002),
        broken("65,535 in eight bytes", of(&eight(65_535), &long[..65_535]), 1002),
        broken("a length with its top bit set", of(&eight(1 << 63), b"x"), 1002),
        broken("the longest length that may be written", of(&eight(u64::MAX >> 1), b"x"), 1009),
        broken("one byte above the bound", frame(by, BINARY, &long), 1009),
        broken("fragments of one byte above the bound", fragments, 1009),
    ]
}

/// Close frames, section 5.5.1, and what comes behind them.
fn closes(by: By) -> Vec<Row> {
    let of = |payload: &[u8]| frame(by, CLOSE, payload);
    let closed = |what: &str, wire, close| Row { closes: true, ..broken(what, wire, close) };
    let normal = 1000_u16.to_be_bytes();
    let reason = |bytes: &[u8]| of(&[&normal, bytes].concat());
    vec![
        closed("no code", of(b""), 1000),
        closed("a reason", reason("bis später".as_bytes()), 1000),
        closed("a reason of 123 bytes", reason(&[b'x'; 123]), 1000),
        closed("a message behind a close frame", [of(&normal), frame(by, TEXT, b"a")].concat(), 1000),
        closed("a ping behind a close frame", [of(&normal), frame(by, PING, b"a")].concat(), 1000),
        closed("nonsense behind a close frame", [of(&normal), vec![0xff; 20]].concat(), 1000),
        closed("a close frame within a message", [frame(by, 1, b"a"), of(&normal)].concat(), 1000),
        closed("half a code", of(&[3]), 1002),
        closed("a reason that is no UTF-8", reason(b"\xff"), 1007),
        closed("a reason that ends within a character", reason(&"später€".as_bytes()[..9]), 1007),
    ]
}

/// Codes that may be sent are answered with the same, others with 1002, section 7.4.
fn close_codes(by: By) -> Vec<Row> {
    let may_not = [0, 1, 999, 1004, 1005, 1006].into_iter().chain(1015..=1020).chain([1100, 1999, 2000]);
    let may_not = may_not.chain([2999, 5000, 9999, 65_535]).map(|code| (code, 1002));
    let may = (1000..=1003).chain(1007..=1014).chain([3000, 3999, 4000, 4999]).map(|code| (code, code));
    may.chain(may_not)
        .map(|(code, close)| {
            let wire = frame(by, CLOSE, &u16::to_be_bytes(code));
            Row { closes: true, ..broken(format!("the code {code}"), wire, close) }
        })
        .collect()
}

/// Texts, section 8.1, cut into two fragments at every position.
fn texts(by: By) -> Vec<Row> {
    let bad: [(&str, &[u8]); 9] = [
        ("a byte that is none", b"\xff"),
        ("a rest of a character", b"\x80"),
        ("half a character", b"\xe2\x82"),
        ("three quarters of a character", b"\xf0\x9f\x91"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an overlong zero", b"\xe0\x80\x80"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("a character above the last", b"\xf4\x90\x80\x80"),
        ("a character of five bytes", b"\xf8\x88\x80\x80\x80"),
    ];
    let good = "ü€👋".as_bytes();
    let in_two = |text: &[u8], cut| [frame(by, 1, &text[..cut]), frame(by, FIN, &text[cut..])].concat();
    let mut rows = Vec::new();
    for cut in 0..=good.len() {
        let mut row = broken(format!("a text cut at {cut}"), in_two(good, cut), 1000);
        row.messages.push(good.to_vec());
        rows.push(row);
    }
    for (what, bad) in bad {
        for (place, text) in [("at the end", [good, bad].concat()), ("in front", [bad, b"z"].concat())] {
            rows.push(broken(format!("{what} {place}"), frame(by, TEXT, &text), 1007));
            for cut in 0..=text.len() {
                rows.push(broken(format!("{what} {place}, cut at {cut}"), in_two(&text, cut), 1007));
            }
        }
    }
    rows
}
