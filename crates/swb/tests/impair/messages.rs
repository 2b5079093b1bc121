//! Layers on messages: whole messages come and go, of connected sockets and of the peers of a datagram door.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use crate::serve;
use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, run_swb};

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

#[test]
fn what_does_not_go_together_is_refused_in_a_sentence() {
    for (arguments, sentence) in [
        (
            &["serve", "echo", "tls+udp://127.0.0.1:0"][..],
            "tls over udp is not there: tls lies on a byte stream: tcp",
        ),
        (&["connect", "impair+file:x"], "impair over file is not there: impair lies on one socket: tcp, udp"),
        (&["listen", "udp://127.0.0.1:0?delay=1ms"], "layers lie on the messages of one peer"),
        (&["serve", "echo", "udp://127.0.0.1:0?delay=1ms", "--engine", "process"], "process"),
    ] {
        let finished = run_swb(arguments, b"");
        assert_eq!(finished.code(), 2, "{arguments:?}: {}", finished.stderr);
        assert!(finished.stderr.contains(sentence), "{arguments:?}: {}", finished.stderr);
    }
}
