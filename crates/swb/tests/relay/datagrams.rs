//! Datagrams: each caller has a call of its own, bounded and forgotten when it is silent; messages on a stream.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::proc::sockets;
use crate::support::{Directory, PATIENCE, Server};
use crate::{answer, call, far, read_exactly, relay_at};

const SIGTERM: i32 = 15;

under! { each_of_many_callers_gets_its_own_answers: iterative thread poll epoll uring }

fn caller(server: &Server) -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(server.address().trim_start_matches("udp://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn hear(socket: &UdpSocket) -> String {
    let mut buffer = [0; 2_000];
    let length = uninterrupted(|| socket.recv(&mut buffer)).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

fn each_of_many_callers_gets_its_own_answers(engine: &str) {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let server = relay_at("udp://127.0.0.1:0", echo.address(), engine, &[]);
    let callers: Vec<UdpSocket> = (0..50).map(|_| caller(&server)).collect();
    for round in 0..3 {
        for (number, caller) in callers.iter().enumerate() {
            caller.send(format!("{number} in round {round}").as_bytes()).unwrap();
            assert_eq!(hear(caller), format!("{number} in round {round}"));
        }
    }
    // A caller has a socket to the other end for itself, and keeps it.
    assert!(sockets(server.pid()).len() >= 50);
    let said = server.terminate();
    assert_eq!(said.code(), 0, "{}", said.stderr);
}

under! { an_answer_that_is_under_way_when_a_drain_begins_comes: iterative thread poll epoll uring }

fn an_answer_that_is_under_way_when_a_drain_begins_comes(engine: &str) {
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    far.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = format!("udp://{}", far.local_addr().unwrap());
    let mut server = relay_at("udp://127.0.0.1:0", &to, engine, &["--drain", "60s"]);
    let (asks, is_silent) = (caller(&server), caller(&server));
    let mut buffer = [0; 100];
    for caller in [&is_silent, &asks] {
        caller.send(b"asked").unwrap();
        let (_, from) = far.recv_from(&mut buffer).unwrap();
        if std::ptr::eq(caller, &is_silent) {
            far.send_to(b"answered", from).unwrap();
            assert_eq!(hear(caller), "answered");
            continue;
        }
        server.running.signal(SIGTERM);
        server.running.wait_for_line("draining: 2 calls are open and have 60 s");
        thread::sleep(Duration::from_millis(300)); // a far end takes its time
        far.send_to(b"answered late", from).unwrap();
        assert_eq!(hear(caller), "answered late");
    }
    // It waits for further answers only as long as they may still be under way.
    let began = Instant::now();
    assert_eq!(server.running.finish().code(), 0);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_thousand_callers_at_once_get_their_own_answers_and_nobody_elses() {
    const CALLERS: usize = 1_000;
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    if maximum.is_some_and(|most| most < 2 * CALLERS as u64) {
        return println!("not checked: a process may have {maximum:?} descriptors here (ulimit -Hn)");
    }
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0", "--rate-per-peer", "off"]);
    for engine in ["epoll", "uring"] {
        let server = relay_at("udp://127.0.0.1:0", echo.address(), engine, &["--workers", "2"]);
        let callers: Vec<UdpSocket> = (0..CALLERS).map(|_| caller(&server)).collect();
        for round in 0..3 {
            // Many at once, and no more than the one socket of the echo holds of answers and questions.
            for (group, some) in callers.chunks(100).enumerate() {
                let said = |number: usize| format!("{} in round {round}", group * 100 + number);
                for (number, caller) in some.iter().enumerate() {
                    caller.send(said(number).as_bytes()).unwrap();
                }
                for (number, caller) in some.iter().enumerate() {
                    assert_eq!(hear(caller), said(number), "under {engine}");
                }
            }
        }
        for caller in &callers {
            caller.set_nonblocking(true).unwrap();
            assert!(
                uninterrupted(|| caller.recv(&mut [0; 99])).is_err(),
                "nobody hears what another was answered"
            );
        }
        assert!(sockets(server.pid()).len() >= CALLERS);
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn a_caller_that_is_silent_is_forgotten_and_may_come_again() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let further = ["--idle-timeout", "200ms", "--workers", "1"];
    let server = relay_at("udp://127.0.0.1:0", echo.address(), "epoll", &further);
    let caller = caller(&server);
    for _ in 0..2 {
        caller.send(b"hello").unwrap();
        assert_eq!(hear(&caller), "hello");
        wait_until("its socket is closed", || sockets(server.pid()).len() == 1);
    }
}

#[test]
fn no_more_callers_are_remembered_than_may_be() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let further = ["--max-calls", "2", "--workers", "1"];
    let mut server = relay_at("udp://127.0.0.1:0", echo.address(), "epoll", &further);
    let callers = [caller(&server), caller(&server), caller(&server)];
    for caller in &callers[..2] {
        caller.send(b"hello").unwrap();
        assert_eq!(hear(caller), "hello");
    }
    callers[2].send(b"hello").unwrap();
    server.running.wait_for_line("not delivered: the table of peers is full");
    callers[0].send(b"still here").unwrap();
    assert_eq!(hear(&callers[0]), "still here");
}

#[test]
fn datagrams_of_unix_sockets_go_through() {
    let folder = Directory::new();
    let (inner, outer) = (folder.file("inner"), folder.file("outer"));
    let echo = Server::start(&["serve", "echo", &format!("unix-dgram:{inner}")]);
    let server = relay_at(&format!("unix-dgram:{outer}"), echo.address(), "epoll", &[]);
    let caller = UnixDatagram::bind(folder.file("caller")).unwrap();
    caller.connect(&outer).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.send(b"hello").unwrap();
    let mut buffer = [0; 100];
    let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], b"hello");
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn datagrams_are_lines_of_a_stream_and_answers_come_back() {
    let (listener, address) = far();
    let server = relay_at("udp://127.0.0.1:0", &address, "uring", &["--framing", "line"]);
    let caller = caller(&server);
    caller.send(b"one").unwrap();
    let mut other = answer(&listener);
    assert_eq!(read_exactly(&mut other, 4), b"one\n");
    caller.send(b"two").unwrap();
    assert_eq!(read_exactly(&mut other, 4), b"two\n");
    other.write_all(b"three\nfo").unwrap();
    assert_eq!(hear(&caller), "three");
    other.write_all(b"ur\n").unwrap();
    assert_eq!(hear(&caller), "four");
}

#[test]
fn lines_of_a_stream_are_datagrams_and_answers_come_back() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let server = relay_at("tcp://127.0.0.1:0", echo.address(), "epoll", &["--framing", "line"]);
    let mut caller = call(&server);
    caller.write_all(b"one\ntw").unwrap();
    let mut lines = BufReader::new(caller.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    caller.write_all(b"o\n").unwrap();
    caller.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "two");
    assert!(lines.next().is_none(), "it ends once all is quiet");
}

#[test]
fn what_the_end_of_a_stream_leaves_without_a_mark_is_a_message_too() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    for (framing, said, heard) in
        [("line", &b"one\ntwo"[..], &b"one\ntwo\n"[..]), ("nul", b"one\0two", b"one\0two\0")]
    {
        let server = relay_at("tcp://127.0.0.1:0", echo.address(), "epoll", &["--framing", framing]);
        let mut caller = call(&server);
        caller.write_all(said).unwrap();
        caller.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = Vec::new();
        caller.read_to_end(&mut all).unwrap();
        assert_eq!(all, heard, "{framing}");
    }
    let mut server = relay_at("tcp://127.0.0.1:0", echo.address(), "epoll", &["--framing", "u16be"]);
    let mut caller = call(&server);
    caller.write_all(b"\0\x09short").unwrap();
    caller.shutdown(std::net::Shutdown::Write).unwrap();
    server.running.wait_for_line("ended at a malformed message: the stream ended within it");
}

#[test]
fn a_service_that_is_not_there_is_told_at_the_next_message_and_found_when_it_is() {
    let (held, port) = crate::support::peer::refusing_udp_port();
    let mut server = relay_at("udp://127.0.0.1:0", &format!("udp://127.0.0.1:{port}"), "epoll", &[]);
    let caller = caller(&server);
    caller.send(b"hello").unwrap();
    server
        .running
        .wait_for_line(&format!(": refused by the peer's host (udp://127.0.0.1:{port}); 5 bytes in"));
    let _ = caller.take_error(); // where ICMP could be sent, it has told him
    drop(held);
    let echo = Server::start(&["serve", "echo", &format!("udp://127.0.0.1:{port}")]);
    caller.send(b"hello").unwrap();
    assert_eq!(hear(&caller), "hello");
    drop(echo);
}
