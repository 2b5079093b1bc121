//! A socket that was passed at exec: `fd:N`.

use std::io;
use std::os::fd::AsFd;

use address::{Shape, Transport};

use crate::born::Family;
use crate::open_socket::OpenSocket;
use crate::{call, errno};

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
            let peer = call::peer_end(fd, transport);
            let has_no_peer = peer.is_err_and(|error| errno::is(&error, libc::ENOTCONN));
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
pub(crate) fn adopt(number: u32) -> io::Result<(OpenSocket, Transport)> {
    let fd = OpenSocket::from(sys::take_inherited(number)?);
    let transport = transport_of(&fd)?;
    Ok((fd, transport))
}

/// The transport of an open socket, by `SO_DOMAIN` and `SO_TYPE`, socket(7).
pub(crate) fn transport_of(fd: impl AsFd) -> io::Result<Transport> {
    let kind = (option(&fd, libc::SO_DOMAIN)?, option(&fd, libc::SO_TYPE)?);
    match kind {
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_STREAM) => Ok(Transport::Tcp),
        (libc::AF_INET | libc::AF_INET6, libc::SOCK_DGRAM) => Ok(Transport::Udp),
        (libc::AF_UNIX, libc::SOCK_STREAM) => Ok(Transport::Unix),
        (libc::AF_UNIX, libc::SOCK_DGRAM) => Ok(Transport::UnixDgram),
        (libc::AF_UNIX, libc::SOCK_SEQPACKET) => Ok(Transport::UnixSeqpacket),
        _ => Err(errno::raw(libc::EPROTONOSUPPORT)),
    }
}

/// The family of an open socket; one of IPv6 speaks IPv4 too unless it was told otherwise (`IPV6_V6ONLY`).
pub(crate) fn family_of(fd: impl AsFd) -> io::Result<Family> {
    match option(&fd, libc::SO_DOMAIN)? {
        libc::AF_INET => Ok(Family::V4),
        libc::AF_INET6 => {
            let only_v6 = call::get_option(&fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)? != 0;
            Ok(Family::V6 { dual: !only_v6 })
        }
        libc::AF_UNIX => Ok(Family::Unix),
        _ => Err(errno::raw(libc::EPROTONOSUPPORT)),
    }
}

/// Whether it is a listening socket (`SO_ACCEPTCONN`).
pub(crate) fn is_listening(fd: impl AsFd) -> io::Result<bool> {
    Ok(option(fd, libc::SO_ACCEPTCONN)? != 0)
}

/// An option of socket(7).
fn option(fd: impl AsFd, name: i32) -> io::Result<i32> {
    call::get_option(fd, libc::SOL_SOCKET, name)
}
