//! One scene: what the lecture shows, how to do it by hand, how it is played.

use std::fmt;
use std::time::Duration;

use switchboard::{CallError, FrameError, OpenCallError, ParseAddressError};

use super::stage::Stage;

/// A row of the tour.
pub(super) struct Scene {
    /// The rows of the acceptance list that it shows, such as `P14`.
    pub(super) rows: &'static [&'static str],
    pub(super) name: &'static str,
    /// What the lecture wants understood, in a sentence.
    pub(super) idea: &'static str,
    /// What to type to see the same; those that begin with `swb` are what it is played with.
    pub(super) by_hand: &'static [&'static str],
    pub(super) play: fn(&mut Stage<'_>) -> Played,
}

/// What was seen, where it was what had to be seen.
pub(super) type Played = Result<String, Missed>;

/// Why a scene did not show what it should.
#[derive(Debug)]
pub(super) enum Missed {
    /// This was seen instead.
    Differed(String),
    /// This machine lacks what the scene needs.
    Lacking(String),
    /// The tour ends.
    Interrupted,
}

/// A scene that was played.
pub(super) struct Performance {
    pub(super) scene: &'static Scene,
    /// The commands that were run, and what else was done.
    pub(super) did: Vec<String>,
    pub(super) played: Played,
    pub(super) lasted: Duration,
}

impl Scene {
    /// Whether this is one of its rows, or its name.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.rows.iter().chain([&self.name]).any(|own| own.eq_ignore_ascii_case(name))
    }
}

impl Missed {
    /// `call` could not be made.
    pub(super) fn call(call: &str, error: impl Into<std::io::Error>) -> Missed {
        Missed::Differed(format!("{call}: {}", sys::describe(&error.into())))
    }
}

impl From<OpenCallError> for Missed {
    fn from(error: OpenCallError) -> Missed {
        Missed::Differed(error.to_string())
    }
}

impl From<CallError> for Missed {
    fn from(error: CallError) -> Missed {
        Missed::Differed(format!("a call: {error}"))
    }
}

impl From<FrameError> for Missed {
    fn from(error: FrameError) -> Missed {
        Missed::Differed(format!("a call: {error}"))
    }
}

impl From<ParseAddressError> for Missed {
    fn from(error: ParseAddressError) -> Missed {
        Missed::Differed(error.to_string())
    }
}

/// Goes on if this holds; else it is what was seen instead.
pub(super) fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Missed> {
    if holds { Ok(()) } else { Err(Missed::Differed(otherwise())) }
}

/// Goes on if `what` is as it should be.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, seen: T, wanted: T) -> Result<(), Missed> {
    check(seen == wanted, || format!("{what}: {seen:?} instead of {wanted:?}"))
}

/// The same for bytes, of which only the beginning is told.
pub(super) fn same_bytes(what: &str, seen: &[u8], wanted: &[u8]) -> Result<(), Missed> {
    check(seen == wanted, || format!("{what}: {} instead of {}", shown(seen), shown(wanted)))
}

/// Bytes as text: how many, and the first 40.
pub(super) fn shown(bytes: &[u8]) -> String {
    const SHOWN_BYTES: usize = 40;
    let text = bytes[..bytes.len().min(SHOWN_BYTES)].escape_ascii();
    let more = if bytes.len() > SHOWN_BYTES { "..." } else { "" };
    format!("{} bytes \"{text}{more}\"", bytes.len())
}
