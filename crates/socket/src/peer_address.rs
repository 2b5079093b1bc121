//! Whom a datagram came from, and how an answer gets back.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use address::{End, Transport};
use rustix::net::SocketAddrAny;

use crate::sockaddr::{self, UnixName};

/// Who sent a datagram. Equal addresses are the same peer: fit for the key of a table.
///
/// Over UDP it holds the address of ours that the peer wrote to, too, where the socket is bound to every
/// address: the answer must come from there, or the peer would take it for a stranger's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerAddress(pub(crate) Peer);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// IPv4 is never wrapped in IPv6 here.
    Ip {
        peer: SocketAddr,
        from: Option<IpAddr>,
    },
    Path(Box<[u8]>),
    Abstract(Box<[u8]>),
}

impl PeerAddress {
    /// Where the peer is. `transport` is the socket's own.
    #[must_use]
    pub fn end(&self, transport: Transport) -> End {
        match &self.0 {
            Peer::Ip { peer, .. } => End::Ip { transport, address: *peer },
            Peer::Path(path) => End::Path { transport, path: path.clone() },
            Peer::Abstract(name) => End::Abstract { transport, name: name.clone() },
        }
    }

    /// The peer's IP address and port.
    #[must_use]
    pub fn ip(&self) -> Option<SocketAddr> {
        match &self.0 {
            Peer::Ip { peer, .. } => Some(*peer),
            Peer::Path(_) | Peer::Abstract(_) => None,
        }
    }

    /// The address of ours that an answer leaves from; `None` where the kernel chooses.
    #[must_use]
    pub fn answer_from(&self) -> Option<IpAddr> {
        match &self.0 {
            Peer::Ip { from, .. } => *from,
            Peer::Path(_) | Peer::Abstract(_) => None,
        }
    }

    pub(crate) fn from_ip(peer: SocketAddr, from: Option<IpAddr>) -> PeerAddress {
        PeerAddress(Peer::Ip { peer: unmapped(peer), from })
    }

    /// From what the kernel told of the sender; `None` for one without a name, who cannot be answered.
    pub(crate) fn from_kernel(address: SocketAddrAny) -> Option<PeerAddress> {
        if let Some(peer) = sockaddr::ip(&address) {
            return Some(PeerAddress::from_ip(peer, None));
        }
        sockaddr::unix(address).map(|name| match name {
            UnixName::Path(path) => PeerAddress(Peer::Path(path)),
            UnixName::Abstract(name) => PeerAddress(Peer::Abstract(name)),
        })
    }
}

impl From<SocketAddr> for PeerAddress {
    /// A peer that has not written yet; the kernel chooses the address that we write from.
    fn from(peer: SocketAddr) -> PeerAddress {
        PeerAddress::from_ip(peer, None)
    }
}

impl TryFrom<&End> for PeerAddress {
    type Error = io::Error;

    /// The peer at that end; [`io::ErrorKind::InvalidInput`] for an end that has no name to send to.
    fn try_from(end: &End) -> io::Result<PeerAddress> {
        match end {
            End::Ip { address, .. } => Ok(PeerAddress::from(*address)),
            End::Path { path, .. } => Ok(PeerAddress(Peer::Path(path.clone()))),
            End::Abstract { name, .. } => Ok(PeerAddress(Peer::Abstract(name.clone()))),
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{end} has no name to send to")))
            }
        }
    }
}

/// The address as a socket of IPv6 takes it: IPv4 wrapped, RFC 4291 section 2.5.5.2.
pub(crate) fn mapped(address: SocketAddr) -> SocketAddrV6 {
    match address {
        SocketAddr::V4(v4) => SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0),
        SocketAddr::V6(v6) => v6,
    }
}

fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}
