//! How a command failed: one message, one exit status.

use std::fmt::Display;
use std::io::Write;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitCode;

use switchboard::services::{Inert, MISFIT};
use switchboard::socket::{BindErrorKind, ConnectErrorKind, ResolveErrorKind};
use switchboard::{
    BindError, CloseReason, ConnectError, DialFailureKind, Ended, LayeringError, OpenCallError,
    OpenDoorsError, ReachError, ResolveError, ServeError,
};

/// What the user can act on, by exit status. README and `swb --help` have the same list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Status {
    Other = 1,
    Usage = 2,
    NameNotFound = 3,
    Refused = 4,
    TimedOut = 5,
    Reset = 6,
    CannotBind = 7,
    Unsupported = 8,
    NotTrusted = 9,
}

/// A command that did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    status: u8,
    /// Empty where there is nothing to be said: whoever reads our output has gone.
    message: String,
}

impl Failure {
    pub(crate) fn new(status: Status, message: impl Display) -> Failure {
        Failure { status: status as u8, message: message.to_string() }
    }

    /// A signal ended it: whoever sent it knows.
    pub(crate) fn signalled(signal: i32) -> Failure {
        Failure { status: u8::try_from(128 + signal).unwrap_or(u8::MAX), message: String::new() }
    }

    pub(crate) fn usage(message: impl Display) -> Failure {
        Failure::new(Status::Usage, message)
    }

    pub(crate) fn status(&self) -> u8 {
        self.status
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The same failure, after it was said elsewhere.
    pub(crate) fn without_message(self) -> Failure {
        Failure { message: String::new(), ..self }
    }

    /// Says it on standard error and gives the exit status.
    pub(crate) fn report(self) -> ExitCode {
        if !self.message.is_empty() {
            // Where standard error is gone too, the status has to say it alone.
            let _ = writeln!(std::io::stderr(), "swb: {}", Inert::text(&self.message));
        }
        ExitCode::from(self.status)
    }
}

/// Says what the parser of the command line has to say: the help that was asked for, or what was wrong, which it
/// quotes as it was.
pub(crate) fn said_by_parser(said: &clap::Error) -> ExitCode {
    let text = Inert::text(&said.render().to_string());
    // Where nobody reads it any more, the status has to say it alone.
    let _ = match said.use_stderr() {
        true => std::io::stderr().write_all(text.as_bytes()),
        false => std::io::stdout().write_all(text.as_bytes()),
    };
    ExitCode::from(u8::try_from(said.exit_code()).unwrap_or(Status::Usage as u8))
}

impl From<switchboard::ParseAddressError> for Failure {
    fn from(error: switchboard::ParseAddressError) -> Failure {
        Failure::usage(error)
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        let status = match &error.kind {
            ConnectErrorKind::Resolve(resolve) => status_of(resolve),
            ConnectErrorKind::Refused | ConnectErrorKind::Unreachable => Status::Refused,
            ConnectErrorKind::TimedOut => Status::TimedOut,
            ConnectErrorKind::Misfit(_) => Status::Usage,
            ConnectErrorKind::Program | ConnectErrorKind::Unsupported => Status::Unsupported,
            ConnectErrorKind::Option(_)
            | ConnectErrorKind::NotStarted
            | ConnectErrorKind::NotOpened(_)
            | ConnectErrorKind::Other => Status::Other,
        };
        Failure::new(status, error)
    }
}

impl From<LayeringError> for Failure {
    fn from(error: LayeringError) -> Failure {
        Failure::new(if error.is_misfit() { Status::Usage } else { Status::Other }, error)
    }
}

impl From<OpenCallError> for Failure {
    fn from(error: OpenCallError) -> Failure {
        let status = match error {
            OpenCallError::Connect(error) => return error.into(),
            OpenCallError::Layering(error) => return error.into(),
            OpenCallError::Layers { .. } if error.is_distrust() => Status::NotTrusted,
            OpenCallError::Layers { .. } if error.is_time_out() => Status::TimedOut,
            OpenCallError::Layers { .. } | OpenCallError::Broken { .. } => Status::Reset,
        };
        Failure::new(status, error)
    }
}

impl From<ReachError> for Failure {
    fn from(error: ReachError) -> Failure {
        match error {
            ReachError::Connect(error) => error.into(),
            ReachError::Port { .. } | ReachError::Via { .. } => {
                Failure::new(status_of_dial(error.kind()), error)
            }
        }
    }
}

impl From<ResolveError> for Failure {
    fn from(error: ResolveError) -> Failure {
        Failure::new(status_of(&error), error)
    }
}

fn status_of(error: &ResolveError) -> Status {
    match error.what {
        ResolveErrorKind::NoSuchName
        | ResolveErrorKind::NoSuchService
        | ResolveErrorKind::NoSuchInterface
        | ResolveErrorKind::TryAgain
        | ResolveErrorKind::NoAddressOfFamily
        | ResolveErrorKind::Failed => Status::NameNotFound,
        ResolveErrorKind::NotAHost => Status::Usage,
    }
}

impl From<BindError> for Failure {
    fn from(error: BindError) -> Failure {
        let status = match &error.kind {
            BindErrorKind::Resolve(resolve) => status_of(resolve),
            BindErrorKind::Unsupported => Status::Unsupported,
            BindErrorKind::InUse
            | BindErrorKind::NotOurs
            | BindErrorKind::Permission
            | BindErrorKind::PathTaken { .. }
            | BindErrorKind::Option(_)
            | BindErrorKind::Other => Status::CannotBind,
        };
        Failure::new(status, error)
    }
}

impl From<OpenDoorsError> for Failure {
    fn from(error: OpenDoorsError) -> Failure {
        match error {
            OpenDoorsError::NotADoor(_) => Failure::usage(error),
            OpenDoorsError::Bind(error) => error.into(),
            OpenDoorsError::Layers(error) => error.into(),
            OpenDoorsError::Share(..) | OpenDoorsError::Inherited(..) => {
                Failure::new(Status::CannotBind, error)
            }
        }
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Failure {
        match error {
            ServeError::Output(failed) => output_failure(failed),
            ServeError::Engine(_) | ServeError::NoDoorLeft(_) => Failure::new(Status::Other, error),
        }
    }
}

/// How a call of our own ended, as a result: `what` was tried, such as `call to tcp://[::1]:7`. Where the other that it was
/// joined to broke it off, the call to that one is told of.
pub(crate) fn outcome(ended: &Ended, what: &str) -> Result<(), Failure> {
    let by_other = ended.broken_by.as_ref().filter(|end| **end != ended.peer);
    let to_other = by_other.map(|end| format!("call to {end}"));
    let what = to_other.as_deref().unwrap_or(what);
    match (ended.reason, &ended.failure) {
        (CloseReason::NotTrusted(_), Some(failure)) => {
            Err(Failure::new(Status::NotTrusted, format!("the {what} was broken off: {failure}")))
        }
        (CloseReason::LayerFailed(_), Some(failure)) => {
            let status = if ended.has_layer_timed_out { Status::TimedOut } else { Status::Reset };
            Err(Failure::new(status, format!("the {what} was broken off: {failure}")))
        }
        (reason, _) => outcome_of(reason, what),
    }
}

fn status_of_dial(kind: DialFailureKind) -> Status {
    match kind {
        DialFailureKind::NameNotFound => Status::NameNotFound,
        DialFailureKind::Refused | DialFailureKind::Unreachable => Status::Refused,
        DialFailureKind::TimedOut => Status::TimedOut,
        DialFailureKind::Other => Status::Other,
    }
}

fn outcome_of(reason: CloseReason, what: &str) -> Result<(), Failure> {
    let on_receive = |errno| switchboard::CallFailed { call: "recv(2)", errno };
    let (status, message) = match reason {
        CloseReason::Finished => return Ok(()),
        MISFIT => (Status::Reset, format!("the {what} brought bytes that do not fit the format of --unpack")),
        CloseReason::Failed(failed) if failed.errno == libc::EBADF => (
            Status::Other,
            format!(
                "the {what} was not completed: something was sent to what is only read; ?access=append or \
                 ?access=write lets it be written"
            ),
        ),
        CloseReason::Failed(failed) if failed.call == "write(2)" => return Err(output_failure(failed)),
        CloseReason::Failed(failed) if failed.errno == libc::EPIPE => (
            Status::Reset,
            format!("the {what} was broken off: {failed}; whoever read it may not have got everything"),
        ),
        CloseReason::Reset => (
            Status::Reset,
            format!(
                "the {what} was broken off: {}; the peer may not have got everything that was sent",
                on_receive(libc::ECONNRESET)
            ),
        ),
        CloseReason::TimedOut => (
            Status::TimedOut,
            format!("the {what} timed out: it was silent in both directions for too long (--idle-timeout)"),
        ),
        CloseReason::Refused => (
            Status::Refused,
            format!(
                "the {what} was refused: {}; nobody listens there: is the server running?",
                on_receive(libc::ECONNREFUSED)
            ),
        ),
        CloseReason::Failed(failed) if matches!(failed.errno, libc::EHOSTUNREACH | libc::ENETUNREACH) => (
            Status::Refused,
            format!("the {what} was broken off: {failed}; no way leads there any more: is the host up?"),
        ),
        CloseReason::NotDialled(kind) => (status_of_dial(kind), format!("the {what} was {reason}")),
        CloseReason::NotTrusted(_) => (Status::NotTrusted, format!("the {what} was broken off: {reason}")),
        CloseReason::LayerFailed(_) | CloseReason::OnPurpose(_) => {
            (Status::Reset, format!("the {what} was broken off: {reason}"))
        }
        CloseReason::Drained | CloseReason::Limit(_) | CloseReason::Malformed(_) | CloseReason::Failed(_) => {
            (Status::Other, format!("the {what} was not completed: {reason}"))
        }
    };
    Err(Failure::new(status, message))
}

/// As [`outcome`], of a call to a program: if the program failed, so has the command, with its status or 128+N for a
/// signal. One that we ended ourselves did not fail.
pub(crate) fn outcome_of_program(ended: &Ended, what: &str) -> Result<(), Failure> {
    outcome(ended, what)?;
    match ended.program {
        Some(program) if !program.is_told && !program.status.success() => {
            let signalled = || program.status.signal().map(|signal| 128 + signal);
            let status =
                program.status.code().or_else(signalled).and_then(|status| u8::try_from(status).ok());
            let was = if program.status.code().is_some() { "" } else { "was " };
            let message = format!("{} {was}{program}", ended.peer);
            Err(Failure { status: status.unwrap_or(Status::Other as u8), message })
        }
        Some(_) | None => Ok(()),
    }
}

/// As [`output_failure`], for an error of the standard library.
pub(crate) fn output_error(error: &std::io::Error) -> Failure {
    output_failure(switchboard::CallFailed::new("write(2)", error))
}

/// Standard output could not be written. That its reader has gone is no error worth a word: `| head` is done.
fn output_failure(failed: switchboard::CallFailed) -> Failure {
    if failed.errno == libc::EPIPE {
        return Failure { status: 0, message: String::new() };
    }
    Failure::new(Status::Other, format!("cannot write to standard output: {failed}"))
}
