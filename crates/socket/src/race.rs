//! Happy Eyeballs: candidates are raced, the first to connect wins.
//!
//! RFC 8305 section 5. The next attempt starts 250 ms after the one before ("Connection Attempt Delay"), or at
//! once when that failed. The losers are closed. One deadline bounds the whole.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use address::{End, Options, Transport};
use rustix::event::{PollFd, PollFlags};

use crate::born::Family;
use crate::open_socket::OpenSocket;
use crate::opening::{Naming, Opening, Step};
use crate::options::unspecified;
use crate::resolve::{Wanted, resolve_parts};
use crate::{Attempt, Candidate, Granted, Role, call, errno};

/// RFC 8305 section 8: 100 ms at least, 250 ms recommended.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The candidate that connected, and those that failed before it.
pub(crate) struct Won {
    pub(crate) fd: OpenSocket,
    pub(crate) candidate: Candidate,
    /// The calls that come after connect(2).
    pub(crate) late: Vec<Step>,
    /// The candidate is many hosts: the socket is bound only.
    pub(crate) to_many: bool,
    pub(crate) notes: Vec<Granted>,
    pub(crate) failed: Vec<Attempt>,
}

/// Candidates that are raced, in their order.
#[derive(Debug)]
pub(crate) struct Race {
    waiting: std::vec::IntoIter<Candidate>,
    pending: Vec<Started>,
    failed: Vec<Attempt>,
    /// Of the next candidate, while others are under way.
    next_start: Instant,
}

/// What has come of a race.
pub(crate) enum Progress {
    /// One has connected, or all have failed.
    Decided(Result<Won, Vec<Attempt>>),
    /// Some are under way, or wait for their turn.
    Undecided(Race),
}

impl Race {
    pub(crate) fn new(candidates: Vec<Candidate>) -> Race {
        let (waiting, now) = (candidates.into_iter(), Instant::now());
        Race { waiting, pending: Vec::new(), failed: Vec::new(), next_start: now }
    }

    /// Goes on until it is decided; all the failures if none connects before that much time has gone by.
    pub(crate) fn decide(self, options: &Options, within: Duration) -> Result<Won, Vec<Attempt>> {
        match self.go_on(options, within) {
            Progress::Decided(outcome) => outcome,
            Progress::Undecided(Race { pending, mut failed, .. }) => {
                failed.extend(pending.into_iter().map(|late| late.failed(errno::no_answer(within))));
                Err(failed)
            }
        }
    }

    /// Goes on for that long; with none at all, as far as it goes without waiting.
    pub(crate) fn go_on(mut self, options: &Options, patience: Duration) -> Progress {
        let deadline = Instant::now() + patience;
        loop {
            let now = Instant::now();
            if (self.pending.is_empty() || now >= self.next_start)
                && let Some(candidate) = self.waiting.next()
            {
                match start(candidate, options) {
                    Ok(started) if started.connected => {
                        return Progress::Decided(Ok(started.won(self.failed)));
                    }
                    Ok(started) => {
                        self.pending.push(started);
                        self.next_start = now + ATTEMPT_DELAY;
                    }
                    Err(attempt) => {
                        self.failed.push(attempt);
                        self.next_start = now;
                    }
                }
                continue;
            }
            if self.pending.is_empty() {
                return Progress::Decided(Err(self.failed));
            }
            let wake = if self.waiting.len() == 0 { deadline } else { deadline.min(self.next_start) };
            let settled = settled(&mut self.pending, wake.saturating_duration_since(now));
            if settled.is_empty() && now >= deadline {
                return Progress::Undecided(self);
            }
            for settled in settled {
                match settled.outcome() {
                    Ok(()) => return Progress::Decided(Ok(settled.won(self.failed))),
                    Err(error) => self.failed.push(settled.failed(error)),
                }
                self.next_start = now;
            }
        }
    }
}

/// An attempt under way, or connected at once.
#[derive(Debug)]
pub(crate) struct Started {
    fd: OpenSocket,
    candidate: Candidate,
    late: Vec<Step>,
    to_many: bool,
    notes: Vec<Granted>,
    connected: bool,
}

impl Started {
    pub(crate) fn won(self, failed: Vec<Attempt>) -> Won {
        let Started { fd, candidate, late, to_many, notes, .. } = self;
        Won { fd, candidate, late, to_many, notes, failed }
    }

    /// Whether connect(2) was done at once, as over datagrams.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn failed(self, error: io::Error) -> Attempt {
        failure(self.candidate, "connect(2)", error)
    }

    /// Whether it connected: `SO_ERROR`, connect(2) at `EINPROGRESS`.
    pub(crate) fn outcome(&self) -> io::Result<()> {
        call::pending_error(&self.fd)?.map_or(Ok(()), Err)?;
        self.refuse_itself()
    }

    /// Whether a connect(2) that answered `EINPROGRESS` is done all the same: calls within one host are, before it
    /// returns. A socket that is not connected has no peer, getpeername(2).
    pub(crate) fn is_done(&self) -> bool {
        call::peer_end(&self.fd, self.candidate.transport).is_ok()
    }

    /// An error if the socket is connected to itself.
    pub(crate) fn refuse_itself(&self) -> io::Result<()> {
        // Two ends that call each other at once connect, RFC 9293 section 3.5; a caller whose own port happens
        // to be the one it calls does so with itself.
        let Candidate { transport, address } = self.candidate;
        let local = call::local_end(&self.fd, transport)?;
        let itself = transport == Transport::Tcp && local == End::Ip { transport, address };
        if itself { Err(errno::raw(libc::ECONNREFUSED)) } else { Ok(()) }
    }
}

impl AsFd for Started {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// socket(2), options, bind(2), connect(2) for one candidate; does not wait.
pub(crate) fn start(candidate: Candidate, options: &Options) -> Result<Started, Attempt> {
    start_as(candidate, &opening(candidate, options)?)
}

/// The same, by calls that were worked out before.
pub(crate) fn start_as(candidate: Candidate, opening: &Opening) -> Result<Started, Attempt> {
    let Candidate { transport, address } = candidate;
    let end = || End::Ip { transport, address };
    let (fd, notes) = opening.begin().map_err(|failed| failed.into_attempt(end()))?;
    let connected = match opening.name_end(&fd) {
        Ok(()) => true,
        // connect(2): interrupted, it goes on as if it had been begun without waiting.
        Err(error) if errno::is(&error, libc::EINPROGRESS) || errno::is(&error, libc::EINTR) => false,
        Err(error) => return Err(failure(candidate, opening.naming_call(), error)),
    };
    let (late, to_many) = (opening.late.clone(), matches!(opening.naming, Naming::Bind(_)));
    let started = Started { fd, candidate, late, to_many, notes, connected };
    if connected {
        started.outcome().map_err(|error| failure(candidate, "connect(2)", error))?;
    }
    Ok(started)
}

/// The calls for one candidate.
pub(crate) fn opening(candidate: Candidate, options: &Options) -> Result<Opening, Attempt> {
    let Candidate { transport, address } = candidate;
    let end = End::Ip { transport, address };
    let mine = bound_from(candidate, options).map_err(|error| failure(candidate, "bind(2)", error))?;
    Opening::connected(transport, Family::of(&address), end.clone(), mine, options)
        .map_err(|error| Attempt::option(end, error))
}

/// What `?bind=` says, in the family of the candidate.
pub(crate) fn bound_from(candidate: Candidate, options: &Options) -> io::Result<Option<SocketAddr>> {
    let Some(local) = options.local() else { return Ok(None) };
    let wanted = Wanted::like(&candidate.address);
    let mine = resolve_parts(&local.host, &local.port, candidate.transport, wanted, Role::Listen)
        .map_err(|error| io::Error::new(io::ErrorKind::AddrNotAvailable, error))?;
    let any = SocketAddr::new(unspecified(candidate.address.is_ipv6()), 0);
    Ok(Some(mine.candidates.first().map_or(any, |first| first.address)))
}

/// Waits for at most `patience`; takes those that have connected or failed out of `pending`.
fn settled(pending: &mut Vec<Started>, patience: Duration) -> Vec<Started> {
    let mut asked: Vec<PollFd<'_>> =
        pending.iter().map(|started| PollFd::new(&started.fd, PollFlags::OUT)).collect();
    // A signal (EINTR) is a wake-up with nothing settled: the caller looks at the clock and comes again.
    let _woken = call::poll(&mut asked, Some(patience));
    let ready: Vec<bool> = asked.iter().map(|asked| !asked.revents().is_empty()).collect();
    let mut ready = ready.into_iter();
    pending.extract_if(.., |_| ready.next() == Some(true)).collect()
}

fn failure(candidate: Candidate, call: &'static str, error: io::Error) -> Attempt {
    let Candidate { transport, address } = candidate;
    Attempt { end: End::Ip { transport, address }, call, error }
}
