//! A socket that was passed at exec: `fd:N`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use address::{Shape, Transport};
use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::born::Family;
use crate::errno;

/// A socket that was passed at exec: what it carries, and what one can do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Inherited {
    /// It listens: callers are to be accepted.
    Listening(Transport),
    /// It hears datagrams from anybody.
    Hearing(Transport),
    /// It is connected to one peer.
    Connected(Transport),
}

impl Inherited {
    /// Looks at descriptor `number` (`fd:N` in an address), which stays to be taken.
    ///
    /// # Errors
    ///
    /// `EBADF` if there is none, `ENOTSOCK` if it is no socket; and what [`sys::take_inherited`] says.
    pub fn look_at(number: u32) -> io::Result<Inherited> {
        sys::look_at_inherited(number, |fd| {
            let transport = transport_of(fd)?;
            if is_listening(fd)? {
                return Ok(Inherited::Listening(transport));
            }
            let has_no_peer = rustix::net::getpeername(fd) == Err(rustix::io::Errno::NOTCONN);
            let hears = transport.shape() == Some(Shape::Datagram) && has_no_peer;
            Ok(if hears { Inherited::Hearing(transport) } else { Inherited::Connected(transport) })
        })?
    }

    /// What carries the bytes.
    #[must_use]
    pub fn transport(self) -> Transport {
        match self {
            Inherited::Listening(transport)
            | Inherited::Hearing(transport)
            | Inherited::Connected(transport) => transport,
        }
    }
}

/// Takes over descriptor `number` and says which transport it is.
///
/// `ENOTSOCK` if it is no socket; and what [`sys::take_inherited`] says.
pub(crate) fn adopt(number: u32) -> io::Result<(OwnedFd, Transport)> {
    let fd = sys::take_inherited(number)?;
    let transport = transport_of(&fd)?;
    Ok((fd, transport))
}

/// The transport of an open socket, by `SO_DOMAIN` and `SO_TYPE`, socket(7).
pub(crate) fn transport_of(fd: impl AsFd) -> io::Result<Transport> {
    let kind = (sockopt::socket_domain(&fd)?, sockopt::socket_type(&fd)?);
    match kind {
        (AddressFamily::INET | AddressFamily::INET6, SocketType::STREAM) => Ok(Transport::Tcp),
        (AddressFamily::INET | AddressFamily::INET6, SocketType::DGRAM) => Ok(Transport::Udp),
        (AddressFamily::UNIX, SocketType::STREAM) => Ok(Transport::Unix),
        (AddressFamily::UNIX, SocketType::DGRAM) => Ok(Transport::UnixDgram),
        (AddressFamily::UNIX, SocketType::SEQPACKET) => Ok(Transport::UnixSeqpacket),
        _ => Err(errno::raw(libc::EPROTONOSUPPORT)),
    }
}

/// The family of an open socket; one of IPv6 speaks IPv4 too unless it was told otherwise (`IPV6_V6ONLY`).
pub(crate) fn family_of(fd: impl AsFd) -> io::Result<Family> {
    match sockopt::socket_domain(&fd)? {
        AddressFamily::INET => Ok(Family::V4),
        AddressFamily::INET6 => Ok(Family::V6 { dual: !sockopt::ipv6_v6only(&fd)? }),
        AddressFamily::UNIX => Ok(Family::Unix),
        _ => Err(errno::raw(libc::EPROTONOSUPPORT)),
    }
}

/// Whether it is a listening socket (`SO_ACCEPTCONN`).
pub(crate) fn is_listening(fd: impl AsFd) -> io::Result<bool> {
    Ok(sockopt::socket_acceptconn(fd)?)
}
