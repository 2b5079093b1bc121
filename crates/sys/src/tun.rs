//! Network interfaces whose packets a program reads and writes: /dev/net/tun.
//!
//! Linux, Documentation/networking/tuntap.rst; netdevice(7), ipv6(7). Names have at most 15 bytes.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// Makes an open /dev/net/tun the program's side of the interface `name`, which is made where it is absent: each read and
/// write of it is one packet of IP. Returns the interface's name, in which the kernel replaces `%d` by a free number.
///
/// # Errors
///
/// `EPERM` without `CAP_NET_ADMIN`; `EBUSY` if another program has it; `EINVAL` for a name that another kind of interface
/// has, or that none can have.
pub fn attach_tun(tun: impl AsFd, name: &str) -> io::Result<String> {
    let mut request = request_for(name)?;
    let flags = libc::IFF_TUN | libc::IFF_NO_PI;
    request.ifr_ifru.ifru_flags = flags as libc::c_short; // both are below 2^15
    // SAFETY: TUNSETIFF reads and writes one `ifreq`.
    let answer = unsafe { libc::ioctl(tun.as_fd().as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    done(answer)?;
    let name: Vec<u8> =
        request.ifr_name.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0).collect();
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// Gives the interface `name` an address in a network of that prefix, as far as `SIOCSIFADDR` goes: one of IPv4 replaces
/// the one that is there, one of IPv6 is added.
///
/// # Errors
///
/// `EPERM` without `CAP_NET_ADMIN`; `ENODEV`; `EINVAL` for a prefix that is too long.
pub fn set_interface_address(name: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    let mut request = request_for(name)?;
    match address {
        IpAddr::V4(address) => {
            let socket = datagram_socket(libc::AF_INET)?;
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            let settings = [(libc::SIOCSIFADDR, address.to_bits()), (libc::SIOCSIFNETMASK, mask)];
            for (call, bits) in settings {
                request.ifr_ifru.ifru_addr = in_sockaddr(bits);
                // SAFETY: SIOCSIFADDR and SIOCSIFNETMASK read one `ifreq`.
                done(unsafe { libc::ioctl(socket.as_raw_fd(), call, &raw mut request) })?;
            }
            Ok(())
        }
        IpAddr::V6(address) => {
            let socket = datagram_socket(libc::AF_INET6)?;
            // SAFETY: SIOCGIFINDEX writes the index into one `ifreq`.
            done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFINDEX, &raw mut request) })?;
            // SAFETY: the call has just written this member of the union.
            let index = unsafe { request.ifr_ifru.ifru_ifindex };
            let mut request = libc::in6_ifreq {
                ifr6_addr: libc::in6_addr { s6_addr: address.octets() },
                ifr6_prefixlen: prefix.into(),
                ifr6_ifindex: index,
            };
            // SAFETY: on a socket of IPv6, SIOCSIFADDR reads one `in6_ifreq`.
            done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFADDR, &raw mut request) })
        }
    }
}

/// Puts the interface `name` into use (`IFF_UP`).
///
/// # Errors
///
/// `EPERM` without `CAP_NET_ADMIN`; `ENODEV`.
pub fn put_interface_up(name: &str) -> io::Result<()> {
    let socket = datagram_socket(libc::AF_INET)?;
    let mut request = request_for(name)?;
    // SAFETY: SIOCGIFFLAGS writes the flags into one `ifreq`.
    done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
    // SAFETY: the call has just written this member of the union.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | libc::IFF_UP as libc::c_short; // it is 1
    // SAFETY: SIOCSIFFLAGS reads one `ifreq`.
    done(unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw mut request) })
}

fn done(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Any socket of a family: netdevice(7) asks for one.
fn datagram_socket(family: libc::c_int) -> io::Result<OwnedFd> {
    let (family, kind) = (rustix::net::AddressFamily::from_raw(family as _), rustix::net::SocketType::DGRAM);
    Ok(rustix::net::socket_with(family, kind, rustix::net::SocketFlags::CLOEXEC, None)?)
}

fn request_for(name: &str) -> io::Result<libc::ifreq> {
    if name.len() >= libc::IFNAMSIZ || name.contains('\0') {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut ifr_name = [0; libc::IFNAMSIZ];
    for (to, from) in ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    Ok(libc::ifreq { ifr_name, ifr_ifru: NOTHING })
}

const NOTHING: libc::__c_anonymous_ifr_ifru =
    libc::__c_anonymous_ifr_ifru { ifru_newname: [0; libc::IFNAMSIZ] };

/// `struct sockaddr_in` in its first 8 bytes: the family, a port of 0, the address in network order.
fn in_sockaddr(bits: u32) -> libc::sockaddr {
    let mut sa_data = [0; 14];
    for (to, from) in sa_data[2..6].iter_mut().zip(bits.to_be_bytes()) {
        *to = from.cast_signed();
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data } // it is 2
}
