//! A socket that was passed at exec: `fd:N`.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use address::Transport;
use rustix::net::{AddressFamily, SocketType, sockopt};

use crate::errno;

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

/// Whether it is a listening socket (`SO_ACCEPTCONN`).
pub(crate) fn is_listening(fd: impl AsFd) -> io::Result<bool> {
    Ok(sockopt::socket_acceptconn(fd)?)
}
