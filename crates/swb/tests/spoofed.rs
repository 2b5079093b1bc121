//! Datagrams that claim to come from where they do not: no service that answers anyone answers them.
//!
//! A raw socket writes the sender's address, ip(7) `IP_HDRINCL`, in a network name space of the test's own, where
//! nobody else sends: the kernel's count of datagrams that left (RFC 4113) shows that none was answered. Where
//! name spaces are forbidden, that is said.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};

use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};

use support::peer::{in_own_namespaces, installed, uninterrupted};
use support::{PATIENCE, Server, run};

/// Set in the process that runs in its own name spaces.
const INSIDE: &str = "SWB_TEST_INSIDE";

/// Runs the test of this name once more in a network of its own: 127.0.0.1, ::1, and 192.0.2.1 of 24 bits.
fn in_own_network(test: &str, holds: impl FnOnce()) {
    if std::env::var(INSIDE).is_ok_and(|inside| inside == test) {
        let network = "ip link set lo up; ip link add lan type veth peer name far; \
                       ip address add 192.0.2.1/24 broadcast + dev lan; ip link set lan up; ip link set far up";
        assert!(run(installed("sh", &["-ec", network]), b"").status.success());
        return holds();
    }
    let Some(mut command) = in_own_namespaces() else { return };
    command.arg(std::env::current_exe().unwrap()).args(["--exact", test, "--nocapture"]);
    // It waits as patiently as any test, and says itself what it waited for in vain.
    let ended = command.env(INSIDE, test).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout) + String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}");
}

/// The services that answer anyone, and what they are told besides where to listen.
const SERVICES: &[&[&str]] =
    &[&["echo"], &["say", "hello"], &["reply", "hello"], &["who", "--bye-after", "1h"], &["time"]];

#[test]
fn no_service_answers_other_services_many_hosts_or_itself() {
    in_own_network("no_service_answers_other_services_many_hosts_or_itself", || {
        for service in SERVICES {
            for (address, claims) in CLAIMS {
                claims.iter().for_each(|claim| is_not_answered(service, address, claim));
            }
        }
    });
}

/// Where a service listens, and senders that it must not answer; `OWN` is its own port.
const CLAIMS: &[(&str, &[&str])] = &[
    ("udp://127.0.0.1:0", &["127.0.0.1:7", "127.0.0.1:1023", "127.0.0.1:OWN"]),
    ("udp://127.0.0.1:0", &["224.0.0.1:5000", "255.255.255.255:5000"]),
    ("udp://127.0.0.1:0?broadcast", &["127.255.255.255:5000", "192.0.2.255:5000"]),
    ("udp://0.0.0.0:0", &["127.0.0.1:7", "127.0.0.1:OWN", "127.0.0.2:OWN", "192.0.2.1:OWN"]),
    ("udp://:0", &["127.0.0.1:OWN", "192.0.2.1:OWN", "[::1]:OWN", "[::1]:7"]),
    ("udp://[::1]:0", &["[::1]:OWN", "[::1]:19"]),
];

/// The server hears the datagram and answers the next one, of an honest sender: one leaves, and no other.
fn is_not_answered(service: &[&str], address: &str, claim: &str) {
    let options = ["--engine", "poll", "-v"];
    let mut server = Server::start(&[&["serve"], service, &[address], &options].concat());
    let port = server.port();
    let claim: SocketAddr = claim.replace("OWN", &port).parse().unwrap();
    let host: IpAddr = if claim.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    let to = SocketAddr::new(host, port.parse().unwrap());
    let honest = UdpSocket::bind(SocketAddr::new(host, 0)).unwrap();
    honest.set_read_timeout(Some(PATIENCE)).unwrap();
    let before = datagrams_sent();
    spoof(claim, to, b"hello");
    server.running.wait_for_line(&format!("message of 5 bytes from udp://{claim} to "));
    honest.send_to(b"hello", to).unwrap();
    uninterrupted(|| honest.recv(&mut [0; 99])).unwrap();
    let sent = datagrams_sent() - before;
    assert_eq!(sent, 2, "the honest question and its answer; {service:?} at {address}, claimed {claim}");
}

#[test]
fn two_addresses_of_one_server_are_not_set_upon_each_other() {
    in_own_network("two_addresses_of_one_server_are_not_set_upon_each_other", || {
        let serve = ["serve", "echo", "udp://127.0.0.1:0", "udp://127.0.0.1:0", "--engine", "poll", "-v"];
        let mut server = Server::start_at(2, &serve);
        let of = |index: usize| -> SocketAddr {
            server.addresses[index].trim_start_matches("udp://").parse().unwrap()
        };
        let (one, other) = (of(0), of(1));
        let before = datagrams_sent();
        spoof(one, other, b"hello");
        server.running.wait_for_line(&format!("message of 5 bytes from udp://{one} to udp://{other}"));
        let line = server.running.wait_for_line("not delivered");
        assert_eq!(
            line,
            format!("udp://{other}: 1 not delivered: the sender could be a service, or many hosts")
        );
        assert_eq!(datagrams_sent(), before);
    });
}

/// UDP datagrams that left this network name space, not counting those of raw sockets.
fn datagrams_sent() -> u64 {
    let tables = std::fs::read_to_string("/proc/self/net/snmp").unwrap();
    let mut udp = tables.lines().filter(|line| line.starts_with("Udp: "));
    let (names, values) = (udp.next().unwrap(), udp.next().unwrap());
    let column = names.split(' ').position(|name| name == "OutDatagrams").unwrap();
    let of_v6 = std::fs::read_to_string("/proc/self/net/snmp6").unwrap();
    let of_v6 = of_v6.lines().find_map(|line| line.strip_prefix("Udp6OutDatagrams")).unwrap();
    values.split(' ').nth(column).unwrap().parse::<u64>().unwrap() + of_v6.trim().parse::<u64>().unwrap()
}

/// Sends a datagram that claims to come from `from`.
fn spoof(from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
    let length = u16::try_from(8 + bytes.len()).unwrap();
    let words = [from.port(), to.port(), length, 0].map(u16::to_be_bytes);
    let mut udp = [words.as_flattened(), bytes].concat();
    match (from.ip(), to.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).unwrap();
            // RFC 791 section 3.1; the kernel puts in the length and the checksum. The sender of a UDP datagram
            // over IPv4 may leave out its checksum, RFC 768.
            let head =
                [&[0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0][..], &from.octets(), &to.octets()].concat();
            let to = SocketAddrV4::new(to, 0);
            sendto(&raw, &[head, udp].concat(), SendFlags::empty(), &to).unwrap();
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let raw = socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::RAW)).unwrap();
            // The pseudo-header and the header of RFC 8200, sections 8.1 and 3.
            let ends = [from.octets(), to.octets()].concat();
            let sum = checksum(&[&ends[..], &[0, 0], &length.to_be_bytes(), &[0, 0, 0, 17], &udp].concat());
            udp[6..8].copy_from_slice(&sum.to_be_bytes());
            let head = [&[0x60, 0, 0, 0][..], &length.to_be_bytes(), &[17, 64], &ends].concat();
            let to = SocketAddrV6::new(to, 0, 0, 0);
            sendto(&raw, &[head, udp].concat(), SendFlags::empty(), &to).unwrap();
        }
        (IpAddr::V4(_) | IpAddr::V6(_), _) => panic!("{from} to {to}: of two families"),
    }
}

/// The Internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
