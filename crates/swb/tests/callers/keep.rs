//! `listen --keep`, one caller after the other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::{Server, run_swb, swb};
use crate::{call, udp_socket};

#[test]
fn listen_keep_goes_on_with_the_next_caller_and_prints_the_lines_of_all() {
    let mut server = Server::start(&["listen", "--keep", "tcp://127.0.0.1:0", "-v"]);
    for caller in ["first\n", "second\n", "third\n"] {
        assert_eq!(run_swb(&["connect", server.address()], caller.as_bytes()).code(), 0);
        server.running.wait_for_text(caller);
    }
    assert_eq!(server.running.wait_for_bytes(19), b"first\nsecond\nthird\n");
    server.running.wait_for_line("call 3: tcp://127.0.0.1:");
}

#[test]
fn listen_keep_goes_on_when_its_input_has_ended() {
    let mut listening = swb(&["listen", "--keep", "tcp://127.0.0.1:0"]);
    let mut server = Server::of(listening.stdin(Stdio::null()), 1);
    for caller in ["first\n", "second\n"] {
        assert_eq!(run_swb(&["connect", server.address()], caller.as_bytes()).code(), 0);
        server.running.wait_for_text(caller);
    }
}

#[test]
fn listen_keep_gives_its_input_to_the_caller_who_is_there() {
    let mut server = Server::start(&["listen", "--keep", "tcp://127.0.0.1:0"]);
    for caller in ["first", "second"] {
        let mut call = call(server.address());
        call.write_all(format!("I am {caller}\n").as_bytes()).unwrap();
        server.running.wait_for_text(caller);
        let answer = format!("hello {caller}\n");
        server.running.write(answer.as_bytes());
        let mut heard = vec![0; answer.len()];
        call.read_exact(&mut heard).unwrap();
        assert_eq!(heard, answer.as_bytes());
    }
}

#[test]
fn listen_without_keep_answers_one_caller_and_closes_its_door() {
    let server = Server::start(&["listen", "tcp://127.0.0.1:0"]);
    let _call = call(server.address());
    let socket: std::net::SocketAddr = server.address().trim_start_matches("tcp://").parse().unwrap();
    wait_until("a second caller is refused", || TcpStream::connect(socket).is_err());
}

#[test]
fn listen_keep_answers_the_udp_caller_whom_it_heard_last() {
    let mut server = Server::start(&["listen", "--keep", "udp://127.0.0.1:0"]);
    let address = server.address().trim_start_matches("udp://").to_owned();
    let (first, second) = (udp_socket(), udp_socket());
    for (caller, said, answer) in [(&first, "one\n", "to one\n"), (&second, "two\n", "to two\n")] {
        caller.send_to(said.as_bytes(), &address).unwrap();
        server.running.wait_for_text(said);
        server.running.write(answer.as_bytes());
        let mut buffer = [0; 100];
        let (length, from) = uninterrupted(|| caller.recv_from(&mut buffer)).unwrap();
        assert_eq!((&buffer[..length], from.to_string()), (answer.as_bytes(), address.clone()));
    }
}

#[test]
fn reply_gives_each_of_two_udp_callers_its_own_answers() {
    let server = Server::start(&["serve", "reply", "got it", "udp://127.0.0.1:0"]);
    let callers = [udp_socket(), udp_socket()];
    for caller in &callers {
        caller.connect(server.address().trim_start_matches("udp://")).unwrap();
    }
    // Both ask before either reads.
    for caller in callers.iter().chain(&callers) {
        caller.send(b"question").unwrap();
    }
    for caller in callers.iter().chain(&callers) {
        let mut buffer = [0; 100];
        let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
        assert_eq!(&buffer[..length], b"got it");
    }
}
