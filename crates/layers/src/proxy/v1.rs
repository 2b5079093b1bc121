//! Version 1: `PROXY TCP4 SOURCE DESTINATION PORT PORT\r\n` (`proxy-protocol.txt`, section 2.1).
//!
//! Bound: 107 bytes with the line's end, which is what the longest addresses need.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use conversation::{End, Transport};

use super::{ProxyFailure, ProxyHeader};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line, with its end.
const LINE_BYTES_MAX: usize = 107;

pub(super) fn parse(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyFailure> {
    let window = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(end) = window.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if window.len() < LINE_BYTES_MAX {
            Ok(None)
        } else {
            Err(malformed("longer than 107 bytes"))
        };
    };
    match &window[end..] {
        [b'\r', b'\n', ..] => {}
        [b'\r'] if window.len() < LINE_BYTES_MAX => return Ok(None),
        _ => return Err(malformed("its line does not end with CR LF")),
    }
    let line = std::str::from_utf8(&window[..end]).map_err(|_| malformed("not ASCII"))?;
    Ok(Some((header(line)?, end + 2)))
}

fn header(line: &str) -> Result<ProxyHeader, ProxyFailure> {
    let mut fields = line.split(' ').skip(1);
    let family = fields.next();
    if family == Some("UNKNOWN") {
        return Ok(ProxyHeader::Local); // the rest of such a line is to be ignored
    }
    let [source, destination] = [fields.next(), fields.next()];
    let [source_port, destination_port] = [port(fields.next())?, port(fields.next())?];
    if fields.next().is_some() {
        return Err(malformed("more than six fields"));
    }
    let [source, destination] = match family {
        Some("TCP4") => [address::<Ipv4Addr>(source)?, address::<Ipv4Addr>(destination)?],
        Some("TCP6") => [address::<Ipv6Addr>(source)?, address::<Ipv6Addr>(destination)?],
        _ => return Err(malformed("neither TCP4, TCP6 nor UNKNOWN")),
    };
    let end = |address, port| End::Ip { transport: Transport::Tcp, address: SocketAddr::new(address, port) };
    let (source, destination) = (end(source, source_port), end(destination, destination_port));
    Ok(ProxyHeader::Proxied { source, destination })
}

fn address<A: std::str::FromStr + Into<IpAddr>>(field: Option<&str>) -> Result<IpAddr, ProxyFailure> {
    let address = field.and_then(|field| field.parse::<A>().ok());
    address.map(Into::into).ok_or(malformed("an address is none of its family"))
}

/// Decimal without sign or leading zeros.
fn port(field: Option<&str>) -> Result<u16, ProxyFailure> {
    let digits = field.filter(|field| field.bytes().all(|byte| byte.is_ascii_digit()));
    let canonical = digits.filter(|digits| *digits == "0" || !digits.starts_with('0'));
    canonical.and_then(|digits| digits.parse().ok()).ok_or(malformed("a port is no number from 0 to 65535"))
}

fn malformed(rule: &'static str) -> ProxyFailure {
    ProxyFailure::Malformed(rule)
}
