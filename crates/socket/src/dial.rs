//! Many calls to one end: connect(2) without waiting.
//!
//! Where [`connect()`](crate::connect()) resolves, races and waits, a [`Callee`] is one end that is known already:
//! each [`Callee::dial`] only begins a call. On TCP the socket becomes writable when connect(2) is done
//! (`EINPROGRESS`); the others are connected at once, or not: a Unix listener whose backlog is full gives `EAGAIN`.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use address::{Address, End, Options, Transport};

use crate::race::{self, Started};
use crate::unix_connect::start_unix;
use crate::{Attempt, Candidate, Connected, Connection, connect};

/// An end that answered once, to be called again.
#[derive(Clone, Debug)]
pub struct Callee {
    end: End,
    options: Options,
}

impl Callee {
    /// Whom `connected` reached, to be called with the options of `address`; `None` for an inherited descriptor,
    /// which is one call and no end to call.
    #[must_use]
    pub fn again(connected: &Connected, address: &Address) -> Option<Callee> {
        let end = connected.end.clone();
        match end {
            End::Ip { .. } | End::Path { .. } | End::Abstract { .. } => {
                Some(Callee { end, options: address.options.clone() })
            }
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } => None,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.end
    }

    /// How long a call may take to be opened: its `connect-timeout`, 30 s unless given.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        connect::timeout(&self.options)
    }

    /// socket(2), options, connect(2); does not wait.
    ///
    /// # Errors
    ///
    /// The call that failed and why; `EAGAIN` for a Unix listener whose backlog is full.
    pub fn dial(&self) -> Result<Dialling, Attempt> {
        match &self.end {
            End::Ip { transport, address } => {
                let candidate = Candidate { transport: *transport, address: *address };
                let started = race::start(candidate, &self.options)?;
                if started.is_connected() {
                    return Ok(Dialling::Connected(connect::open(started.won(Vec::new()))?.connection));
                }
                Ok(Dialling::Pending(Pending { started }))
            }
            End::Path { transport, .. } | End::Abstract { transport, .. } => self.local(*transport),
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } => {
                Err(self.failed(io::ErrorKind::Unsupported.into()))
            }
        }
    }

    fn local(&self, transport: Transport) -> Result<Dialling, Attempt> {
        let started = start_unix(&self.end, &self.options)?;
        started.outcome.map_err(|error| self.failed(error))?;
        started.opening.finish(&started.fd).map_err(|failed| failed.into_attempt(self.end.clone()))?;
        let connection = Connection::on(started.fd, transport).map_err(|error| self.failed(error))?;
        Ok(Dialling::Connected(connection))
    }

    fn failed(&self, error: io::Error) -> Attempt {
        Attempt { end: self.end.clone(), call: "connect(2)", error }
    }
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
