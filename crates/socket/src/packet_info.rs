//! What goes beside the bytes of a datagram: our address, and where a burst is cut.
//!
//! recvmsg(2), sendmsg(2); `IP_PKTINFO` (ip(7)), `IPV6_RECVPKTINFO` (RFC 3542 section 6). Without these a socket
//! bound to every address answers from the one that the route has, which the asker did not ask. `UDP_GRO` and
//! `UDP_SEGMENT` (udp(7)): how long each datagram of a burst is.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};

use address::End;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrIn, SockaddrIn6, SockaddrLike, SockaddrStorage,
    recvmsg,
};

use crate::born::Family;
use crate::call;
use crate::peer_address::mapped;

/// The address that a datagram was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Destination {
    /// The address in its IP header: one of ours, or a multicast or broadcast address.
    pub ip: IpAddr,
    /// The index of the interface through which it came.
    pub interface: u32,
}

impl Destination {
    /// The whole address that was written to, at a socket that is bound to the port of `bound`.
    #[must_use]
    pub fn end(&self, bound: &End) -> End {
        match bound {
            End::Ip { transport, address } => {
                End::Ip { transport: *transport, address: SocketAddr::new(self.ip, address.port()) }
            }
            End::Path { .. }
            | End::Abstract { .. }
            | End::Unnamed(_)
            | End::Standard
            | End::Descriptor(_)
            | End::Command { .. } => bound.clone(),
        }
    }
}

/// What recvmsg(2) told beside the bytes.
pub(crate) struct Told {
    pub(crate) whole: usize,
    pub(crate) from: Option<SocketAddr>,
    pub(crate) to: Option<Destination>,
    /// The address of ours to answer from.
    pub(crate) answer_from: Option<IpAddr>,
    /// It is a burst of datagrams, each as long as this but for the last.
    pub(crate) segment: Option<usize>,
}

/// Room for both kinds of packet info and for a segment's length, and for what an inherited socket tells unasked;
/// aligned as cmsg(3) wants it.
#[repr(align(8))]
struct Control([u8; 256]);

/// One datagram into `buffer`, and what the kernel tells of it.
pub(crate) fn receive(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Told> {
    call::receive_message(
        &fd,
        buffer,
        |buffer| receive_into(&fd, buffer),
        |told| {
            let from = told.from.map_or_else(|| "nobody".to_owned(), |from| from.to_string());
            let to = told.to.map_or_else(String::new, |to| format!(" to {}", to.ip));
            let segments = told.segment.map_or_else(String::new, in_segments);
            (told.whole, format!("from {from}{to}{segments}"))
        },
    )
}

fn receive_into(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Told> {
    let mut control = Control([0; 256]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let message =
        recvmsg::<SockaddrStorage>(fd.as_fd().as_raw_fd(), &mut parts, Some(&mut control.0), flags)?;
    let mut told = Told {
        whole: message.bytes,
        from: message.address.as_ref().and_then(to_std),
        to: None,
        answer_from: None,
        segment: None,
    };
    for info in message.cmsgs()? {
        told.learn(&info);
    }
    Ok(told)
}

impl Told {
    fn learn(&mut self, info: &ControlMessageOwned) {
        if let ControlMessageOwned::Ipv4PacketInfo(info) = info {
            let ip = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
            let ours = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
            let interface = info.ipi_ifindex.cast_unsigned();
            self.to = Some(Destination { ip: IpAddr::V4(ip), interface });
            self.answer_from = Some(IpAddr::V4(ours));
        } else if let ControlMessageOwned::Ipv6PacketInfo(info) = info {
            let ip = Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical();
            // Of IPv4 the other message says more, and it may have come first.
            if ip.is_ipv6() {
                self.to = Some(Destination { ip, interface: info.ipi6_ifindex });
                self.answer_from = (!ip.is_multicast()).then_some(ip);
            }
        } else if let ControlMessageOwned::UdpGroSegments(bytes) = info {
            self.segment = usize::try_from(*bytes).ok().filter(|bytes| *bytes > 0);
        }
    }
}

/// Sends to `peer`, from that address of ours, cut into datagrams of `segment` bytes; each where it is given.
pub(crate) fn send(
    fd: impl AsFd,
    bytes: &[u8],
    family: Family,
    peer: SocketAddr,
    from: Option<IpAddr>,
    segment: Option<u16>,
) -> io::Result<usize> {
    let shown = || {
        let from = from.map_or_else(String::new, |from| format!(" from {from}"));
        let segments = segment.map_or_else(String::new, |bytes| in_segments(bytes.into()));
        format!("{peer}{from}{segments}")
    };
    let (v4, v6);
    let info = match (family, from) {
        (_, None) => None,
        (Family::V4, Some(IpAddr::V4(from))) => {
            v4 = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            Some(ControlMessage::Ipv4PacketInfo(&v4))
        }
        (_, Some(from)) => {
            let from = match from {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            v6 = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 };
            Some(ControlMessage::Ipv6PacketInfo(&v6))
        }
    };
    let segments = segment.as_ref().map(ControlMessage::UdpGsoSegments);
    let beside: Vec<_> = info.into_iter().chain(segments).collect();
    match (family, peer) {
        (Family::V4, SocketAddr::V4(peer)) => {
            call::send_message(fd, bytes, &beside, &SockaddrIn::from(peer), shown)
        }
        (_, peer) => call::send_message(fd, bytes, &beside, &SockaddrIn6::from(mapped(peer)), shown),
    }
}

fn in_segments(bytes: usize) -> String {
    format!(", in datagrams of {bytes} bytes")
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
        .filter(|_| address.len() > 0)
}
