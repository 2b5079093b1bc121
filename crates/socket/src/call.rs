//! Every system call that this crate makes on a socket, in life order, each told to the tracer.
//!
//! socket(2), bind(2), listen(2), connect(2), accept4(2), getsockname(2), getpeername(2), close(2) here; options,
//! bytes and waiting in a file each. Nothing here decides anything: that is the callers' work. Arguments are
//! shown by their names, addresses as addresses, data by its first 32 bytes.

mod bytes;
mod file;
mod lookup;
mod messages;
mod option;
mod option_name;
mod text;
mod wait;

use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use address::{End, Shape, Transport};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, acceptfrom_with, ipproto, socket_with};

use crate::born::{Birth, Family};
use crate::open_socket::OpenSocket;
use crate::trace::{is_on, traced};
use crate::{SystemCall, sockaddr};

pub use messages::message_received;
pub use text::data;
pub use wait::{list, patience, poll};

pub(crate) use bytes::{
    duplicate_standard, pipe, read, receive, receive_from, receive_urgent, send, send_to, send_urgent,
    shutdown, splice, write,
};
pub(crate) use file::{
    attach_tun, lock, mkfifo, open, open_terminal, other_side, put_interface_up, set_exclusive,
    set_interface_address, set_terminal, set_window, symlink, terminal_settings, watch_for_writes,
};
pub(crate) use lookup::{look_up, lookup_reason, name_of, shows_look_up};
pub(crate) use messages::{receive_message, receive_messages, send_message, send_messages};
pub(crate) use option::{
    Value, fionbio, fionread, get_option, get_option_bytes, outq, pending_error, set_option,
    shows_get_option, shows_set_option,
};
pub(crate) use text::number;

use text::descriptor;

/// socket(2): close-on-exec and non-blocking from birth.
pub(crate) fn socket(birth: Birth) -> io::Result<OpenSocket> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (family, _) = kernel_family(birth.family);
    let (kind, _) = kernel_type(birth.transport);
    let (protocol, _) = kernel_protocol(birth);
    let fd = traced(
        SystemCall::Socket,
        || socket_with(family, kind, flags, protocol),
        || shows_socket(birth),
        descriptor,
    )?;
    Ok(OpenSocket::from(fd))
}

/// socket(2) for packets that are written whole, headers and all; nothing is received on it, raw(7).
pub(crate) fn raw_socket(is_v6: bool) -> io::Result<OpenSocket> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (family, shown) = match is_v6 {
        true => (AddressFamily::INET6, "AF_INET6"),
        false => (AddressFamily::INET, "AF_INET"),
    };
    let fd = traced(
        SystemCall::Socket,
        || socket_with(family, SocketType::RAW, flags, Some(ipproto::RAW)),
        || format!("{shown}, SOCK_RAW|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_RAW"),
        descriptor,
    )?;
    Ok(OpenSocket::from(fd))
}

/// bind(2). An end without a name lets the kernel choose one (autobind, unix(7)).
pub(crate) fn bind(fd: impl AsFd, local: &End) -> io::Result<()> {
    let make = || match local {
        End::Ip { address, .. } => Ok(rustix::net::bind(&fd, address)?),
        End::Path { path, .. } => Ok(rustix::net::bind(&fd, &sockaddr::from_path(path)?)?),
        End::Abstract { name, .. } => Ok(rustix::net::bind(&fd, &sockaddr::from_abstract(name)?)?),
        End::Unnamed(_) => Ok(rustix::net::bind(&fd, &rustix::net::SocketAddrUnix::new_unnamed())?),
        End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
            Err(io::Error::from(Errno::AFNOSUPPORT))
        }
    };
    traced(SystemCall::Bind, make, || shows_end(number(&fd), local), text::zero)
}

/// listen(2).
pub(crate) fn listen(fd: impl AsFd, backlog: i32) -> io::Result<()> {
    let make = || rustix::net::listen(&fd, backlog);
    traced(SystemCall::Listen, make, || shows_listen(number(&fd), backlog), text::zero)
}

/// connect(2).
pub(crate) fn connect(fd: impl AsFd, peer: &End) -> io::Result<()> {
    let make = || match peer {
        End::Ip { address, .. } => Ok(rustix::net::connect(&fd, address)?),
        End::Path { path, .. } => Ok(rustix::net::connect(&fd, &sockaddr::from_path(path)?)?),
        End::Abstract { name, .. } => Ok(rustix::net::connect(&fd, &sockaddr::from_abstract(name)?)?),
        End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
            Err(io::Error::from(Errno::AFNOSUPPORT))
        }
    };
    traced(SystemCall::Connect, make, || shows_end(number(&fd), peer), text::zero)
}

/// accept4(2): the caller's socket, close-on-exec and non-blocking, and who called.
#[inline]
pub(crate) fn accept(fd: impl AsFd, transport: Transport) -> io::Result<(OpenSocket, End)> {
    traced(
        SystemCall::Accept4,
        || {
            let (caller, from) = acceptfrom_with(&fd, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
            io::Result::Ok((OpenSocket::from(caller), sockaddr::end(from, transport)))
        },
        || format!("{}, SOCK_CLOEXEC|SOCK_NONBLOCK", number(&fd)),
        |(caller, from)| format!("{} from {from}", number(caller)),
    )
}

/// Another descriptor of the same socket (`F_DUPFD_CLOEXEC`).
pub(crate) fn duplicate(fd: impl AsFd) -> io::Result<OpenSocket> {
    let make = || fd.as_fd().try_clone_to_owned();
    let copy = traced(SystemCall::Dup, make, || number(&fd).to_string(), descriptor)?;
    Ok(OpenSocket::from(copy))
}

/// getsockname(2): our end.
pub(crate) fn local_end(fd: impl AsFd, transport: Transport) -> io::Result<End> {
    traced(
        SystemCall::Getsockname,
        || rustix::net::getsockname(&fd).map(|local| sockaddr::end(Some(local), transport)),
        || number(&fd).to_string(),
        ToString::to_string,
    )
}

/// getpeername(2): the other end of a connected socket.
pub(crate) fn peer_end(fd: impl AsFd, transport: Transport) -> io::Result<End> {
    traced(
        SystemCall::Getpeername,
        || rustix::net::getpeername(&fd).map(|peer| sockaddr::end(peer, transport)),
        || number(&fd).to_string(),
        ToString::to_string,
    )
}

/// close(2).
#[inline]
pub(crate) fn close(fd: OwnedFd) {
    if !is_on() {
        return drop(fd);
    }
    let number = number(&fd);
    // A failure is told and no more: the descriptor is gone in any case.
    let _ = traced(SystemCall::Close, || nix::unistd::close(fd), || number.to_string(), text::zero);
}

/// socket(2)'s arguments.
pub(crate) fn shows_socket(birth: Birth) -> String {
    let (_, family) = kernel_family(birth.family);
    let (_, kind) = kernel_type(birth.transport);
    let (_, protocol) = kernel_protocol(birth);
    format!("{family}, {kind}|SOCK_CLOEXEC|SOCK_NONBLOCK, {protocol}")
}

/// The arguments of bind(2) and connect(2).
pub(crate) fn shows_end(fd: impl Display, end: impl Display) -> String {
    format!("{fd}, {end}")
}

/// listen(2)'s arguments.
pub(crate) fn shows_listen(fd: impl Display, backlog: i32) -> String {
    format!("{fd}, {backlog}")
}

fn kernel_family(family: Family) -> (AddressFamily, &'static str) {
    match family {
        Family::V4 => (AddressFamily::INET, "AF_INET"),
        Family::V6 { .. } => (AddressFamily::INET6, "AF_INET6"),
        Family::Unix => (AddressFamily::UNIX, "AF_UNIX"),
    }
}

fn kernel_type(transport: Transport) -> (SocketType, &'static str) {
    match transport.shape() {
        Some(Shape::Stream) | None => (SocketType::STREAM, "SOCK_STREAM"),
        Some(Shape::Datagram) => (SocketType::DGRAM, "SOCK_DGRAM"),
        Some(Shape::SeqPacket) => (SocketType::SEQPACKET, "SOCK_SEQPACKET"),
    }
}

fn kernel_protocol(birth: Birth) -> (Option<Protocol>, &'static str) {
    match birth.transport.shape().filter(|_| birth.transport.is_ip()) {
        Some(Shape::Stream) if birth.multipath => (Some(ipproto::MPTCP), "IPPROTO_MPTCP"),
        Some(Shape::Stream) => (Some(ipproto::TCP), "IPPROTO_TCP"),
        Some(Shape::Datagram) => (Some(ipproto::UDP), "IPPROTO_UDP"),
        Some(Shape::SeqPacket) | None => (None, "0"),
    }
}
