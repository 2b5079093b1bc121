//! epoll(7), edge-triggered: a descriptor is added once; an edge comes when something becomes ready.
//!
//! Whoever waits here remembers what is ready until a call says EAGAIN. The selector of the epoll engine is made of
//! it, and so is the load generator.
//!
//! epoll_wait(2) counts in milliseconds, and epoll_pwait2(2) is not in every kernel that we run on (Linux 5.11). Short
//! times are waited out by ppoll(2) on the epoll descriptor instead, which counts in nanoseconds.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::epoll::{self, EventFlags as Flags};
use rustix::event::{PollFd, PollFlags};
use socket::trace;

use crate::call;

/// Events taken from the kernel at once.
const BATCH: usize = 512;

/// Times below which a millisecond more is too much: of a longer one the end is waited for by itself.
const PRECISE_BELOW: Duration = Duration::from_millis(20);

/// What epoll_wait(2) may wait longer than it was asked to.
const ROUNDED_UP: Duration = Duration::from_millis(1);

/// The kernel's wait object.
#[derive(Debug)]
pub struct Epoll {
    epoll: OwnedFd,
    /// Each token's descriptor, for the tracer; empty without one.
    traced: HashMap<u64, RawFd>,
}

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// To be read and to be written.
    Both,
    /// To be read.
    Read,
    /// To be read, by several workers: one of them is woken, not all.
    SharedRead,
}

/// What a descriptor is ready for. It may be spurious: try, and expect EAGAIN.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// What it was added with.
    pub token: u64,
    /// A read gives something, or the end.
    pub readable: bool,
    /// A write takes something, or fails.
    pub writable: bool,
    /// The peer has finished or is gone: read to the end even where a read came back short.
    pub ended: bool,
    /// An error is pending on it, or there is nobody any more who could read what is written to it.
    pub failed: bool,
}

impl Epoll {
    /// Watches nothing yet.
    ///
    /// # Errors
    ///
    /// Descriptors or memory are short.
    pub fn new() -> io::Result<Epoll> {
        Ok(Epoll { epoll: call::epoll_create()?, traced: HashMap::new() })
    }

    /// Watches `fd` from now on, until it is closed. Its events carry `token`.
    ///
    /// # Errors
    ///
    /// Memory or watches are short (`ENOMEM`, `ENOSPC`).
    pub fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()> {
        if trace::is_on() {
            self.traced.insert(token, fd.as_raw_fd());
        }
        call::epoll_add(&self.epoll, fd, token, flags(watch))
    }

    /// Watches a descriptor that was added for something else from now on; what it is ready for is told anew.
    ///
    /// # Errors
    ///
    /// It was never added (`ENOENT`).
    pub fn change(&self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()> {
        call::epoll_modify(&self.epoll, fd, token, flags(watch))
    }

    /// Watches a descriptor no longer that lives on.
    pub(crate) fn remove(&self, fd: BorrowedFd<'_>) {
        // It fails only for one that is not watched.
        let _ = call::epoll_delete(&self.epoll, fd);
    }

    /// Waits until something is ready, the time is up (`None`: never), or a signal came.
    ///
    /// # Errors
    ///
    /// Memory is short (`ENOMEM`).
    pub fn wait(&self, timeout: Option<Duration>, mut edge: impl FnMut(Edge)) -> io::Result<()> {
        let timeout = self.wait_precisely(timeout);
        if !self.look(timeout, &mut edge)? {
            // Who was stopped has been so for any time, signal(7), and looks at the clock next: what came meanwhile is
            // told before that, or calls that were heard of in time would be over time.
            self.look(Some(Duration::ZERO), &mut edge)?;
        }
        Ok(())
    }

    /// One epoll_wait(2). Returns whether it was not interrupted.
    fn look(&self, timeout: Option<Duration>, edge: impl FnMut(Edge)) -> io::Result<bool> {
        let mut batch = [const { MaybeUninit::<epoll::Event>::uninit() }; BATCH];
        let descriptor_of = |token| self.traced.get(&token).copied();
        match call::epoll_wait(&self.epoll, &mut batch, timeout, descriptor_of) {
            Ok(ready) => {
                ready.iter().map(Edge::of).for_each(edge);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits for a short time, to the nanosecond. Returns how long is left to be waited: of a long time a millisecond
    /// less, since the kernel rounds up, and whoever waits asks again for the rest.
    fn wait_precisely(&self, timeout: Option<Duration>) -> Option<Duration> {
        let Some(short) = timeout.filter(|timeout| !timeout.is_zero() && *timeout < PRECISE_BELOW) else {
            return timeout.map(|timeout| timeout.saturating_sub(ROUNDED_UP));
        };
        // A failure (EINTR) is a wake-up with nothing ready: what is ready is asked for next.
        let _ = socket::call::poll(&mut [PollFd::new(&self.epoll, PollFlags::IN)], Some(short));
        Some(Duration::ZERO)
    }
}

impl Edge {
    fn of(event: &epoll::Event) -> Edge {
        // The kernel's struct is packed: its fields are copied out, not referred to.
        let (flags, data) = (event.flags, event.data);
        let ended = flags.intersects(Flags::RDHUP | Flags::HUP | Flags::ERR);
        Edge {
            token: data.u64(),
            readable: flags.contains(Flags::IN) || ended,
            writable: flags.intersects(Flags::OUT | Flags::HUP | Flags::ERR),
            ended,
            failed: flags.intersects(Flags::ERR | Flags::HUP),
        }
    }
}

fn flags(watch: Watch) -> Flags {
    match watch {
        Watch::Both => Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET,
        Watch::Read => Flags::IN | Flags::RDHUP | Flags::ET,
        Watch::SharedRead => Flags::IN | Flags::ET | Flags::EXCLUSIVE,
    }
}
