//! What the way to the other end does not carry: who called by datagrams, or on a stream, is told.

use std::io::{ErrorKind, Read, Write};
use std::net::UdpSocket;

use crate::support::peer::{installed, refusing_udp_port};
use crate::support::{PATIENCE, Server, run, swb};
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
            let heard = callers[0].recv(&mut [0; 99]).unwrap_err();
            assert_eq!(heard.kind(), ErrorKind::ConnectionRefused, "{at}, round {round}");
        }
        server
            .running
            .wait_for_line("not delivered: nobody listens at the other end; the sender is told (ICMP)");
        callers[1].set_nonblocking(true).unwrap();
        let other = callers[1].recv(&mut [0; 99]).unwrap_err();
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
    let ended = run(installed("ncat", &["-u", "-v", "127.0.0.1", &server.port()]), b"hello");
    assert!(ended.stderr.contains("Connection refused"), "{ended:?}");
    let ended = run(swb(&["ask", server.address(), "hello"]), b"");
    assert_eq!(ended.code(), 4, "{ended:?}");
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
    let heard = caller.read(&mut [0; 99]).unwrap_err();
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
    let length = caller.recv(&mut heard).unwrap();
    assert_eq!(&heard[..length], b"short");
}
