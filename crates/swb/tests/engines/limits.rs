//! Limits that were asked for: calls at once, idle time, and what one caller may cost the others.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

use crate::support::Server;
use crate::support::peer::{uninterrupted, wait_until};
use crate::support::proc::resident_bytes;
use crate::{call, echo, exchange, expect, expect_end, has_something, reset};

under! { beyond_max_calls_callers_wait_and_are_served_as_calls_end: process thread poll epoll uring }

fn beyond_max_calls_callers_wait_and_are_served_as_calls_end(engine: &str) {
    let mut server = echo(engine, &["--max-calls", "3"]);
    let mut waiting: Vec<TcpStream> = (0..9).map(|_| call(&server)).collect();
    waiting.iter_mut().for_each(|caller| caller.write_all(b"hello").unwrap());
    let line = server.running.wait_for_line("the limit");
    assert_eq!(line, "3 calls are open, the limit: further callers wait");
    let mut served = Vec::new();
    while !waiting.is_empty() || !served.is_empty() {
        let wanted = 3.min(served.len() + waiting.len());
        wait_until("a place that is free is given to one who waits", || {
            let answered = waiting.extract_if(.., |caller| has_something(caller));
            served.extend(answered);
            served.len() >= wanted
        });
        assert_eq!(served.len(), wanted, "more are served than were allowed");
        for caller in &mut served {
            caller.write_all(b", and on").unwrap();
        }
        let mut through = served.remove(0);
        expect(&mut through, b"hello, and on");
        through.shutdown(std::net::Shutdown::Write).unwrap();
        expect_end(&mut through);
        // The others have said more than they have read; that is no new call.
        served.iter_mut().for_each(|caller| expect(caller, b"hello, and on"));
        served.iter_mut().for_each(|caller| caller.write_all(b"hello").unwrap());
    }
    assert_eq!(server.terminate().code(), 0);
}

under! { a_caller_who_is_silent_too_long_is_let_go_and_one_who_speaks_is_not: process thread poll epoll uring }

fn a_caller_who_is_silent_too_long_is_let_go_and_one_who_speaks_is_not(engine: &str) {
    let mut server = echo(engine, &["--idle-timeout", "1s", "-v"]);
    let (mut silent, mut speaking) = (call(&server), call(&server));
    wait_until("the silent one is let go", || {
        exchange(&mut speaking, b"I am here");
        has_something(&silent)
    });
    expect_end(&mut silent);
    exchange(&mut speaking, b"I still am");
    let line = server.running.wait_for_line("timed out");
    assert!(line.contains("timed out; 0 bytes in, 0 out"), "{line}");
}

#[test]
fn an_iterative_server_lets_a_silent_caller_go_for_the_next() {
    let server = echo("iterative", &["--idle-timeout", "200ms"]);
    let (mut silent, mut next) = (call(&server), call(&server));
    exchange(&mut next, b"at last");
    expect_end(&mut silent);
}

under! { one_who_never_reads_holds_up_nobody_and_loses_nothing: process thread poll epoll uring }

fn one_who_never_reads_holds_up_nobody_and_loses_nothing(engine: &str) {
    let server = echo(engine, &[]);
    let mut deaf = call(&server);
    let (piece, mut sent, mut full) = (vec![b'x'; 64 * 1024], 0, 0);
    deaf.set_nonblocking(true).unwrap();
    let mut others: Vec<_> = (0..4).map(|_| call(&server)).collect();
    // Full a hundred times, with exchanges of the others between: the server has taken all that it will.
    while full < 100 {
        match deaf.write(&piece) {
            Ok(taken) => sent += taken,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                full += 1;
                others.iter_mut().for_each(|other| exchange(other, b"we are not held up"));
            }
        }
    }
    exchange(&mut call(&server), b"nor is a newcomer");
    assert!(resident_bytes(server.pid()) < 64 << 20, "what it does not read lies in the server");
    deaf.set_nonblocking(false).unwrap();
    deaf.shutdown(std::net::Shutdown::Write).unwrap();
    let mut came = Vec::new();
    deaf.read_to_end(&mut came).unwrap();
    assert_eq!(came.len(), sent);
}

under! { one_who_resets_costs_nobody_else_anything: process thread poll epoll uring }

fn one_who_resets_costs_nobody_else_anything(engine: &str) {
    let mut server = echo(engine, &["-v"]);
    let (mut rude, mut other) = (call(&server), call(&server));
    exchange(&mut rude, b"hello");
    exchange(&mut other, b"hello");
    reset(rude);
    let line = server.running.wait_for_line(": reset");
    assert!(line.contains("5 bytes in, 5 out"), "{line}");
    exchange(&mut other, b"still here");
    exchange(&mut call(&server), b"and a newcomer");
    drop(other);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_reply_of_many_times_does_not_lie_in_memory_whole() {
    const TIMES: &str = "2000000";
    let reply = ["serve", "reply", "more and more", "--times", TIMES, "tcp://127.0.0.1:0"];
    let server = Server::start(&reply);
    let mut caller = call(&server);
    caller.write_all(b"hello").unwrap();
    caller.read_exact(&mut [0; 13]).unwrap();
    exchange_with_another(&server);
    assert!(resident_bytes(server.pid()) < 32 << 20, "{} bytes", resident_bytes(server.pid()));
    let mut rest = Vec::new();
    caller.read_to_end(&mut rest).unwrap();
    assert_eq!(rest.len(), 13 * 1_999_999);
}

under! { a_caller_who_is_answered_without_end_holds_up_nobody: process thread poll epoll uring }

fn a_caller_who_is_answered_without_end_holds_up_nobody(engine: &str) {
    let reply = ["serve", "reply", "x", "--times", "1000000000", "tcp://127.0.0.1:0", "--engine", engine];
    let server = Server::start(&[&reply[..], &["--workers", "1"]].concat());
    let mut greedy = call(&server);
    greedy.write_all(b"hello").unwrap();
    greedy.read_exact(&mut [0]).unwrap();
    // It takes all that it is given, so that the server has never to wait for it.
    let mut reader = greedy.try_clone().unwrap();
    let reading =
        std::thread::spawn(move || while let Ok(1..) = uninterrupted(|| reader.read(&mut [0; 64 * 1024])) {});
    let mut other = call(&server);
    other.write_all(b"hello").unwrap();
    other.read_exact(&mut [0]).unwrap();
    assert!(!reading.is_finished());
    greedy.shutdown(std::net::Shutdown::Both).unwrap();
    reading.join().unwrap();
}

/// A second caller gets its first answer while the first does not read.
fn exchange_with_another(server: &Server) {
    let mut other = call(server);
    other.write_all(b"hello").unwrap();
    other.read_exact(&mut [0; 13]).unwrap();
}
