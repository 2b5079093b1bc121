//! Every bound that an engine keeps, with its default.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::{AnswerRate, CallLimits};

/// The bounds of one run. Each has an option on the command line and an event when it bites.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls open at once, all workers together; further callers wait in the kernel's backlog.
    pub calls_max: usize,
    /// Calls open at once of one peer: an IP address (of IPv6 a /64), or a user at a Unix socket. Further ones are
    /// refused. `None`: as many as there are.
    pub calls_per_peer_max: Option<NonZeroU32>,
    /// New calls a second, and at once after a pause, all workers together; further callers wait in the kernel's
    /// backlog, further senders of datagrams are not heard. `None`: as many as come.
    pub calls_per_second: Option<NonZeroU32>,
    /// Datagram peers remembered at once; messages of further ones are dropped.
    pub peers_max: usize,
    /// Calls answered in all; then the listeners close. `None`: no end.
    pub calls_total: Option<u64>,
    /// How long a call may be silent in both directions. `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// Bytes that may come from the caller in one call of a connection. `None`: no end.
    pub call_bytes_max: Option<u64>,
    /// How long a call may last. `None`: for ever.
    pub call_duration_max: Option<Duration>,
    /// How long a datagram peer is remembered after its last message, where `idle_timeout` does not say.
    pub peer_idle_timeout: Duration,
    /// How often a service that answers anyone answers one source of datagrams.
    pub answers_per_second: AnswerRate,
    /// How long a worker of `epoll` or `uring` looks for something to do before it sleeps, while that pays. Zero:
    /// never.
    pub busy_wait: Duration,
    /// How long open calls may go on after the engine was told to drain.
    pub drain: Duration,
    /// Rooms that one call may be in at once; a call that enters one more is ended.
    pub topics_max: usize,
    /// Bytes of published messages that wait for one worker to deliver them, each with 64 beside its own; what is
    /// published beyond that is missed.
    pub mailbox_bytes_max: usize,
}

impl Limits {
    /// About as long as it takes to fall asleep and to be woken.
    pub const BUSY_WAIT: Duration = Duration::from_micros(5);

    /// Descriptors kept back for everything that is not a call; where there are few, a quarter of them.
    const DESCRIPTORS_RESERVED: u64 = 64;

    /// As many calls as the process has descriptors for, without idle time-out; 10 s of drain;
    /// 64 rooms a call, mailboxes of 8 MiB.
    #[must_use]
    pub fn of_this_process() -> Limits {
        let descriptors = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let descriptors = descriptors.unwrap_or(1 << 20);
        let reserved = Limits::DESCRIPTORS_RESERVED.min(descriptors / 4);
        let calls = (descriptors - reserved).max(1);
        Limits {
            calls_max: usize::try_from(calls).unwrap_or(usize::MAX),
            peers_max: 65_536,
            calls_per_peer_max: None,
            calls_per_second: None,
            calls_total: None,
            idle_timeout: None,
            call_bytes_max: None,
            call_duration_max: None,
            peer_idle_timeout: Duration::from_secs(60),
            answers_per_second: AnswerRate::default(),
            busy_wait: Limits::BUSY_WAIT,
            drain: Duration::from_secs(10),
            topics_max: 64,
            mailbox_bytes_max: 8 << 20,
        }
    }

    /// The same for calls that dial: each takes a second descriptor, and a datagram peer one.
    #[must_use]
    pub fn dialling(self) -> Limits {
        let peers_max = self.peers_max.min(self.calls_max);
        Limits { calls_max: (self.calls_max / 2).max(1), peers_max, ..self }
    }

    /// The same for calls that start a program each: they take two pipes or two copies of a socket, for a moment the
    /// other ends too, and one to see it end.
    #[must_use]
    pub fn starting_programs(self) -> Limits {
        let peers_max = self.peers_max.min(self.calls_max);
        Limits { calls_max: (self.calls_max / 6).max(1), peers_max, ..self }
    }

    /// What each call may cost.
    pub(crate) fn of_a_call(&self) -> CallLimits {
        CallLimits {
            idle_timeout: self.idle_timeout,
            received_bytes_max: self.call_bytes_max,
            duration_max: self.call_duration_max,
        }
    }
}
