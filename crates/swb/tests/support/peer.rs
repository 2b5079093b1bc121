//! Programs that others wrote: OpenBSD's nc, ncat and socat, calling and listening.
//!
//! Each is told in its own words where an address of ours is. Who listens is ready when ss(8) shows its
//! socket, which also tells the port that the kernel chose.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{PATIENCE, Running, program, run};

/// Somebody else's program, or a sentence that names the package it is in.
pub fn installed(name: &str, arguments: &[&str]) -> Command {
    let package = match name {
        "nc.openbsd" => "netcat-openbsd",
        "ss" | "ip" => "iproute2",
        "prlimit" | "setpriv" | "setsid" | "unshare" | "nsenter" => "util-linux",
        "ping" => "iputils-ping",
        "kill" | "ps" => "procps",
        "stty" | "tail" | "cat" => "coreutils",
        "script" => "bsdutils",
        "node" => "nodejs",
        other => other,
    };
    let found = std::env::var("PATH").unwrap_or_default();
    let found = found.split(':').any(|folder| std::path::Path::new(folder).join(name).exists());
    assert!(found, "this test needs {name}: apt-get install {package}");
    program(name, arguments)
}

/// Polls until something holds; for what shows itself in no pipe.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let due = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < due, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Makes one call until no signal cuts it short. A socket with a time-out says `EINTR` also when the whole
/// process was stopped and continued, which needs no handler, signal(7): a machine that is frozen and thawed
/// does that to everybody. The standard library comes again by itself in `read_exact`, `read_to_end`,
/// `write_all` and `accept`, not in one `read`, `recv` or `peek`.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            answer => return answer,
        }
    }
}

/// A port of 127.0.0.1 at which nobody listens, nor can while the socket is kept.
pub fn refusing_tcp_port() -> (OwnedFd, u16) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};
    // Not for the programs that other tests start meanwhile.
    let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let name = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
    (held, name.port())
}

/// The same for datagrams: a socket that hears only another one, itself.
pub fn refusing_udp_port() -> (UdpSocket, u16) {
    let held = UdpSocket::bind("127.0.0.1:0").unwrap();
    let name = held.local_addr().unwrap();
    held.connect(name).unwrap();
    (held, name.port())
}

/// What an address says: its scheme, and a host and port or else a name.
struct Words<'a> {
    scheme: &'a str,
    host: &'a str,
    port: &'a str,
    name: &'a str,
}

impl<'a> Words<'a> {
    fn of(address: &'a str) -> Words<'a> {
        let (scheme, rest) = address.split_once(':').unwrap();
        match rest.strip_prefix("//").and_then(|place| place.rsplit_once(':')) {
            Some((host, port)) => Words { scheme, host, port, name: "" },
            None => Words { scheme, host: "", port: "", name: rest },
        }
    }

    fn bare_host(&self) -> &'a str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// As `getopt` programs want it: host and port apart, or a path behind `-U`.
    fn for_netcat(&self) -> Vec<&'a str> {
        match self.scheme {
            "tcp" => vec![self.bare_host(), self.port],
            "udp" => vec!["-u", self.bare_host(), self.port],
            "unix" => vec!["-U", self.name],
            "unix-dgram" => vec!["-u", "-U", self.name],
            other => panic!("no netcat speaks {other}"),
        }
    }
}

/// The OpenBSD netcat that calls `address`, and finishes at the end of its input.
pub fn nc_to(address: &str) -> Command {
    let mut command = installed("nc.openbsd", &["-N"]);
    command.args(Words::of(address).for_netcat());
    command
}

/// The OpenBSD netcat that listens at `address`.
pub fn nc_at(address: &str) -> Command {
    let mut command = installed("nc.openbsd", &["-l", "-N"]);
    command.args(Words::of(address).for_netcat());
    command
}

/// The ncat that calls `address`.
pub fn ncat_to(address: &str) -> Command {
    let mut command = installed("ncat", if address.contains('[') { &["-6"] } else { &[] });
    command.args(Words::of(address).for_netcat());
    command
}

/// The ncat that listens at `address`.
pub fn ncat_at(address: &str) -> Command {
    let mut command = ncat_to(address);
    command.arg("-l");
    command
}

/// The socat that calls `address`; once one side has ended it gives the other time.
pub fn socat_to(address: &str) -> Command {
    let words = Words::of(address);
    let Words { scheme, host, port, name } = words;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let own = format!("swb-socat-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let there = match (scheme, name.strip_prefix('@')) {
        ("tcp" | "udp", _) => format!("{}:{host}:{port}", family(&words)),
        ("unix", None) => format!("UNIX-CONNECT:{name}"),
        ("unix", Some(name)) => format!("ABSTRACT-CONNECT:{name}"),
        ("unix-seqpacket", None) => format!("UNIX-CONNECT:{name},type=5"),
        ("unix-seqpacket", Some(name)) => format!("ABSTRACT-CONNECT:{name},type=5"),
        ("unix-dgram", None) => format!("UNIX-SENDTO:{name},bind={name}-{own}"),
        ("unix-dgram", Some(name)) => format!("ABSTRACT-SENDTO:{name},bind={own}"),
        (other, _) => panic!("socat is not taught {other}"),
    };
    installed("socat", &["-t20", "-", &there])
}

/// The socat that listens at `address` and joins the caller to `service`, an address of its own kind.
pub fn socat_at(address: &str, service: &str) -> Command {
    let words = Words::of(address);
    let Words { scheme, host, port, name } = words;
    let here = match (scheme, name.strip_prefix('@')) {
        ("tcp" | "udp", _) => format!("{}-LISTEN:{port},bind={host}", family(&words)),
        ("unix", None) => format!("UNIX-LISTEN:{name}"),
        ("unix", Some(name)) => format!("ABSTRACT-LISTEN:{name}"),
        ("unix-seqpacket", None) => format!("UNIX-LISTEN:{name},type=5"),
        ("unix-seqpacket", Some(name)) => format!("ABSTRACT-LISTEN:{name},type=5"),
        ("unix-dgram", None) => format!("UNIX-RECVFROM:{name}"),
        ("unix-dgram", Some(name)) => format!("ABSTRACT-RECVFROM:{name}"),
        (other, _) => panic!("socat is not taught {other}"),
    };
    installed("socat", &["-t20", &here, service])
}

fn family(words: &Words<'_>) -> String {
    let version = if words.host.contains('[') { 6 } else { 4 };
    format!("{}{version}", words.scheme.to_uppercase())
}

/// Waits until `running` has the socket of `address`, and gives the address with its real port.
pub fn ready(running: &Running, address: &str) -> String {
    let words = Words::of(address);
    let kind = match words.scheme {
        "tcp" => "-Hltnp",
        "udp" => "-Hlunp",
        _ => "-Hlxp",
    };
    let owner = format!("pid={},", running.pid());
    let mut port = String::new();
    wait_until(&format!("somebody listens at {address}"), || {
        let shown = installed("ss", &[kind]).output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let ours = shown.lines().find(|line| line.contains(&owner) && line.contains(words.name));
        let Some(line) = ours else { return false };
        let local = line.split_whitespace().find(|word| word.contains(':')).unwrap_or_default();
        port = local.rsplit(':').next().unwrap_or_default().to_owned();
        true
    });
    match words.name {
        "" => format!("{}://{}:{port}", words.scheme, words.host),
        name => format!("{}:{name}", words.scheme),
    }
}

/// A command that runs in a network and a mount name space of its own; says so and gives `None` where that is
/// forbidden.
pub fn in_own_namespaces() -> Option<Command> {
    let spaces = [&["-n", "-m"][..], &["-n", "-m", "-r"]];
    let may =
        |spaces: &&&[&str]| run(installed("unshare", &[**spaces, &["true"]].concat()), b"").status.success();
    match spaces.iter().find(may) {
        Some(spaces) => Some(installed("unshare", spaces)),
        None => {
            eprintln!("not run: it needs name spaces of its own, and unshare(1) is forbidden here");
            None
        }
    }
}
