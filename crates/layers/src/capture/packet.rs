//! One packet: headers of IP and of TCP or UDP, with their checksums, and the payload.
//!
//! RFC 791, RFC 8200, RFC 9293, RFC 768. The headers are etherparse's work. A payload is at most what the length field of
//! an IP header can say.

use std::net::SocketAddr;

use conversation::Way;
use etherparse::{PacketBuilder, PacketBuilderStep, TcpHeader};

use super::CapturedEnds;

/// Bytes of the longest datagram over IPv4: 65,535 less the headers.
pub(super) const UDP_PAYLOAD_BYTES_MAX: usize = 65_507;

/// The window that each side shows, unscaled.
const WINDOW_BYTES: u16 = u16::MAX;

/// Routers that a packet could pass.
const TTL: u8 = 64;

/// What a packet of a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    /// SYN.
    Open,
    /// The SYN that answers one.
    Synchronize,
    Data,
    Acknowledge,
    /// FIN.
    Finish,
    /// RST.
    Reset,
}

impl Flags {
    /// Whether it takes a sequence number as a byte does, RFC 9293 section 3.4.
    pub(super) fn takes_a_number(self) -> bool {
        match self {
            Flags::Open | Flags::Synchronize | Flags::Finish => true,
            Flags::Data | Flags::Acknowledge | Flags::Reset => false,
        }
    }
}

pub(super) struct Packet<'p> {
    pub(super) way: Way,
    /// Of a connection: what for, the sequence number, and what it acknowledges.
    pub(super) stream: Option<(Flags, u32, u32)>,
    pub(super) payload: &'p [u8],
}

impl Packet<'_> {
    /// Writes the packet behind what is on the page.
    pub(super) fn write(&self, ends: &CapturedEnds, page: &mut Vec<u8>) {
        let (from, to) = match self.way {
            Way::In => (ends.peer, ends.local),
            Way::Out => (ends.local, ends.peer),
        };
        let ip = match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), TTL)
            }
            (from, to) => PacketBuilder::ipv6(octets(from), octets(to), TTL),
        };
        // The only failures are payloads too long for their header, and those are bounded.
        let _ = match self.stream {
            Some((flags, sequence, acknowledges)) => {
                let tcp = ip.tcp(from.port(), to.port(), sequence, WINDOW_BYTES);
                flagged(tcp, flags, acknowledges).write_to_vec(page, self.payload)
            }
            None => ip.udp(from.port(), to.port()).write_to_vec(page, self.payload),
        };
    }
}

fn flagged(
    tcp: PacketBuilderStep<TcpHeader>,
    flags: Flags,
    acknowledges: u32,
) -> PacketBuilderStep<TcpHeader> {
    match flags {
        Flags::Open => tcp.syn(),
        Flags::Synchronize => tcp.syn().ack(acknowledges),
        Flags::Data => tcp.psh().ack(acknowledges),
        Flags::Acknowledge => tcp.ack(acknowledges),
        Flags::Finish => tcp.fin().ack(acknowledges),
        Flags::Reset => tcp.rst().ack(acknowledges),
    }
}

fn octets(address: SocketAddr) -> [u8; 16] {
    match address {
        SocketAddr::V4(address) => address.ip().to_ipv6_mapped().octets(),
        SocketAddr::V6(address) => address.ip().octets(),
    }
}
