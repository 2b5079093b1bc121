//! Why a proxy did not call whom it was asked to call.
//!
//! RFC 1928 section 6 for the codes of SOCKS, RFC 9110 section 15 for those of HTTP: each has its words, how the call
//! failed by it, and whether it may pass.

use std::fmt;

use conversation::DialFailureKind;

use super::Destination;

/// A proxy that did not call whom it was asked to call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViaFailure {
    /// Which: `socks5://127.0.0.1:1080`.
    pub proxy: Box<str>,
    /// Whom it was to call: `example.org:80`.
    pub destination: Box<str>,
    /// Why it did not.
    pub problem: ViaProblem,
}

/// Why a proxy did not call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViaProblem {
    /// What it says is not SOCKS 5.
    NotSocks,
    /// What it says is not HTTP/1.1.
    NotHttp,
    /// Its answer breaks the rule named.
    Malformed(&'static str),
    /// It wants to know who calls, in no way that we have.
    NoMethod {
        /// A name and a password were offered.
        has_credentials: bool,
    },
    /// It does not take the name and the password.
    WrongCredentials,
    /// It answered with this code of SOCKS, which is not 0.
    Socks(u8),
    /// It answered with this status of HTTP, which is none of 2xx.
    Status {
        /// The status.
        status: u16,
        /// What it said besides.
        reason: String,
    },
    /// It hung up instead of an answer.
    HungUp,
    /// Its answer did not come in time.
    TimedOut,
}

/// A code of SOCKS: what it means, how the call failed by it, whether it may pass.
type Row = (u8, &'static str, DialFailureKind, bool);

#[rustfmt::skip]
const SOCKS: &[Row] = &[
    (1, "it failed, and does not say why", DialFailureKind::Unreachable, true),
    (2, "its rules do not allow that; may you call it from here?", DialFailureKind::Refused, false),
    (3, "no way leads to that network from there", DialFailureKind::Unreachable, true),
    (4, "no way leads to that host from there, or it has no such name", DialFailureKind::Unreachable, true),
    (5, "nobody listens there: is the server running?", DialFailureKind::Refused, true),
    (6, "the call took too long (TTL expired): is the address right?", DialFailureKind::TimedOut, true),
    (7, "it does not make calls over TCP for others", DialFailureKind::Other, false),
    (8, "it knows no addresses of that kind; try another form of the host: a name, IPv4 or IPv6", DialFailureKind::Other, false),
];

/// The same for statuses of HTTP.
type StatusRow = (u16, &'static str, DialFailureKind, bool);

#[rustfmt::skip]
const STATUSES: &[StatusRow] = &[
    (401, "it wants to know who calls: ?via=http-connect://USER:PASSWORD@...", DialFailureKind::Refused, false),
    (403, "its rules do not allow that; may you call it, at that port, from here?", DialFailureKind::Refused, false),
    (404, "it knows no such host", DialFailureKind::Unreachable, true),
    (405, "it does not make calls for others: is it a proxy?", DialFailureKind::Refused, false),
    (407, "it wants to know who calls: ?via=http-connect://USER:PASSWORD@...", DialFailureKind::Refused, false),
    (429, "it has had too many requests", DialFailureKind::Refused, true),
    (500, "it failed, perhaps to call there: is the server running?", DialFailureKind::Unreachable, true),
    (501, "it does not make calls for others: is it a proxy?", DialFailureKind::Refused, false),
    (502, "it could not call there: is the server running, and the name right?", DialFailureKind::Unreachable, true),
    (503, "it could not call there now", DialFailureKind::Unreachable, true),
    (504, "nobody answered it there: is the address right?", DialFailureKind::TimedOut, true),
];

impl ViaFailure {
    /// A failure of this proxy, asked to call there.
    #[must_use]
    pub fn new(proxy: &str, destination: &Destination, problem: ViaProblem) -> ViaFailure {
        ViaFailure { proxy: proxy.into(), destination: destination.to_string().into(), problem }
    }

    /// How the call failed by it.
    #[must_use]
    pub fn kind(&self) -> DialFailureKind {
        match &self.problem {
            ViaProblem::NotSocks | ViaProblem::NotHttp | ViaProblem::Malformed(_) => DialFailureKind::Other,
            ViaProblem::NoMethod { .. } | ViaProblem::WrongCredentials | ViaProblem::HungUp => {
                DialFailureKind::Refused
            }
            ViaProblem::Socks(code) => row(*code).map_or(DialFailureKind::Other, |row| row.2),
            ViaProblem::Status { status, .. } => {
                status_row(*status).map_or(DialFailureKind::Refused, |row| row.2)
            }
            ViaProblem::TimedOut => DialFailureKind::TimedOut,
        }
    }

    /// Whether the same may go better later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match &self.problem {
            ViaProblem::NotSocks
            | ViaProblem::NotHttp
            | ViaProblem::Malformed(_)
            | ViaProblem::NoMethod { .. }
            | ViaProblem::WrongCredentials => false,
            ViaProblem::Socks(code) => row(*code).is_some_and(|row| row.3),
            ViaProblem::Status { status, .. } => status_row(*status).is_some_and(|row| row.3),
            ViaProblem::HungUp | ViaProblem::TimedOut => true,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        "not called by the proxy"
    }
}

fn row(code: u8) -> Option<&'static Row> {
    SOCKS.iter().find(|row| row.0 == code)
}

fn status_row(status: u16) -> Option<&'static StatusRow> {
    STATUSES.iter().find(|row| row.0 == status)
}

impl fmt::Display for ViaFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ViaFailure { proxy, destination, problem } = self;
        write!(f, "the proxy {proxy} did not call {destination}: ")?;
        match problem {
            ViaProblem::NotSocks => {
                f.write_str("what it says is not SOCKS 5; does another protocol (http-connect) fit it?")
            }
            ViaProblem::NotHttp => {
                f.write_str("what it says is not HTTP/1.1; does another protocol (socks5) fit it?")
            }
            ViaProblem::Malformed(rule) => write!(f, "its answer is malformed: {rule}"),
            ViaProblem::NoMethod { has_credentials: false } => {
                f.write_str("it wants to know who calls: ?via=socks5://USER:PASSWORD@...")
            }
            ViaProblem::NoMethod { has_credentials: true } => {
                f.write_str("it wants to know who calls, and not by a name and a password")
            }
            ViaProblem::WrongCredentials => f.write_str("it does not take this name and password"),
            ViaProblem::Socks(code) => match row(*code) {
                Some(row) => write!(f, "{} (SOCKS reply {code})", row.1),
                None => write!(f, "it answered with the unknown SOCKS reply {code}"),
            },
            ViaProblem::Status { status, reason } => {
                let words = status_row(*status).map_or("it refused", |row| row.1);
                write!(f, "{words} (HTTP {status}")?;
                if !reason.is_empty() {
                    write!(f, " {reason}")?;
                }
                f.write_str(")")
            }
            ViaProblem::HungUp => f.write_str("it hung up instead of an answer; may you call it from here?"),
            ViaProblem::TimedOut => f.write_str("no answer came from it in time"),
        }
    }
}

impl std::error::Error for ViaFailure {}
