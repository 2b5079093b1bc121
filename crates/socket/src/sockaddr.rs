//! Kernel socket addresses to and from ends, ip(7) and unix(7).

use std::io;
use std::net::SocketAddr;

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
