//! Which of our addresses a datagram was sent to; sending from it.
//!
//! recvmsg(2), sendmsg(2); `IP_PKTINFO` (ip(7)), `IPV6_RECVPKTINFO` (RFC 3542 section 6). Without this a socket
//! bound to every address answers from the one that the route has, which the asker did not ask.

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
            | End::Descriptor(_) => bound.clone(),
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
}

/// Room for both kinds of packet info, aligned as cmsg(3) wants it.
#[repr(align(8))]
struct Control([u8; 128]);

/// One datagram into `buffer`, and what the kernel tells of it.
pub(crate) fn receive(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Told> {
    call::receive_message(
        &fd,
        buffer,
        |buffer| receive_into(&fd, buffer),
        |told| {
            let from = told.from.map_or_else(|| "nobody".to_owned(), |from| from.to_string());
            let to = told.to.map_or_else(String::new, |to| format!(" to {}", to.ip));
            (told.whole, format!("from {from}{to}"))
        },
    )
}

fn receive_into(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Told> {
    let mut control = Control([0; 128]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_TRUNC;
    let message =
        recvmsg::<SockaddrStorage>(fd.as_fd().as_raw_fd(), &mut parts, Some(&mut control.0), flags)?;
    let mut told = Told {
        whole: message.bytes,
        from: message.address.as_ref().and_then(to_std),
        to: None,
        answer_from: None,
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
        }
    }
}

/// Sends one datagram from that address of ours.
pub(crate) fn send_from(
    fd: impl AsFd,
    bytes: &[u8],
    family: Family,
    peer: SocketAddr,
    from: IpAddr,
) -> io::Result<usize> {
    let shown = || format!("{peer} from {from}");
    match (family, from, peer) {
        (Family::V4, IpAddr::V4(from), SocketAddr::V4(peer)) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            let info = ControlMessage::Ipv4PacketInfo(&info);
            call::send_message(fd, bytes, &info, &SockaddrIn::from(peer), shown)
        }
        (_, from, peer) => {
            let from = match from {
                IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                IpAddr::V6(v6) => v6,
            };
            let info =
                libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: from.octets() }, ipi6_ifindex: 0 };
            let info = ControlMessage::Ipv6PacketInfo(&info);
            call::send_message(fd, bytes, &info, &SockaddrIn6::from(mapped(peer)), shown)
        }
    }
}

fn to_std(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::new(IpAddr::V4(v4.ip()), v4.port()));
    v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
        .filter(|_| address.len() > 0)
}
