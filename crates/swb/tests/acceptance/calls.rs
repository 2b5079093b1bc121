//! Rows C4 to C26: calls, options and ideas named in passing.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::support::peer::{refusing_tcp_port, uninterrupted};
use crate::support::{Running, Server, random_bytes, run_swb, swb};
use crate::{CONCURRENT, call_at, name};

#[test]
fn c4_callers_are_answered_in_the_order_in_which_they_came() {
    let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0", "--engine", "iterative", "-v"]);
    let mut calls: Vec<TcpStream> = (0..20).map(|_| call_at("127.0.0.1", &server)).collect();
    // They speak in the opposite order.
    calls.iter_mut().enumerate().rev().for_each(|(number, call)| writeln!(call, "{number}").unwrap());
    let names: Vec<String> = calls.iter().map(name).collect();
    drop(calls);
    let wanted: String = (0..20).map(|number| format!("{number}\n")).collect();
    assert_eq!(server.running.wait_for_bytes(wanted.len()), wanted.as_bytes());
    for (number, name) in names.iter().enumerate() {
        server.running.wait_for_line(&format!("call {}: {name} called", number + 1));
    }
}

#[test]
fn c6_c10_the_port_that_the_kernel_chose_for_a_caller_is_shown() {
    let mut server = Server::start(&["serve", "reply", "hi", "tcp://127.0.0.1:0", "-v"]);
    let asked = run_swb(&["ask", "-v", server.address(), "who am I?"], b"");
    let seen = server.running.wait_for_line(" called ");
    let ours = seen.trim_start_matches("call 1: ").split(' ').next().unwrap();
    assert!(seen.ends_with(&format!("{ours} called {}", server.address())), "{seen}");
    let first = asked.stderr.lines().next();
    assert_eq!(first, Some(&*format!("connected to {} from {ours}", server.address())));
}

#[test]
fn c8_a_caller_has_the_source_address_and_port_that_it_wants() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let free = TcpListener::bind("127.0.0.5:0").unwrap().local_addr().unwrap();
    for (bind, port) in [(free.to_string(), Some(free.port())), ("127.0.0.5".to_owned(), None)] {
        let calling = Running::start(&mut swb(&["connect", &format!("tcp://{address}?bind={bind}")]));
        let (call, from) = listener.accept().unwrap();
        assert_eq!(from.ip().to_string(), "127.0.0.5");
        assert!(port.is_none_or(|port| port == from.port()), "{from}");
        drop(call);
        assert_eq!(calling.finish().code(), 0);
    }
}

#[test]
fn c9_a_server_of_one_address_of_several_answers_there_and_nowhere_else() {
    let (_held, port) = refusing_tcp_port();
    let server = Server::start(&["serve", "say", "here", &format!("tcp://127.0.0.7:{port}")]);
    let mut heard = String::new();
    call_at("127.0.0.7", &server).read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "here");
    assert!(TcpStream::connect(format!("127.0.0.1:{port}")).is_err());
    let server = Server::start(&["serve", "say", "here", "tcp://:0?device=lo"]);
    let mut caller = call_at("127.0.0.1", &server);
    assert!(uninterrupted(|| caller.read(&mut [0])).is_ok());
}

#[test]
fn c11_short_writes_lose_nothing() {
    let sent = random_bytes(3_000_000, 21);
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0?sndbuf=4KiB&rcvbuf=4KiB"]);
    let mut call = call_at("127.0.0.1", &server);
    let mut sending = call.try_clone().unwrap();
    let message = sent.clone();
    let sender = std::thread::spawn(move || {
        sending.write_all(&message).unwrap();
        sending.shutdown(Shutdown::Write).unwrap();
    });
    let mut echoed = Vec::new();
    let mut buffer = [0; 1_000];
    while let Ok(length @ 1..) = uninterrupted(|| call.read(&mut buffer)) {
        echoed.extend_from_slice(&buffer[..length]);
    }
    sender.join().unwrap();
    assert!(echoed == sent, "{} bytes of {}", echoed.len(), sent.len());
}

#[test]
fn c12_what_was_said_arrives_though_the_caller_sent_what_nobody_read() {
    for engine in CONCURRENT {
        for linger in ["", "?linger=5s"] {
            let address = format!("tcp://127.0.0.1:0{linger}");
            let server = Server::start(&["serve", "say", "Hello, world!", &address, "--engine", engine]);
            let mut call = call_at("127.0.0.1", &server);
            call.write_all(&random_bytes(200_000, 8)).unwrap();
            let mut heard = Vec::new();
            call.read_to_end(&mut heard).unwrap();
            assert_eq!(heard, b"Hello, world!", "{engine} {linger}");
        }
    }
}

#[test]
fn c12_with_linger_0_a_call_that_the_server_ends_is_reset_and_without_it_is_finished() {
    for engine in CONCURRENT {
        for (linger, is_reset) in [("", false), ("?linger=0s", true)] {
            let address = format!("tcp://127.0.0.1:0{linger}");
            let serve = ["serve", "echo", &address, "--engine", engine, "--idle-timeout", "200ms"];
            let server = Server::start(&serve);
            let mut call = call_at("127.0.0.1", &server);
            call.write_all(b"hello").unwrap();
            call.read_exact(&mut [0; 5]).unwrap();
            match uninterrupted(|| call.read(&mut [0])) {
                Ok(length) => assert!(length == 0 && !is_reset, "{engine} {linger}: {length}"),
                Err(error) => {
                    assert!(
                        error.kind() == ErrorKind::ConnectionReset && is_reset,
                        "{engine} {linger}: {error}"
                    );
                }
            }
        }
    }
}

#[test]
fn c25_messages_show_source_and_destination() {
    let mut server = Server::start(&["serve", "echo", "tcp://:0", "-v"]);
    let port = server.port();
    for host in ["127.0.0.1", "127.0.0.9"] {
        // The wildcard is not where it called: that is the address of the call.
        let call = call_at(host, &server);
        server.running.wait_for_line(&format!("{} called tcp://{host}:{port}", name(&call)));
    }
}

#[test]
fn c26_many_callers_are_answered_by_one_server() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let mut calls: Vec<TcpStream> = (0..200).map(|_| call_at("127.0.0.1", &server)).collect();
    for round in 0..2_u8 {
        calls.iter_mut().for_each(|call| call.write_all(&[round]).unwrap());
        for call in &mut calls {
            let mut answer = [9];
            call.read_exact(&mut answer).unwrap();
            assert_eq!(answer, [round]);
        }
    }
}
