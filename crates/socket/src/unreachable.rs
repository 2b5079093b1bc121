//! Tells the sender of a datagram that it went no further: ICMP "destination unreachable".
//!
//! RFC 792, RFC 4443 section 3.1; raw(7): it needs the capability `CAP_NET_RAW`. A kernel says it by itself of a port at
//! which nobody listens; a relay listens at its own, so it has to say of the port behind it. The message quotes the
//! headers of the datagram, by which the sender's kernel finds the socket (RFC 1122 section 4.1.3.3). Protected: none is
//! sent of a datagram to or from many hosts (RFC 1122 section 3.2.2). A message is 56 bytes of IPv4 or 96 of IPv6. The
//! sockets (`IPPROTO_RAW`) receive nothing; each is opened when it is first needed, if not before.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;

use address::Transport;

use crate::open_socket::OpenSocket;
use crate::{PeerAddress, call, errno};

/// What could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// Nobody listens at the port.
    Port,
    /// No way leads to the host.
    Host,
}

/// Tells senders of datagrams what could not be reached.
#[derive(Debug, Default)]
pub(crate) struct UnreachableTeller {
    v4: Option<OpenSocket>,
    v6: Option<OpenSocket>,
}

/// The header of IPv4 without options, and that of UDP.
const V4_BYTES: usize = 20;
const V6_BYTES: usize = 40;
const UDP_BYTES: usize = 8;

const ICMP: u8 = 1;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
/// Routers that the message may pass.
const HOPS: u8 = 64;

impl UnreachableTeller {
    /// Opens the sockets that can be had.
    pub(crate) fn open(&mut self) {
        self.v4 = call::raw_socket(false).ok();
        self.v6 = call::raw_socket(true).ok();
    }

    /// See [`tell_unreachable`](crate::BurstSocket::tell_unreachable).
    pub(crate) fn tell(
        &mut self,
        sender: &PeerAddress,
        to: SocketAddr,
        bytes: NonZeroU16,
        what: Unreachable,
    ) -> io::Result<()> {
        let sender = sender.ip().ok_or_else(|| errno::raw(libc::EAFNOSUPPORT))?;
        let is_of_many = |ip: IpAddr| ip.is_multicast() || ip.is_unspecified();
        if is_of_many(to.ip()) || is_of_many(sender.ip()) {
            return Err(errno::raw(libc::EINVAL));
        }
        let length = bytes.get();
        let udp = [sender.port(), to.port(), length, 0].map(u16::to_be_bytes);
        let udp = udp.as_flattened();
        // A raw socket takes no port.
        let (packet, socket, peer) = match (sender, to.ip().to_canonical()) {
            (SocketAddr::V4(sender), IpAddr::V4(to)) => {
                let packet = packet_v4(*sender.ip(), to, udp, length, what);
                (packet, &mut self.v4, SocketAddr::from((*sender.ip(), 0)))
            }
            (SocketAddr::V6(mut sender), IpAddr::V6(to)) => {
                sender.set_port(0);
                let packet = packet_v6(*sender.ip(), to, udp, length, what);
                (packet, &mut self.v6, SocketAddr::V6(sender))
            }
            (SocketAddr::V4(_), IpAddr::V6(_)) | (SocketAddr::V6(_), IpAddr::V4(_)) => {
                return Err(errno::raw(libc::EAFNOSUPPORT));
            }
        };
        let socket = match socket {
            Some(socket) => socket,
            None => socket.insert(call::raw_socket(sender.is_ipv6())?),
        };
        let shown = || address::End::Ip { transport: Transport::Udp, address: sender };
        call::send_to(&*socket, &packet, &peer, shown).map(drop)
    }
}

/// The kernel puts the length and the checksum into the outer header, raw(7).
fn packet_v4(sender: Ipv4Addr, to: Ipv4Addr, udp: &[u8], udp_length: u16, what: Unreachable) -> Vec<u8> {
    let code = match what {
        Unreachable::Port => 3,
        Unreachable::Host => 1,
    };
    let header = |length: u16, protocol, from: Ipv4Addr, to: Ipv4Addr| {
        let [high, low] = length.to_be_bytes();
        let head = [0x45, 0, high, low, 0, 0, 0, 0, HOPS, protocol, 0, 0];
        let mut header = [&head[..], &from.octets(), &to.octets()].concat();
        let sum = checksum(&header);
        header[10..12].copy_from_slice(&sum);
        header
    };
    let whole = udp_length.saturating_add(V4_BYTES as u16);
    let quoted = [header(whole, UDP, sender, to), udp.to_vec()].concat();
    let mut icmp = [&[3, code, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum);
    [header(0, ICMP, to, sender), icmp].concat()
}

/// All of it is ours, RFC 3542 section 3.
fn packet_v6(sender: Ipv6Addr, to: Ipv6Addr, udp: &[u8], udp_length: u16, what: Unreachable) -> Vec<u8> {
    let code = match what {
        Unreachable::Port => 4,
        Unreachable::Host => 3,
    };
    let header = |length: u16, protocol, from: Ipv6Addr, to: Ipv6Addr| {
        let [high, low] = length.to_be_bytes();
        [&[0x60, 0, 0, 0, high, low, protocol, HOPS][..], &from.octets(), &to.octets()].concat()
    };
    let quoted = [header(udp_length, UDP, sender, to), udp.to_vec()].concat();
    let mut icmp = [&[1, code, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    let length = (8 + V6_BYTES + UDP_BYTES) as u16;
    // The pseudo-header, RFC 8200 section 8.1.
    let ends =
        [&to.octets()[..], &sender.octets(), &[0, 0], &length.to_be_bytes(), &[0, 0, 0, ICMPV6]].concat();
    let sum = checksum(&[&ends[..], &icmp].concat());
    icmp[2..4].copy_from_slice(&sum);
    [header(length, ICMPV6, to, sender), icmp].concat()
}

/// RFC 1071; of an even number of bytes.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let (words, _) = bytes.as_chunks::<2>();
    let mut sum: u32 = words.iter().map(|word| u32::from(u16::from_be_bytes(*word))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_ipv4_quotes_the_datagram_and_its_sums_are_right() {
        let (sender, to) = (Ipv4Addr::new(192, 0, 2, 7), Ipv4Addr::new(192, 0, 2, 1));
        let udp = [0x12, 0x68, 0, 53, 0, 13, 0, 0];
        let packet = packet_v4(sender, to, &udp, 13, Unreachable::Port);
        assert_eq!(packet.len(), 56);
        assert_eq!(checksum(&packet[20..]), [0, 0], "of ICMP");
        assert_eq!(checksum(&packet[28..48]), [0, 0], "of the quoted header");
        assert_eq!((packet[20], packet[21]), (3, 3));
        assert_eq!(packet[28..32], [0x45, 0, 0, 33]);
        assert_eq!((&packet[40..44], &packet[44..48]), (&sender.octets()[..], &to.octets()[..]));
        assert_eq!(packet[48..], udp);
    }

    #[test]
    fn a_message_of_ipv6_has_the_sum_of_its_pseudo_header() {
        let (sender, to): (Ipv6Addr, Ipv6Addr) =
            ("2001:db8::7".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let udp = [0x12, 0x68, 0, 53, 0, 13, 0, 0];
        let packet = packet_v6(sender, to, &udp, 13, Unreachable::Port);
        assert_eq!(packet.len(), 96);
        let ends = [&to.octets()[..], &sender.octets(), &[0, 0, 0, 56, 0, 0, 0, ICMPV6]].concat();
        assert_eq!(checksum(&[&ends[..], &packet[40..]].concat()), [0, 0]);
        assert_eq!((packet[40], packet[41]), (1, 4));
        assert_eq!(packet[48..56], [0x60, 0, 0, 0, 0, 13, UDP, HOPS]);
    }
}
