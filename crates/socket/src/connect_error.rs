//! Why a call could not be made: every address that was tried.

use std::fmt;
use std::io;

use crate::{Attempt, OptionError, ResolveError};

/// An active open that failed.
#[derive(Debug)]
pub struct ConnectError {
    /// The address as it was asked for.
    pub address: String,
    /// Each socket address that was tried, in the order in which they failed.
    pub tried: Vec<Attempt>,
    /// What kind of failure it is.
    pub kind: ConnectErrorKind,
}

/// What kind of failure a [`ConnectError`] is: that of the last attempt that failed, if there was one.
#[derive(Debug)]
pub enum ConnectErrorKind {
    /// The name was not found.
    Resolve(Box<ResolveError>),
    /// Nobody listens there (`ECONNREFUSED`, and for a Unix path `ENOENT`), or whoever does hangs up at once
    /// (`ECONNRESET`).
    Refused,
    /// No way leads there (`ENETUNREACH`, `EHOSTUNREACH`, …).
    Unreachable,
    /// No answer within `connect-timeout` (30 s unless given), or within the kernel's own patience.
    TimedOut,
    /// An option was refused; which, and why, is the attempt's text, or here if nothing was tried.
    Option(Option<Box<OptionError>>),
    /// A program could not be started.
    NotStarted,
    /// It is a program, which is started and not called.
    Program,
    /// A file, a fifo or a terminal could not be opened; what to try.
    NotOpened(&'static str),
    /// The options of its address do not go together: why. Nothing was tried.
    Misfit(&'static str),
    /// This kernel has not what the transport needs, or the address cannot be called.
    Unsupported,
    /// Anything else: see the attempts.
    Other,
}

impl ConnectError {
    /// From the attempts, all of which failed.
    pub(crate) fn from_attempts(address: String, tried: Vec<Attempt>) -> ConnectError {
        let kind = tried.last().map_or(ConnectErrorKind::Unsupported, kind_of);
        ConnectError { address, tried, kind }
    }

    /// The first option, if any was refused.
    #[must_use]
    pub fn refused_option(&self) -> Option<&OptionError> {
        if let ConnectErrorKind::Option(Some(error)) = &self.kind {
            return Some(error);
        }
        self.tried.iter().find_map(Attempt::refused_option)
    }
}

impl ConnectError {
    fn ended_with(&self, errno: i32) -> bool {
        self.tried.last().is_some_and(|attempt| attempt.error.raw_os_error() == Some(errno))
    }
}

fn kind_of(attempt: &Attempt) -> ConnectErrorKind {
    if attempt.refused_option().is_some() {
        return ConnectErrorKind::Option(None);
    }
    if attempt.error.kind() == io::ErrorKind::TimedOut {
        return ConnectErrorKind::TimedOut;
    }
    match attempt.error.raw_os_error() {
        Some(libc::ECONNREFUSED | libc::ENOENT | libc::ECONNRESET) => ConnectErrorKind::Refused,
        Some(
            libc::ENETUNREACH | libc::EHOSTUNREACH | libc::ENETDOWN | libc::EHOSTDOWN | libc::EADDRNOTAVAIL,
        ) => ConnectErrorKind::Unreachable,
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT) => {
            ConnectErrorKind::Unsupported
        }
        _ => ConnectErrorKind::Other,
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = if matches!(self.kind, ConnectErrorKind::NotStarted) {
            "start"
        } else if matches!(self.kind, ConnectErrorKind::NotOpened(_) | ConnectErrorKind::Misfit(_)) {
            "open"
        } else {
            "connect to"
        };
        write!(f, "cannot {done} {}", self.address)?;
        let mut separator = ": ";
        for attempt in &self.tried {
            let is_the_address = self.address.split('?').next() == Some(&attempt.end.to_string());
            if is_the_address && self.tried.len() == 1 {
                write!(f, "{separator}{}", attempt.reason())?;
            } else {
                write!(f, "{separator}{attempt}")?;
            }
            separator = "; ";
        }
        match &self.kind {
            ConnectErrorKind::Resolve(error) => write!(f, ": {error}"),
            ConnectErrorKind::Option(Some(error)) => write!(f, ": {error}"),
            ConnectErrorKind::Program => {
                write!(
                    f,
                    ": it is a program, which has no socket: std::process::Command starts it, and `swb relay` puts it \
                     under an address"
                )
            }
            ConnectErrorKind::Unsupported if self.tried.is_empty() => write!(f, ": there is no socket at it"),
            ConnectErrorKind::NotStarted if self.ended_with(libc::ENOENT) => write!(
                f,
                "{separator}is it installed, and in a directory of PATH? A script needs the program of its #! line too"
            ),
            ConnectErrorKind::NotStarted if self.ended_with(libc::EACCES) => {
                write!(f, "{separator}it may not be executed: chmod +x?")
            }
            ConnectErrorKind::NotStarted if self.ended_with(libc::ENOEXEC) => {
                write!(f, "{separator}it is no program for this machine; a script begins with #!")
            }
            ConnectErrorKind::NotStarted | ConnectErrorKind::NotOpened("") => Ok(()),
            ConnectErrorKind::NotOpened(hint) | ConnectErrorKind::Misfit(hint) => {
                write!(f, "{separator}{hint}")
            }
            ConnectErrorKind::Refused if self.ended_with(libc::ECONNRESET) => {
                write!(f, "{separator}whoever listens there hung up at once: may you call from here?")
            }
            ConnectErrorKind::Refused => write!(f, "{separator}nobody listens there: is the server running?"),
            ConnectErrorKind::Unreachable => {
                write!(f, "{separator}no way leads there: `ip route get` shows the way that the kernel takes")
            }
            ConnectErrorKind::TimedOut if self.address.starts_with("fifo:") => {
                write!(
                    f,
                    "{separator}nobody has opened it to read: the reader comes first, or within connect-timeout"
                )
            }
            ConnectErrorKind::TimedOut => {
                write!(f, "{separator}nobody answers: is the address right, does a firewall drop the call?")
            }
            ConnectErrorKind::Other if self.ended_with(libc::EPROTOTYPE) => {
                write!(
                    f,
                    "{separator}the socket there is of another kind: try unix:, unix-dgram: or unix-seqpacket:"
                )
            }
            ConnectErrorKind::Other if self.ended_with(libc::EACCES) && self.address.starts_with("udp:") => {
                write!(f, "{separator}to send to a broadcast address takes ?broadcast")
            }
            ConnectErrorKind::Other if self.ended_with(libc::EBADF) => {
                write!(
                    f,
                    "{separator}it is not open: whoever starts this program must hand it over, as in 9<>FILE"
                )
            }
            ConnectErrorKind::Other if self.ended_with(libc::ENOTSOCK) => {
                write!(
                    f,
                    "{separator}fd:N is for sockets: `-` is standard input and output, file:PATH and fifo:PATH open others"
                )
            }
            ConnectErrorKind::Option(None) | ConnectErrorKind::Unsupported | ConnectErrorKind::Other => {
                Ok(())
            }
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        if let ConnectErrorKind::Resolve(error) = &self.kind {
            return Some(&**error);
        }
        if let ConnectErrorKind::Option(Some(error)) = &self.kind {
            return Some(&**error);
        }
        self.tried.last().map(|attempt| &attempt.error as _)
    }
}
