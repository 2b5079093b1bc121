//! connect(2) to a Unix socket, by path or abstract name.
//!
//! unix(7). A listener whose backlog is full gives `EAGAIN` to who does not wait; then we wait in the kernel,
//! for at most `SO_SNDTIMEO`, so that neither a loop nor a sleep is needed.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use address::{End, Options};

use crate::born::Family;
use crate::call::{self, Value};
use crate::open_socket::OpenSocket;
use crate::opening::Opening;
use crate::{Attempt, Granted, errno};

/// The shortest `SO_SNDTIMEO` that there is.
const LAST_LOOK: Duration = Duration::from_micros(1);

/// A socket connected to that end.
pub(crate) fn connect_unix(
    end: &End,
    options: &Options,
    within: Duration,
) -> Result<(OpenSocket, Vec<Granted>), Attempt> {
    let mut started = start_unix(end, options)?;
    if started.has_to_wait() {
        started.outcome = wait(&started.fd, end, within);
    }
    started.finish(end)
}

/// The same without waiting; nothing if there is no place in the listener's backlog.
pub(crate) fn begin_unix(
    end: &End,
    options: &Options,
) -> Result<Option<(OpenSocket, Vec<Granted>)>, Attempt> {
    let started = start_unix(end, options)?;
    if started.has_to_wait() { Ok(None) } else { started.finish(end).map(Some) }
}

/// A socket on which connect(2) was called, and what that said.
pub(crate) struct Started {
    pub(crate) fd: OpenSocket,
    pub(crate) opening: Opening,
    /// `EAGAIN`: the listener's backlog is full.
    pub(crate) outcome: io::Result<()>,
    notes: Vec<Granted>,
}

impl Started {
    fn has_to_wait(&self) -> bool {
        self.outcome.as_ref().is_err_and(|error| errno::is(error, libc::EAGAIN))
    }

    fn finish(self, end: &End) -> Result<(OpenSocket, Vec<Granted>), Attempt> {
        let Started { fd, mut notes, opening, outcome } = self;
        outcome.map_err(|error| Attempt { end: end.clone(), call: "connect(2)", error })?;
        notes.extend(opening.finish(&fd).map_err(|failed| failed.into_attempt(end.clone()))?);
        Ok((fd, notes))
    }
}

/// socket(2), options, connect(2); does not wait.
pub(crate) fn start_unix(end: &End, options: &Options) -> Result<Started, Attempt> {
    let opening = Opening::connected(end.transport(), Family::Unix, end.clone(), None, options)
        .map_err(|error| Attempt::option(end.clone(), error))?;
    let (fd, notes) = opening.begin().map_err(|failed| failed.into_attempt(end.clone()))?;
    let outcome = opening.name_end(&fd);
    Ok(Started { fd, opening, outcome, notes })
}

/// Connects, waiting for a place in the listener's backlog; the socket does not wait before nor after.
fn wait(fd: impl AsFd, end: &End, within: Duration) -> io::Result<()> {
    let patience = |time| call::set_option(&fd, libc::SOL_SOCKET, libc::SO_SNDTIMEO, &Value::Time(time));
    let deadline = Instant::now() + within;
    call::fionbio(&fd, false)?;
    let outcome = loop {
        // EINTR: this process may have been stopped, and a place have been free in time. So it is looked once more
        // where the time is up; no time at all would be for ever.
        let left = deadline.saturating_duration_since(Instant::now());
        patience(Some(left.max(LAST_LOOK)))?;
        match call::connect(&fd, end) {
            Ok(()) => break Ok(()),
            Err(error) if errno::is(&error, libc::EINTR) && !left.is_zero() => {}
            Err(error) if errno::is(&error, libc::EAGAIN) || errno::is(&error, libc::EINTR) => {
                break Err(errno::no_answer(within));
            }
            Err(error) => break Err(error),
        }
    };
    patience(None)?;
    call::fionbio(&fd, true)?;
    outcome
}
