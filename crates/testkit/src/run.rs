//! What came of a simulated run.

use std::fmt;

use conversation::{CloseReason, Leg, Moment, Topic};

use crate::Heard;
use crate::transcript::Transcript;

/// What came of a run in which nothing was wrong.
#[derive(Clone, Debug)]
pub struct Run {
    /// What each caller heard, in the order in which they were added.
    pub callers: Vec<Heard>,
    /// What each dialled peer heard, in the order in which they were reached.
    pub dialled: Vec<Dialled>,
    /// The calls in the order in which they ended.
    pub calls: Vec<Ended>,
    /// The standard output of the process.
    pub output: Vec<u8>,
    /// When the last thing happened.
    pub ended: Moment,
    pub(crate) transcript: Transcript,
}

impl Run {
    /// A number of all that happened, in order and with its times: the same run, the same digest.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.transcript.digest()
    }

    /// The last lines of what happened.
    #[must_use]
    pub fn transcript(&self) -> String {
        self.transcript.to_string()
    }
}

/// A dialled peer.
#[derive(Clone, Debug)]
pub struct Dialled {
    /// The address that was dialled.
    pub address: String,
    /// What it heard.
    pub heard: Heard,
}

/// A call that is over.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its number, counted from 1 in the order in which calls opened.
    pub number: u64,
    /// Which caller's it was, counted from 0.
    pub caller: usize,
    /// How it ended.
    pub reason: CloseReason,
    /// When.
    pub at: Moment,
    /// Bytes received from the caller.
    pub received_bytes: u64,
    /// Bytes that its line took for the caller.
    pub sent_bytes: u64,
    /// Every event that its conversation was given, with its time.
    pub events: Vec<(Moment, Happened)>,
}

impl Ended {
    /// When the first event came that `is_it` recognizes, if one did.
    pub fn when(&self, is_it: impl Fn(&Happened) -> bool) -> Option<Moment> {
        self.events.iter().find(|(_, happened)| is_it(happened)).map(|(at, _)| *at)
    }

    /// Whether this event came.
    #[must_use]
    pub fn had(&self, happened: &Happened) -> bool {
        self.events.iter().any(|(_, other)| other == happened)
    }
}

/// An event that a conversation was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The call opened.
    Opened,
    /// So many bytes came on a leg.
    Received(Leg, usize),
    /// The peer of a leg finished.
    PeerFinished(Leg),
    /// A deadline came.
    Deadline,
    /// A dialled leg opened.
    Connected(Leg),
    /// A dialled leg could not be opened, for this reason.
    DialFailed(Leg, String),
    /// The caller's name was looked up.
    PeerNamed(Option<String>),
    /// There is room on a leg again.
    Drained(Leg),
    /// So many bytes were said by another call in a room.
    Heard(Topic, usize),
    /// So many messages in a room were missed.
    Missed(Topic, u64),
    /// The call was over.
    Closed(CloseReason),
}

/// What was wrong in a run, with the seed that brings it back.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// The seed of the run.
    pub seed: u64,
    /// What it is.
    pub kind: TroubleKind,
    /// The last lines of what happened.
    pub transcript: String,
}

/// The ways in which a run can be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// These calls are open, and nothing can ever happen again.
    Stuck {
        /// A line for each call.
        calls: Vec<String>,
    },
    /// These promises of the driver were broken.
    Broken {
        /// A line for each.
        promises: Vec<String>,
    },
    /// It did not end within this many steps.
    Endless {
        /// How many.
        steps: u64,
    },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}with seed {}:", self.transcript, self.seed)?;
        match &self.kind {
            TroubleKind::Stuck { calls } => write!(f, "stuck for ever: {}", calls.join("; ")),
            TroubleKind::Broken { promises } => write!(f, "broken promises: {}", promises.join("; ")),
            TroubleKind::Endless { steps } => write!(f, "no end after {steps} steps"),
        }
    }
}

impl std::error::Error for Trouble {}
