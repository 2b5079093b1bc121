//! What is said on standard error: the ready line, and a line an event.

use std::fmt::Display;
use std::io::Write;

use switchboard::{End, Event, Observer};

use crate::invocation;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Errors that end the command.
    Quiet,
    /// And where it listens, and what hinders it.
    Normal,
    /// And who calls and how each call ends.
    Verbose,
}

/// Writes events to standard error, each line in one write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Log {
    level: Level,
    role: Role,
}

/// Whose log it is: it decides what is worth a word, and who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// One who answers many callers.
    Server,
    /// One who answers a caller at a time, so that this limit is nothing to speak of.
    OneAtATime,
    /// One who calls.
    Caller,
}

impl Log {
    pub(crate) fn new(arguments: &invocation::Log, role: Role) -> Log {
        let level = match (arguments.quiet, arguments.verbose) {
            (true, _) => Level::Quiet,
            (false, false) => Level::Normal,
            (false, true) => Level::Verbose,
        };
        Log { level, role }
    }

    /// The ready line: from now on callers may come.
    pub(crate) fn listening(self, end: &End) {
        self.say(Level::Normal, format_args!("listening {end}"));
    }

    pub(crate) fn note(self, text: impl Display) {
        self.say(Level::Normal, text);
    }

    pub(crate) fn detail(self, text: impl Display) {
        self.say(Level::Verbose, text);
    }

    fn say(self, level: Level, text: impl Display) {
        if level <= self.level {
            // A log that nobody can read any more is no reason to end a server.
            let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
        }
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Answered(call) if self.role == Role::Caller => {
                self.detail(format_args!("connected to {} from {}", call.peer, call.local));
            }
            Event::Answered(call) => {
                self.detail(format_args!("call {}: {} called {}", call.number, call.peer, call.local));
            }
            Event::Ended { call, reason, received_bytes, sent_bytes, lasted } => {
                self.detail(format_args!(
                    "call {}: {}: {reason}; {received_bytes} bytes in, {sent_bytes} out, {:.3} s",
                    call.number,
                    call.peer,
                    lasted.as_secs_f64(),
                ));
            }
            Event::Message { from, bytes } => {
                self.detail(format_args!("message of {bytes} bytes from {from}"));
            }
            Event::AcceptPaused { door, failed } => self.note(format_args!(
                "{door}: answering pauses: {failed}; callers wait until some of it is free again"
            )),
            Event::LimitReached { calls_max } if self.role == Role::Server => {
                self.note(format_args!("{calls_max} calls are open, the limit: further callers wait"));
            }
            Event::DoorFailed { door, failed } => {
                self.note(format_args!("{door}: no longer listening: {failed}"));
            }
            Event::Truncated { from, whole, bytes_max } => self.note(format_args!(
                "a message of {whole} bytes from {from} was truncated and dropped: the longest that can be \
                 received has {bytes_max}"
            )),
            Event::Undelivered { door, messages, why } => {
                self.note(format_args!("{door}: {messages} not delivered: {why}"));
            }
            Event::Draining { calls, at_most } if *calls > 0 && !at_most.is_zero() => {
                self.note(format_args!(
                    "draining: {calls} calls are open and have {} s; the same signal again ends them now",
                    at_most.as_secs_f64(),
                ));
            }
            Event::ChildKilled { call_number, process, signal } => self.note(format_args!(
                "call {call_number}: its child process {process} was killed by signal {signal}"
            )),
            Event::LimitReached { .. } | Event::Draining { .. } => {}
        }
    }
}
