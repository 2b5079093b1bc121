//! A bound socket that hears datagrams from anybody.
//!
//! udp(7), unix(7); recvmsg(2), sendmsg(2). A datagram is whole or cut, and a cut one says so. Over UDP at most
//! 65,507 bytes of IPv4 or 65,527 of IPv6 (less by options), 0 among them. Bound to every address, an answer
//! leaves from the address that was asked.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use address::{Address, End, OptionKey, Place, Shape, Transport};

use crate::bind::{Bound, bind, bind_beside};
use crate::born::Family;
use crate::call::Value;
use crate::open_socket::OpenSocket;
use crate::opening::{Step, ask_for_destination, make_all};
use crate::owned_path::OwnedPath;
use crate::packet_info::{self, Destination, Label};
use crate::peer_address::{Peer, mapped};
use crate::{
    BindError, BurstSocket, Connection, Granted, PeerAddress, call, descriptor, errno, interface, sockaddr,
};

/// A bound, unconnected socket: udp or unix-dgram. Dropping it is close(2), and removes its Unix path.
#[derive(Debug)]
pub struct DatagramSocket {
    fd: OpenSocket,
    transport: Transport,
    pub(crate) family: Family,
    address: Arc<Address>,
    /// Bound to every address, so the kernel tells which one each datagram was sent to.
    pub(crate) tells_destination: bool,
    /// Bound to the address of many hosts: a group, or a network.
    hears_many: bool,
    path: Option<OwnedPath>,
}

/// A datagram that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes in the buffer.
    pub length: usize,
    /// Bytes that it had; more than `length` if the buffer was too short and the rest is lost.
    pub whole: usize,
    /// Who sent it; `None` for a Unix socket without a name, which cannot be answered.
    pub from: Option<PeerAddress>,
    /// The address of ours that it was sent to; told only where the socket is bound to every address.
    pub to: Option<Destination>,
}

impl DatagramSocket {
    /// Binds to the first address of `address` that can be bound, and to it alone (no `SO_REUSEADDR`).
    ///
    /// # Errors
    ///
    /// See [`BindErrorKind`](crate::BindErrorKind).
    pub fn bind(address: &Address) -> Result<(DatagramSocket, Vec<Granted>), BindError> {
        if address.layers.shape().is_some() {
            return Err(BindError::unsupported(
                address,
                "it carries datagrams, and its layers lie on a byte stream",
            ));
        }
        if let Place::Descriptor(number) = address.place {
            return Ok((DatagramSocket::adopt(address, number)?, Vec::new()));
        }
        if address.transport.shape() != Some(Shape::Datagram) {
            return Err(BindError::unsupported(address, "it carries no datagrams"));
        }
        let Bound { fd, family, path, notes } = bind(address)?;
        let transport = address.transport;
        Ok((DatagramSocket::from_bound(fd, transport, family, path, Arc::new(address.clone()))?, notes))
    }

    /// One more socket on the same port for another worker (`SO_REUSEPORT`); udp only.
    ///
    /// The kernel sends each peer's datagrams to the same socket as long as the group does not change.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] for unix-dgram; what [`bind`](Self::bind) would say otherwise.
    pub fn another(&self) -> io::Result<DatagramSocket> {
        let End::Ip { address: local, .. } = self.local_end()? else {
            let sentence = "a unix-dgram path has one socket: the workers must share it";
            return Err(io::Error::new(io::ErrorKind::Unsupported, sentence));
        };
        let into_io = |error: BindError| {
            let kind = error.error.as_ref().map_or(io::ErrorKind::Other, io::Error::kind);
            io::Error::new(kind, error)
        };
        let bound = bind_beside(self.fd.as_fd(), local, self.family, &self.address).map_err(into_io)?;
        let address = Arc::clone(&self.address);
        DatagramSocket::from_bound(bound.fd, self.transport, bound.family, bound.path, address)
            .map_err(into_io)
    }

    /// The next datagram, whole or cut at the end of `buffer`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if none has come.
    pub fn receive_from(&self, buffer: &mut [u8]) -> io::Result<Datagram> {
        if self.tells_destination {
            let room = buffer.len();
            let told = packet_info::receive(&self.fd, buffer)?;
            let from = told.from.map(|peer| PeerAddress::from_ip(peer, told.answer_from));
            return Ok(Datagram { length: told.whole.min(room), whole: told.whole, from, to: told.to });
        }
        let (length, whole, from) = call::receive_from(&self.fd, buffer, self.transport)?;
        Ok(Datagram { length, whole, from: from.and_then(PeerAddress::from_kernel), to: None })
    }

    /// Sends one datagram, whole, to that peer; from the address that it wrote to.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if the kernel takes none now; `EMSGSIZE` if it is too long; `ECONNREFUSED`
    /// and `ENOENT` for a Unix peer that is gone; `EAFNOSUPPORT` for a peer of another family.
    pub fn send_to(&self, bytes: &[u8], peer: &PeerAddress) -> io::Result<usize> {
        let to = || peer.end(self.transport);
        match (&peer.0, self.family) {
            (Peer::Ip { peer, from: Some(from) }, Family::V4 | Family::V6 { .. }) => {
                call::send_message(&self.fd, bytes, &Label::new(self.family, *peer, Some(*from), None))
            }
            (Peer::Ip { peer, from: None }, Family::V4) => call::send_to(&self.fd, bytes, peer, to),
            (Peer::Ip { peer, from: None }, Family::V6 { .. }) => {
                call::send_to(&self.fd, bytes, &mapped(*peer), to)
            }
            (Peer::Path(path), Family::Unix) => {
                call::send_to(&self.fd, bytes, &sockaddr::from_path(path)?, to)
            }
            (Peer::Abstract(name), Family::Unix) => {
                call::send_to(&self.fd, bytes, &sockaddr::from_abstract(name)?, to)
            }
            (Peer::Ip { .. }, Family::Unix)
            | (Peer::Path(_) | Peer::Abstract(_), Family::V4 | Family::V6 { .. }) => {
                Err(errno::raw(libc::EAFNOSUPPORT))
            }
        }
    }

    /// From now on datagrams come and go in bursts, where the kernel has that (udp only).
    #[must_use]
    pub fn in_bursts(self) -> BurstSocket {
        BurstSocket::new(self)
    }

    /// connect(2): from now on only that peer is heard, and a refused port is reported.
    ///
    /// What others sent before is still to be received.
    ///
    /// # Errors
    ///
    /// What connect(2) says; `EAFNOSUPPORT` for a peer of another family.
    pub fn connect_to(self, peer: &PeerAddress) -> io::Result<Connection> {
        let transport = self.transport;
        let end = match (&peer.0, self.family) {
            (Peer::Ip { peer, .. }, Family::V6 { .. }) => {
                End::Ip { transport, address: mapped(*peer).into() }
            }
            (Peer::Ip { .. }, Family::V4) | (Peer::Path(_) | Peer::Abstract(_), Family::Unix) => {
                peer.end(transport)
            }
            (Peer::Ip { .. }, Family::Unix)
            | (Peer::Path(_) | Peer::Abstract(_), Family::V4 | Family::V6 { .. }) => {
                return Err(errno::raw(libc::EAFNOSUPPORT));
            }
        };
        call::connect(&self.fd, &end)?;
        Connection::with_path(self.fd, self.transport, self.path)
    }

    /// From now on nothing that is sent goes to a broadcast address, of whichever network: `EACCES`, socket(7).
    ///
    /// # Errors
    ///
    /// What setsockopt(2) says of `SO_BROADCAST`.
    pub fn forbid_broadcast(&self) -> io::Result<()> {
        let asked_for = self.address.options.flag(OptionKey::Broadcast) == Some(true);
        let inherited = matches!(self.address.place, Place::Descriptor(_));
        if self.family == Family::Unix || !asked_for && !inherited {
            return Ok(()); // it is off from birth, or there is no such thing
        }
        call::set_option(&self.fd, libc::SOL_SOCKET, libc::SO_BROADCAST, &Value::Number(0))
    }

    /// Where it is bound, with the port that the kernel chose, getsockname(2).
    ///
    /// # Errors
    ///
    /// What getsockname(2) says.
    pub fn local_end(&self) -> io::Result<End> {
        call::local_end(&self.fd, self.transport)
    }

    /// Whether it is bound to the address of many hosts: every datagram is theirs too.
    #[must_use]
    pub fn hears_many(&self) -> bool {
        self.hears_many
    }

    /// What carries the datagrams.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// `fd:N`: a socket that was bound by who passed it.
    fn adopt(address: &Address, number: u32) -> Result<DatagramSocket, BindError> {
        let failed = |error| BindError::new(address, "getsockopt(2)", error);
        let (fd, transport) = descriptor::adopt(number).map_err(failed)?;
        if transport.shape() != Some(Shape::Datagram) {
            return Err(BindError::unsupported(address, "it carries no datagrams"));
        }
        let family = descriptor::family_of(&fd).map_err(failed)?;
        let steps: Vec<Step> = ask_for_destination(family).collect();
        make_all(&steps, &fd).map_err(|failed| failed.into_bind_error(address))?;
        DatagramSocket::from_bound(fd, transport, family, None, Arc::new(address.clone()))
    }

    fn from_bound(
        fd: OpenSocket,
        transport: Transport,
        family: Family,
        path: Option<OwnedPath>,
        address: Arc<Address>,
    ) -> Result<DatagramSocket, BindError> {
        let failed = |call, error| BindError::new(&address, call, error);
        let local = call::local_end(&fd, transport).map_err(|error| failed("getsockname(2)", error))?;
        let local = local.ip().map(|local| local.ip());
        let tells_destination = local.is_some_and(|local| local.is_unspecified());
        let hears_many = local.is_some_and(|local| match local {
            IpAddr::V4(v4) => v4.is_multicast() || interface::is_broadcast(v4),
            IpAddr::V6(v6) => v6.is_multicast(),
        });
        Ok(DatagramSocket { fd, transport, family, address, tells_destination, hears_many, path })
    }
}

impl AsFd for DatagramSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
