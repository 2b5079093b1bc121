//! The other end is not there, or does not answer: callers are told in time, each by a reset, and others go on.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::support::by_hand::{expect_reset, expect_reset_at_once};
use crate::support::peer::refusing_tcp_port;
use crate::support::{Server, run_swb};
use crate::{answer, call, far, read_exactly, relay};

/// "In time", on a machine that has other things to do as well.
const PROMPT: Duration = Duration::from_secs(8);

under! { whoever_cannot_be_joined_is_reset_and_the_reason_is_said: iterative process thread poll epoll uring }
under! { callers_are_reset_when_the_time_to_connect_is_over: thread epoll uring }

fn whoever_cannot_be_joined_is_reset_and_the_reason_is_said(engine: &str) {
    let (held, port) = refusing_tcp_port();
    let mut server = relay(&format!("tcp://127.0.0.1:{port}"), engine, &[]);
    expect_reset_at_once(&server);
    let line = server.running.wait_for_line(" was not joined to the other end: ");
    assert!(line.contains("Connection refused"), "{line}");
    server.running.wait_for_line(": not joined to the other end: nobody listens there; 0 bytes in, 0 out, ");
    // Somebody listens there from now on.
    rustix::net::listen(&held, 5).unwrap();
    let mut caller = call(&server);
    caller.write_all(b"hello").unwrap();
    let listener = TcpListener::from(held);
    assert_eq!(read_exactly(&mut answer(&listener), 5), b"hello");
}

#[test]
fn many_who_cannot_be_joined_are_said_together() {
    let (_held, port) = refusing_tcp_port();
    let server = Server::start(&["relay", "tcp://127.0.0.1:0", &format!("tcp://127.0.0.1:{port}")]);
    for _ in 0..200 {
        expect_reset_at_once(&server);
    }
    let said = server.terminate();
    let lines = said.stderr.lines().filter(|line| line.contains("not joined")).count();
    assert!(lines <= 10, "200 callers in {lines} lines: {}", said.stderr);
}

/// A listener whose backlog is full, so that a further connect(2) has no answer; and what fills it.
fn silent() -> (rustix::fd::OwnedFd, Vec<TcpStream>, u16) {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};
    // Not for the programs that other tests start meanwhile.
    let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    listen(&held, 0).unwrap();
    let name = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
    let filling = TcpStream::connect(name).unwrap();
    (held, vec![filling], name.port())
}

fn callers_are_reset_when_the_time_to_connect_is_over(engine: &str) {
    let (_held, _filling, port) = silent();
    let mut server = relay(&format!("tcp://127.0.0.1:{port}?connect-timeout=1s"), engine, &[]);
    let began = Instant::now();
    // More than there are helpers: nobody waits for another's time to be over.
    let callers: Vec<TcpStream> = (0..30).map(|_| call(&server)).collect();
    callers.into_iter().for_each(expect_reset);
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < PROMPT, "{took:?}");
    let line = server.running.wait_for_line("not joined to the other end");
    assert!(line.contains("nobody answers") || line.contains("no answer"), "{line}");
}

#[test]
fn a_stuck_call_makes_no_other_wait() {
    let (listener, address) = far();
    let server = relay(&address, "epoll", &["--workers", "1"]);
    let mut stuck = call(&server);
    let _half_open = answer(&listener); // and never read from
    stuck.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    while stuck.write(&[b'x'; 65_536]).is_ok() {}
    let mut caller = call(&server);
    caller.write_all(b"hello").unwrap();
    assert_eq!(read_exactly(&mut answer(&listener), 5), b"hello");
}

#[test]
fn addresses_that_cannot_be_joined_are_refused_with_a_sentence() {
    for (arguments, words) in [
        (&["tcp://127.0.0.1:0", "udp://127.0.0.1:9"][..], "--framing says how messages are marked there"),
        (&["udp://127.0.0.1:0", "tcp://127.0.0.1:9"], "--framing says how messages are marked there"),
        (&["tcp://127.0.0.1:0", "tcp://127.0.0.1:9", "--framing", "line"], "are joined without"),
        (&["tcp://127.0.0.1:0", "-"], "is open already; `swb listen` joins"),
        (&["tcp://127.0.0.1:0", "tcp://127.0.0.1:9?backlog=5"], "option backlog is for listening"),
        (
            &["udp://127.0.0.1:0", "udp://127.0.0.1:9", "--engine", "process"],
            "these engines can: iterative, thread",
        ),
    ] {
        let said = run_swb(&[&["relay"], arguments].concat(), b"");
        assert_eq!(said.code(), 2, "{arguments:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{arguments:?}: {}", said.stderr);
    }
}
