//! What an impairing layer says: one line a fault, and at the end how many there were of each.

use std::fmt;

use conversation::Way;

/// Faults of one direction of a call that are told one by one; the rest is counted.
pub(super) const TOLD_MAX: u64 = 100;

/// What was done to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Impaired {
    /// A fault.
    Fault {
        /// In which direction.
        way: Way,
        /// Which message, from 1 on; or which byte of a stream, from 0 on.
        number: u64,
        /// What was done to it.
        fault: Fault,
    },
    /// What became of all that was to pass in one direction.
    Counted {
        /// In which direction.
        way: Way,
        /// How many.
        counts: Counts,
    },
}

/// What was done to a message, or to a byte of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is lost.
    Lost,
    /// It is lost: as much as may be waits already.
    Dropped,
    /// It comes twice.
    Doubled,
    /// The next one overtakes it, if it comes within 1.5 s.
    Overtaken,
    /// This bit of this byte of the message is wrong.
    Corrupted {
        /// The byte, from 0 on.
        byte: usize,
        /// The bit, from 0 on.
        bit: u8,
    },
    /// This bit of the byte is wrong.
    BitFlipped(u8),
}

/// How many of each. Of messages: `passed` + `lost` + `dropped` = `came` + `doubled`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages, or bytes of a stream.
    pub came: u64,
    /// What was let go of, copies too.
    pub passed: u64,
    /// Lost by chance, or because the direction was stalled or closed.
    pub lost: u64,
    /// Lost because as much as may be waited already.
    pub dropped: u64,
    /// Copies that were made.
    pub doubled: u64,
    /// Overtaken by the next.
    pub overtaken: u64,
    /// With a wrong bit.
    pub corrupted: u64,
}

impl fmt::Display for Impaired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Impaired::Fault { way, number, fault } => match fault {
                Fault::Lost => write!(f, "{way}: message {number} is lost"),
                Fault::Dropped => write!(f, "{way}: message {number} is dropped: the queue is full"),
                Fault::Doubled => write!(f, "{way}: message {number} comes twice"),
                Fault::Overtaken => write!(f, "{way}: message {number} is overtaken by the next"),
                Fault::Corrupted { byte, bit } => {
                    write!(f, "{way}: message {number} is corrupt: bit {bit} of byte {byte}")
                }
                Fault::BitFlipped(bit) => write!(f, "{way}: byte {number} is corrupt: bit {bit}"),
            },
            Impaired::Counted { way, counts } => write!(f, "{way}: {counts}"),
        }
    }
}

impl Counts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Counts) -> Counts {
        Counts {
            came: self.came + other.came,
            passed: self.passed + other.passed,
            lost: self.lost + other.lost,
            dropped: self.dropped + other.dropped,
            doubled: self.doubled + other.doubled,
            overtaken: self.overtaken + other.overtaken,
            corrupted: self.corrupted + other.corrupted,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} came, {} passed", self.came, self.passed)?;
        let rows = [
            ("lost", self.lost),
            ("dropped", self.dropped),
            ("doubled", self.doubled),
            ("overtaken", self.overtaken),
            ("corrupt", self.corrupted),
        ];
        let told: Vec<_> = rows.iter().filter(|(_, count)| *count > 0).collect();
        told.iter().try_for_each(|(what, count)| write!(f, ", {count} {what}"))
    }
}
