//! Where messages go: standard error, a file, or the system's log.

use std::io::Write as _;
use std::time::SystemTime;

use crate::invocation::{self, LogFormat};

use super::file::LogFile;
use super::record::Severity;
use super::syslog::Syslog;

/// A place that takes lines. That one is lost ends nothing.
#[derive(Debug)]
pub(super) enum Sink {
    StandardError,
    File(LogFile),
    Syslog(Syslog),
}

impl Sink {
    /// Opens what the arguments name; a sentence if that cannot be.
    pub(super) fn open(arguments: &invocation::Log) -> Result<Sink, String> {
        match (&arguments.log_file, &arguments.syslog) {
            (Some(path), _) => LogFile::open(path).map(Sink::File),
            (None, Some(path)) => Syslog::open(path).map(Sink::Syslog),
            (None, None) => Ok(Sink::StandardError),
        }
    }

    /// Writes one line, in one piece.
    pub(super) fn write(&self, line: &str, severity: Severity, now: SystemTime, format: LogFormat) {
        match self {
            Sink::StandardError => {
                // A log that nobody can read any more is no reason to end a server.
                let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
            }
            Sink::File(file) if format == LogFormat::Json => file.write(&format!("{line}\n")),
            Sink::File(file) => {
                file.write(&format!("{} {line}\n", humantime::format_rfc3339_millis(now)));
            }
            Sink::Syslog(syslog) => syslog.send(line, severity, now),
        }
    }
}
