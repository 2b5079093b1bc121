//! Happy Eyeballs: candidates are raced, the first to connect wins.
//!
//! RFC 8305 section 5. The next attempt starts 250 ms after the one before ("Connection Attempt Delay"), or at
//! once when that failed. The losers are closed. One deadline bounds the whole.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use address::{End, Options, Transport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt;

use crate::born::{self, Family};
use crate::option_rule::Moment;
use crate::options::{self, Target, unspecified};
use crate::resolve::{Wanted, resolve_parts};
use crate::{Attempt, Candidate, Granted, Role, errno, sockaddr};

/// RFC 8305 section 8: 100 ms at least, 250 ms recommended.
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// The candidate that connected, and those that failed before it.
pub(crate) struct Won {
    pub(crate) fd: OwnedFd,
    pub(crate) candidate: Candidate,
    pub(crate) notes: Vec<Granted>,
    pub(crate) failed: Vec<Attempt>,
}

/// Races the candidates, in their order; all the failures if none connects before the deadline.
pub(crate) fn race(
    candidates: &[Candidate],
    options: &Options,
    within: Duration,
) -> Result<Won, Vec<Attempt>> {
    let deadline = Instant::now() + within;
    let mut waiting = candidates.iter();
    let mut next_start = Instant::now();
    let mut pending: Vec<Started> = Vec::new();
    let mut failed = Vec::new();
    loop {
        let now = Instant::now();
        if now >= deadline {
            failed.extend(pending.into_iter().map(|late| late.failed(errno::no_answer(within))));
            return Err(failed);
        }
        if (pending.is_empty() || now >= next_start)
            && let Some(candidate) = waiting.next()
        {
            match start(*candidate, options) {
                Ok(started) if started.connected => return Ok(started.won(failed)),
                Ok(started) => {
                    pending.push(started);
                    next_start = now + ATTEMPT_DELAY;
                }
                Err(attempt) => {
                    failed.push(attempt);
                    next_start = now;
                }
            }
            continue;
        }
        if pending.is_empty() {
            return Err(failed);
        }
        let wake = if waiting.len() == 0 { deadline } else { deadline.min(next_start) };
        for settled in settled(&mut pending, wake - now) {
            match settled.outcome() {
                Ok(()) => return Ok(settled.won(failed)),
                Err(error) => failed.push(settled.failed(error)),
            }
            next_start = now;
        }
    }
}

/// An attempt under way, or connected at once.
pub(crate) struct Started {
    fd: OwnedFd,
    candidate: Candidate,
    notes: Vec<Granted>,
    connected: bool,
}

impl Started {
    pub(crate) fn won(self, failed: Vec<Attempt>) -> Won {
        Won { fd: self.fd, candidate: self.candidate, notes: self.notes, failed }
    }

    fn failed(self, error: io::Error) -> Attempt {
        failure(self.candidate, "connect(2)", error)
    }

    /// Whether it connected: `SO_ERROR`, connect(2) at `EINPROGRESS`.
    fn outcome(&self) -> io::Result<()> {
        sockopt::socket_error(&self.fd)??;
        // Two ends that call each other at once connect, RFC 9293 section 3.5; a caller whose own port happens
        // to be the one it calls does so with itself.
        let local = sockaddr::ip(&rustix::net::getsockname(&self.fd)?);
        let itself = self.candidate.transport == Transport::Tcp && local == Some(self.candidate.address);
        if itself { Err(errno::raw(libc::ECONNREFUSED)) } else { Ok(()) }
    }
}

/// socket(2), options, bind(2), connect(2) for one candidate; does not wait.
pub(crate) fn start(candidate: Candidate, options: &Options) -> Result<Started, Attempt> {
    let Candidate { transport, address } = candidate;
    let family = Family::of(&address);
    let failed = |call, error: io::Error| failure(candidate, call, error);
    let refused = |error| Attempt::option(End::Ip { transport, address }, error);

    let fd = born::socket(family, transport, options).map_err(|error| failed("socket(2)", error))?;
    let target = Target { fd: fd.as_fd(), transport, family };
    let mut notes = options::apply(target, options, Moment::BeforeBind).map_err(refused)?;
    bind_locally(&fd, candidate, options).map_err(|error| failed("bind(2)", error))?;
    notes.extend(options::apply(target, options, Moment::BeforeConnect).map_err(refused)?);
    let connected = match rustix::net::connect(&fd, &address) {
        Ok(()) => true,
        // connect(2): interrupted, it goes on as if it had been begun without waiting.
        Err(Errno::INPROGRESS | Errno::INTR) => false,
        Err(error) => return Err(failed("connect(2)", error.into())),
    };
    let started = Started { fd, candidate, notes, connected };
    if connected {
        started.outcome().map_err(|error| failed("connect(2)", error))?;
    }
    Ok(started)
}

/// Binds to what `?bind=` says, in the family of the candidate.
fn bind_locally(fd: &OwnedFd, candidate: Candidate, options: &Options) -> io::Result<()> {
    let Some(local) = options.local() else { return Ok(()) };
    let wanted = Wanted::like(&candidate.address);
    let mine = resolve_parts(&local.host, &local.port, candidate.transport, wanted, Role::Listen)
        .map_err(|error| io::Error::new(io::ErrorKind::AddrNotAvailable, error))?;
    let any = SocketAddr::new(unspecified(candidate.address.is_ipv6()), 0);
    let mine = mine.candidates.first().map_or(any, |first| first.address);
    if mine.port() == 0 {
        // Lets connect(2) choose the port, from all those that no call to the same peer uses, ip(7).
        sys::option::set_int(fd, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    }
    Ok(rustix::net::bind(fd, &mine)?)
}

/// Waits for at most `patience`; takes those that have connected or failed out of `pending`.
fn settled(pending: &mut Vec<Started>, patience: Duration) -> Vec<Started> {
    let mut asked: Vec<PollFd<'_>> =
        pending.iter().map(|started| PollFd::new(&started.fd, PollFlags::OUT)).collect();
    // A time-out that does not fit is longer than any that an address can ask for.
    let patience = Timespec::try_from(patience).ok();
    // A signal (EINTR) is a wake-up with nothing settled: the caller looks at the clock and comes again.
    let _woken = poll(&mut asked, patience.as_ref());
    let ready: Vec<bool> = asked.iter().map(|asked| !asked.revents().is_empty()).collect();
    let mut ready = ready.into_iter();
    pending.extract_if(.., |_| ready.next() == Some(true)).collect()
}

fn failure(candidate: Candidate, call: &'static str, error: io::Error) -> Attempt {
    let Candidate { transport, address } = candidate;
    Attempt { end: End::Ip { transport, address }, call, error }
}
