//! Layers on messages: whole messages come and go, of connected sockets and of the peers of a datagram door.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::serve;
use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Server, run_swb};

const DELAY: Duration = Duration::from_millis(40);

under!(datagrams_pass_the_layers_of_a_door: iterative thread poll epoll uring);
under!(messages_pass_the_layers_of_a_connected_socket: iterative process thread poll epoll uring);

fn datagrams_pass_the_layers_of_a_door(engine: &str) {
    let mut server = serve(&["echo", "udp://127.0.0.1:0?delay=40ms"], engine);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let began = Instant::now();
    for message in [&b"one"[..], b"", b"three"] {
        socket.send_to(message, format!("127.0.0.1:{}", server.port())).unwrap();
    }
    let mut buffer = [0; 64];
    for message in [&b"one"[..], b"", b"three"] {
        let length = uninterrupted(|| socket.recv(&mut buffer)).unwrap();
        assert_eq!(&buffer[..length], message);
    }
    assert!(began.elapsed() >= 2 * DELAY, "there and back");
    let local = socket.local_addr().unwrap();
    server.running.wait_for_line(&format!("call 1: udp://{local} called {}", server.address()));
    server.running.signal(15);
    server.running.wait_for_line(&format!("call 1: udp://{local}: finished; 8 bytes in, 8 out"));
}

fn messages_pass_the_layers_of_a_connected_socket(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("socket");
    let server = serve(&["echo", &format!("unix-seqpacket:{path}?delay=40ms")], engine);
    let began = Instant::now();
    let answer = run_swb(&["ask", &format!("{}?delay=40ms", server.address()), "hello"], b"");
    assert_eq!((answer.code(), answer.text().as_str()), (0, "hello"), "{}", answer.stderr);
    assert!(began.elapsed() >= 4 * DELAY, "both ends delay, there and back");
}

#[test]
fn what_layers_still_hold_is_delivered_before_a_server_ends() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let mut server = serve(&["echo", &format!("unix-dgram:{path}?delay=300ms")], "epoll");
    let socket = UnixDatagram::bind(directory.file("caller")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(b"hello", &path).unwrap();
    server.running.wait_for_line("called");
    let finished = server.terminate();
    let mut buffer = [0; 64];
    assert_eq!(uninterrupted(|| socket.recv(&mut buffer)).unwrap(), 5);
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
}

#[test]
fn services_without_a_memory_answer_each_message_under_layers_too() {
    for (service, answer) in [(&["say", "hi"][..], "hi"), (&["reply", "good"], "good"), (&["echo"], "hello")]
    {
        let server = serve(&[service, &["udp://127.0.0.1:0?delay=1ms"]].concat(), "auto");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        for _ in 0..3 {
            socket.send_to(b"hello", format!("127.0.0.1:{}", server.port())).unwrap();
            let mut buffer = [0; 64];
            let length = uninterrupted(|| socket.recv(&mut buffer)).unwrap();
            assert_eq!(&buffer[..length], answer.as_bytes(), "{service:?}");
        }
    }
}

/// A socket that speaks to another, at a path of its own or none.
fn speaker(at: Option<&str>) -> UnixDatagram {
    let socket = at.map_or_else(UnixDatagram::unbound, UnixDatagram::bind).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

#[test]
fn who_speaks_first_to_a_listener_is_heard_through_its_layers_and_nobody_else_is() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let mut listener = Server::start(&["listen", &format!("unix-dgram:{path}?delay=40ms"), "-v"]);
    let (first, other) = (directory.file("first"), directory.file("other"));
    let (first, other) = (speaker(Some(&first)), speaker(Some(&other)));
    listener.running.write(b"welcome\n");
    let began = Instant::now();
    first.send_to(b"one\n", &path).unwrap();
    let mut buffer = [0; 64];
    let length = uninterrupted(|| first.recv(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], b"welcome\n", "it waited for somebody to answer");
    assert!(began.elapsed() >= DELAY);
    other.send_to(b"let me in\n", &path).unwrap();
    listener.running.wait_for_line("1 not delivered: another caller spoke first, and one is answered");
    first.send_to(b"two\n", &path).unwrap();
    assert_eq!(listener.running.wait_for_bytes(8), b"one\ntwo\n");
    assert!(began.elapsed() >= 2 * DELAY);
    listener.running.signal(15);
    listener.running.wait_for_line("8 bytes in, 8 out");
    assert_eq!(listener.running.finish().stdout, b"one\ntwo\n");
}

#[test]
fn what_a_listener_loses_and_doubles_is_the_same_with_the_same_seed_whoever_speaks() {
    let heard = |seed: u32, has_name: bool| {
        let directory = Directory::new();
        let path = directory.file("socket");
        let name = directory.file("speaker");
        let faults = format!("loss=in:20%&duplicate=in:10%&seed={seed}");
        let at = format!("unix-dgram:{path}?{faults}");
        let mut listener = Server::start(&["listen", &at, "-v", "--idle-timeout", "1200ms"]);
        let socket = speaker(has_name.then_some(&name));
        for number in 0..100 {
            socket.send_to(format!("{number}\n").as_bytes(), &path).unwrap();
        }
        let told = listener.running.wait_for_line(" came, ");
        let finished = listener.running.finish();
        (finished.text(), told)
    };
    let (once, told) = heard(7, true);
    let lines = once.lines().count();
    assert!((70..100).contains(&lines) && !told.contains(" 0 lost"), "{told}");
    assert!(told.contains(&format!("in: 100 came, {lines} passed, ")), "{told}: {once}");
    assert_eq!(heard(7, true).0, once);
    assert_eq!(heard(7, false).0, once, "one that cannot be answered");
    assert_ne!(heard(8, true).0, once);
}

#[test]
fn what_does_not_go_together_is_refused_in_a_sentence() {
    for (arguments, sentence) in [
        (
            &["serve", "echo", "tls+udp://127.0.0.1:0"][..],
            "tls over udp is not there: tls lies on a byte stream: tcp",
        ),
        (&["connect", "impair+file:x"], "impair over file is not there: impair lies on one socket: tcp, udp"),
        (
            &["listen", "udp://127.0.0.1:0?delay=1ms", "--keep"],
            "swb: --keep hears anyone at impair+udp://127.0.0.1:0?delay=1ms, and layers lie on the messages of one peer: \
             without it that is whoever speaks first; `swb serve` and `swb relay` have a call for each",
        ),
        (&["serve", "echo", "udp://127.0.0.1:0?delay=1ms", "--engine", "process"], "process"),
    ] {
        let finished = run_swb(arguments, b"");
        assert_eq!(finished.code(), 2, "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(sentence), "{arguments:?}: {}", finished.stderr);
    }
}
