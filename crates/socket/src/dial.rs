//! Many calls to one end: connect(2) without waiting.
//!
//! Where [`connect()`](crate::connect()) resolves, races and waits, a [`Callee`] is one end that is known already:
//! each [`Callee::dial`] only begins a call. On TCP the socket becomes writable when connect(2) is done
//! (`EINPROGRESS`), which within one host it is before it returns; the others are connected at once, or not: a Unix
//! listener whose backlog is full gives `EAGAIN`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use address::{Address, End, Options};

use crate::opening::Opening;
use crate::race::{self, Started};
use crate::unix_connect::start_unix;
use crate::{Attempt, Candidate, ConnectError, Connected, Connection, connect};

/// An end that answered once, to be called again.
#[derive(Clone, Debug)]
pub struct Callee {
    end: End,
    options: Options,
    /// Whom to dial by IP, and the calls that do it; worked out once, however often it is called.
    planned: Option<(Candidate, Opening)>,
}

impl Callee {
    /// Whom `connected` reached, to be called with the options of `address`; `None` for an inherited descriptor,
    /// which is one call and no end to call.
    ///
    /// # Errors
    ///
    /// The address to call from (`bind`) is none any more.
    pub fn again(connected: &Connected, address: &Address) -> Result<Option<Callee>, ConnectError> {
        let (end, options) = (connected.end.clone(), address.options.clone());
        let planned = match end {
            End::Ip { transport, address: peer } => {
                let candidate = Candidate { transport, address: peer };
                let fail = |attempt| ConnectError::from_attempts(address.to_string(), vec![attempt]);
                Some((candidate, race::opening(candidate, &options).map_err(fail)?))
            }
            End::Path { .. } | End::Abstract { .. } => None,
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
                return Ok(None);
            }
        };
        Ok(Some(Callee { end, options, planned }))
    }

    /// Where it is.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.end
    }

    /// How long a call may take to be opened: its `connect-timeout`, 30 s unless given.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.options.connect_timeout()
    }

    /// socket(2), options, connect(2); does not wait.
    ///
    /// # Errors
    ///
    /// The call that failed and why; `EAGAIN` for a Unix listener whose backlog is full.
    pub fn dial(&self) -> Result<Dialling, Attempt> {
        if let Some((candidate, opening)) = &self.planned {
            return dial_ip(*candidate, opening);
        }
        let started = start_unix(&self.end, &self.options)?;
        started.outcome.map_err(|error| self.failed(error))?;
        started.opening.finish(&started.fd).map_err(|failed| failed.into_attempt(self.end.clone()))?;
        let connection =
            Connection::on(started.fd, self.end.transport()).map_err(|error| self.failed(error))?;
        Ok(Dialling::Connected(connection))
    }

    fn failed(&self, error: io::Error) -> Attempt {
        Attempt { end: self.end.clone(), call: "connect(2)", error }
    }
}

fn dial_ip(candidate: Candidate, opening: &Opening) -> Result<Dialling, Attempt> {
    let started = race::start_as(candidate, opening)?;
    if !started.is_connected() {
        if !started.is_done() {
            return Ok(Dialling::Pending(Pending { started }));
        }
        if let Err(error) = started.refuse_itself() {
            return Err(started.failed(error));
        }
    }
    Ok(Dialling::Connected(connect::open(started.won(Vec::new()))?.connection))
}

/// A call that was begun.
pub enum Dialling {
    /// It is open.
    Connected(Connection),
    /// It will be open, or not: its descriptor becomes writable.
    Pending(Pending),
}

/// A call that is neither open nor refused yet. Dropping it gives it up.
pub struct Pending {
    started: Started,
}

impl Pending {
    /// What became of it, once the descriptor is writable (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Why it did not connect.
    pub fn outcome(self) -> Result<Connection, Attempt> {
        match self.started.outcome() {
            Ok(()) => Ok(connect::open(self.started.won(Vec::new()))?.connection),
            Err(error) => Err(self.started.failed(error)),
        }
    }
}

impl AsFd for Pending {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.started.as_fd()
    }
}
