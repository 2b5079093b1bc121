//! A run that is looked at and changed by `swb control`, and what a control peer cannot do to it.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::peer::uninterrupted;
use crate::support::{Directory, Finished, PATIENCE, Server, run_swb};

under!(faults_change_for_open_calls: iterative thread poll epoll uring);
under!(calls_are_counted_reset_and_closed: thread poll epoll uring);

/// A server with a control socket in this directory.
fn controlled(directory: &Directory, arguments: &[&str], engine: &str) -> Server {
    let path = directory.file("control");
    Server::start(&[arguments, &["--control", &path, "--engine", engine, "-v"]].concat())
}

fn control(directory: &Directory, words: &[&str]) -> Finished {
    run_swb(&[&["control", &directory.file("control")], words].concat(), b"")
}

/// The answer to a request that is good.
fn told(directory: &Directory, words: &[&str]) -> Value {
    let finished = control(directory, words);
    assert_eq!(finished.code(), 0, "{words:?}: {}", finished.stderr);
    serde_json::from_str(&finished.text()).unwrap()
}

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(format!("127.0.0.1:{}", server.port())).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// How long one byte takes there and back.
fn echoed(socket: &mut TcpStream) -> Duration {
    let began = Instant::now();
    socket.write_all(b"x").unwrap();
    socket.read_exact(&mut [0]).unwrap();
    began.elapsed()
}

fn faults_change_for_open_calls(engine: &str) {
    const DELAY: Duration = Duration::from_millis(300);
    let directory = Directory::new();
    let echo = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let far = echo.address().replace("tcp://", "impair+tcp://");
    let server = controlled(&directory, &["relay", "impair+tcp://127.0.0.1:0", &far], engine);
    let mut socket = call(&server);
    echoed(&mut socket);
    let answer = told(&directory, &["set", "--at", "far", "delay=in:300ms"]);
    assert_eq!(answer["far"], "delay=in:300ms&seed=1");
    assert!(echoed(&mut socket) >= DELAY);
    assert_eq!(told(&directory, &["show"])["near"], "seed=1");
    told(&directory, &["set", "off"]);
    assert_eq!(told(&directory, &["show"])["far"], "seed=1");
    let wrong = control(&directory, &["set", "loss=1%"]);
    assert!(wrong.stderr.contains("loss is for messages, and here are bytes"), "{}", wrong.stderr);
    assert_eq!(wrong.code(), 1);
    told(&directory, &["set", "--at", "near", "reset-after=out:2"]);
    socket.write_all(b"xyz").unwrap();
    let end = socket.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(end.kind(), ErrorKind::ConnectionReset);
}

fn calls_are_counted_reset_and_closed(engine: &str) {
    let directory = Directory::new();
    let mut server = controlled(&directory, &["serve", "echo", "tcp://127.0.0.1:0"], engine);
    let mut sockets: Vec<TcpStream> = (0..3).map(|_| call(&server)).collect();
    for socket in &mut sockets {
        echoed(socket);
    }
    let calls = told(&directory, &["calls"])["calls"].clone();
    let calls = calls.as_array().unwrap();
    assert_eq!(calls.iter().map(|call| call["call"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(calls.iter().all(|call| call["received_bytes"] == 1 && call["sent_bytes"] == 1), "{calls:?}");
    let number = |socket: &TcpStream| {
        let peer = format!("tcp://{}", socket.local_addr().unwrap());
        calls.iter().find(|call| call["peer"] == peer).unwrap()["call"].to_string()
    };
    told(&directory, &["reset", &number(&sockets[0])]);
    assert_eq!(uninterrupted(|| sockets[0].read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    told(&directory, &["close", &number(&sockets[1])]);
    assert_eq!(uninterrupted(|| sockets[1].read(&mut [0])).unwrap(), 0);
    server.running.wait_for_line("ended by us, as asked: by swb control");
    let nobody = control(&directory, &["reset", "99"]);
    assert!(nobody.stderr.contains("call 99 is not open"), "{}", nobody.stderr);
    echoed(&mut sockets[2]);
    assert!(!server.running.has_said("open calls"), "the log tells them only when it is asked");
    told(&directory, &["drain"]);
    server.running.wait_for_line("draining");
    drop(sockets);
    assert_eq!(server.running.finish().code(), 0);
    assert!(!std::path::Path::new(&directory.file("control")).exists(), "the socket's path is left");
}

#[test]
fn only_the_owner_may_control_and_nonsense_is_answered_by_an_error() {
    let directory = Directory::new();
    let server = controlled(&directory, &["serve", "echo", "udp://127.0.0.1:0?seed=5"], "auto");
    let path = directory.file("control");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut peer = BufReader::new(UnixStream::connect(&path).unwrap());
    peer.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let mut ask = |line: &str| {
        peer.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
        let mut answer = String::new();
        peer.read_line(&mut answer).unwrap();
        serde_json::from_str::<Value>(&answer).unwrap_or_else(|error| panic!("{answer:?}: {error}"))
    };
    for line in [
        "",
        "hello",
        "{}",
        "[]",
        "7",
        "null",
        r#"{"do":"jump"}"#,
        r#"{"do":"set"}"#,
        r#"{"do":"set","words":[1]}"#,
        r#"{"do":"set","words":["loss=200%"]}"#,
        r#"{"do":"set","words":["delay=1s"],"at":"far"}"#,
        r#"{"do":"reset"}"#,
        r#"{"do":"reset","call":-1}"#,
        "{\"do\":\"show\"",
        "\u{0}\u{1b}[2J",
    ] {
        let answer = ask(line);
        assert_eq!(answer["ok"], false, "{line:?}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|why| !why.is_empty()), "{line:?}: {answer}");
    }
    assert_eq!(ask(r#"{"do":"set","words":["loss=100%"]}"#)["near"], "loss=100%&seed=5");
    let answer = ask(&"x".repeat(5000));
    assert_eq!(answer["error"], "a line has at most 4096 bytes");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    socket.send_to(b"lost", format!("127.0.0.1:{}", server.port())).unwrap();
    assert!(uninterrupted(|| socket.recv(&mut [0; 8])).is_err(), "all is lost");
}

#[test]
fn a_control_peer_who_is_silent_or_floods_costs_the_calls_and_others_nothing() {
    let directory = Directory::new();
    let server = controlled(&directory, &["serve", "echo", "tcp://127.0.0.1:0"], "auto");
    let path = directory.file("control");
    let _silent: Vec<UnixStream> = (0..8).map(|_| UnixStream::connect(&path).unwrap()).collect();
    let mut flood = UnixStream::connect(&path).unwrap();
    flood.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    // It never reads its answers: at last nothing more of it is taken.
    while flood.write_all("{\"do\":\"show\"}\n".repeat(1000).as_bytes()).is_ok() {}
    echoed(&mut call(&server));
    assert_eq!(told(&directory, &["show"])["ok"], true);
}

#[test]
fn what_cannot_be_controlled_says_why() {
    let directory = Directory::new();
    let path = directory.file("control");
    let nobody = run_swb(&["control", &path, "show"], b"");
    assert_eq!(nobody.code(), 4, "{}", nobody.stderr);
    assert!(nobody.stderr.contains("started with --control?"), "{}", nobody.stderr);
    let process =
        run_swb(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", "process", "--control", &path], b"");
    assert_eq!(process.code(), 2);
    assert!(process.stderr.contains("process has a process for each"), "{}", process.stderr);
    let plain = controlled(&directory, &["serve", "echo", "tcp://127.0.0.1:0"], "auto");
    let set = control(&directory, &["set", "delay=1s"]);
    assert!(set.stderr.contains("begin with an address such as impair+tcp://"), "{}", set.stderr);
    drop(plain);
}
