//! A door at work: who waits there, and whom it knows.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use conversation::{CallFailed, End, Moment, Transport};
use rustix::event::{PollFd, PollFlags};
use smallvec::SmallVec;
use socket::{Accepted, Inbox, Parcel, PeerAddress};

use crate::doors::Door;
use crate::gate::Why;
use crate::host::Host;
use crate::selector::{Arrival, Operation, Ready, Selector, Watch};
use crate::timers::earlier;
use crate::{Event, Layering};

use super::Token;
use super::answer::Answered;
use super::gather::Gather;
use super::put_off::is_shortage;

/// How long answering pauses when descriptors, memory, threads or processes are short.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(100);

/// When callers or messages are looked for without an event, after those that an event announced. An edge comes
/// once; should one be lost, nobody waits for the next caller's.
const EARLY_LOOK: Duration = Duration::from_millis(100);

/// Datagrams that a receive asks for at the least: that the second does not come says that there are no more.
const BATCH_MIN: usize = 2;

/// How often at most a door says that something is short.
const SAY_SHORTAGE_EVERY: Duration = Duration::from_secs(10);

/// A door's place among those of its worker, in 4 bytes: there is one in every call of a datagram peer. A process has
/// fewer descriptors than that.
#[derive(Clone, Copy)]
pub(crate) struct DoorIndex(u32);

impl DoorIndex {
    pub(super) fn new(index: usize) -> DoorIndex {
        DoorIndex(u32::try_from(index).unwrap_or(u32::MAX)) // at which there is none
    }

    pub(super) fn get(self) -> usize {
        self.0 as usize
    }
}

pub(crate) struct DoorState {
    /// `None` once it is closed.
    pub(super) door: Option<Door>,
    /// What watches it.
    pub(super) watched: Operation,
    /// What accepts callers or receives messages there, where the selector does so.
    pub(super) bringing: Operation,
    /// Whom it has accepted or what it has received, and why it does no more: the longest waiting first. At most
    /// `CALLERS_MAX` callers, and what one wait brings beyond; as many messages as it has memory for.
    pub(super) brought: VecDeque<Arrival>,
    pub(super) end: End,
    /// A caller or message may be waiting.
    pub(super) ready: bool,
    /// An event announced something since the kernel last said that nothing is there.
    is_fresh: bool,
    /// When to look once more without an event.
    look_at: Option<Moment>,
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
    /// How many datagrams the next receive asks for: each costs a little, whether or not it comes.
    pub(super) batch: usize,
    /// Answers to the datagrams that are being heard; `gathers` while some are.
    gathered: Gather,
    gathers: bool,
}

impl DoorState {
    pub(super) fn new(door: Door, watched: Operation) -> DoorState {
        let end = door.end().unwrap_or(End::Unnamed(Transport::Tcp));
        DoorState {
            door: Some(door),
            watched,
            bringing: Operation::NONE,
            brought: VecDeque::new(),
            end,
            ready: true,
            is_fresh: false,
            look_at: None,
            paused_until: None,
            kept: None,
            is_short: false,
            shortage_said: None,
            draining: false,
            peers: HashMap::new(),
            batch: BATCH_MIN,
            gathered: Gather::default(),
            gathers: false,
        }
    }

    /// Sends one message to a peer, or gathers it; what cannot be sent is counted as undelivered, since no peer may
    /// hold up the others at a shared socket.
    pub(super) fn answer(&mut self, bytes: &[u8], address: Option<&PeerAddress>, host: &Host) {
        let Some(address) = address else {
            return self.undelivered("the sender's socket has no address to answer to", host);
        };
        if !self.gathers {
            return self.send(bytes, address, host);
        }
        let in_bursts = matches!(&self.door, Some(Door::Datagrams { socket, .. }) if socket.has_bursts());
        if !self.gathered.take(bytes, address, in_bursts) {
            self.send_gathered(host);
            self.gathered.take(bytes, address, in_bursts);
        }
    }

    /// From now on answers are held until [`Self::stop_gathering`], so that they go together.
    pub(super) fn gather(&mut self) {
        self.gathers = true;
    }

    /// Sends what is held, and holds nothing any more.
    pub(super) fn stop_gathering(&mut self, host: &Host) {
        self.gathers = false;
        self.send_gathered(host);
    }

    fn send_gathered(&mut self, host: &Host) {
        if self.gathered.is_empty() {
            return;
        }
        let Some(Door::Datagrams { socket, .. }) = &self.door else { return self.gathered.clear() };
        let parcels: SmallVec<[Parcel<'_>; 8]> = self.gathered.parcels().collect();
        let mut rest = &parcels[..];
        while let [first, behind @ ..] = rest {
            // One datagram goes as it would without being held.
            let alone = behind.is_empty() && first.segment.is_none();
            match if alone { Ok(0) } else { socket.send(rest) } {
                Ok(sent @ 1..) => rest = &rest[sent..],
                Ok(_) | Err(_) => {
                    // Each alone, whatever it was: some can go, or have a reason of their own.
                    let segment = first.segment.unwrap_or(first.bytes.len().max(1));
                    let empty = first.bytes.is_empty().then_some(first.bytes);
                    let datagrams = first.bytes.chunks(segment).chain(empty);
                    datagrams.for_each(|datagram| self.send(datagram, first.peer, host));
                    rest = behind;
                }
            }
        }
        drop(parcels);
        self.gathered.clear();
    }

    fn send(&self, bytes: &[u8], address: &PeerAddress, host: &Host) {
        let Some(Door::Datagrams { socket, .. }) = &self.door else { return };
        match socket.send_to(bytes, address) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.undelivered("the queue to the peer is full", host);
            }
            Err(error) if error.raw_os_error() == Some(libc::EMSGSIZE) => {
                self.undelivered("the answer is longer than a datagram can be", host);
            }
            Err(error) if is_shortage(&error) => {
                self.undelivered("there was no memory to send it", host);
            }
            Err(_) => self.undelivered("the peer is gone or cannot be reached", host),
        }
    }

    /// Answers nobody until then, or until a call ends: a limit is reached.
    pub(super) fn wait_until(&mut self, until: Moment) {
        self.paused_until = Some(until);
        self.is_short = false;
    }

    /// Whatever brought callers or messages has ended; this watches the door from now on.
    pub(super) fn watched_anew(&mut self, watched: Operation) {
        (self.watched, self.bringing) = (watched, Operation::NONE);
        self.ready = true;
    }

    /// An event says that a caller or message may be waiting, or brings one.
    pub(super) fn announced(&mut self, ready: &mut Ready) {
        self.ready = true;
        self.is_fresh = true;
        match ready.arrival.take() {
            Some(Arrival::Failed(libc::ECANCELED)) | None => {}
            Some(arrival) => self.brought.push_back(arrival),
        }
    }

    /// The caller who has waited longest: of those that were brought, otherwise by accept(2).
    #[inline]
    pub(super) fn next_caller(&mut self) -> io::Result<Accepted> {
        let Some(Door::Listener { listener, .. }) = &self.door else {
            return Err(io::Error::from_raw_os_error(libc::EAGAIN));
        };
        match self.brought.pop_front() {
            Some(Arrival::Caller(caller)) => listener.accepted(caller),
            Some(Arrival::Failed(errno)) => Err(io::Error::from_raw_os_error(errno)),
            Some(Arrival::Bytes(_) | Arrival::Finished | Arrival::Message(_)) | None => {
                // Thousands who were brought together are no reason to hold room for as many for ever.
                self.brought.shrink_to(0);
                listener.accept()
            }
        }
    }

    /// What lies on each caller's socket, or on the messages of each peer.
    pub(super) fn layering(&self) -> Option<Arc<Layering>> {
        match &self.door {
            Some(Door::Listener { layering, .. } | Door::Datagrams { layering, .. }) => layering.clone(),
            None => None,
        }
    }

    /// Whether something lies there.
    pub(super) fn has_layers(&self) -> bool {
        matches!(&self.door, Some(Door::Listener { layering, .. } | Door::Datagrams { layering, .. }) if layering.is_some())
    }

    /// Whether a caller was brought, or waits in the kernel.
    pub(super) fn somebody_waits(&self) -> bool {
        let Some(Door::Listener { listener, .. }) = &self.door else { return false };
        let mut ask = [PollFd::new(listener, PollFlags::IN)];
        // A poll that fails leaves it to accept4(2) to say why.
        let nobody = socket::call::poll(&mut ask, Some(Duration::ZERO)).is_ok_and(|ready| ready == 0);
        !self.brought.is_empty() || !nobody
    }

    /// Whether the selector accepts or receives here, and nothing is left of what it has brought.
    pub(super) fn has_brought_all(&self) -> bool {
        self.bringing != Operation::NONE && self.is_fresh && self.brought.is_empty()
    }

    /// The kernel says that nothing is there.
    pub(super) fn quiet(&mut self, now: Moment) {
        self.ready = false;
        if std::mem::take(&mut self.is_fresh) {
            self.look_at = Some(now + EARLY_LOOK);
        }
    }

    /// So many datagrams came of those that were asked for.
    pub(super) fn came(&mut self, came: usize, now: Moment) {
        if came < self.batch {
            self.quiet(now);
        }
        let batch = if came == self.batch { self.batch * 2 } else { came + 1 };
        self.batch = batch.clamp(BATCH_MIN, Inbox::MOST);
    }

    /// Ends the pause, and looks once more, where it is time to.
    pub(super) fn fire(&mut self, now: Moment) {
        for due in [&mut self.paused_until, &mut self.look_at] {
            if due.take_if(|due| now >= *due).is_some() {
                self.ready = true;
            }
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

    /// Counts a message that was not answered, or an answer that was not sent.
    pub(super) fn undelivered(&self, why: Why, host: &Host) {
        host.tallies.undelivered(&self.end, why);
    }

    /// Counts a caller, or a message's sender, who was not let in.
    pub(super) fn refused(&self, caller: End, why: Why, host: &Host) {
        host.tallies.refused(&self.end, caller, why);
        host.count_refused();
    }

    /// When it wants to be looked at again, though nothing has come.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        earlier(self.paused_until, self.look_at)
    }

    /// Whether messages to this address come in here. At a door on every address these are all of this host.
    fn is_at(&self, address: SocketAddr) -> bool {
        let hears = matches!(self.door, Some(Door::Datagrams { .. }));
        let own = self.end.ip().filter(|own| hears && own.port() == address.port());
        own.is_some_and(|own| {
            own.ip() == address.ip() || own.ip().is_unspecified() && socket::is_local(address)
        })
    }
}

/// Whether callers can be accepted by a selector that does so. Where several workers wait at one socket each asks for
/// a caller when it has the time: what one was brought no other could answer.
pub(super) fn accepts_by_itself<S: Selector>(door: &Door) -> bool {
    S::RECEIVES && matches!(door, Door::Listener { shared: false, .. })
}

/// Whether messages can be received by a selector that does so: its memory holds what UDP can send.
pub(super) fn receives_by_itself<S: Selector>(door: &Door) -> bool {
    S::RECEIVES && matches!(door, Door::Datagrams { socket, .. } if socket.transport() == Transport::Udp)
}

/// Has the selector watch a door.
pub(super) fn watch_door<S: Selector>(selector: &mut S, door: &Door, index: usize) -> io::Result<Operation> {
    let token = Token::Door(index).pack();
    match door {
        // Looked at once; when nothing waits, the selector brings what comes.
        door if accepts_by_itself::<S>(door) || receives_by_itself::<S>(door) => Ok(Operation::NONE),
        Door::Listener { listener, shared, .. } => {
            let watch = if *shared { Watch::SharedRead } else { Watch::Read };
            selector.add(listener.as_fd(), token, watch)
        }
        Door::Datagrams { socket, .. } => selector.add(socket.as_fd(), token, Watch::Read),
    }
}

/// Whether a sender must not be answered by a service that answers anyone: it could be somebody else's service,
/// at which two services would be set upon each other, one of ours, or many hosts at once.
pub(super) fn is_suspicious(from: &End, ours: &[DoorState]) -> bool {
    /// Ports below this belong to services; a caller's own port is above.
    const FIRST_CALLER_PORT: u16 = 1024;
    let Some(address) = from.ip() else { return false };
    let to_many = match address.ip() {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast() || ip.is_unspecified(),
        IpAddr::V6(ip) => ip.is_multicast() || ip.is_unspecified(),
    };
    to_many || address.port() < FIRST_CALLER_PORT || ours.iter().any(|door| door.is_at(address))
}
