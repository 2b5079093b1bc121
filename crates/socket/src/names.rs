//! getnameinfo(3): addresses back to names.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use address::Transport;
use dns_lookup::LookupErrorKind;

use crate::call;

/// The name of the host at `ip` (`NI_NAMEREQD`); `None` where it has no name. May wait for the resolver.
///
/// # Errors
///
/// A failure of the resolver itself: no server answers, for example.
pub fn reverse_name(ip: SocketAddr) -> io::Result<Option<String>> {
    let asked = SocketAddr::new(ip.ip().to_canonical(), ip.port());
    match call::name_of(&asked, libc::NI_NAMEREQD | libc::NI_NUMERICSERV) {
        Ok((host, _)) => Ok(Some(host)),
        Err(error) if matches!(error.kind(), LookupErrorKind::NoName | LookupErrorKind::NoData) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The name of a port's service (`http` for 80) in services(5); `None` where it has no name.
#[must_use]
pub fn service_name(port: u16, transport: Transport) -> Option<String> {
    let datagrams = if transport == Transport::Udp { libc::NI_DGRAM } else { 0 };
    let somewhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let (_, service) = call::name_of(&somewhere, libc::NI_NUMERICHOST | datagrams).ok()?;
    // A port without a name comes back as its number.
    (service.parse::<u16>().is_err()).then_some(service)
}
