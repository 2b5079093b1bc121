//! Who has finished still hears; who is heard to the end has ended.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use crate::support::{Directory, Running, Server, random_bytes, swb};

/// How late an answer comes. It is the thing under test, not a wait for somebody to be ready.
const LATE: Duration = Duration::from_secs(2);

/// Bytes of a late answer: many times what swb holds at once.
const ANSWER_BYTES: usize = 8 << 20;

/// "At once", on a machine that has other things to do as well.
const PROMPT: Duration = Duration::from_secs(5);

const ENGINES: [&str; 6] = ["iterative", "process", "thread", "poll", "epoll", "uring"];

#[test]
fn connect_delivers_an_answer_that_comes_two_seconds_after_its_input_has_ended() {
    let directory = Directory::new();
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(directory.file("socket")).unwrap();
    let addresses =
        [format!("tcp://{}", tcp.local_addr().unwrap()), format!("unix:{}", directory.file("socket"))];
    let peers = [
        std::thread::spawn(move || answer_late(tcp.accept().unwrap().0)),
        std::thread::spawn(move || answer_late(unix.accept().unwrap().0)),
    ];
    let mut callers = addresses.map(|address| Running::start(&mut swb(&["connect", &address])));
    for caller in &mut callers {
        caller.write(b"hello");
        caller.close_input();
    }
    peers.into_iter().for_each(|peer| peer.join().unwrap());
    for caller in callers.map(Running::finish) {
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
        assert!(caller.stdout == random_bytes(ANSWER_BYTES, 1), "{} bytes came", caller.stdout.len());
    }
}

fn answer_late(mut socket: impl Read + Write) {
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    assert_eq!(heard, b"hello");
    std::thread::sleep(LATE);
    socket.write_all(&random_bytes(ANSWER_BYTES, 1)).unwrap();
}

#[test]
fn listen_delivers_an_answer_that_comes_two_seconds_after_its_caller_has_finished() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let mut servers =
        ["tcp://127.0.0.1:0", &format!("unix:{path}")].map(|address| Server::start(&["listen", address]));
    let mut tcp = TcpStream::connect(servers[0].address().trim_start_matches("tcp://")).unwrap();
    let mut unix = UnixStream::connect(path).unwrap();
    for socket in [&mut tcp as &mut dyn Write, &mut unix] {
        socket.write_all(b"hello").unwrap();
    }
    tcp.shutdown(Shutdown::Write).unwrap();
    unix.shutdown(Shutdown::Write).unwrap();
    let readers = [std::thread::spawn(|| to_end(tcp)), std::thread::spawn(|| to_end(unix))];
    for server in &mut servers {
        assert_eq!(server.running.wait_for_bytes(5), b"hello");
    }
    std::thread::sleep(LATE);
    for server in &mut servers {
        server.running.write(&random_bytes(ANSWER_BYTES, 2));
        server.running.close_input();
    }
    for reader in readers {
        assert!(reader.join().unwrap() == random_bytes(ANSWER_BYTES, 2));
    }
    for server in servers.map(|server| server.running.finish()) {
        assert_eq!((server.code(), server.text().as_str()), (0, "hello"), "{server:?}");
    }
}

fn to_end(mut socket: impl Read) -> Vec<u8> {
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    heard
}

#[test]
fn every_engine_delivers_an_answer_that_comes_two_seconds_after_its_caller_has_finished() {
    let directory = Directory::new();
    let mut calls = Vec::new();
    for engine in ENGINES {
        for address in ["tcp://127.0.0.1:0", &format!("unix:{}", directory.file(engine))] {
            let reply =
                ["serve", "reply", "late", "--every", "2s", "--times", "2", address, "--engine", engine];
            let server = Server::start(&reply);
            let mut caller = Running::start(&mut swb(&["connect", server.address()]));
            caller.write(b"hello");
            caller.close_input();
            calls.push((server, caller));
        }
    }
    for (server, caller) in calls {
        let (address, caller) = (server.address().to_owned(), caller.finish());
        assert_eq!((caller.code(), caller.text().as_str()), (0, "latelate"), "{address}: {caller:?}");
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn connect_ends_at_once_when_the_server_closes_though_its_own_input_is_still_open() {
    let directory = Directory::new();
    for address in [
        "tcp://127.0.0.1:0",
        &format!("unix:{}", directory.file("stream")),
        &format!("unix-seqpacket:{}", directory.file("packets")),
    ] {
        let server = Server::start(&["serve", "reply", "hello back", address]);
        let mut caller = Running::start(&mut swb(&["connect", server.address()]));
        caller.write(b"hello\n");
        if address.starts_with("unix-seqpacket") {
            // Sequenced packets are answered one by one: the server closes when it is told to.
            caller.wait_for_text("hello back");
            server.running.signal(15);
            server.running.signal(15);
        }
        let began = Instant::now();
        let caller = caller.finish();
        assert!(began.elapsed() < PROMPT, "{address}: {:?}", began.elapsed());
        assert_eq!((caller.code(), caller.text().as_str()), (0, "hello back"), "{address}: {caller:?}");
        assert_eq!(caller.stderr, "");
    }
}

#[test]
fn connect_says_so_when_the_server_closed_and_did_not_take_all_of_the_input() {
    let server = Server::start(&["serve", "say", "enough", "tcp://127.0.0.1:0"]);
    let mut command = swb(&["connect", server.address()]);
    let endless = std::fs::File::open("/dev/zero").unwrap();
    let caller = Running::start(command.stdin(endless)).finish();
    assert_eq!((caller.code(), caller.text().as_str()), (6, "enough"), "{caller:?}");
    assert!(caller.stderr.starts_with("swb: the call to tcp://127.0.0.1:"), "{caller:?}");
}
