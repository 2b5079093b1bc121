//! What an engine tells of its work: events for logs and reports.

use std::fmt;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::Duration;

use conversation::{Call, CallFailed, CloseReason, End, Leg, Notice};
use layers::{Failure, Told};
use socket::TcpInfo;

use crate::CallLimit;

/// Something that happened. None of them comes once a byte: an echo of a million messages is two events.
#[derive(Debug)]
pub enum Event<'a> {
    /// A caller was answered.
    Answered(&'a Call),
    /// A call ended.
    Ended {
        /// The call.
        call: &'a Call,
        /// The other end, which was dialled for it.
        far: Option<&'a End>,
        /// How it ended.
        reason: CloseReason,
        /// Which of the two ends broke it off, where there is another end and one did.
        broken_by: Option<&'a End>,
        /// Bytes that came from the caller.
        received_bytes: u64,
        /// Bytes that the kernel took for the caller.
        sent_bytes: u64,
        /// How long it was open.
        lasted: Duration,
        /// How the network was to a TCP call; where [`Observer::wants_tcp_info`] asks for it.
        tcp: Option<TcpInfo>,
        /// How the program ended that was started for it.
        program: Option<ProgramEnd>,
    },
    /// A layer of a call has something to tell of the peer.
    Layer {
        /// The call.
        call: &'a Call,
        /// On which of its legs.
        leg: Leg,
        /// What.
        told: &'a Told,
    },
    /// A layer of a call cannot go on; the call ends.
    LayerFailed {
        /// The call.
        call: &'a Call,
        /// On which of its legs.
        leg: Leg,
        /// Why.
        failure: &'a Failure,
    },
    /// One message came to a socket that hears many speakers.
    Message {
        /// Its sender.
        from: &'a End,
        /// Where to: which of our addresses, or which group, where the socket has several.
        to: &'a End,
        /// Its length.
        bytes: usize,
    },
    /// Answering pauses because something is short; said at most every 10 seconds.
    AcceptPaused {
        /// Where callers wait.
        door: &'a End,
        /// accept(2), fork(2) or the thread that could not be made.
        failed: CallFailed,
    },
    /// As many calls are open as the limit allows; callers wait. Said once, until a quarter of them has ended.
    LimitReached {
        /// The limit.
        calls_max: usize,
    },
    /// A listener cannot go on and was closed.
    DoorFailed {
        /// Its address.
        door: &'a End,
        /// What failed.
        failed: CallFailed,
    },
    /// A message was longer than the receive buffer. It was not handed to the service, because a part of a
    /// message is another message.
    Truncated {
        /// Its sender.
        from: &'a End,
        /// Its length in bytes.
        whole: usize,
        /// The longest that can be received.
        bytes_max: usize,
    },
    /// Messages were not answered, or answers not sent. Said at most once a second a door.
    Undelivered {
        /// Where the message came in.
        door: &'a End,
        /// How many since the last such event.
        messages: u64,
        /// Why, as a clause: `the table of peers is full`.
        why: &'static str,
    },
    /// Messages that were published in rooms did not reach subscribers: a message that three missed counts three
    /// times. Their conversations are told. Said at most once a second in all.
    Missed {
        /// How many since the last such event.
        messages: u64,
        /// Why the latest were, as a clause: `a subscriber reads too slowly`.
        why: &'static str,
    },
    /// Callers were turned away: accepted and reset, or their messages dropped. Said at most once a second a
    /// door.
    Refused {
        /// Where they called.
        door: &'a End,
        /// How many since the last such event.
        callers: u64,
        /// The last of them.
        last: &'a End,
        /// Why that one, as a clause: `it is denied`.
        why: &'static str,
    },
    /// As many new calls came as may in a second: further callers wait. Said at most every 10 seconds.
    RateReached {
        /// The limit.
        calls_per_second: u32,
    },
    /// Calls were ended at a limit of theirs. Said at most once a second.
    CallsAtLimit {
        /// How many since the last such event.
        calls: u64,
        /// The peer of the last of them.
        last: &'a End,
        /// The limit at which that one ended.
        limit: CallLimit,
    },
    /// Callers could not be joined to the other end, which was dialled for them. Said at most once a second a kind
    /// of reason.
    NotDialled {
        /// How many since the last such event.
        callers: u64,
        /// The last of them.
        last: &'a End,
        /// Why that one: every address that was tried.
        why: &'a str,
    },
    /// How the dials of calls fare: somebody is tried again, or another instead; an address is down, or up again.
    Notice(&'a Notice),
    /// What passed at taps could not be recorded; it passed all the same. Said at most once a second.
    Unrecorded {
        /// How many pieces since the last such event.
        pieces: u64,
        /// The file of the last.
        file: &'a str,
        /// Why it could not.
        failed: CallFailed,
    },
    /// The engine was told to stop answering.
    Draining {
        /// Calls that are still open.
        calls: usize,
        /// How long they may go on.
        at_most: Duration,
    },
    /// A child process and with it its call ended, and no other; told in the parent.
    ChildEnded {
        /// The number of the call that it served.
        call_number: u64,
        /// The child's process id.
        process: i32,
        /// The signal that killed it, if one did.
        signal: Option<i32>,
    },
    /// So many calls are open, and each will be told next, by the worker or child that serves it; where
    /// [`Observer::wants_open_calls`] asks for it.
    OpenCalls {
        /// How many.
        calls: usize,
    },
    /// A call is open. Told of at most [`OPEN_TOLD_MAX`](crate::OPEN_TOLD_MAX) calls of a worker.
    Open {
        /// The call.
        call: &'a Call,
        /// Bytes that came from the caller so far.
        received_bytes: u64,
        /// Bytes that the kernel took for the caller so far.
        sent_bytes: u64,
        /// How long it has been open.
        lasts: Duration,
    },
    /// Somebody rang [`Control`](crate::Control)'s bell: the observer should look at whatever it was rung for.
    Bell,
}

/// How a program ended that was started for a call. Its [`Display`](fmt::Display): `exited with status 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramEnd {
    /// Its exit status, or the signal that killed it.
    pub status: ExitStatus,
    /// The call was over before, and it had been told to end by a signal, or by closing its terminal.
    pub is_told: bool,
    /// It had the caller's socket itself: nobody counted the bytes of the call.
    pub had_socket: bool,
}

impl fmt::Display for ProgramEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status.signal() {
            Some(signal) if self.is_told => write!(f, "killed by signal {signal}, ours"),
            Some(signal) => write!(f, "killed by signal {signal}"),
            None => write!(f, "exited with status {}", self.status.code().unwrap_or_default()),
        }
    }
}

/// Is told of events, from any worker. It should be quick: the calls of that worker wait meanwhile.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn event(&self, event: &Event<'_>);

    /// Whether the open calls are to be told; asked after [`Event::Bell`].
    fn wants_open_calls(&self) -> bool {
        false
    }

    /// Whether the end of a TCP call is to be told with its [`TcpInfo`]; that costs a system call a call.
    fn wants_tcp_info(&self) -> bool {
        false
    }
}

/// Observes nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _event: &Event<'_>) {}
}
