//! A hexdump: what passes at a tap, for people to read.
//!
//! The columns of hexdump(1) `-C`, behind the number of the call and `<` (came) or `>` (went), the time in UTC; offsets count each direction
//! by itself. Protected: nothing of what passes gets through that could drive a terminal. Bound: of one piece
//! [`SHOWN_BYTES`] are shown, and how many more there were.
//!
//! ```text
//! call 1 < tcp://127.0.0.1:50368, 20:40:52.000123: 6 bytes
//! 1 < 00000000  68 65 6c 6c 6f 0a                                 |hello.|
//! call 1 < tcp://127.0.0.1:50368, 20:40:52.000131: finished
//! ```

use std::io::Write;
use std::time::SystemTime;

use conversation::{End, Way};

use crate::{Passed, Recorder};

/// Bytes of one piece that are shown.
const SHOWN_BYTES: usize = 4 * 1024;

/// Bytes on a line.
const LINE_BYTES: usize = 16;

/// One call's part of a hexdump.
#[derive(Clone, Debug)]
pub struct Hexdump {
    call: u64,
    peer: String,
    came: u64,
    went: u64,
}

impl Hexdump {
    /// A hexdump of the call of this number, with this peer.
    #[must_use]
    pub fn new(call: u64, peer: &End) -> Hexdump {
        Hexdump { call, peer: peer.to_string(), came: 0, went: 0 }
    }

    fn head(&self, way: Way, at: SystemTime, what: &str, page: &mut Vec<u8>) {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (seconds, micros) = (since.as_secs() % 86_400, since.subsec_micros());
        let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        let Hexdump { call, peer, .. } = self;
        let way = sign(way);
        let time = format_args!("{hours:02}:{minutes:02}:{seconds:02}.{micros:06}");
        put(page, format_args!("call {call} {way} {peer}, {time}: {what}\n"));
    }

    fn bytes(&mut self, way: Way, at: SystemTime, bytes: &[u8], page: &mut Vec<u8>) {
        self.head(way, at, &format!("{} bytes", bytes.len()), page);
        let passed = match way {
            Way::In => &mut self.came,
            Way::Out => &mut self.went,
        };
        let mut offset = *passed;
        *passed += bytes.len() as u64;
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
        for line in shown.chunks(LINE_BYTES) {
            put(page, format_args!("{} {} ", self.call, sign(way)));
            dump_line(page, offset, line);
            offset += line.len() as u64;
        }
        if shown.len() < bytes.len() {
            let more = bytes.len() - shown.len();
            put(page, format_args!("{} {} {offset:08x}  and {more} bytes more\n", self.call, sign(way)));
        }
    }
}

impl Recorder for Hexdump {
    fn record(&mut self, at: SystemTime, passed: Passed<'_>, page: &mut Vec<u8>) {
        match passed {
            Passed::Opened | Passed::Gone(_) => {}
            Passed::Bytes(way, bytes) => self.bytes(way, at, bytes, page),
            Passed::Finished(way) => self.head(way, at, "finished", page),
        }
    }
}

/// The line of hexdump(1) `-C` for these bytes, at most [`LINE_BYTES`].
fn dump_line(page: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    put(page, format_args!("{offset:08x} "));
    for at in 0..LINE_BYTES {
        if at % 8 == 0 {
            page.push(b' ');
        }
        match bytes.get(at) {
            Some(byte) => {
                page.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 0xf)], b' ']);
            }
            None => page.extend_from_slice(b"   "),
        }
    }
    page.extend_from_slice(b" |");
    page.extend(bytes.iter().map(|byte| if matches!(byte, b' '..=b'~') { *byte } else { b'.' }));
    page.extend_from_slice(b"|\n");
}

fn sign(way: Way) -> char {
    match way {
        Way::In => '<',
        Way::Out => '>',
    }
}

fn put(page: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = page.write_fmt(text); // memory takes everything
}
