//! SIGTERM: open calls may finish, new ones are refused; the deadline and a second signal cut.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::proc::children;
use crate::support::{Directory, PATIENCE, Server};
use crate::{PROMPT, address, call, echo, exchange, expect_end};

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

under! { none_of_a_hundred_active_calls_is_cut: process thread poll epoll uring }

fn none_of_a_hundred_active_calls_is_cut(engine: &str) {
    let mut server = echo(engine, &["--drain", "60s"]);
    let mut callers: Vec<_> = (0..100).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"before"));
    server.running.signal(SIGTERM);
    let line = server.running.wait_for_line("draining: ");
    assert!(line.starts_with("draining: 100 calls are open and have 60 s"), "{line}");
    wait_until("new callers are refused", || is_refused(&server));
    for caller in &mut callers {
        exchange(caller, b"during the drain");
        caller.shutdown(Shutdown::Write).unwrap();
        expect_end(caller);
    }
    assert_eq!(server.running.finish().code(), 0);
}

fn is_refused(server: &Server) -> bool {
    TcpStream::connect(address(server)).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

#[test]
fn an_iterative_server_finishes_its_call_and_answers_none_that_waits() {
    let mut server = echo("iterative", &["--drain", "60s"]);
    let (mut first, mut second) = (call(&server), call(&server));
    exchange(&mut first, b"before");
    server.running.signal(SIGTERM);
    server.running.wait_for_line("draining: 1 calls are open");
    expect_end(&mut second);
    exchange(&mut first, b"during the drain");
    drop(first);
    assert_eq!(server.running.finish().code(), 0);
}

under! { an_interrupt_drains_as_a_termination_does: iterative process thread poll epoll uring }

fn an_interrupt_drains_as_a_termination_does(engine: &str) {
    let mut server = echo(engine, &["--drain", "60s"]);
    let mut caller = call(&server);
    exchange(&mut caller, b"before");
    server.running.signal(SIGINT);
    server.running.wait_for_line("draining: 1 calls are open");
    exchange(&mut caller, b"during the drain");
    drop(caller);
    assert_eq!(server.running.finish().code(), 0);
}

under! { a_second_signal_ends_it_at_once: iterative process thread poll epoll uring }

fn a_second_signal_ends_it_at_once(engine: &str) {
    let mut server = echo(engine, &["--drain", "60s"]);
    let count = if engine == "iterative" { 1 } else { 10 };
    let mut callers: Vec<_> = (0..count).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"before"));
    let children = children(server.pid());
    server.running.signal(SIGTERM);
    server.running.wait_for_line("draining: ");
    let began = Instant::now();
    server.running.signal(SIGTERM);
    callers.iter_mut().for_each(expect_end);
    let ended = server.running.finish();
    assert!(began.elapsed() < PROMPT, "{:?}", began.elapsed());
    assert_eq!(ended.code(), 128 + SIGTERM, "{ended:?}");
    for child in children {
        wait_until("its child has ended too", || !std::fs::exists(format!("/proc/{child}/fd/0")).unwrap());
    }
}

under! { calls_that_outlast_the_drain_are_cut_and_counted: iterative process thread poll epoll uring }

fn calls_that_outlast_the_drain_are_cut_and_counted(engine: &str) {
    let server = echo(engine, &["--drain", "300ms"]);
    let count = if engine == "iterative" { 1 } else { 3 };
    let mut callers: Vec<_> = (0..count).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"before"));
    let ended = server.terminate();
    let sentence = format!("swb: {count} calls were still open after 0.3 s of draining and were cut");
    assert!(ended.stderr.ends_with(&sentence), "{ended:?}");
    assert_eq!(ended.code(), 5);
    callers.iter_mut().for_each(expect_end);
}

under! { an_answer_that_is_under_way_is_delivered_whole: process thread poll epoll uring }

/// Megabytes are owed to a caller when the signal comes: it gets them all.
fn an_answer_that_is_under_way_is_delivered_whole(engine: &str) {
    const BYTES: usize = 64 << 20; // more than the kernel holds between two ends
    let mut server = echo(engine, &["--drain", "60s"]);
    let mut caller = call(&server);
    let mut writer = caller.try_clone().unwrap();
    exchange(&mut caller, b"before");
    let sent = crate::support::random_bytes(BYTES, 9);
    let to_send = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&to_send).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    server.running.signal(SIGTERM);
    server.running.wait_for_line("draining: ");
    let mut came = Vec::new();
    caller.read_to_end(&mut came).unwrap();
    writing.join().unwrap();
    assert!(came == sent, "{} of {BYTES} bytes came", came.len());
    assert_eq!(server.running.finish().code(), 0);
}

under! { over_unix_sockets_calls_finish_and_the_path_is_gone_for_new_callers: process thread poll epoll uring }

fn over_unix_sockets_calls_finish_and_the_path_is_gone_for_new_callers(engine: &str) {
    let folder = Directory::new();
    let path = folder.file("socket");
    let address = format!("unix:{path}");
    let mut server = Server::start(&["serve", "echo", &address, "--engine", engine, "--drain", "60s"]);
    let mut callers: Vec<_> = (0..10).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let exchange = |caller: &mut UnixStream| {
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        caller.write_all(b"are you there?").unwrap();
        let mut came = [0; 14];
        caller.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"are you there?");
    };
    callers.iter_mut().for_each(exchange);
    server.running.signal(SIGTERM);
    server.running.wait_for_line("draining: 10 calls are open");
    wait_until("new callers find nobody", || UnixStream::connect(&path).is_err());
    for caller in &mut callers {
        exchange(caller);
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap(), 0);
    }
    assert_eq!(server.running.finish().code(), 0);
    assert!(!std::fs::exists(&path).unwrap());
}

under! { over_udp_a_conversation_finishes_and_nobody_new_is_answered: thread poll epoll uring }

fn over_udp_a_conversation_finishes_and_nobody_new_is_answered(engine: &str) {
    let serve = ["serve", "who", "--bye-after", "500ms", "udp://127.0.0.1:0", "--engine", engine];
    let mut server = Server::start(&[&serve[..], &["--workers", "1"]].concat());
    let address = server.address().trim_start_matches("udp://").to_owned();
    let callers = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    let hear = |caller: &UdpSocket| {
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 200];
        let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let [known, new] = &callers;
    known.send_to(b"hello", &address).unwrap();
    assert!(hear(known).starts_with("Connection from "));
    server.running.signal(SIGTERM);
    server.running.wait_for_line("draining: 1 calls are open");
    new.send_to(b"hello", &address).unwrap();
    assert!(hear(known).starts_with("Bye"));
    let line = server.running.wait_for_line("not delivered");
    assert!(line.ends_with(": 1 not delivered: no new callers are answered any more"), "{line}");
    assert_eq!(server.running.finish().code(), 0);
    new.set_nonblocking(true).unwrap();
    assert!(uninterrupted(|| new.recv(&mut [0])).is_err(), "it was answered");
}
