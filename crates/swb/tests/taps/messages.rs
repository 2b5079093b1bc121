//! Taps on messages: each is a datagram of UDP in a capture.

use std::net::UdpSocket;

use crate::support::peer::uninterrupted;
use crate::support::{Directory, PATIENCE, Server, run_swb};
use crate::{assert_sound, echo, hexadecimal, tshark};

under! { datagrams_of_many_peers_are_recorded: iterative thread poll epoll uring }
under! { messages_of_a_connected_socket_are_recorded: iterative process thread poll epoll uring }

fn datagrams_of_many_peers_are_recorded(engine: &str) {
    let directory = Directory::new();
    let capture = directory.file("udp.pcapng");
    let server = echo(&format!("udp://127.0.0.1:0?record={capture}"), engine);
    let (port, address) = (server.port(), format!("127.0.0.1:{}", server.port()));
    let callers: Vec<UdpSocket> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let ports: Vec<u16> = callers.iter().map(|caller| caller.local_addr().unwrap().port()).collect();
    let messages = [&b"one"[..], b"", &[7; 4_000]];
    for message in messages {
        for caller in &callers {
            caller.set_read_timeout(Some(PATIENCE)).unwrap();
            caller.send_to(message, &address).unwrap();
            let mut buffer = [0; 5_000];
            let length = uninterrupted(|| caller.recv(&mut buffer)).unwrap();
            assert_eq!(&buffer[..length], message);
        }
    }
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    for our_port in ports {
        for (from, to) in [(our_port.to_string(), port.clone()), (port.clone(), our_port.to_string())] {
            let filter = format!("udp.srcport == {from} && udp.dstport == {to}");
            let seen: Vec<Vec<u8>> =
                tshark(&capture, &filter, &["udp.payload"]).iter().map(|seen| hexadecimal(seen)).collect();
            assert!(seen == messages, "{filter}: {seen:?}");
        }
    }
}

fn messages_of_a_connected_socket_are_recorded(engine: &str) {
    let directory = Directory::new();
    let (path, capture) = (directory.file("socket"), directory.file("messages.pcapng"));
    let server = echo(&format!("unix-seqpacket:{path}?record={capture}"), engine);
    let answer = run_swb(&["ask", &format!("unix-seqpacket:{path}"), "hello"], b"");
    assert_eq!((answer.code(), answer.text().as_str()), (0, "hello"), "{answer:?}");
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    let seen = tshark(&capture, "udp", &["ip.src", "udp.srcport", "udp.payload", "frame.comment"]);
    assert_eq!(seen.len(), 2, "{seen:?}");
    let comment = format!("call 1: unix-seqpacket:(unnamed) called unix-seqpacket:{path}");
    assert_eq!(seen[0], format!("198.18.0.0\t1025\t68656c6c6f\t{comment}"));
    assert!(seen[1].starts_with("198.19.") && seen[1].ends_with("\t68656c6c6f\t"), "{seen:?}");
}

#[test]
fn a_relay_of_datagrams_is_recorded_on_both_sides() {
    let directory = Directory::new();
    let capture = directory.file("relay.pcapng");
    let server = echo("udp://127.0.0.1:0", "epoll");
    let (near, far) =
        (format!("udp://127.0.0.1:0?record={capture}"), format!("{}?record={capture}", server.address()));
    let relay = Server::start(&["relay", &near, &far]);
    let answer = run_swb(&["ask", relay.address(), "hello"], b"");
    assert_eq!((answer.code(), answer.text().as_str()), (0, "hello"), "{answer:?}");
    let ports = [relay.port(), server.port()];
    assert_eq!(relay.terminate().code(), 0);
    assert_sound(&capture);
    for port in ports {
        let seen = tshark(&capture, &format!("udp.port == {port}"), &["udp.payload"]);
        assert_eq!(seen, ["68656c6c6f"; 2]);
    }
}

#[test]
fn the_messages_of_a_websocket_are_recorded_and_kept_raw() {
    let directory = Directory::new();
    let [capture, came] = ["ws.pcapng", "came"].map(|name| directory.file(name));
    let server = echo(&format!("ws://127.0.0.1:0?record={capture}&raw-in={came}"), "epoll");
    let answer = run_swb(&["ask", server.address(), "hello"], b"");
    assert_eq!((answer.code(), answer.text().as_str()), (0, "hello"), "{answer:?}");
    assert_eq!(server.terminate().code(), 0);
    assert_sound(&capture);
    assert_eq!(tshark(&capture, "tcp.len > 0", &["tcp.payload"]), ["68656c6c6f"; 2]);
    assert_eq!(std::fs::read(came).unwrap(), b"hello");
}

#[test]
fn who_speaks_first_to_a_listener_is_recorded_with_its_address_and_nobody_else_is() {
    let directory = Directory::new();
    let capture = directory.file("capture.pcapng");
    let at = format!("udp://127.0.0.1:0?record={capture}");
    let mut listener = Server::start(&["listen", &at, "-v"]);
    let ours = listener.port();
    let to = format!("127.0.0.1:{ours}");
    let [first, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    first.send_to(b"hello", &to).unwrap();
    assert_eq!(listener.running.wait_for_bytes(5), b"hello");
    other.send_to(b"let me in", &to).unwrap();
    listener.running.wait_for_line("another caller spoke first");
    listener.running.write(b"welcome\n");
    let mut buffer = [0; 64];
    assert_eq!(uninterrupted(|| first.recv(&mut buffer)).unwrap(), 8);
    assert_eq!(listener.terminate().stdout, b"hello");
    assert_sound(&capture);
    let seen = tshark(&capture, "udp", &["udp.srcport", "udp.dstport", "udp.payload"]);
    let theirs = first.local_addr().unwrap().port();
    let said = [format!("{theirs}\t{ours}\t68656c6c6f"), format!("{ours}\t{theirs}\t77656c636f6d650a")];
    assert_eq!(seen, said);
}
