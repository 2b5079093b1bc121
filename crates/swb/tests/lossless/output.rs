//! Standard output that is full is an error; one that nobody reads any more is a quiet end.

use std::fs::OpenOptions;
use std::io::{Read, Write, pipe};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::peer::wait_until;
use crate::support::{Finished, PATIENCE, Running, Server, swb};

const ENGINES: [&str; 6] = ["iterative", "process", "thread", "poll", "epoll", "uring"];

/// "At once", on a machine that has other things to do as well.
const PROMPT: Duration = Duration::from_secs(5);

fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

fn said_that_it_is_full(ended: &Finished, who: &str) {
    assert_eq!(ended.code(), 1, "{who}: {ended:?}");
    let sentence = "swb: cannot write to standard output: write(2): No space left on device";
    assert!(ended.stderr.lines().any(|line| line.starts_with(sentence)), "{who}: {ended:?}");
}

fn ended_quietly(ended: &Finished, who: &str) {
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{who}: {ended:?}");
}

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn connect_says_that_its_output_is_full() {
    let server = Server::start(&["serve", "reply", "hello back", "tcp://127.0.0.1:0"]);
    let mut caller = Running::start(swb(&["connect", server.address()]).stdout(full()));
    caller.write(b"hello");
    said_that_it_is_full(&caller.finish(), "connect");
}

#[test]
fn listen_says_that_its_output_is_full() {
    for arguments in [&["listen", "tcp://127.0.0.1:0"][..], &["listen", "--keep", "tcp://127.0.0.1:0"]] {
        let server = Server::of(swb(arguments).stdout(full()), 1);
        call(&server).write_all(b"hello").unwrap();
        said_that_it_is_full(&server.running.finish(), &format!("{arguments:?}"));
    }
}

#[test]
fn ask_says_that_its_output_is_full() {
    for address in ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"] {
        let server = Server::start(&["serve", "echo", address]);
        let caller = Running::start(swb(&["ask", server.address(), "hello"]).stdout(full()));
        said_that_it_is_full(&caller.finish(), address);
    }
}

#[test]
fn print_says_that_its_output_is_full_under_every_engine() {
    for engine in ENGINES {
        let print = ["serve", "print", "tcp://127.0.0.1:0", "--engine", engine];
        let server = Server::of(swb(&print).stdout(full()), 1);
        call(&server).write_all(b"hello\n").unwrap();
        said_that_it_is_full(&server.running.finish(), engine);
    }
}

#[test]
fn connect_ends_quietly_and_at_once_when_the_reader_of_its_output_goes_away() {
    let flood =
        ["serve", "reply", "more and more", "--every", "1ms", "--times", "100000", "tcp://127.0.0.1:0"];
    let silence = ["serve", "discard", "tcp://127.0.0.1:0"];
    for service in [&flood[..], &silence] {
        let server = Server::start(service);
        let (mut reader, writer) = pipe().unwrap();
        let mut caller = Running::start(swb(&["connect", server.address()]).stdout(writer));
        caller.write(b"hello");
        if service == flood {
            reader.read_exact(&mut [0; 100]).unwrap();
        }
        let began = Instant::now();
        drop(reader);
        ended_quietly(&caller.finish(), service[1]);
        assert!(began.elapsed() < PROMPT, "{service:?}: {:?}", began.elapsed());
    }
}

#[test]
fn listen_ends_quietly_and_at_once_when_the_reader_of_its_output_goes_away() {
    for talks in [true, false] {
        let (mut reader, writer) = pipe().unwrap();
        let mut server = Server::of(swb(&["listen", "tcp://127.0.0.1:0"]).stdout(writer), 1);
        let mut caller = call(&server);
        // The caller is answered once it hears something.
        server.running.write(b"hello\n");
        caller.read_exact(&mut [0; 6]).unwrap();
        if talks {
            caller.write_all(b"one").unwrap();
            reader.read_exact(&mut [0; 3]).unwrap();
        }
        let began = Instant::now();
        drop(reader);
        if talks {
            let _ = caller.write_all(b"two");
        }
        ended_quietly(&server.running.finish(), "listen");
        assert!(began.elapsed() < PROMPT, "{talks}: {:?}", began.elapsed());
    }
}

#[test]
fn listen_that_keeps_on_ends_quietly_when_the_reader_of_its_output_goes_away() {
    let (mut reader, writer) = pipe().unwrap();
    let server = Server::of(swb(&["listen", "--keep", "tcp://127.0.0.1:0"]).stdout(writer), 1);
    let mut caller = call(&server);
    caller.write_all(b"one").unwrap();
    reader.read_exact(&mut [0; 3]).unwrap();
    drop(reader);
    ended_quietly(&server.running.finish(), "listen --keep");
}

#[test]
fn ask_ends_quietly_when_nobody_reads_its_output() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let caller = Running::start(swb(&["ask", server.address(), "hello"]).stdout(writer));
    ended_quietly(&caller.finish(), "ask");
}

#[test]
fn print_ends_quietly_when_nobody_reads_its_output_under_every_engine() {
    for engine in ENGINES {
        let print = ["serve", "print", "tcp://127.0.0.1:0", "--engine", engine];
        let (reader, writer) = pipe().unwrap();
        let server = Server::of(swb(&print).stdout(writer), 1);
        drop(reader);
        let mut caller = call(&server);
        // A program that starts at this moment may have the reader for a moment yet: it is not one line that
        // ends the server for certain.
        wait_until("the call ends", || caller.write_all(b"hello\n").is_err());
        ended_quietly(&server.running.finish(), engine);
    }
}
