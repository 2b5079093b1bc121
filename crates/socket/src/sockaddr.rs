//! Kernel socket addresses to and from ends, ip(7) and unix(7).

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use address::{End, Transport};
use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

use crate::errno;

/// The end that the kernel told; one without a name, and one of a family we do not speak, is unnamed.
pub(crate) fn end(address: Option<SocketAddrAny>, transport: Transport) -> End {
    let Some(address) = address else { return End::Unnamed(transport) };
    if let Some(address) = ip(&address) {
        return End::Ip { transport, address };
    }
    match unix(address) {
        Some(UnixName::Path(path)) => End::Path { transport, path },
        Some(UnixName::Abstract(name)) => End::Abstract { transport, name },
        None => End::Unnamed(transport),
    }
}

/// The IP address and port, if it is of an IP family.
pub(crate) fn ip(address: &SocketAddrAny) -> Option<SocketAddr> {
    SocketAddr::try_from(address.clone()).ok()
}

/// The name of a Unix socket.
pub(crate) enum UnixName {
    /// In the file system, without the closing NUL.
    Path(Box<[u8]>),
    /// In the abstract name space, without the leading NUL.
    Abstract(Box<[u8]>),
}

/// The name, if it is a Unix address that has one.
pub(crate) fn unix(address: SocketAddrAny) -> Option<UnixName> {
    if address.address_family() != AddressFamily::UNIX {
        return None;
    }
    let address = SocketAddrUnix::try_from(address).ok()?;
    // A socket that was never bound is told as one with no name at all.
    if let Some(name) = address.abstract_name() {
        return (!name.is_empty()).then(|| UnixName::Abstract(name.into()));
    }
    address.path_bytes().map(|path| UnixName::Path(path.into()))
}

/// A path as the kernel takes it; `EINVAL` with a NUL in it, `ENAMETOOLONG` past 107 bytes.
pub(crate) fn from_path(path: &[u8]) -> io::Result<SocketAddrUnix> {
    if path.is_empty() {
        return Err(errno::raw(libc::ENOENT));
    }
    Ok(SocketAddrUnix::new(path)?)
}

/// An abstract name as the kernel takes it; `ENAMETOOLONG` past 107 bytes.
pub(crate) fn from_abstract(name: &[u8]) -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new_abstract_name(name)?)
}

/// `struct sockaddr_in` or `struct sockaddr_in6`, as bytes.
#[derive(Clone, Copy)]
pub(crate) struct RawSockaddr {
    bytes: [u8; size_of::<libc::sockaddr_in6>()],
    length: usize,
}

impl RawSockaddr {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// ip(7): family, port, address. ipv6(7): family, port, flow, address, scope.
pub(crate) fn to_raw(address: SocketAddr) -> RawSockaddr {
    let mut raw = RawSockaddr { bytes: [0; size_of::<libc::sockaddr_in6>()], length: 0 };
    let mut put = |bytes: &[u8]| {
        raw.bytes[raw.length..raw.length + bytes.len()].copy_from_slice(bytes);
        raw.length += bytes.len();
    };
    match address {
        SocketAddr::V4(v4) => {
            put(&(libc::AF_INET as u16).to_ne_bytes());
            put(&v4.port().to_be_bytes());
            put(&v4.ip().octets());
            put(&[0; 8]);
        }
        SocketAddr::V6(v6) => {
            put(&(libc::AF_INET6 as u16).to_ne_bytes());
            put(&v6.port().to_be_bytes());
            put(&v6.flowinfo().to_be_bytes());
            put(&v6.ip().octets());
            put(&v6.scope_id().to_ne_bytes());
        }
    }
    raw
}

/// The IP address and port, if it is of an IP family.
pub(crate) fn from_raw(bytes: &[u8]) -> Option<SocketAddr> {
    let (family, rest) = bytes.split_first_chunk()?;
    let (port, rest) = rest.split_first_chunk()?;
    let (family, port) = (u16::from_ne_bytes(*family), u16::from_be_bytes(*port));
    if i32::from(family) == libc::AF_INET {
        let ip = rest.first_chunk::<4>()?;
        return Some(SocketAddr::from((Ipv4Addr::from(*ip), port)));
    }
    if i32::from(family) == libc::AF_INET6 {
        let (flow, rest) = rest.split_first_chunk()?;
        let (ip, scope) = rest.split_first_chunk::<16>()?;
        let (flow, scope) = (u32::from_be_bytes(*flow), u32::from_ne_bytes(*scope.first_chunk()?));
        return Some(SocketAddrV6::new(Ipv6Addr::from(*ip), port, flow, scope).into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_comes_back_as_it_was_given() {
        for text in ["127.0.0.1:7", "255.1.2.3:65535", "[::1]:80", "[2001:db8::1]:0"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(from_raw(to_raw(address).bytes()), Some(address));
        }
        let zoned = SocketAddr::from(SocketAddrV6::new("fe80::1".parse().unwrap(), 9, 5, 3));
        let raw = to_raw(zoned);
        assert_eq!(from_raw(raw.bytes()), Some(zoned));
        assert!((0..raw.bytes().len()).all(|length| from_raw(&raw.bytes()[..length]).is_none()));
    }
}
