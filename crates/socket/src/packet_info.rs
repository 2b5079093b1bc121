//! What goes beside the bytes of a datagram: our address, and where a burst is cut.
//!
//! recvmsg(2), sendmsg(2); `IP_PKTINFO` (ip(7)), `IPV6_RECVPKTINFO` (RFC 3542 section 6). Without these a socket
//! bound to every address answers from the one that the route has, which the asker did not ask. `UDP_GRO` and
//! `UDP_SEGMENT` (udp(7)): how long each datagram of a burst is.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd;

use address::End;
use sys::{Beside, Outgoing};

use crate::born::Family;
use crate::call;
use crate::control::{self, Controls};
use crate::peer_address::mapped;
use crate::sockaddr::{self, RawSockaddr};

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
        let End::Ip { transport, address } = bound else { return bound.clone() };
        End::Ip { transport: *transport, address: SocketAddr::new(self.ip, address.port()) }
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

/// One datagram into `buffer`, and what the kernel tells of it.
pub(crate) fn receive(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<Told> {
    call::receive_message(&fd, buffer, |buffer| {
        let mut beside = Beside::default();
        let whole = sys::receive_message(&fd, buffer, &mut beside)?;
        Ok(Told::of(whole, beside.name(), beside.control()))
    })
}

impl Told {
    /// What came beside a message of so many bytes: its sender's address, control messages.
    pub(crate) fn of(whole: usize, name: &[u8], control: &[u8]) -> Told {
        let from = sockaddr::from_raw(name);
        let mut told = Told { whole, from, to: None, answer_from: None, segment: None };
        for (level, kind, data) in control::each(control) {
            match (level, kind) {
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => told.learn_v4(data),
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => told.learn_v6(data),
                (libc::SOL_UDP, libc::UDP_GRO) => told.learn_segment(data),
                _ => {} // a socket that was passed to us may tell more
            }
        }
        told
    }

    /// `struct in_pktinfo`: the interface, our address to answer from, the address in the header.
    fn learn_v4(&mut self, data: &[u8]) {
        if let Some((interface, addresses)) = data.split_first_chunk()
            && let Some((ours, header)) = addresses.split_first_chunk::<4>()
            && let Some(header) = header.first_chunk::<4>()
        {
            let ip = IpAddr::V4(Ipv4Addr::from(*header));
            self.to = Some(Destination { ip, interface: u32::from_ne_bytes(*interface) });
            self.answer_from = Some(IpAddr::V4(Ipv4Addr::from(*ours)));
        }
    }

    /// `struct in6_pktinfo`: the address in the header, the interface. Of IPv4 the other message says more, and it
    /// may have come first.
    fn learn_v6(&mut self, data: &[u8]) {
        if let Some((header, interface)) = data.split_first_chunk::<16>()
            && let Some(interface) = interface.first_chunk()
            && let ip = Ipv6Addr::from(*header).to_canonical()
            && ip.is_ipv6()
        {
            self.to = Some(Destination { ip, interface: u32::from_ne_bytes(*interface) });
            self.answer_from = (!ip.is_multicast()).then_some(ip);
        }
    }

    fn learn_segment(&mut self, data: &[u8]) {
        let bytes = data.first_chunk().map(|bytes| i32::from_ne_bytes(*bytes));
        self.segment = bytes.and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
    }

    /// For the tracer.
    pub(crate) fn shown(&self) -> String {
        let from = self.from.map_or_else(|| "nobody".to_owned(), |from| from.to_string());
        let to = self.to.map_or_else(String::new, |to| format!(" to {}", to.ip));
        let segments = self.segment.map_or_else(String::new, in_segments);
        format!("from {from}{to}{segments}")
    }
}

/// What goes beside a message: to whom, from that address of ours, cut into datagrams of `segment` bytes; the last two
/// where they are given.
pub(crate) struct Label {
    peer: SocketAddr,
    from: Option<IpAddr>,
    segment: Option<u16>,
    name: RawSockaddr,
    controls: Controls,
}

impl Label {
    pub(crate) fn new(family: Family, peer: SocketAddr, from: Option<IpAddr>, segment: Option<u16>) -> Label {
        let mut controls = Controls::NONE;
        match (family, from) {
            (_, None) => {}
            (Family::V4, Some(IpAddr::V4(from))) => {
                let mut info = [0; 12];
                info[4..8].copy_from_slice(&from.octets());
                controls.push(libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
            }
            (_, Some(from)) => {
                let from = match from {
                    IpAddr::V4(v4) => v4.to_ipv6_mapped(),
                    IpAddr::V6(v6) => v6,
                };
                let mut info = [0; 20];
                info[..16].copy_from_slice(&from.octets());
                controls.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
        if let Some(segment) = segment {
            controls.push(libc::SOL_UDP, libc::UDP_SEGMENT, &segment.to_ne_bytes());
        }
        let name = match (family, peer) {
            (Family::V4, SocketAddr::V4(_)) => sockaddr::to_raw(peer),
            (_, peer) => sockaddr::to_raw(mapped(peer).into()),
        };
        Label { peer, from, segment, name, controls }
    }

    pub(crate) fn on<'m>(&'m self, bytes: &'m [u8]) -> Outgoing<'m> {
        Outgoing { bytes, name: self.name.bytes(), control: self.controls.bytes() }
    }

    /// For the tracer.
    pub(crate) fn shown(&self) -> String {
        let from = self.from.map_or_else(String::new, |from| format!(" from {from}"));
        let segments = self.segment.map_or_else(String::new, |bytes| in_segments(bytes.into()));
        format!("{}{from}{segments}", self.peer)
    }
}

fn in_segments(bytes: usize) -> String {
    format!(", in datagrams of {bytes} bytes")
}
