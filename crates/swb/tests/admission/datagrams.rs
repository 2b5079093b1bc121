//! Datagrams: by sender, and never so often that two services could be set upon each other.

use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, ipproto, sendto, socket_with};

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::{PATIENCE, Server};
use crate::{HERE, THERE, address};

fn socket_at(from: Ipv4Addr) -> UdpSocket {
    let socket = UdpSocket::bind((from, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

under! { a_sender_who_may_not_speak_is_not_heard: iterative thread poll epoll uring }

fn a_sender_who_may_not_speak_is_not_heard(engine: &str) {
    let serve = ["serve", "echo", "udp://127.0.0.1:0", "--engine", engine, "--deny", "127.0.0.2", "-v"];
    let mut server = Server::start(&serve);
    let to = address(&server);
    let (may, may_not) = (socket_at(HERE), socket_at(THERE));
    let mut answer = [0; 10];
    for _ in 0..10 {
        may_not.send_to(b"forbidden", to).unwrap();
        may.send_to(b"hello", to).unwrap();
        assert_eq!(uninterrupted(|| may.recv_from(&mut answer)).unwrap(), (5, to.into()));
    }
    let line = server.running.wait_for_line("refused");
    assert!(line.contains(" udp://127.0.0.2:") && line.ends_with("it is denied (--deny)"), "{line}");
    let ended = server.terminate();
    assert!(ended.stderr.ends_with("answered 10 calls, refused 10 callers"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("message of 9 bytes"), "{}", ended.stderr);
    may_not.set_nonblocking(true).unwrap();
    assert!(uninterrupted(|| may_not.recv(&mut answer)).is_err());
}

#[test]
fn beyond_the_rate_new_senders_are_dropped_and_counted() {
    let mut server = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate", "5"]);
    let (caller, to) = (socket_at(HERE), address(&server));
    for _ in 0..50 {
        caller.send_to(b"hello", to).unwrap();
    }
    let line = server.running.wait_for_line("refused");
    assert!(line.ends_with("more new callers come than may in a second (--rate)"), "{line}");
    caller.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let answers = std::iter::from_fn(|| uninterrupted(|| caller.recv(&mut [0; 10])).ok()).count();
    assert!((5..20).contains(&answers), "{answers}");
}

#[test]
fn one_source_is_answered_so_often_and_another_as_often() {
    let mut server = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate-per-peer", "20"]);
    let (one, other, to) = (socket_at(HERE), socket_at(THERE), address(&server));
    for _ in 0..200 {
        one.send_to(b"hello", to).unwrap();
    }
    let line = server.running.wait_for_line("not delivered");
    assert!(line.ends_with("one source is answered no more often (--rate-per-peer)"), "{line}");
    other.send_to(b"hello", to).unwrap();
    assert_eq!(uninterrupted(|| other.recv(&mut [0; 10])).unwrap(), 5);
    one.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
    let answers = std::iter::from_fn(|| uninterrupted(|| one.recv(&mut [0; 10])).ok()).count();
    assert!((2..20).contains(&answers), "{answers}");
}

#[test]
fn two_services_set_upon_each_other_by_one_forged_datagram_soon_stop() {
    let echo = |rate| Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate-per-peer", rate, "-v"]);
    let (mut one, other) = (echo("off"), echo("off"));
    if let Err(error) = forge(address(&other), address(&one)) {
        println!("two_services_set_upon_each_other: not run: no datagram can be forged here: {error}");
        return;
    }
    for _ in 0..1_000 {
        one.running.take_line("message of 4 bytes"); // without a limit it goes on and on
    }
    drop((one, other));

    let (mut one, mut other) = (echo("100"), echo("100"));
    forge(address(&other), address(&one)).unwrap();
    // The message that one of them drops is the only one on its way: it is the last.
    wait_until("one of them answers no more", || {
        [&mut one, &mut other].iter_mut().any(|server| server.running.has_said("(--rate-per-peer)"))
    });
    let said = [one, other].map(|server| server.terminate().stderr);
    let exchanged: usize = said.iter().map(|said| said.matches("message of 4 bytes").count()).sum();
    assert!((2..=250).contains(&exchanged), "{exchanged}");
}

/// Sends a UDP datagram of 4 bytes with a source that is not ours (raw(7)); only root may.
fn forge(from: SocketAddrV4, to: SocketAddrV4) -> rustix::io::Result<()> {
    const HEADERS: u8 = 20 + 8;
    let payload = *b"ping";
    let raw = socket_with(AddressFamily::INET, SocketType::RAW, SocketFlags::empty(), Some(ipproto::RAW))?;
    let udp_length = 8 + u16::try_from(payload.len()).unwrap_or_default();
    // RFC 791: version 4, five words; the kernel fills in lengths and checksum. RFC 768: a checksum of 0 is none.
    let mut packet = vec![0x45, 0, 0, HEADERS + 4, 0, 0, 0, 0, 64, 17, 0, 0];
    packet.extend(from.ip().octets());
    packet.extend(to.ip().octets());
    for word in [from.port(), to.port(), udp_length, 0] {
        packet.extend(word.to_be_bytes());
    }
    packet.extend(payload);
    sendto(&raw, &packet, SendFlags::empty(), &SocketAddrV4::new(*to.ip(), 0)).map(drop)
}
