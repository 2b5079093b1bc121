//! Output that cannot be written, and signals.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::failed;
use crate::support::peer::wait_until;
use crate::support::{PATIENCE, Running, Server, swb};

#[test]
fn output_that_cannot_be_written_is_an_error_and_a_reader_who_has_gone_is_none() {
    let server = Server::start(&["serve", "say", "hello", "tcp://127.0.0.1:0"]);
    let mut calling = swb(&["connect", server.address()]);
    calling.stdout(Stdio::from(File::options().write(true).open("/dev/full").unwrap()));
    let message = "cannot write to standard output: write(2): No space left on device (ENOSPC)";
    failed(&Running::start(&mut calling).finish(), 1, message);

    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut calling = swb(&["connect", server.address()]);
    let ended = Running::start(calling.stdout(Stdio::from(writer))).finish();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
}

#[test]
fn a_caller_ended_by_a_signal_has_status_128_and_its_number() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    for signal in [1, 2, 15] {
        let calling = Running::start(&mut swb(&["connect", &address]));
        let _call = listener.accept().unwrap();
        calling.signal(signal);
        assert_eq!(calling.finish().code(), 128 + signal);
    }
}

#[test]
fn a_listener_ended_by_a_signal_has_status_128_and_its_number() {
    for signal in [2, 15] {
        for keep in [&["listen", "tcp://127.0.0.1:0"][..], &["listen", "--keep", "udp://127.0.0.1:0"]] {
            let server = Server::start(keep);
            server.running.signal(signal);
            assert_eq!(server.running.finish().code(), 128 + signal);
        }
    }
}

#[test]
fn a_server_without_calls_ends_at_a_signal_with_status_0() {
    for (signal, engine) in [(15, "epoll"), (2, "epoll"), (15, "process"), (15, "iterative"), (2, "thread")] {
        let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine]);
        server.running.signal(signal);
        assert_eq!(server.running.finish().code(), 0, "{signal} {engine}");
    }
}

#[test]
fn a_second_signal_ends_a_draining_server_at_once() {
    for engine in ["epoll", "thread", "poll", "process", "iterative"] {
        let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "--drain", "1h", "-v"];
        let mut server = Server::start(&serve);
        let socket: SocketAddr = server.address().trim_start_matches("tcp://").parse().unwrap();
        let _call = TcpStream::connect(socket).unwrap();
        server.running.wait_for_line("call 1: ");
        server.running.signal(15);
        server.running.wait_for_line("draining: 1 calls are open");
        server.running.signal(15);
        let began = Instant::now();
        assert_eq!(server.running.finish().code(), 128 + 15, "{engine}");
        assert!(began.elapsed() < PATIENCE / 2);
        wait_until("the port is free again", || TcpListener::bind(socket).is_ok());
    }
}

#[test]
fn a_killed_server_has_the_status_of_its_signal() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let status = Command::new("kill").args(["-9", &server.pid().to_string()]).status().unwrap();
    assert!(status.success());
    assert_eq!(server.running.finish().code(), 137);
}
