//! A door at work: who waits there, whom it knows, and what it could not deliver.

use std::collections::HashMap;
use std::time::Duration;

use conversation::{CallFailed, End, Moment, Transport};
use socket::PeerAddress;

use crate::Event;
use crate::doors::Door;
use crate::host::Host;
use crate::selector::Operation;

use super::answer::Answered;

/// How often at most a door says that something was not delivered.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// How long answering pauses when descriptors, memory, threads or processes are short.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// How often at most a door says that something is short.
const SAY_SHORTAGE_EVERY: Duration = Duration::from_secs(10);

pub(crate) struct DoorState {
    /// `None` once it is closed.
    pub(super) door: Option<Door>,
    /// What watches it.
    pub(super) watched: Operation,
    pub(super) end: End,
    /// A caller or message may be waiting.
    pub(super) ready: bool,
    pub(super) paused_until: Option<Moment>,
    /// An answered caller for whom there was no thread or process; the first to be placed after the pause.
    pub(super) kept: Option<Box<Answered>>,
    /// It pauses because something is short, not for want of a place.
    pub(super) is_short: bool,
    shortage_said: Option<Moment>,
    /// No new peers any more.
    pub(super) draining: bool,
    /// The session of each datagram peer that is remembered.
    pub(super) peers: HashMap<PeerAddress, usize>,
    undelivered: u64,
    why: &'static str,
    said: Option<Moment>,
}

impl DoorState {
    pub(super) fn new(door: Door, watched: Operation) -> DoorState {
        let end = door.end().unwrap_or(End::Unnamed(Transport::Tcp));
        DoorState {
            door: Some(door),
            watched,
            end,
            ready: true,
            paused_until: None,
            kept: None,
            is_short: false,
            shortage_said: None,
            draining: false,
            peers: HashMap::new(),
            undelivered: 0,
            why: "",
            said: None,
        }
    }

    /// Sends one message to a peer; what cannot be sent now is counted as undelivered, since no peer may hold
    /// up the others at a shared socket.
    pub(super) fn answer(&mut self, bytes: &[u8], address: Option<&PeerAddress>) {
        let Some(Door::Datagrams(socket)) = &self.door else { return };
        let Some(address) = address else {
            return self.undelivered("the sender's socket has no address to answer to");
        };
        match socket.send_to(bytes, address) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                self.undelivered("the queue to the peer is full");
            }
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                self.undelivered("the answer is longer than a datagram can be");
            }
            Err(_) => self.undelivered("the peer is gone or cannot be reached"),
        }
    }

    /// Answers nobody until `until`, because of this shortage; says so now and then.
    pub(super) fn pause(&mut self, failed: CallFailed, now: Moment, host: &Host) {
        self.paused_until = Some(now + SHORTAGE_PAUSE);
        self.is_short = true;
        if self.shortage_said.is_none_or(|said| now.since(said) >= SAY_SHORTAGE_EVERY) {
            self.shortage_said = Some(now);
            host.tell(&Event::AcceptPaused { door: &self.end, failed });
        }
    }

    pub(super) fn undelivered(&mut self, why: &'static str) {
        self.undelivered += 1;
        self.why = why;
    }

    /// Says what was not delivered, if anything, at most once a second.
    pub(super) fn say_undelivered(&mut self, now: Moment, host: &Host) {
        if self.undelivered == 0 || self.said.is_some_and(|said| now.since(said) < SAY_EVERY) {
            return;
        }
        self.said = Some(now);
        let messages = std::mem::take(&mut self.undelivered);
        host.tell(&Event::Undelivered { door: &self.end, messages, why: self.why });
    }

    /// When it wants to be looked at again, though nothing has come.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        let say = (self.undelivered > 0).then(|| self.said.map_or(Moment::START, |said| said + SAY_EVERY));
        [self.paused_until, say].into_iter().flatten().min()
    }

    /// Whether a sender must not be answered by a service that answers anyone: it could be somebody else's
    /// service, at which two services would be set upon each other, or many hosts at once.
    pub(super) fn is_suspicious(&self, from: &End) -> bool {
        /// Ports below this belong to services; a caller's own port is above.
        const FIRST_CALLER_PORT: u16 = 1024;
        let Some(address) = from.ip() else { return false };
        let to_many = match address.ip() {
            std::net::IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified(),
            std::net::IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
        };
        to_many || address.port() < FIRST_CALLER_PORT || Some(address) == self.end.ip()
    }
}
