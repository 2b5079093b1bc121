//! What happened in a run, line by line, for whoever must find out why it failed.
//!
//! Bound: the last [`LINES_MAX`] lines are kept. All lines go into the digest, so that two runs can be compared
//! however long they are.

use std::collections::VecDeque;
use std::fmt;

use conversation::Moment;

/// Lines that are kept.
const LINES_MAX: usize = 300;

/// Bytes of a payload that a line shows.
const SHOWN_BYTES_MAX: usize = 16;

/// FNV-1a, 64 bits (Fowler, Noll, Vo): the basis and the prime.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

#[derive(Clone, Debug)]
pub(crate) struct Transcript {
    lines: VecDeque<String>,
    dropped: u64,
    digest: u64,
}

impl Transcript {
    pub(crate) fn new() -> Transcript {
        Transcript { lines: VecDeque::new(), dropped: 0, digest: FNV_BASIS }
    }

    pub(crate) fn add(&mut self, now: Moment, what: &str) {
        let line = format!("{:>12.6} {what}", now.since_start().as_secs_f64());
        for byte in line.bytes() {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(FNV_PRIME);
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dropped > 0 {
            writeln!(f, "({} lines before)", self.dropped)?;
        }
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Bytes for a line: their number, and the first of them.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(SHOWN_BYTES_MAX)];
    let more = if first.len() < bytes.len() { "..." } else { "" };
    format!("{} bytes \"{}{more}\"", bytes.len(), first.escape_ascii())
}
