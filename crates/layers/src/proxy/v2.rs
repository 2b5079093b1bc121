//! Version 2: a signature, four bytes, addresses, and TLVs (`proxy-protocol.txt`, section 2.2).
//!
//! Bound: 65,551 bytes, the longest that its length field can name. Of the TLVs only the checksum is looked at; the
//! others are walked, so that a length that lies is found.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use conversation::{End, Transport};

use super::crc32c::crc32c;
use super::{ProxyFailure, ProxyHeader};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The signature and the four bytes behind it.
pub(super) const FIXED_BYTES: usize = SIGNATURE.len() + 4;

/// The longest header.
pub(super) const HEADER_BYTES_MAX: usize = FIXED_BYTES + u16::MAX as usize;

/// Bytes of one path in a header: `sun_path` of unix(7).
pub(super) const PATH_BYTES: usize = 108;

/// The version, and the two commands that are known.
pub(super) const VERSION: u8 = 0x20;
pub(super) const PROXY: u8 = VERSION | 1;
const LOCAL: u8 = VERSION;

/// `PP2_TYPE_CRC32C`.
const CRC32C: u8 = 0x03;

/// Families and protocols: `AF_INET`, `AF_INET6` and `AF_UNIX`, each with `SOCK_STREAM` and `SOCK_DGRAM`.
#[rustfmt::skip]
pub(super) const FAMILIES: &[(u8, Transport, usize)] = &[
    // The byte, what carries the bytes, and how long the two addresses are.
    (0x11, Transport::Tcp, 12),
    (0x12, Transport::Udp, 12),
    (0x21, Transport::Tcp, 36),
    (0x22, Transport::Udp, 36),
    (0x31, Transport::Unix, 2 * PATH_BYTES),
    (0x32, Transport::UnixDgram, 2 * PATH_BYTES),
];

pub(super) fn parse(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyFailure> {
    let command = bytes.get(SIGNATURE.len()).copied();
    if command.is_some_and(|command| ![LOCAL, PROXY].contains(&command)) {
        return Err(ProxyFailure::Malformed("neither of version 2, nor LOCAL or PROXY"));
    }
    let Some([command, family, high, low]) = bytes.get(SIGNATURE.len()..FIXED_BYTES) else { return Ok(None) };
    let length = FIXED_BYTES + usize::from(u16::from_be_bytes([*high, *low]));
    let row = FAMILIES.iter().find(|(byte, ..)| byte == family);
    // Of these the rest is to be ignored.
    let is_local = *command == LOCAL || *family == 0;
    match row {
        None if !is_local => return Err(ProxyFailure::Malformed("an unknown family or protocol")),
        Some((_, _, addresses)) if !is_local && length < FIXED_BYTES + addresses => {
            return Err(ProxyFailure::Malformed("too short for its addresses"));
        }
        Some(_) | None => {}
    }
    let Some(header) = bytes.get(..length) else { return Ok(None) };
    let Some((_, transport, addresses)) = row.filter(|_| !is_local) else {
        return Ok(Some((ProxyHeader::Local, length)));
    };
    let behind = FIXED_BYTES + addresses;
    check_values(header, behind)?;
    let [source, destination] = ends(*transport, &header[FIXED_BYTES..behind]);
    Ok(Some((ProxyHeader::Proxied { source, destination }, length)))
}

/// Walks the TLVs from `at` on, and checks the checksum if there is one: one, since it takes a pass over all.
fn check_values(header: &[u8], mut at: usize) -> Result<(), ProxyFailure> {
    let mut checksum = None;
    while at < header.len() {
        let Some([kind, high, low]) = header.get(at..at + 3) else {
            return Err(ProxyFailure::Malformed("a value (TLV) without length"));
        };
        let value_at = at + 3;
        at = value_at + usize::from(u16::from_be_bytes([*high, *low]));
        let Some(value) = header.get(value_at..at) else {
            return Err(ProxyFailure::Malformed("a value (TLV) longer than its header"));
        };
        if *kind == CRC32C {
            let told: [u8; 4] =
                value.try_into().map_err(|_| ProxyFailure::Malformed("a checksum not of four bytes"))?;
            if checksum.replace((value_at..at, u32::from_be_bytes(told))).is_some() {
                return Err(ProxyFailure::Malformed("two checksums"));
            }
        }
    }
    let Some((place, told)) = checksum else { return Ok(()) };
    // It is the checksum of the header in which itself is zero.
    let blanked = header.iter().enumerate();
    let blanked = blanked.map(|(index, byte)| if place.contains(&index) { 0 } else { *byte });
    if crc32c(blanked) == told { Ok(()) } else { Err(ProxyFailure::Checksum) }
}

/// Source and destination.
fn ends(transport: Transport, block: &[u8]) -> [End; 2] {
    let (source, rest) = block.split_at(match block.len() {
        12 => 4,
        36 => 16,
        _ => PATH_BYTES,
    });
    if transport.is_unix() {
        return [unix_end(transport, source), unix_end(transport, rest)];
    }
    let (destination, ports) = rest.split_at(source.len());
    [(source, &ports[..2]), (destination, &ports[2..])].map(|(address, port)| End::Ip {
        transport,
        address: SocketAddr::from((
            ip(address),
            port.iter().fold(0, |port, byte| port << 8 | u16::from(*byte)),
        )),
    })
}

fn ip(bytes: &[u8]) -> core::net::IpAddr {
    match <[u8; 4]>::try_from(bytes) {
        Ok(v4) => Ipv4Addr::from(v4).into(),
        Err(_) => bytes
            .iter()
            .fold(Ipv6Addr::from(0), |ip, byte| Ipv6Addr::from(u128::from(ip) << 8 | u128::from(*byte)))
            .into(),
    }
}

/// A path to its first zero byte, or an abstract name, which begins with one, without those behind it.
fn unix_end(transport: Transport, field: &[u8]) -> End {
    let until_zero = |bytes: &[u8]| bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    match field {
        [0, name @ ..] => match name.iter().rposition(|byte| *byte != 0) {
            Some(last) => End::Abstract { transport, name: name[..=last].into() },
            None => End::Unnamed(transport),
        },
        path => End::Path { transport, path: path[..until_zero(path)].into() },
    }
}
