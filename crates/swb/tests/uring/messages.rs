//! Datagrams are received by the ring: each whole, in order, none lost in between, and none when the memory is lent out.

use std::net::UdpSocket;

use crate::has_rings;
use crate::support::peer::uninterrupted;
use crate::support::trace::{lines, named};
use crate::support::{PATIENCE, Server};

const SIGSTOP: i32 = 19;
const SIGCONT: i32 = 18;

/// More than the ring has buffers (128), and no more than a socket holds by default.
const FLOOD: u32 = 200;

/// `swb serve echo` under uring, by one worker.
fn echo(addresses: &[&str], options: &[&str]) -> Server {
    let by = ["--engine", "uring", "--workers", "1"];
    Server::start_at(addresses.len(), &[&["serve", "echo"], addresses, &by, options].concat())
}

fn caller(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(address.trim_start_matches("udp://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn hear(caller: &UdpSocket) -> Vec<u8> {
    let mut bytes = vec![0; 70_000];
    let length = uninterrupted(|| caller.recv(&mut bytes)).unwrap();
    bytes.truncate(length);
    bytes
}

fn exchange(caller: &UdpSocket, message: &[u8]) {
    caller.send(message).unwrap();
    assert!(hear(caller) == message, "a message of {} bytes", message.len());
}

#[test]
fn what_comes_while_it_waits_comes_with_the_wait_and_without_a_call_of_its_own() {
    if !has_rings() {
        return;
    }
    let server = echo(&["udp://127.0.0.1:0"], &["--trace"]);
    let caller = caller(server.address());
    exchange(&caller, b"are you there?"); // may have come before the first wait
    for round in 0..20 {
        exchange(&caller, format!("round {round}").as_bytes());
    }
    let told = lines(&server.terminate().stderr);
    let calls = named(&told, "recvmmsg");
    assert!(calls.iter().all(|call| !call.result().contains("round")), "{calls:?}");
    let waits = named(&told, "io_uring_enter");
    for round in 0..20 {
        let came = format!("\"round {round}\" from 127.0.0.1:");
        let by =
            waits.iter().filter(|wait| wait.result().contains(" recvmsg ") && wait.result().contains(&came));
        assert_eq!(by.count(), 1, "{came}: {waits:?}");
    }
}

#[test]
fn an_empty_message_ends_nothing_and_the_longest_comes_whole() {
    if !has_rings() {
        return;
    }
    let server = echo(&["udp://127.0.0.1:0"], &[]);
    let caller = caller(server.address());
    let longest: Vec<u8> = (0..65_507).map(|index| (index % 251) as u8).collect();
    for _ in 0..10 {
        exchange(&caller, b"before");
        exchange(&caller, b"");
        exchange(&caller, &longest);
    }
    for message in [&b"one"[..], b"", b"", b"two"] {
        caller.send(message).unwrap();
    }
    assert_eq!([0; 4].map(|_| hear(&caller)), [&b"one"[..], b"", b"", b"two"]);
}

#[test]
fn more_than_it_has_memory_for_is_answered_all_the_same_and_in_order() {
    if !has_rings() {
        return;
    }
    let addresses = ["udp://127.0.0.1:0", "udp://127.0.0.1:0"];
    let server = echo(&addresses, &[]);
    let callers: Vec<_> = server.addresses.iter().map(|address| caller(address)).collect();
    for round in 0..5 {
        // Answered once, so that the ring receives; then all come at once, at both doors.
        callers.iter().for_each(|caller| exchange(caller, b"are you there?"));
        server.running.signal(SIGSTOP);
        for number in 0..FLOOD {
            callers.iter().for_each(|caller| assert_eq!(caller.send(&number.to_be_bytes()).unwrap(), 4));
        }
        server.running.signal(SIGCONT);
        for caller in &callers {
            for number in 0..FLOOD {
                assert_eq!(hear(caller), number.to_be_bytes(), "round {round}");
            }
        }
    }
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_server_that_ends_has_answered_what_came_before() {
    if !has_rings() {
        return;
    }
    let server = echo(&["udp://127.0.0.1:0"], &[]);
    let caller = caller(server.address());
    exchange(&caller, b"are you there?");
    server.running.signal(SIGSTOP);
    (0..50_u32).for_each(|number| assert_eq!(caller.send(&number.to_be_bytes()).unwrap(), 4));
    server.running.signal(15);
    server.running.signal(SIGCONT);
    assert_eq!(server.running.finish().code(), 0);
    (0..50_u32).for_each(|number| assert_eq!(hear(&caller), number.to_be_bytes()));
}
