//! Senders who send many datagrams by one call: served as who sends them one by one. Against the built program.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

mod support;

use std::collections::VecDeque;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt::UdpGsoSegment};
use support::peer::{installed, uninterrupted};
use support::proc::children;
use support::trace::{lines, named};
use support::{PATIENCE, Server, program, run};

const ENGINES: [&str; 5] = ["iterative", "thread", "poll", "epoll", "uring"];

/// What one IPv4 datagram, or one burst, carries.
const BURST_BYTES_MAX: usize = 65_507;

/// A caller of that server, at `ip`, that hears each answer by itself.
fn caller(server: &Server, ip: &str) -> UdpSocket {
    let to: SocketAddr = format!("{ip}:{}", server.port()).parse().unwrap();
    let socket = UdpSocket::bind(if to.is_ipv6() { "[::1]:0" } else { "127.0.0.1:0" }).unwrap();
    socket.connect(to).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends the bytes by one call, in datagrams of `segment` bytes.
fn send(caller: &UdpSocket, bytes: &[u8], segment: usize) {
    setsockopt(caller, UdpGsoSegment, &i32::try_from(segment).unwrap()).unwrap();
    assert_eq!(caller.send(bytes).unwrap(), bytes.len());
}

fn receive(caller: &UdpSocket) -> Vec<u8> {
    let mut buffer = vec![0; 70_000];
    let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
    buffer.truncate(length);
    buffer
}

/// Bytes that differ from datagram to datagram, and in one.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|index| (index % 251) as u8).collect()
}

/// Echoes bursts of every kind, and checks each datagram that comes back, and their order.
fn echoes(server: &Server, ip: &str) {
    let caller = caller(server, ip);
    for (whole, segment) in [
        (64, 1),
        (63, 2),
        (5003, 1000),
        (5000, 1000),
        (1001, 1000),
        (10, 10),
        (BURST_BYTES_MAX, 1400),
        (1, 1),
    ] {
        let sent = bytes(whole);
        send(&caller, &sent, segment);
        for (number, wanted) in sent.chunks(segment).enumerate() {
            assert!(receive(&caller) == wanted, "{ip}: datagram {number} of {whole} bytes by {segment}");
        }
    }
}

#[test]
fn every_datagram_of_a_burst_is_echoed_as_it_was_and_in_order_under_every_engine() {
    for engine in ENGINES {
        for (address, called) in [
            ("udp://127.0.0.1:0", &["127.0.0.1"][..]),
            ("udp://[::1]:0", &["[::1]"]),
            ("udp://0.0.0.0:0", &["127.0.0.1", "127.0.0.2"]),
            ("udp://:0", &["[::1]", "127.0.0.3"]),
        ] {
            let server = Server::start(&["serve", "echo", address, "--engine", engine]);
            called.iter().for_each(|ip| echoes(&server, ip));
        }
    }
}

#[test]
fn a_burst_is_heard_by_one_call_and_answered_by_one_that_the_tracer_shows() {
    for (address, engine, heard_by) in [
        ("udp://127.0.0.1:0", "epoll", "recvmmsg"),
        ("udp://0.0.0.0:0", "epoll", "recvmmsg"),
        ("udp://127.0.0.1:0", "auto", ""),
        ("udp://0.0.0.0:0", "auto", ""),
    ] {
        let by = ["--engine", engine, "--workers", "1", "--trace"];
        let server = Server::start(&[&["serve", "echo", address], &by[..]].concat());
        let caller = caller(&server, "127.0.0.1");
        send(&caller, &bytes(3050), 100);
        for _ in 0..31 {
            receive(&caller);
        }
        let told = lines(&server.terminate().stderr);
        let asked = named(&told, "setsockopt");
        assert!(asked.iter().any(|line| line.arguments().ends_with("SOL_UDP, UDP_GRO, 1")), "{told:?}");
        // By a ring it is received with the wait, where there is one.
        let heard: Vec<_> = told.iter().filter(|line| line.call().contains(" = 1: ")).collect();
        let heard: Vec<_> = heard.iter().filter(|line| line.result().contains(" 3050 ")).collect();
        assert_eq!(heard.len(), 1, "{told:?}");
        assert!(heard[0].name().contains(heard_by), "{}", heard[0].text);
        assert!(heard[0].result().ends_with(", in datagrams of 100 bytes"), "{}", heard[0].result());
        let said = named(&told, "sendmmsg");
        assert_eq!(said.len(), 1, "{told:?}");
        let told = ", in datagrams of 100 bytes], MSG_DONTWAIT|MSG_NOSIGNAL";
        assert!(said[0].arguments().ends_with(told), "{}", said[0].arguments());
        assert_eq!(said[0].result(), "1");
    }
}

#[test]
fn many_senders_whose_bursts_come_between_each_other_all_get_their_own_back() {
    for engine in ENGINES {
        let server = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--engine", engine]);
        let callers: Vec<_> = (0..16).map(|_| caller(&server, "127.0.0.1")).collect();
        let mut owed: Vec<VecDeque<Vec<u8>>> = vec![VecDeque::new(); callers.len()];
        for round in 0..20_usize {
            for (number, caller) in callers.iter().enumerate() {
                let (segment, count) = (1 + (round * 7 + number) % 90, 1 + (round + number * 3) % 8);
                let sent: Vec<u8> =
                    bytes(segment * count).iter().map(|byte| byte ^ (round * 16 + number) as u8).collect();
                send(caller, &sent, segment);
                owed[number].extend(sent.chunks(segment).map(<[u8]>::to_vec));
            }
            for (caller, owed) in callers.iter().zip(&mut owed) {
                for wanted in owed.drain(..) {
                    assert_eq!(receive(caller), wanted, "{engine}, round {round}");
                }
            }
        }
    }
}

#[test]
fn each_datagram_of_a_burst_is_a_message_of_its_own_to_every_service() {
    let mut server = Server::start(&["serve", "print", "udp://127.0.0.1:0"]);
    send(&caller(&server, "127.0.0.1"), b"one\ntwo\nthre", 4);
    assert_eq!(server.running.wait_for_bytes(13), b"one\ntwo\nthre\n");

    let server = Server::start(&["serve", "reply", "yes", "udp://127.0.0.1:0"]);
    let asks = caller(&server, "127.0.0.1");
    send(&asks, &bytes(35), 10);
    for _ in 0..4 {
        assert_eq!(receive(&asks), b"yes");
    }
    asks.set_nonblocking(true).unwrap();
    assert!(uninterrupted(|| asks.recv(&mut [0; 10])).is_err(), "four messages have four answers");

    let server = Server::start(&["serve", "who", "udp://127.0.0.1:0", "--bye-after", "1ms"]);
    let asks = caller(&server, "127.0.0.1");
    send(&asks, &bytes(35), 10);
    assert!(String::from_utf8_lossy(&receive(&asks)).starts_with("Connection from "));
    assert_eq!(receive(&asks), b"Bye\n", "one who greets four times is told once");
}

#[test]
fn with_v_each_datagram_of_a_burst_has_a_line() {
    let mut server = Server::start(&["serve", "echo", "udp://0.0.0.0:0", "-v"]);
    let port = server.port();
    let asks = caller(&server, "127.0.0.2");
    send(&asks, &bytes(25), 10);
    for length in [10, 10, 5] {
        let line = server.running.take_line(&format!("message of {length} bytes from "));
        assert!(line.ends_with(&format!(" to udp://127.0.0.2:{port}")), "{line}");
    }
}

#[test]
fn limits_count_the_datagrams_of_a_burst_and_not_the_burst() {
    let mut server = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate-per-peer", "20"]);
    let asks = caller(&server, "127.0.0.1");
    (0..4).for_each(|_| send(&asks, &bytes(640), 10));
    let line = server.running.wait_for_line("not delivered");
    assert!(line.ends_with("one source is answered no more often (--rate-per-peer)"), "{line}");
    asks.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let answers = std::iter::from_fn(|| uninterrupted(|| asks.recv(&mut [0; 10])).ok()).count();
    assert!((2..20).contains(&answers), "{answers}");

    let mut server = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate", "5"]);
    send(&caller(&server, "127.0.0.1"), &bytes(640), 10);
    server.running.wait_for_line("more new callers come than may in a second (--rate)");

    // An answer is bounded by what its own message brought: 600 bytes for 100 are too many, for 300 they are not.
    let mut server = Server::start(&["serve", "say", &"x".repeat(600), "udp://127.0.0.1:0"]);
    let asks = caller(&server, "127.0.0.1");
    send(&asks, &bytes(6400), 100);
    let line = server.running.wait_for_line("not delivered");
    assert!(line.ends_with("(amplification)"), "{line}");
    send(&asks, &bytes(600), 300);
    assert_eq!([receive(&asks).len(), receive(&asks).len()], [600, 600]);
}

#[test]
fn answers_that_cannot_go_together_go_one_by_one() {
    // Longer than a segment can be: 64 answers of 1,500 bytes are more than one call may send.
    let text = "y".repeat(1500);
    let server = Server::start(&["serve", "say", &text, "udp://127.0.0.1:0"]);
    let asks = caller(&server, "127.0.0.1");
    send(&asks, &bytes(64_000), 1000);
    for _ in 0..64 {
        assert_eq!(receive(&asks).len(), 1500);
    }
}

#[test]
fn a_kernel_without_bursts_or_that_refuses_or_interrupts_is_served_all_the_same() {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    // The only option that a server's socket at an IPv4 address has; the only calls by which bursts are sent, and
    // by which datagrams are heard.
    for fault in [
        "setsockopt:error=ENOPROTOOPT",
        "sendmmsg:error=EINVAL",
        "sendmmsg:error=EIO:when=1+2",
        "recvmmsg:error=EINTR:when=1+2",
        "recvmmsg:error=ENOBUFS:when=2+2",
    ] {
        let inject = format!("inject={fault}");
        let swb = env!("CARGO_BIN_EXE_swb");
        let serve = [swb, "serve", "echo", "udp://127.0.0.1:0", "--workers", "1", "-v"];
        let arguments = [&["-f", "-o", "/dev/null", "-e", &inject][..], &serve].concat();
        let server = Server::of(&mut program("strace", &arguments), 1);
        echoes(&server, "127.0.0.1");
        // strace ends as the server does; killed, it would leave the server behind.
        let traced = children(server.pid())[0];
        assert!(run(program("kill", &["-15", &traced.to_string()]), b"").status.success());
        let ended = server.running.finish();
        assert_eq!(ended.code(), 0, "{fault}");
        assert!(!ended.stderr.contains("not delivered"), "{fault}: {}", ended.stderr);
    }
}
