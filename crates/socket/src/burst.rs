//! A datagram socket that hears and sends several datagrams by one call.
//!
//! recvmmsg(2) takes as many as have come, sendmmsg(2) sends as many as there are, whoever they are from and for.
//! udp(7): `UDP_GRO` (Linux 5.0) has the kernel hand over datagrams of one sender together, which arrived
//! together, are equally long but for the last, and went to the same address of ours; `UDP_SEGMENT` sends such.
//! Protected: a burst is datagrams still. Each has the place and the length that it would have had alone, and is
//! told to be cut where the buffer ends. Where the kernel has no bursts, or the transport (unix-dgram), each is one
//! datagram.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};

use address::{End, Transport};
use smallvec::SmallVec;

use crate::call::{self, Value};
use crate::packet_info::{self, Destination, Label, Told};
use crate::peer_address::Peer;
use crate::unreachable::{Unreachable, UnreachableTeller};
use crate::{Datagram, DatagramSocket, PeerAddress, errno};

/// The most messages that one burst can send: `UDP_MAX_SEGMENTS` of Linux before 6.9, when it became 128.
pub const BURST_MESSAGES_MAX: usize = 64;

/// The most bytes that one burst can send: as in one datagram of IPv4.
pub const BURST_BYTES_MAX: usize = 65_507;

/// Bytes of one place of an [`Inbox`]: what a datagram of UDP, or a burst of them, has at the most.
const PLACE_BYTES: usize = 64 * 1024;

/// A bound, unconnected socket whose datagrams come and go in bursts.
///
/// Only here are bursts asked for: who receives datagrams one by one would take a burst for one long datagram.
#[derive(Debug)]
pub struct BurstSocket {
    socket: DatagramSocket,
    /// The kernel said yes. It has `UDP_SEGMENT` then too, which is older.
    has_bursts: bool,
    teller: UnreachableTeller,
}

/// Datagrams that were received together: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// Bytes that all of them had; more than the buffer if it was too short and the rest is lost.
    pub whole: usize,
    /// Bytes of each, but for the last, which may have fewer; `None` if there is one datagram.
    pub segment: Option<usize>,
    /// Who sent them; `None` for a Unix socket without a name, which cannot be answered.
    pub from: Option<PeerAddress>,
    /// The address of ours that they were sent to; told only where the socket is bound to every address.
    pub to: Option<Destination>,
    /// Bytes of the buffer that hold them.
    held: usize,
}

/// Room for what one receive brings: datagrams and bursts of UDP, at most [`Inbox::MOST`] of them together.
#[derive(Debug)]
pub struct Inbox(sys::Inbox);

impl Inbox {
    /// What one receive brings at the most.
    pub const MOST: usize = sys::MESSAGES_MAX;

    /// Two MiB, of which what no datagram reaches is never touched.
    #[must_use]
    pub fn new() -> Inbox {
        Inbox(sys::Inbox::new(PLACE_BYTES))
    }

    /// What the last receive brought as number `index`, the first being 0.
    #[inline]
    #[must_use]
    pub fn message(&self, index: usize) -> Option<sys::Message<'_>> {
        self.0.message(index)
    }
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

/// Something to be sent: one datagram, or a burst of them.
#[derive(Debug, Clone, Copy)]
pub struct Parcel<'p> {
    /// All its bytes.
    pub bytes: &'p [u8],
    /// Bytes of each datagram but the last, which may have fewer; `None` if it is one datagram. At most
    /// [`BURST_MESSAGES_MAX`] messages and [`BURST_BYTES_MAX`] bytes.
    pub segment: Option<usize>,
    /// To whom.
    pub peer: &'p PeerAddress,
}

/// One datagram of a burst.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it is in the buffer.
    pub place: Range<usize>,
    /// Bytes that it had; more than its place has if the buffer was too short and the rest is lost.
    pub whole: usize,
}

impl Burst {
    /// How many datagrams it is.
    #[must_use]
    pub fn count(&self) -> usize {
        self.segment.map_or(1, |segment| self.whole.div_ceil(segment))
    }

    /// The datagrams, in the order in which they came.
    pub fn messages(&self) -> impl Iterator<Item = Message> + use<> {
        let (whole, held) = (self.whole, self.held);
        let segment = self.segment.unwrap_or(whole);
        (0..self.count()).map(move |index| {
            let start = index * segment;
            let end = whole.min(start + segment);
            Message { place: held.min(start)..held.min(end), whole: end - start }
        })
    }
}

impl BurstSocket {
    pub(crate) fn new(socket: DatagramSocket) -> BurstSocket {
        let (level, name, value) = ASKING;
        // A kernel that refuses has none, and loses nothing by it.
        let has_bursts =
            hears_bursts(socket.transport()) && call::set_option(&socket, level, name, &value).is_ok();
        BurstSocket { socket, has_bursts, teller: UnreachableTeller::default() }
    }

    /// The next burst, its datagrams whole or cut at the end of `buffer`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if none has come.
    #[inline]
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Burst> {
        if !self.has_bursts {
            let Datagram { length, whole, from, to } = self.socket.receive_from(buffer)?;
            return Ok(Burst { whole, segment: None, from, to, held: length });
        }
        let told = packet_info::receive(&self.socket, buffer)?;
        Ok(self.burst(told, buffer.len()))
    }

    /// The next bursts, at most `most` (at least one) and [`Inbox::MOST`]. Returns how many came; fewer than could
    /// come means that there are no more. Only over UDP.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if none has come.
    #[inline]
    pub fn receive_into(&self, inbox: &mut Inbox, most: usize) -> io::Result<usize> {
        call::receive_messages(&self.socket, &mut inbox.0, most)
    }

    /// What a message is that was received from this socket: by a receive into an [`Inbox`], or by somebody else.
    #[inline]
    #[must_use]
    pub fn burst_of(&self, message: &sys::Message<'_>) -> Burst {
        let told = Told::of(message.whole, message.name, message.control);
        self.burst(told, message.bytes.len())
    }

    fn burst(&self, told: Told, room: usize) -> Burst {
        // An inherited socket may tell it unasked.
        let tells = self.socket.tells_destination;
        let (answer_from, to) = if tells { (told.answer_from, told.to) } else { (None, None) };
        let from = told.from.map(|peer| PeerAddress::from_ip(peer, answer_from));
        let segment = told.segment.filter(|segment| *segment < told.whole);
        Burst { whole: told.whole, segment, from, to, held: told.whole.min(room) }
    }

    /// Sends one datagram, as [`DatagramSocket::send_to`].
    ///
    /// # Errors
    ///
    /// The same.
    #[inline]
    pub fn send_to(&self, bytes: &[u8], peer: &PeerAddress) -> io::Result<usize> {
        self.socket.send_to(bytes, peer)
    }

    /// Sends these in their order, at most [`Inbox::MOST`] of them. Returns how many went: those behind did not,
    /// and what is wrong with the first of them is told when it is sent next.
    ///
    /// # Errors
    ///
    /// What is wrong with the first; none went. `EOPNOTSUPP` where there are no bursts, or the transport is not
    /// UDP; `EINVAL` and `EMSGSIZE` beyond a limit, and for a segment that the route could carry only in fragments;
    /// `EIO` where the interface computes no checksums; else what [`send_to`](Self::send_to) says. Each datagram
    /// of a burst can be sent alone then.
    pub fn send(&self, parcels: &[Parcel<'_>]) -> io::Result<usize> {
        let labels: SmallVec<[Label; 2]> = parcels.iter().map_while(|parcel| self.label(parcel)).collect();
        let labelled = labels.iter().zip(parcels).take(sys::MESSAGES_MAX);
        let messages: SmallVec<[_; 2]> = labelled.map(|(label, parcel)| label.on(parcel.bytes)).collect();
        if messages.is_empty() {
            return Err(errno::raw(libc::EOPNOTSUPP));
        }
        call::send_messages(&self.socket, &messages, |index| labels[index].shown())
    }

    /// `None` for what this socket cannot send.
    fn label(&self, parcel: &Parcel<'_>) -> Option<Label> {
        let segment = match parcel.segment {
            None => None,
            Some(segment) => Some(u16::try_from(segment).ok().filter(|_| self.has_bursts)?),
        };
        match &parcel.peer.0 {
            Peer::Ip { peer, from } => Some(Label::new(self.socket.family, *peer, *from, segment)),
            Peer::Path(_) | Peer::Abstract(_) => None,
        }
    }

    /// Whether a parcel can be a burst.
    #[must_use]
    pub fn has_bursts(&self) -> bool {
        self.has_bursts
    }

    /// As [`DatagramSocket::forbid_broadcast`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn forbid_broadcast(&self) -> io::Result<()> {
        self.socket.forbid_broadcast()
    }

    /// As [`DatagramSocket::local_end`].
    ///
    /// # Errors
    ///
    /// What getsockname(2) says.
    pub fn local_end(&self) -> io::Result<End> {
        self.socket.local_end()
    }

    /// Opens what telling senders takes, while this process may: it is to give its privileges away.
    pub fn open_teller(&mut self) {
        self.teller.open();
    }

    /// Tells a sender by ICMP that its latest datagram went no further. That had so many bytes, with the 8 of UDP's
    /// header, and came to our address `to`.
    ///
    /// # Errors
    ///
    /// `EPERM` without the capability `CAP_NET_RAW`; `EAFNOSUPPORT` where there is no ICMP (a Unix socket, addresses of
    /// two families); `EINVAL` of a datagram of which nothing may be told.
    pub fn tell_unreachable(
        &mut self,
        sender: &PeerAddress,
        to: SocketAddr,
        bytes: NonZeroU16,
        what: Unreachable,
    ) -> io::Result<()> {
        self.teller.tell(sender, to, bytes, what)
    }

    /// Whether it is bound to the address of many hosts: every datagram is theirs too.
    #[must_use]
    pub fn hears_many(&self) -> bool {
        self.socket.hears_many()
    }

    /// What carries the datagrams.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.socket.transport()
    }
}

impl AsFd for BurstSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The option by which a socket asks for bursts.
pub(crate) const ASKING: (i32, i32, Value) = (libc::SOL_UDP, libc::UDP_GRO, Value::Number(1));

/// Whether sockets of that transport ask for bursts.
pub(crate) fn hears_bursts(transport: Transport) -> bool {
    transport == Transport::Udp
}
