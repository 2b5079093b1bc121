//! Which kinds of sockets this kernel makes for this user.
//!
//! socket(2), address_families(7): each row is tried, and bound to loopback where it has one.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::ipproto::{ICMP, MPTCP, SCTP, UDPLITE};
use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, bind, socket_with};

use super::finding::{Finding, State};

/// One kind of socket, and what may be missing.
struct Row {
    name: &'static str,
    family: AddressFamily,
    kind: SocketType,
    protocol: Option<Protocol>,
    /// A loopback address that it can be bound to.
    loopback: Option<SocketAddr>,
    /// What it is for.
    what: &'static str,
    /// How a kernel without it gets it.
    missing: &'static str,
}

const V4: Option<SocketAddr> = Some(SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
const V6: Option<SocketAddr> = Some(SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::LOCALHOST), 0));

/// What a kind of socket is for that no scheme stands for.
const UNUSED: &str = "no scheme of swb's yet";

const INET6_MISSING: &str = "`modprobe ipv6`, and no ipv6.disable=1 on the kernel's command line";
const UNIX_MISSING: &str = "a kernel with CONFIG_UNIX, and a sandbox that allows AF_UNIX";
const INET_MISSING: &str = "a kernel with CONFIG_INET, and a sandbox that allows AF_INET";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row { name: "tcp over IPv4", family: AddressFamily::INET, kind: SocketType::STREAM, protocol: None, loopback: V4,
        what: "scheme tcp", missing: INET_MISSING },
    Row { name: "tcp over IPv6", family: AddressFamily::INET6, kind: SocketType::STREAM, protocol: None, loopback: V6,
        what: "scheme tcp", missing: INET6_MISSING },
    Row { name: "udp over IPv4", family: AddressFamily::INET, kind: SocketType::DGRAM, protocol: None, loopback: V4,
        what: "scheme udp", missing: INET_MISSING },
    Row { name: "udp over IPv6", family: AddressFamily::INET6, kind: SocketType::DGRAM, protocol: None, loopback: V6,
        what: "scheme udp", missing: INET6_MISSING },
    Row { name: "unix", family: AddressFamily::UNIX, kind: SocketType::STREAM, protocol: None, loopback: None,
        what: "scheme unix", missing: UNIX_MISSING },
    Row { name: "unix-dgram", family: AddressFamily::UNIX, kind: SocketType::DGRAM, protocol: None, loopback: None,
        what: "scheme unix-dgram", missing: UNIX_MISSING },
    Row { name: "unix-seqpacket", family: AddressFamily::UNIX, kind: SocketType::SEQPACKET, protocol: None, loopback: None,
        what: "scheme unix-seqpacket", missing: UNIX_MISSING },
    Row { name: "mptcp", family: AddressFamily::INET, kind: SocketType::STREAM, protocol: Some(MPTCP), loopback: V4,
        what: "option mptcp", missing: "`sysctl -w net.mptcp.enabled=1` as root, or a kernel with CONFIG_MPTCP" },
    Row { name: "sctp", family: AddressFamily::INET, kind: SocketType::STREAM, protocol: Some(SCTP), loopback: V4,
        what: UNUSED, missing: "`modprobe sctp` as root, or a kernel with CONFIG_IP_SCTP" },
    Row { name: "udplite", family: AddressFamily::INET, kind: SocketType::DGRAM, protocol: Some(UDPLITE), loopback: V4,
        what: UNUSED, missing: "a kernel that still has UDP-Lite" },
    Row { name: "vsock", family: AddressFamily::VSOCK, kind: SocketType::STREAM, protocol: None, loopback: None,
        what: UNUSED, missing: "`modprobe vsock_loopback` as root, or a kernel with CONFIG_VSOCKETS" },
    Row { name: "bluetooth", family: AddressFamily::BLUETOOTH, kind: SocketType::RAW, protocol: None, loopback: None,
        what: UNUSED, missing: "`modprobe bluetooth` as root, or a kernel with CONFIG_BT" },
    Row { name: "raw", family: AddressFamily::INET, kind: SocketType::RAW, protocol: Some(ICMP), loopback: None,
        what: UNUSED, missing: INET_MISSING },
    Row { name: "packet", family: AddressFamily::PACKET, kind: SocketType::DGRAM, protocol: None, loopback: None,
        what: UNUSED, missing: "`modprobe af_packet` as root, or a kernel with CONFIG_PACKET" },
];

pub(super) fn findings() -> Vec<Finding> {
    ROWS.iter().map(examine).collect()
}

fn examine(row: &Row) -> Finding {
    let (state, says, errno, change) = match tried(row) {
        Ok(()) => (State::Yes, format!("can be had, for {}", row.what), None, None),
        Err(Failed::Making(errno)) => {
            let says = format!("cannot be made: {}", described(errno));
            (State::No, says, Some(errno), Some(refused(row, errno)))
        }
        Err(Failed::Binding(errno)) => {
            let says = format!("can be made, but not bound to loopback: {}", described(errno));
            (State::Limited, says, Some(errno), Some(unbound(row)))
        }
    };
    let bound = match (state, row.loopback) {
        (State::Yes | State::Limited, Some(loopback)) => format!(", bind(2) to {}", loopback.ip()),
        (State::No, _) | (_, None) => String::new(),
    };
    let errno = errno.and_then(|errno| u64::try_from(errno.raw_os_error()).ok());
    Finding {
        name: row.name,
        state,
        says,
        values: vec![("purpose", row.what.into()), ("errno", errno.into())],
        found_by: format!("socket(2){bound}"),
        change,
    }
}

/// The call that failed.
enum Failed {
    Making(Errno),
    Binding(Errno),
}

/// Makes one, binds it, and lets it go.
fn tried(row: &Row) -> Result<(), Failed> {
    let socket =
        socket_with(row.family, row.kind, SocketFlags::CLOEXEC, row.protocol).map_err(Failed::Making)?;
    match row.loopback {
        Some(loopback) => bind(&socket, &loopback).map_err(Failed::Binding),
        None => Ok(()),
    }
}

/// What would make socket(2) give one.
fn refused(row: &Row, errno: Errno) -> String {
    match errno {
        Errno::PERM | Errno::ACCESS if row.needs_raw() => "the capability CAP_NET_RAW: run as root, or \
            `setcap cap_net_raw+ep` on the program"
            .to_owned(),
        Errno::PERM | Errno::ACCESS => "a sandbox (seccomp, container, LSM) that allows it".to_owned(),
        Errno::MFILE | Errno::NFILE => "more descriptors: `ulimit -n`".to_owned(),
        _ => row.missing.to_owned(),
    }
}

/// What would give the host the loopback address.
fn unbound(row: &Row) -> String {
    match row.loopback {
        Some(SocketAddr::V6(_)) => {
            "`sysctl -w net.ipv6.conf.all.disable_ipv6=0` and `ip link set lo up` as root".to_owned()
        }
        Some(SocketAddr::V4(_)) | None => "`ip link set lo up` as root".to_owned(),
    }
}

impl Row {
    /// Whether it goes round the kernel's protocols, which is not for everyone: raw(7), packet(7).
    fn needs_raw(&self) -> bool {
        self.kind == SocketType::RAW || self.family == AddressFamily::PACKET
    }
}

fn described(errno: Errno) -> String {
    sys::describe(&errno.into())
}
