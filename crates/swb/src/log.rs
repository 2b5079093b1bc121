//! What is said of a run: the ready line, and a line an event.
//!
//! Protected: each message is one line of printable characters and one write. Where it goes is [`Sink`], what
//! is said of an event is [`Record`].

mod file;
mod moved;
mod record;
mod sink;
mod syslog;

use std::fmt::Display;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use switchboard::{Event, Observer, SignalWatch};

use crate::failure::{Failure, Status};
use crate::invocation::{self, LogFormat};

use moved::Moved;
use record::{Record, Severity};
use sink::Sink;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Errors that end the command, and what was asked for.
    Quiet,
    /// And where it listens, and what hinders it.
    Normal,
    /// And who calls and how each call ends.
    Verbose,
    /// And how the network was to each TCP call.
    Detailed,
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

/// Writes messages, and events as messages. A clone writes to the same place.
#[derive(Clone, Debug)]
pub(crate) struct Log(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    level: Level,
    role: Role,
    format: LogFormat,
    sink: Sink,
    /// The process that began: in a child, it says that a call is its own.
    process: u32,
    signals: OnceLock<Heeded>,
}

/// The signals that concern the log, and how many of each it has acted upon.
#[derive(Debug)]
struct Heeded {
    watch: Arc<SignalWatch>,
    hangups: AtomicU32,
    questions: AtomicU32,
}

/// At this signal the open calls are told.
pub(crate) const TELLS_OPEN_CALLS: i32 = libc::SIGUSR1;

/// At this signal a log file is opened anew.
pub(crate) const REOPENS_FILE: i32 = libc::SIGHUP;

impl Log {
    /// Opens what the arguments name.
    ///
    /// # Errors
    ///
    /// The file or the system's log cannot be written to.
    pub(crate) fn open(arguments: &invocation::Log, role: Role) -> Result<Log, Failure> {
        let level = match (arguments.quiet, arguments.verbose) {
            (true, _) => Level::Quiet,
            (false, 0) => Level::Normal,
            (false, 1) => Level::Verbose,
            (false, 2..) => Level::Detailed,
        };
        let sink = Sink::open(arguments).map_err(|message| Failure::new(Status::Other, message))?;
        let (process, signals) = (std::process::id(), OnceLock::new());
        Ok(Log(Arc::new(Inner { level, role, format: arguments.log, sink, process, signals })))
    }

    /// The ready line: from now on callers may come.
    pub(crate) fn listening(&self, end: &str) {
        self.say(&Record::listening(end));
    }

    pub(crate) fn note(&self, text: impl Display) {
        self.say(&Record::note(Level::Normal, text));
    }

    pub(crate) fn detail(&self, text: impl Display) {
        self.say(&Record::note(Level::Verbose, text));
    }

    /// Passes a result on. A failure is logged, unless it is about to be said in the same place and words.
    pub(crate) fn closing(&self, result: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = result else { return result };
        match (&self.0.sink, self.0.format) {
            (Sink::StandardError, LogFormat::Text) | (_, LogFormat::Off) => Err(failure),
            (Sink::StandardError, LogFormat::Json) => {
                self.say(&Record::failed(&failure));
                Err(failure.without_message())
            }
            (Sink::File(_) | Sink::Syslog(_), LogFormat::Text | LogFormat::Json) => {
                self.say(&Record::failed(&failure));
                Err(failure)
            }
        }
    }

    /// Whether there is a file that can be opened anew.
    pub(crate) fn has_file(&self) -> bool {
        matches!(self.0.sink, Sink::File(_))
    }

    /// From now on a rung bell means that one of these signals has come.
    pub(crate) fn heed(&self, watch: &Arc<SignalWatch>) {
        let (hangups, questions) = (AtomicU32::new(0), AtomicU32::new(0));
        // Signals are watched once a run.
        let _ = self.0.signals.set(Heeded { watch: Arc::clone(watch), hangups, questions });
    }

    /// Whether it says nothing but errors.
    pub(crate) fn is_quiet(&self) -> bool {
        self.0.level == Level::Quiet
    }

    fn is_told(&self, level: Level) -> bool {
        level <= self.0.level && self.0.format != LogFormat::Off
    }

    fn say(&self, record: &Record) {
        if !record.text.is_empty() && self.is_told(record.level) {
            let now = SystemTime::now();
            let line = match self.0.format {
                LogFormat::Json => record.json(now),
                LogFormat::Text | LogFormat::Off => record.line(),
            };
            self.0.sink.write(&line, record.severity, now, self.0.format);
        }
    }

    /// Whether this signal has come since the last time.
    fn has_come(&self, signal: i32, seen: impl Fn(&Heeded) -> &AtomicU32) -> bool {
        let Some(heeded) = self.0.signals.get() else { return false };
        let count = heeded.watch.count(signal);
        seen(heeded).swap(count, Ordering::Relaxed) != count
    }

    /// Acts on the signals that have come since the last time.
    fn bell(&self) {
        if self.has_come(REOPENS_FILE, |heeded| &heeded.hangups)
            && let Sink::File(file) = &self.0.sink
            && let Err(message) = file.reopen()
        {
            self.say(&Record::note(Level::Normal, message).with(Severity::Warning));
        }
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Bell) {
            return self.bell();
        }
        if let Event::Open { call, received_bytes, sent_bytes, lasts } = event {
            let process = std::process::id();
            let child = (process != self.0.process).then_some(process);
            let moved = Moved { received_bytes: *received_bytes, sent_bytes: *sent_bytes, within: *lasts };
            return self.say(&Record::open(call, moved, child));
        }
        if record::level(event, self.0.role).is_some_and(|level| self.is_told(level)) {
            self.say(&Record::of(event, self.0.role));
        }
    }

    fn wants_open_calls(&self) -> bool {
        self.has_come(TELLS_OPEN_CALLS, |heeded| &heeded.questions)
    }

    fn wants_tcp_info(&self) -> bool {
        self.is_told(Level::Detailed)
    }
}
