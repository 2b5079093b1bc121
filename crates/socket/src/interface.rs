//! Network interfaces by name or address, and what multicast needs of them.
//!
//! if_nametoindex(3), getifaddrs(3); `IP_MULTICAST_IF`, `IP_ADD_MEMBERSHIP` (ip(7)), and IPv6's (RFC 3493).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsFd;

use rustix::net::sockopt;

use crate::{errno, sockaddr};

/// Multicast leaves by the interface that has this name or this address; `level` says of which family.
pub(crate) fn send_multicast_by(fd: impl AsFd, level: i32, interface: &str) -> io::Result<()> {
    let index = interface_index(interface)?;
    if level == libc::IPPROTO_IPV6 {
        return Ok(sockopt::set_ipv6_multicast_if(fd, index)?);
    }
    let any = Ipv4Addr::UNSPECIFIED;
    Ok(sockopt::set_ip_multicast_if_with_ifindex(fd, &any, &any, index)?)
}

/// Joins on the interface named, or on the one that the routing table has for the group.
pub(crate) fn join(fd: impl AsFd, group: IpAddr, interface: Option<&str>) -> io::Result<()> {
    let index = interface.map_or(Ok(0), interface_index)?;
    match group {
        IpAddr::V4(group) => {
            let any = Ipv4Addr::UNSPECIFIED;
            Ok(sockopt::set_ip_add_membership_with_ifindex(fd, &group, &any, index)?)
        }
        IpAddr::V6(group) => Ok(sockopt::set_ipv6_add_membership(fd, &group, index)?),
    }
}

/// Joins for what one host sends, on the interface named, or on the one that the routing table has for the group.
///
/// RFC 3678 section 5.1.1, `struct group_source_req`: the interface, then two `struct sockaddr_storage`, aligned.
pub(crate) fn join_source(
    fd: impl AsFd,
    level: i32,
    group: IpAddr,
    source: IpAddr,
    interface: Option<&str>,
) -> io::Result<()> {
    const FIRST: usize = align_of::<libc::sockaddr_storage>();
    const EACH: usize = size_of::<libc::sockaddr_storage>();
    let index = interface.map_or(Ok(0), interface_index)?;
    let mut request = [0; FIRST + 2 * EACH];
    request[..4].copy_from_slice(&index.to_ne_bytes());
    for (number, host) in [group, source].into_iter().enumerate() {
        let host = sockaddr::to_raw(SocketAddr::new(host, 0));
        let place = FIRST + number * EACH;
        request[place..place + host.bytes().len()].copy_from_slice(host.bytes());
    }
    sys::option::set_bytes(fd, level, libc::MCAST_JOIN_SOURCE_GROUP, &request)
}

/// Whether it is the address at which all hosts of a network are reached.
pub(crate) fn is_broadcast(address: Ipv4Addr) -> bool {
    let of_this_host = || {
        nix::ifaddrs::getifaddrs().is_ok_and(|mut all| {
            all.any(|interface| {
                let broadcast = interface.broadcast.as_ref().and_then(|address| address.as_sockaddr_in());
                broadcast.is_some_and(|broadcast| broadcast.ip() == address)
            })
        })
    };
    address.is_broadcast() || !address.is_loopback() && !address.is_unspecified() && of_this_host()
}

/// An interface by its name, by one of its addresses, or by its index.
fn interface_index(interface: &str) -> io::Result<u32> {
    if let Ok(index) = interface.parse() {
        return Ok(index);
    }
    let name = match interface.parse::<IpAddr>() {
        Ok(address) => interface_with(address)?,
        Err(_) => interface.to_owned(),
    };
    Ok(nix::net::if_::if_nametoindex(name.as_str())?)
}

fn interface_with(address: IpAddr) -> io::Result<String> {
    nix::ifaddrs::getifaddrs()?
        .find(|interface| {
            let of_interface = interface.address.as_ref();
            let v4 = of_interface.and_then(|address| address.as_sockaddr_in()).map(|v4| IpAddr::V4(v4.ip()));
            let v6 = of_interface.and_then(|address| address.as_sockaddr_in6()).map(|v6| IpAddr::V6(v6.ip()));
            v4.or(v6) == Some(address)
        })
        .map(|interface| interface.interface_name)
        .ok_or_else(|| errno::raw(libc::ENODEV))
}
