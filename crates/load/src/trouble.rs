//! Why a call failed: the reasons that are counted, each apart from the others.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use conversation::CallFailed;
use engine::ProgramEnd;
use socket::Attempt;

/// What ended a call that should have gone on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Nobody listens there (`ECONNREFUSED`).
    Refused,
    /// The connection was broken off (`ECONNRESET`, `EPIPE`).
    Reset,
    /// It was not opened in time.
    NotOpened,
    /// No answer came in time.
    TimedOut,
    /// Something else came than was expected.
    WrongAnswer,
    /// The peer finished while answers were owed, or while the call was to be held.
    PeerFinished,
    /// The peer is not whom we were told to trust, for this reason (TLS).
    NotTrusted(&'static str),
    /// A layer between the socket and the messages could not go on, for this reason.
    LayerFailed(&'static str),
    /// It was broken off by what impairs it, as asked.
    OnPurpose(&'static str),
    /// The program that was called ended by itself, and failed.
    ProgramFailed {
        /// As waitpid(2) has it.
        wait_status: i32,
    },
    /// A system call failed otherwise: descriptors, ports or memory were short, for example.
    Failed {
        /// The call: `socket(2)`.
        call: &'static str,
        /// Why.
        errno: i32,
    },
}

impl Trouble {
    /// As one word for programs: `refused`, `reset`, `not_opened`, `timed_out`, `wrong_answer`, `peer_finished`,
    /// `not_trusted`, `layer_failed`, `on_purpose`, `program_failed`, `failed`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Trouble::Refused => "refused",
            Trouble::Reset => "reset",
            Trouble::NotOpened => "not_opened",
            Trouble::TimedOut => "timed_out",
            Trouble::WrongAnswer => "wrong_answer",
            Trouble::PeerFinished => "peer_finished",
            Trouble::NotTrusted(_) => "not_trusted",
            Trouble::LayerFailed(_) => "layer_failed",
            Trouble::OnPurpose(_) => "on_purpose",
            Trouble::ProgramFailed { .. } => "program_failed",
            Trouble::Failed { .. } => "failed",
        }
    }

    pub(crate) fn of(call: &'static str, error: &io::Error) -> Trouble {
        match CallFailed::new(call, error).errno {
            libc::ECONNREFUSED => Trouble::Refused,
            libc::ECONNRESET | libc::EPIPE | libc::ECONNABORTED => Trouble::Reset,
            libc::ETIMEDOUT if call == "connect(2)" => Trouble::NotOpened,
            libc::ETIMEDOUT => Trouble::TimedOut,
            errno => Trouble::Failed { call, errno },
        }
    }
}

impl From<Attempt> for Trouble {
    fn from(attempt: Attempt) -> Trouble {
        Trouble::of(attempt.call, &attempt.error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Refused => f.write_str("refused: nobody listens there"),
            Trouble::Reset => f.write_str("reset by the peer"),
            Trouble::NotOpened => f.write_str("not opened in time"),
            Trouble::TimedOut => f.write_str("timed out: no answer came in time"),
            Trouble::WrongAnswer => f.write_str("wrong answer: other bytes than expected"),
            Trouble::PeerFinished => f.write_str("finished by the peer too early"),
            Trouble::NotTrusted(why) => write!(f, "not trusted: {why}"),
            Trouble::LayerFailed(why) => write!(f, "its layers could not go on: {why}"),
            Trouble::OnPurpose(what) => write!(f, "ended by us, as asked: {what}"),
            Trouble::ProgramFailed { wait_status } => {
                let status = ExitStatus::from_raw(*wait_status);
                let was = if status.signal().is_some() { "was " } else { "" };
                write!(f, "the program {was}{}", ProgramEnd { status, is_told: false, had_socket: false })
            }
            Trouble::Failed { call, errno } => CallFailed { call, errno: *errno }.fmt(f),
        }
    }
}
