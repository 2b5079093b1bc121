//! socket(2): every socket is born here, close-on-exec and non-blocking.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use address::{OptionKey, Options, Transport};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto, socket_with};

/// The kernel's address family of a socket, and what of it options must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// `AF_INET`.
    V4,
    /// `AF_INET6`. `dual`: it speaks IPv4 too (`IPV6_V6ONLY` off), by mapped addresses.
    V6 {
        /// Whether it speaks IPv4 too.
        dual: bool,
    },
    /// `AF_UNIX`.
    Unix,
}

impl Family {
    /// The family that an address is of; a socket that only calls it is not dual.
    pub(crate) fn of(address: &SocketAddr) -> Family {
        match address {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(_) => Family::V6 { dual: false },
        }
    }

    fn kernel(self) -> AddressFamily {
        match self {
            Family::V4 => AddressFamily::INET,
            Family::V6 { .. } => AddressFamily::INET6,
            Family::Unix => AddressFamily::UNIX,
        }
    }
}

/// A socket of that family for that transport. `mptcp` chooses `IPPROTO_MPTCP`.
///
/// `V6ONLY` is set to what the family says, whatever `net.ipv6.bindv6only` is.
pub(crate) fn socket(family: Family, transport: Transport, options: &Options) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(family.kernel(), kernel_type(transport), flags, protocol(transport, options))?;
    if let Family::V6 { dual } = family {
        rustix::net::sockopt::set_ipv6_v6only(&fd, !dual)?;
    }
    Ok(fd)
}

fn kernel_type(transport: Transport) -> SocketType {
    match transport {
        Transport::Tcp | Transport::Unix | Transport::Standard | Transport::Descriptor => SocketType::STREAM,
        Transport::Udp | Transport::UnixDgram => SocketType::DGRAM,
        Transport::UnixSeqpacket => SocketType::SEQPACKET,
    }
}

fn protocol(transport: Transport, options: &Options) -> Option<Protocol> {
    let multipath = options.flag(OptionKey::Mptcp) == Some(true);
    (transport == Transport::Tcp && multipath).then_some(ipproto::MPTCP)
}
