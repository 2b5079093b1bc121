//! What a whole run came to.

use std::fmt;

use conversation::CallFailed;

/// What a run came to, once it was drained or ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls answered.
    pub answered: u64,
    /// Callers refused, and messages of senders who may not speak.
    pub refused: u64,
    /// Calls that the end of the drain cut off.
    pub cut: u64,
}

/// Why a run could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServeError {
    /// The standard output cannot be written to any more; nobody would see what callers send.
    Output(CallFailed),
    /// The engine itself could not begin or go on: the call that failed.
    Engine(CallFailed),
    /// The last listener failed.
    NoDoorLeft(CallFailed),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServeError::Output(failed) => write!(f, "standard output: {failed}"),
            ServeError::Engine(failed) => write!(f, "the engine cannot go on: {failed}"),
            ServeError::NoDoorLeft(failed) => write!(f, "the last listener failed: {failed}"),
        }
    }
}

impl std::error::Error for ServeError {}
