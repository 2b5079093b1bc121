//! What the way to the other end does not carry: who called by datagrams, or on a stream, is told.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};

use crate::support::peer::{installed, refusing_udp_port, uninterrupted};
use crate::support::{PATIENCE, Running, Server, run_swb, swb};
use crate::{call, relay_at};

under! { who_calls_by_datagrams_hears_that_nobody_listens_there: iterative thread poll epoll uring }

fn caller(server: &Server, host: &str) -> UdpSocket {
    let any = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = UdpSocket::bind(any).unwrap();
    socket.connect(format!("{host}:{}", server.port())).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Whether ICMP can be sent here; says so where it cannot.
fn may_send_icmp() -> bool {
    let may = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::RAW,
        Some(rustix::net::ipproto::RAW),
    )
    .is_ok();
    if !may {
        eprintln!("not run: to send ICMP takes CAP_NET_RAW");
    }
    may
}

fn who_calls_by_datagrams_hears_that_nobody_listens_there(engine: &str) {
    if !may_send_icmp() {
        return;
    }
    let (_held, port) = refusing_udp_port();
    let to = format!("udp://127.0.0.1:{port}");
    for (at, host) in [
        ("udp://127.0.0.1:0", "127.0.0.1"),
        ("udp://[::1]:0", "[::1]"),
        ("udp://:0", "127.0.0.2"),
        ("udp://:0", "[::1]"),
    ] {
        let mut server = relay_at(at, &to, engine, &[]);
        let callers = [caller(&server, host), caller(&server, host)];
        for round in 0..2 {
            callers[0].send(b"hello").unwrap();
            let heard = uninterrupted(|| callers[0].recv(&mut [0; 99])).unwrap_err();
            assert_eq!(heard.kind(), ErrorKind::ConnectionRefused, "{at}, round {round}");
        }
        server
            .running
            .wait_for_line("not delivered: nobody listens at the other end; the sender is told (ICMP)");
        callers[1].set_nonblocking(true).unwrap();
        let other = uninterrupted(|| callers[1].recv(&mut [0; 99])).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::WouldBlock, "who has not called hears nothing");
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn programs_of_others_hear_it_too() {
    if !may_send_icmp() {
        return;
    }
    let (_held, port) = refusing_udp_port();
    let server = relay_at("udp://127.0.0.1:0", &format!("udp://127.0.0.1:{port}"), "epoll", &[]);
    let mut ncat = Running::start(&mut installed("ncat", &["-u", "-v", "127.0.0.1", &server.port()]));
    ncat.write(b"hello\n");
    ncat.wait_for_line("Connection refused");
    let ended = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!(ended.code(), 4, "{ended:?}");
}

#[test]
fn who_gives_root_away_can_still_tell() {
    if !rustix::process::geteuid().is_root() || !may_send_icmp() {
        return println!("not run: only root can become somebody else");
    }
    let (_held, port) = refusing_udp_port();
    let to = format!("udp://127.0.0.1:{port}");
    let further = ["--user", "65534", "--group", "65534"];
    let server = relay_at("udp://127.0.0.1:0", &to, "epoll", &further);
    let caller = caller(&server, "127.0.0.1");
    caller.send(b"hello").unwrap();
    assert_eq!(uninterrupted(|| caller.recv(&mut [0; 99])).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn a_datagram_that_a_router_finds_too_long_is_lost_alone() {
    if !may_send_icmp() {
        return;
    }
    // Of this address alone the kernel remembers for a while how long datagrams to it may be.
    let far = UdpSocket::bind("127.99.0.7:0").unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server =
        relay_at("udp://127.0.0.1:0", &format!("udp://{}", far.local_addr().unwrap()), "epoll", &[]);
    let caller = caller(&server, "127.0.0.1");
    let mut heard = [0; 2_000];
    caller.send(&[1; 1_500]).unwrap();
    let (length, relay) = uninterrupted(|| far.recv_from(&mut heard)).unwrap();
    assert_eq!(length, 1_500);
    // It may have 1,000 bytes: RFC 1191 section 4.
    router_says(4, 1_000, relay, far.local_addr().unwrap());
    server.running.wait_for_line("1 not delivered: it is longer than a datagram may be on the way");
    caller.send(&[2; 1_500]).unwrap();
    assert_eq!(
        uninterrupted(|| far.recv_from(&mut heard)).unwrap(),
        (1_500, relay),
        "the call goes on, and cuts what is too long"
    );
}

under! { who_calls_by_datagrams_hears_that_no_way_leads_there_any_more: iterative thread poll epoll uring }

fn who_calls_by_datagrams_hears_that_no_way_leads_there_any_more(engine: &str) {
    if !may_send_icmp() {
        return;
    }
    let far = UdpSocket::bind("127.99.0.8:0").unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = format!("udp://{}", far.local_addr().unwrap());
    let mut server = relay_at("udp://127.0.0.1:0", &to, engine, &[]);
    let caller = caller(&server, "127.0.0.1");
    for round in 0..2 {
        let other = Running::start(&mut swb(&["ask", server.address(), "from another", "--timeout", "20s"]));
        let mut heard = [0; 99];
        let (length, relay) = uninterrupted(|| far.recv_from(&mut heard)).unwrap();
        assert_eq!(&heard[..length], b"from another");
        caller.send(b"hello").unwrap();
        let (_, neighbour) = uninterrupted(|| far.recv_from(&mut heard)).unwrap();
        router_says(1, 0, relay, far.local_addr().unwrap());
        server.running.take_line("not delivered: no way leads to the other end; the sender is told (ICMP)");
        let told = other.finish();
        assert_eq!(told.code(), 4, "round {round}: {}", told.stderr);
        assert!(told.stderr.contains("No route to host (EHOSTUNREACH)"), "{}", told.stderr);
        far.send_to(b"still here", neighbour).unwrap();
        let length = uninterrupted(|| caller.recv(&mut heard)).unwrap();
        assert_eq!(&heard[..length], b"still here", "the other caller's call goes on");
    }
    assert_eq!(server.terminate().code(), 0);
}

/// Says to who sent a datagram from `from` to `to` that it cannot be reached, by the code and the last word of an ICMP
/// message (RFC 792).
fn router_says(code: u8, word: u16, from: SocketAddr, to: SocketAddr) {
    use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto, sendto, socket};
    let (IpAddr::V4(sender), IpAddr::V4(receiver)) = (from.ip(), to.ip()) else { panic!("of IPv4") };
    let ports = [from.port(), to.port(), 1_508, 0].map(u16::to_be_bytes);
    let head = |length: u16, protocol: u8, flags: u8| {
        let [high, low] = length.to_be_bytes();
        [0x45, 0, high, low, 0, 0, flags, 0, 64, protocol, 0, 0]
    };
    let quoted =
        [&head(1_528, 17, 0x40)[..], &sender.octets(), &receiver.octets(), ports.as_flattened()].concat();
    let word = word.to_be_bytes();
    let mut icmp = [&[3, code, 0, 0, 0, 0][..], &word, &quoted].concat();
    let mut sum: u32 = icmp.chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    icmp[2..4].copy_from_slice(&(!sum as u16).to_be_bytes());
    let packet = [&head(0, 1, 0)[..], &receiver.octets(), &sender.octets(), &icmp].concat();
    let raw = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)).unwrap();
    sendto(&raw, &packet, SendFlags::empty(), &SocketAddrV4::new(sender, 0)).unwrap();
}

#[test]
fn without_the_capability_it_is_said_here() {
    let (_held, port) = refusing_udp_port();
    let swb = env!("CARGO_BIN_EXE_swb");
    let to = format!("udp://127.0.0.1:{port}");
    let relay = [swb, "relay", "udp://127.0.0.1:0", &to];
    let mut server = match rustix::process::geteuid().is_root() {
        true => {
            let without = ["--bounding-set", "-net_raw", "--inh-caps", "-net_raw"];
            Server::of(&mut installed("setpriv", &[&without[..], &relay].concat()), 1)
        }
        false => Server::start(&relay[1..]),
    };
    caller(&server, "127.0.0.1").send(b"hello").unwrap();
    let line = "not delivered: nobody listens at the other end; to tell the sender (ICMP) takes CAP_NET_RAW";
    server.running.wait_for_line(line);
}

#[test]
fn a_stream_whose_datagrams_nobody_takes_is_reset() {
    let (_held, port) = refusing_udp_port();
    let to = format!("udp://127.0.0.1:{port}");
    let mut server = relay_at("tcp://127.0.0.1:0", &to, "epoll", &["--framing", "line"]);
    let mut caller = call(&server);
    caller.write_all(b"hello\n").unwrap();
    let heard = uninterrupted(|| caller.read(&mut [0; 99])).unwrap_err();
    assert_eq!(heard.kind(), ErrorKind::ConnectionReset);
    server
        .running
        .wait_for_line(&format!(": refused by the peer's host (udp://127.0.0.1:{port}); 6 bytes in"));
}

#[test]
fn a_datagram_that_is_too_long_for_the_other_end_is_lost_alone() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let mut server = relay_at("udp://[::1]:0", echo.address(), "epoll", &[]);
    let caller = caller(&server, "[::1]");
    caller.send(&[7; 65_527]).unwrap(); // one of IPv4 has 65,507 at the most
    server.running.wait_for_line("1 not delivered: it is longer than a datagram may be on the way");
    caller.send(b"short").unwrap();
    let mut heard = [0; 99];
    let length = uninterrupted(|| caller.recv(&mut heard)).unwrap();
    assert_eq!(&heard[..length], b"short");
}
