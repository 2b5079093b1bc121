//! `connect`, `listen` and `ask`: what they carry, whom they wait for, and how long.

use std::io::{BufRead, BufReader, Read, Write, pipe};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::time::Duration;

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::proc::is_asleep;
use crate::support::{Directory, Running, Server, random_bytes, swb};
use crate::{
    Group, PIECE_BYTES, ROUNDS, expect_order, far, patient, read_all, say_and_stop, start, udp_socket,
};

#[test]
fn connect_and_listen_carry_every_byte_both_ways() {
    for scheme in ["tcp", "tls", "ws"] {
        let listen = ["listen", &format!("{scheme}://127.0.0.1:0")];
        let ((callee_input, callee_says), (callee_hears, callee_output)) = (pipe().unwrap(), pipe().unwrap());
        let mut command = swb(&listen);
        let mut callee = Server::of(command.process_group(0).stdin(callee_input).stdout(callee_output), 1);
        let mut address = callee.address().to_owned();
        if scheme == "tls" {
            let line = callee.running.take_line("?pin=");
            address = format!("{address}?{}", line.rsplit('?').next().unwrap());
        }
        let ((input, says), (hears, output)) = (pipe().unwrap(), pipe().unwrap());
        let mut command_to_call = swb(&["connect", &address]);
        let caller = Running::start(command_to_call.process_group(0).stdin(input).stdout(output));
        drop((command, command_to_call)); // they hold the other ends of the pipes
        let groups = [Group::of(&caller), Group::of(&callee.running)];
        let (there, back) = (random_bytes(ROUNDS * PIECE_BYTES, 4), random_bytes(ROUNDS * PIECE_BYTES, 5));
        std::thread::scope(|scope| {
            // Each is stopped while the other goes on.
            scope.spawn(|| say_and_stop(says, &there, groups[1]));
            scope.spawn(|| say_and_stop(callee_says, &back, groups[0]));
            let came_back = scope.spawn(|| read_all(hears) == back);
            assert!(read_all(callee_hears) == there, "{scheme}: other bytes came there");
            assert!(came_back.join().unwrap(), "{scheme}: other bytes came back");
        });
        expect_order(&caller.finish());
        expect_order(&callee.running.finish());
    }
}

#[test]
fn ask_hears_an_answer_for_which_it_waits() {
    let peer = udp_socket();
    let address = format!("udp://{}", peer.local_addr().unwrap());
    let asking = start(&["ask", &address, "hi", "--timeout", "30s"]);
    let (_, caller) = uninterrupted(|| peer.recv_from(&mut [0; 100])).unwrap();
    let group = Group::of(&asking);
    (0..ROUNDS).for_each(|_| group.stop_and_go_on());
    peer.send_to(b"hi yourself", caller).unwrap();
    let asked = asking.finish();
    assert_eq!(asked.text(), "hi yourself");
    expect_order(&asked);
}

#[test]
fn ask_hears_an_answer_that_came_in_time_although_its_time_went_by_meanwhile() {
    let peer = udp_socket();
    let address = format!("udp://{}", peer.local_addr().unwrap());
    let asking = start(&["ask", &address, "hi", "--timeout", "1s", "--retries", "0"]);
    let (_, caller) = uninterrupted(|| peer.recv_from(&mut [0; 100])).unwrap();
    let group = Group::of(&asking);
    group.stop();
    peer.send_to(b"hi yourself", caller).unwrap();
    std::thread::sleep(Duration::from_millis(1_200)); // it is the time itself that passes
    group.go_on();
    let asked = asking.finish();
    assert_eq!(asked.text(), "hi yourself");
    expect_order(&asked);
}

/// Answers a question, and expects that it was all that `ask` waited for.
fn expect_question(mut call: impl Read + Write, asking: Running) {
    call.read_exact(&mut [0; 2]).unwrap();
    call.write_all(b"hi yourself").unwrap();
    drop(call);
    let asked = asking.finish();
    assert_eq!((asked.text().as_str(), asked.code()), ("hi yourself", 0), "{}", asked.stderr);
}

/// A Unix listener whose backlog is full; and what fills it.
fn full_unix_listener(path: &str) -> (UnixListener, Vec<UnixStream>) {
    let listener = UnixListener::bind(path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    (listener, vec![UnixStream::connect(path).unwrap()])
}

#[test]
fn connect_waits_for_a_place_in_a_full_backlog() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let (listener, _filling) = full_unix_listener(&path);
    let mut calling = start(&["ask", &format!("unix:{path}"), "hi", "--trace"]);
    let group = Group::of(&calling);
    calling.wait_for_line("SO_SNDTIMEO");
    wait_until("it waits in connect(2)", || is_asleep(calling.pid()));
    (0..ROUNDS).for_each(|_| group.stop_and_go_on());
    drop(listener.accept().unwrap());
    expect_question(listener.accept().unwrap().0, calling);
}

#[test]
fn connect_takes_a_place_that_was_free_in_time_although_its_time_went_by_meanwhile() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let (listener, _filling) = full_unix_listener(&path);
    let mut calling = start(&["ask", &format!("unix:{path}?connect-timeout=1s"), "hi", "--trace"]);
    let group = Group::of(&calling);
    calling.wait_for_line("SO_SNDTIMEO");
    wait_until("it waits in connect(2)", || is_asleep(calling.pid()));
    group.stop();
    drop(listener.accept().unwrap());
    std::thread::sleep(Duration::from_millis(1_200)); // it is the time itself that passes
    group.go_on();
    expect_question(listener.accept().unwrap().0, calling);
}

/// A TCP listener whose backlog is full, so that the kernel drops a further caller's SYN; and what fills it.
fn full_listener() -> (TcpListener, String, Vec<TcpStream>) {
    let (listener, address) = far();
    rustix::net::listen(&listener, 0).unwrap();
    let place = listener.local_addr().unwrap();
    let filling = std::iter::from_fn(|| TcpStream::connect_timeout(&place, Duration::from_millis(200)).ok());
    let filling: Vec<TcpStream> = filling.take(10).collect();
    assert!(filling.len() < 10, "the backlog of 0 never filled");
    (listener, address, filling)
}

#[test]
fn connect_waits_for_one_who_does_not_answer_at_once() {
    let (listener, address, filling) = full_listener();
    let mut calling = start(&["ask", &address, "hi", "--trace"]);
    let group = Group::of(&calling);
    calling.wait_for_line("EINPROGRESS");
    (0..ROUNDS).for_each(|_| group.stop_and_go_on());
    filling.iter().for_each(|_| drop(listener.accept().unwrap()));
    expect_question(patient(listener.accept().unwrap().0), calling);
}

#[test]
fn connect_reaches_one_who_answered_in_time_although_its_time_went_by_meanwhile() {
    let (listener, address, filling) = full_listener();
    let mut calling = start(&["ask", &format!("{address}?connect-timeout=4s"), "hi", "--trace"]);
    let group = Group::of(&calling);
    calling.wait_for_line("EINPROGRESS");
    group.stop();
    filling.iter().for_each(|_| drop(listener.accept().unwrap()));
    // The kernel sends the SYN again, and has the call before the time is up.
    let call = patient(listener.accept().unwrap().0);
    std::thread::sleep(Duration::from_secs(4)); // it is the time itself that passes
    group.go_on();
    expect_question(call, calling);
}

#[test]
fn a_call_through_a_proxy_waits_for_its_answer() {
    let (proxy, _) = far();
    let via = format!("tcp://far.example:7?via=http-connect://{}", proxy.local_addr().unwrap());
    let calling = start(&["ask", &via, "hi"]);
    let group = Group::of(&calling);
    let mut call = BufReader::new(patient(proxy.accept().unwrap().0));
    while call.read_until(b'\n', &mut Vec::new()).unwrap() > 2 {} // up to the empty line
    (0..ROUNDS).for_each(|_| group.stop_and_go_on());
    let mut call = call.into_inner();
    for piece in b"HTTP/1.1 200 OK\r\n\r\n".chunks(1) {
        group.stop();
        call.write_all(piece).unwrap();
        group.go_on();
    }
    expect_question(call, calling);
}
