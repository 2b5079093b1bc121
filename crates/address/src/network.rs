//! `HOST:PORT`: the place of tcp and udp.
//!
//! RFC 3986 section 3.2.2 for brackets, RFC 4007 section 11 for zones, RFC 1123 section 2.1: what is digits
//! and dots is an IPv4 address and never a name. Protected: a port above 65535 is refused, never wrapped.

use core::net::Ipv6Addr;
use core::ops::Range;

use crate::address::{HOST_BYTES_MAX, Host, INTERFACE_BYTES_MAX, LocalBind, Place, Port, SERVICE_BYTES_MAX};
use crate::error::Problem;
use crate::parse::Fault;
use crate::scheme::Scheme;

/// Reads `HOST:PORT`; spans of faults count from the start of `text`.
pub(crate) fn parse(scheme: Scheme, text: &str) -> Result<Place, Fault> {
    let (host, port) = split(text)?;
    let Some(port) = port.filter(|port| !port.is_empty()) else {
        let hint = if !host.is_empty() && text[host.clone()].bytes().all(|byte| byte.is_ascii_digit()) {
            format!(":{}", &text[host])
        } else {
            format!("{}:PORT", &text[host])
        };
        return Err(Fault::new(0..text.len(), Problem::NoPort(scheme), hint));
    };
    let host = parse_host(&text[host.clone()]).map_err(|fault| fault.moved(host.start))?;
    let port = parse_port(&text[port.clone()]).map_err(|fault| fault.moved(port.start))?;
    Ok(Place::Network { host, port })
}

/// Reads `HOST`, `HOST:PORT` or `:PORT`, the value of `?bind=`; a port that is not there is 0.
pub(crate) fn parse_local(text: &str) -> Option<LocalBind> {
    let (host, port) = split(text).ok()?;
    if host.is_empty() && port.is_none() {
        return None;
    }
    let port = match port {
        Some(port) => parse_port(&text[port]).ok()?,
        None => Port::Number(0),
    };
    Some(LocalBind { host: parse_host(&text[host]).ok()?, port })
}

/// Reads `HOST:PORT` whose port is there.
pub(crate) fn parse_host_and_port(text: &str) -> Option<(Host, Port)> {
    let (host, port) = split(text).ok()?;
    Some((parse_host(&text[host]).ok()?, parse_port(&text[port?]).ok()?))
}

/// Where host and port are; no port where there is no colon after the host.
fn split(text: &str) -> Result<(Range<usize>, Option<Range<usize>>), Fault> {
    if text.starts_with('[') {
        let Some(closing) = text.find(']') else {
            return Err(Fault::new(0..text.len(), Problem::Ipv6, "the closing ] is missing"));
        };
        let after = closing + 1;
        return match text[after..].chars().next() {
            None => Ok((0..after, None)),
            Some(':') => Ok((0..after, Some(after + 1..text.len()))),
            Some(_) => Err(Fault::new(after..text.len(), Problem::Port, ":PORT")),
        };
    }
    let Some(colon) = text.rfind(':') else {
        return Ok((0..text.len(), None));
    };
    if let Some(bracketed) = bracketed(text, colon) {
        return Err(Fault::new(0..text.len(), Problem::BareIpv6, bracketed));
    }
    Ok((0..colon, Some(colon + 1..text.len())))
}

/// The right form of a text that is an IPv6 address without brackets, with or without a port after it.
fn bracketed(text: &str, last_colon: usize) -> Option<String> {
    let (head, port) = (&text[..last_colon], &text[last_colon + 1..]);
    if is_ipv6(head) && !port.is_empty() {
        Some(format!("[{head}]:{port}"))
    } else if is_ipv6(text) {
        Some(format!("[{text}]:PORT"))
    } else {
        None
    }
}

/// Whether a text is an IPv6 address, perhaps with a zone.
fn is_ipv6(text: &str) -> bool {
    let (address, _zone) = text.split_once('%').unwrap_or((text, ""));
    address.parse::<Ipv6Addr>().is_ok()
}

/// Reads a host: nothing, `*`, IPv4, bracketed IPv6, or a name.
fn parse_host(text: &str) -> Result<Host, Fault> {
    let whole = 0..text.len();
    if text.is_empty() || text == "*" {
        return Ok(Host::Any);
    }
    if let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return parse_ipv6(inside).map_err(|fault| fault.moved(1));
    }
    if let Ok(address) = text.parse() {
        return Ok(Host::V4(address));
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(Fault::new(whole, Problem::Ipv4, "four numbers from 0 to 255, such as 127.0.0.1"));
    }
    if let Some((at, bad)) = text.char_indices().find(|(_, character)| !is_of_a_name(*character)) {
        let hint = match bad {
            '@' => "a host alone: who calls has no place in an address",
            ':' => "a name has no colon; IPv6 is written in brackets",
            _ => "a name has no space, control character or any of /:[]?&#%=@*",
        };
        return Err(Fault::new(at..at + bad.len_utf8(), Problem::HostName, hint));
    }
    if text.len() > HOST_BYTES_MAX {
        return Err(Fault::new(whole, Problem::HostTooLong(text.len()), "a shorter name"));
    }
    Ok(Host::Name(text.into()))
}

/// Reads what is in brackets: an address, perhaps `%` and a zone.
fn parse_ipv6(text: &str) -> Result<Host, Fault> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (text, None),
    };
    let Ok(parsed) = address.parse() else {
        return Err(Fault::new(
            0..address.len(),
            Problem::Ipv6,
            "an address such as [::1] or [fe80::1%eth0]",
        ));
    };
    if let Some(zone) = zone
        && !((1..=INTERFACE_BYTES_MAX).contains(&zone.len()) && zone.chars().all(is_of_a_name))
    {
        let at = address.len() + 1;
        return Err(Fault::new(at..text.len(), Problem::Zone, "an interface, such as [fe80::1%eth0]"));
    }
    Ok(Host::V6 { address: parsed, zone: zone.map(Into::into) })
}

/// Whether a character may stand in a host name or zone: nothing that the grammar or a terminal would take.
fn is_of_a_name(character: char) -> bool {
    let is_reserved = "/:[]?&#%=@*".contains(character) || character.is_whitespace();
    !is_reserved && !character.is_control() && !is_format(character)
}

/// Whether a character shows nothing itself, but turns, joins or hides the text around it. Combining marks do
/// not count: the names of many scripts need them.
fn is_format(character: char) -> bool {
    // Behind another character, escape_debug escapes what is not printable and leaves marks as they are.
    let text = String::from_iter(['a', character]);
    !character.is_ascii() && text.escape_debug().count() > 2
}

/// Reads a port: a number or a service name.
fn parse_port(text: &str) -> Result<Port, Fault> {
    let whole = 0..text.len();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return match text.parse() {
            Ok(number) => Ok(Port::Number(number)),
            // Digits alone can only fail by being too large.
            Err(_) => Err(Fault::new(whole, Problem::PortTooLarge, "a number from 0 to 65535")),
        };
    }
    let is_service = text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte))
        && text.len() <= SERVICE_BYTES_MAX;
    if is_service {
        return Ok(Port::Service(text.into()));
    }
    match text.find('/') {
        Some(slash) if slash > 0 => {
            Err(Fault::new(slash..text.len(), Problem::Port, "nothing but ?OPTION follows the port"))
        }
        Some(_) | None => {
            Err(Fault::new(whole, Problem::Port, "a number from 0 to 65535, or a service name such as http"))
        }
    }
}
