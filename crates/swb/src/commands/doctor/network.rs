//! What the network settings allow: ports, backlog, ping, buffers.
//!
//! ip(7), tcp(7), socket(7), icmp(7), unix(7), listen(2). These belong to the network namespace, so that a container
//! may have its own.

use std::net::{Ipv4Addr, SocketAddrV4};

use rustix::io::Errno;
use rustix::net::ipproto::ICMP;
use rustix::net::sockopt::{
    set_socket_recv_buffer_size, set_socket_send_buffer_size, socket_recv_buffer_size,
    socket_send_buffer_size,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::thread::CapabilitySet;

use super::facts::{has, sysctl, sysctl_number, sysctl_numbers};
use super::finding::{Finding, State};

/// Callers who may wait to be answered before a burst of them is turned away.
const BACKLOG_COMFORTABLE: u64 = 1024;

pub(super) fn findings() -> Vec<Finding> {
    vec![
        privileged_ports(),
        ephemeral_ports(),
        backlog(),
        unix_backlog(),
        ping(),
        buffer(&RECEIVE),
        buffer(&SEND),
        congestion(),
    ]
}

/// The lowest port is bound for a moment and never listened on.
fn privileged_ports() -> Finding {
    let start = sysctl_number("net.ipv4.ip_unprivileged_port_start");
    let capable = has(CapabilitySet::NET_BIND_SERVICE);
    let bound = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .and_then(|socket| bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1)));
    let free_from = start.unwrap_or(1024);
    let (state, says, change) = match bound {
        // In use is as good: who may not have a port is told that first.
        Ok(()) | Err(Errno::ADDRINUSE) => (State::Yes, "every port may be listened on".to_owned(), None),
        Err(errno) => (
            State::Limited,
            format!("ports from {free_from} may be listened on; port 1: {}", sys::describe(&errno.into())),
            Some(
                "`setcap cap_net_bind_service+ep` on the program, AmbientCapabilities=CAP_NET_BIND_SERVICE in the systemd \
                 unit, or `sysctl -w net.ipv4.ip_unprivileged_port_start=N` as root"
                    .to_owned(),
            ),
        ),
    };
    Finding {
        name: "privileged ports",
        state,
        says,
        values: vec![("unprivileged_port_start", start.into()), ("capability", capable.into())],
        found_by: "bind(2) to 127.0.0.1:1, capget(2) CAP_NET_BIND_SERVICE, sysctl net.ipv4.ip_unprivileged_port_start"
            .to_owned(),
        change,
    }
}

fn ephemeral_ports() -> Finding {
    let range = sysctl_numbers("net.ipv4.ip_local_port_range");
    let (low, high) = (range.first().copied(), range.get(1).copied());
    let says = match (low, high) {
        (Some(low), Some(high)) => format!(
            "{low} to {high}: {} calls from one of our addresses to one address and port",
            (high + 1).saturating_sub(low)
        ),
        (_, _) => "unknown".to_owned(),
    };
    Finding {
        name: "ephemeral ports",
        state: State::Yes,
        says,
        values: vec![("low", low.into()), ("high", high.into())],
        found_by: "sysctl net.ipv4.ip_local_port_range".to_owned(),
        change: Some("`sysctl -w net.ipv4.ip_local_port_range='LOW HIGH'` as root".to_owned()),
    }
}

fn backlog() -> Finding {
    let most = sysctl_number("net.core.somaxconn");
    let opening = sysctl_number("net.ipv4.tcp_max_syn_backlog");
    Finding {
        name: "somaxconn",
        state: if most.is_some_and(|most| most < BACKLOG_COMFORTABLE) { State::Limited } else { State::Yes },
        says: match most {
            Some(most) => format!("{most} callers at most wait to be answered, whatever --backlog asks for"),
            None => "unknown: the kernel does not say".to_owned(),
        },
        values: vec![("somaxconn", most.into()), ("tcp_max_syn_backlog", opening.into())],
        found_by: "sysctl net.core.somaxconn".to_owned(),
        change: Some("`sysctl -w net.core.somaxconn=N` as root, before the server starts".to_owned()),
    }
}

fn unix_backlog() -> Finding {
    let most = sysctl_number("net.unix.max_dgram_qlen");
    Finding {
        name: "max_dgram_qlen",
        state: State::Yes,
        says: match most {
            Some(most) => format!("about {most} unread messages make a sender over unix-dgram wait"),
            None => "unknown: the kernel does not say".to_owned(),
        },
        values: vec![("max_dgram_qlen", most.into())],
        found_by: "sysctl net.unix.max_dgram_qlen".to_owned(),
        change: Some("`sysctl -w net.unix.max_dgram_qlen=N` as root, before the socket is made".to_owned()),
    }
}

/// Echo requests without privilege, icmp(7).
fn ping() -> Finding {
    let range = sysctl("net.ipv4.ping_group_range");
    let made = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(ICMP));
    let (state, says, change) = match made {
        Ok(_) => (State::Yes, "echo requests can be sent without privilege".to_owned(), None),
        Err(errno) => (
            State::No,
            format!("echo requests need privilege: {}", sys::describe(&errno.into())),
            Some("`sysctl -w net.ipv4.ping_group_range='0 2147483647'` as root (for all groups)".to_owned()),
        ),
    };
    let numbers = range.as_deref().unwrap_or("unknown").split_whitespace().collect::<Vec<_>>().join(" to ");
    Finding {
        name: "ping_group_range",
        state,
        says: format!("{says}; the range of groups that may is {numbers}"),
        values: vec![("ping_group_range", range.into())],
        found_by: "socket(2) AF_INET SOCK_DGRAM IPPROTO_ICMP, sysctl net.ipv4.ping_group_range".to_owned(),
        change,
    }
}

/// One direction's buffer.
struct Buffer {
    name: &'static str,
    option: &'static str,
    kernel: &'static str,
    sysctl: &'static str,
    tcp: &'static str,
    set: fn(&std::os::fd::OwnedFd, usize) -> rustix::io::Result<()>,
    get: fn(&std::os::fd::OwnedFd) -> rustix::io::Result<usize>,
}

const RECEIVE: Buffer = Buffer {
    name: "receive buffer",
    option: "rcvbuf",
    kernel: "SO_RCVBUF",
    sysctl: "net.core.rmem_max",
    tcp: "net.ipv4.tcp_rmem",
    set: |socket, bytes| set_socket_recv_buffer_size(socket, bytes),
    get: |socket| socket_recv_buffer_size(socket),
};

const SEND: Buffer = Buffer {
    name: "send buffer",
    option: "sndbuf",
    kernel: "SO_SNDBUF",
    sysctl: "net.core.wmem_max",
    tcp: "net.ipv4.tcp_wmem",
    set: |socket, bytes| set_socket_send_buffer_size(socket, bytes),
    get: |socket| socket_send_buffer_size(socket),
};

/// More than any kernel grants, and still half of what its `int` holds: it doubles what is asked for, socket(7).
const ASKED_BYTES: usize = i32::MAX as usize / 2;

/// A network namespace may not show the sysctl: what a socket is granted tells all the same.
fn buffer(buffer: &Buffer) -> Finding {
    let granted =
        socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).and_then(|socket| {
            (buffer.set)(&socket, ASKED_BYTES)?;
            (buffer.get)(&socket)
        });
    let automatic = sysctl_numbers(buffer.tcp).get(2).copied();
    let most = granted.map(|doubled| (doubled / 2) as u64);
    let says = match most {
        Ok(most) => format!("{} asks for {most} bytes at most", buffer.option),
        Err(errno) => format!("unknown: {}", sys::describe(&errno.into())),
    };
    let grows =
        automatic.map(|most| format!("; without it tcp grows it to {most} by itself")).unwrap_or_default();
    Finding {
        name: buffer.name,
        state: if most.is_ok() { State::Yes } else { State::Limited },
        says: format!("{says}{grows}"),
        values: vec![("bytes_max", most.ok().into()), ("tcp_automatic_bytes_max", automatic.into())],
        found_by: format!("setsockopt(2) and getsockopt(2) {}, sysctl {}", buffer.kernel, buffer.tcp),
        change: Some(format!("`sysctl -w {}=BYTES` as root", buffer.sysctl)),
    }
}

fn congestion() -> Finding {
    let name = |what| sysctl(&format!("net.ipv4.tcp_{what}"));
    let (now, allowed, available) = (
        name("congestion_control"),
        name("allowed_congestion_control"),
        name("available_congestion_control"),
    );
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    Finding {
        name: "congestion",
        state: State::Yes,
        says: format!(
            "{} unless congestion= says otherwise; everyone may have: {}; there are: {}",
            known(&now),
            known(&allowed),
            known(&available)
        ),
        values: vec![
            ("congestion_control", now.into()),
            ("allowed", allowed.into()),
            ("available", available.into()),
        ],
        found_by: "sysctl net.ipv4.tcp_congestion_control, tcp_allowed_congestion_control, \
                   tcp_available_congestion_control"
            .to_owned(),
        change: Some(
            "`modprobe tcp_bbr` and `sysctl -w net.ipv4.tcp_allowed_congestion_control='…'` as root"
                .to_owned(),
        ),
    }
}
