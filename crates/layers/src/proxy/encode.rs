//! Headers as they are sent.

use core::net::{IpAddr, SocketAddr};

use conversation::{End, Transport};

use super::v2::{FAMILIES, PATH_BYTES, PROXY, SIGNATURE};
use super::{ProxyHeader, ProxyVersion};

impl ProxyHeader {
    /// The header as it is sent. What a version has no way to say (version 1 all but TCP, both a call between ends
    /// of different kinds) is sent as unknown.
    #[must_use]
    pub fn encode(&self, version: ProxyVersion) -> Vec<u8> {
        match (self, version) {
            (ProxyHeader::Local, ProxyVersion::V1) => v1_unknown(),
            (ProxyHeader::Local, ProxyVersion::V2) => v2(0x20, 0, &[]),
            (ProxyHeader::Proxied { source, destination }, ProxyVersion::V1) => v1(source, destination),
            (ProxyHeader::Proxied { source, destination }, ProxyVersion::V2) => {
                let known = ip_block(source, destination).or_else(|| unix_block(source, destination));
                let (transport, block) = known.unwrap_or((Transport::Tcp, Vec::new()));
                let is_row =
                    |(_, row, length): &&(u8, Transport, usize)| (*row, *length) == (transport, block.len());
                v2(PROXY, FAMILIES.iter().find(is_row).map_or(0, |(byte, ..)| *byte), &block)
            }
        }
    }
}

fn v1(source: &End, destination: &End) -> Vec<u8> {
    let Some([source, destination]) =
        ips(source, destination).filter(|_| source.transport() == Transport::Tcp)
    else {
        return v1_unknown();
    };
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    format!("PROXY {family} {from} {to} {} {}\r\n", source.port(), destination.port()).into_bytes()
}

fn v1_unknown() -> Vec<u8> {
    b"PROXY UNKNOWN\r\n".to_vec()
}

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    // A block has 216 bytes at most.
    let [.., high, low] = block.len().to_be_bytes();
    [SIGNATURE, &[command, family, high, low], block].concat()
}

/// Both ends as IP addresses of one family: IPv4 beside IPv6 is wrapped in it (RFC 4291 section 2.5.5.2).
fn ips(source: &End, destination: &End) -> Option<[SocketAddr; 2]> {
    if source.transport() != destination.transport() {
        return None;
    }
    let ends = [source.ip()?, destination.ip()?];
    let is_mixed = ends[0].is_ipv4() != ends[1].is_ipv4();
    Some(ends.map(|end| match end.ip() {
        IpAddr::V4(v4) if is_mixed => SocketAddr::from((v4.to_ipv6_mapped(), end.port())),
        IpAddr::V4(_) | IpAddr::V6(_) => end,
    }))
}

fn ip_block(source: &End, destination: &End) -> Option<(Transport, Vec<u8>)> {
    let ends = ips(source, destination)?;
    let mut block = Vec::with_capacity(36);
    for end in ends {
        match end.ip() {
            IpAddr::V4(v4) => block.extend(v4.octets()),
            IpAddr::V6(v6) => block.extend(v6.octets()),
        }
    }
    block.extend(ends.iter().flat_map(|end| end.port().to_be_bytes()));
    Some((source.transport(), block))
}

fn unix_block(source: &End, destination: &End) -> Option<(Transport, Vec<u8>)> {
    let transport = source.transport();
    if transport != destination.transport() {
        return None;
    }
    let mut block = Vec::with_capacity(2 * PATH_BYTES);
    for end in [source, destination] {
        let start = block.len();
        match end {
            End::Path { path, .. } => block.extend(path),
            End::Abstract { name, .. } => {
                block.push(0);
                block.extend(name);
            }
            End::Unnamed(_) => {}
            End::Ip { .. } | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
                return None;
            }
        }
        if block.len() - start > PATH_BYTES {
            return None;
        }
        block.resize(start + PATH_BYTES, 0);
    }
    Some((transport, block))
}
