//! WebSocket between `swb` and itself, and with clients by hand who keep the rules of RFC 6455 or break them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::certificates::Files;
use crate::support::proc::resident_bytes;
use crate::support::{Server, random_bytes, run_swb};
use crate::{call, echo, read_all, serve};

const AT: &str = "ws://127.0.0.1:0";

const BYTES: usize = 4 << 20;

/// First bytes of frames: the last of a message, and what it is.
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8A;

under! { four_megabytes_come_back_whole_behind_an_end: iterative process thread poll epoll uring }
under! { one_question_has_one_answer: iterative process thread poll epoll uring }
under! { messages_keep_their_boundaries_in_any_cut: iterative process thread poll epoll uring }
under! { messages_keep_their_boundaries_through_a_relay: iterative process thread poll epoll uring }
under! { who_breaks_a_rule_is_told_by_a_code: iterative process thread poll epoll uring }

fn four_megabytes_come_back_whole_behind_an_end(engine: &str) {
    let server = echo(AT, engine);
    let said = random_bytes(BYTES, 1);
    let caller = run_swb(&["connect", server.address()], &said);
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert!(caller.stdout == said, "{} bytes came back", caller.stdout.len());
}

fn one_question_has_one_answer(engine: &str) {
    let mut server = serve(&["say", "good day", AT], engine);
    for _ in 0..2 {
        let caller = run_swb(&["ask", server.address(), "hello"], b"");
        assert_eq!((caller.code(), caller.text().as_str(), caller.stderr.as_str()), (0, "good day", ""));
    }
    server.running.wait_for_line("WebSocket / at 127.0.0.1:");
}

fn messages_keep_their_boundaries_in_any_cut(engine: &str) {
    let server = echo(AT, engine);
    let mut caller = upgraded(&server);
    // Two messages in one segment, then one in three fragments with a ping between them.
    caller.write_all(&[masked(BINARY, b"one"), masked(BINARY, b"and two")].concat()).unwrap();
    assert_eq!(
        [frame(&mut caller), frame(&mut caller)],
        [(BINARY, b"one".to_vec()), (BINARY, b"and two".to_vec())]
    );
    let cut =
        [masked(0x02, b"th"), masked(PING, b"there?"), masked(0x00, b"re"), masked(0x80, b"e")].concat();
    for byte in cut {
        caller.write_all(&[byte]).unwrap();
    }
    assert_eq!(
        [frame(&mut caller), frame(&mut caller)],
        [(PONG, b"there?".to_vec()), (BINARY, b"three".to_vec())]
    );
    caller.write_all(&masked(BINARY, b"")).unwrap();
    assert_eq!(frame(&mut caller), (BINARY, b"".to_vec()));
    caller.write_all(&masked(CLOSE, &1000_u16.to_be_bytes())).unwrap();
    assert_eq!(frame(&mut caller), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
    assert_eq!(read_all(&caller), b"");
}

fn messages_keep_their_boundaries_through_a_relay(engine: &str) {
    let server = echo(AT, "epoll");
    let relay = Server::start(&["relay", AT, server.address(), "--engine", engine]);
    let mut caller = upgraded(&relay);
    caller
        .write_all(&[masked(BINARY, b"one"), masked(BINARY, b""), masked(BINARY, b"three")].concat())
        .unwrap();
    for message in [&b"one"[..], b"", b"three"] {
        assert_eq!(frame(&mut caller), (BINARY, message.to_vec()));
    }
    caller.write_all(&masked(CLOSE, &1000_u16.to_be_bytes())).unwrap();
    assert_eq!(frame(&mut caller), (CLOSE, 1000_u16.to_be_bytes().to_vec()));
    assert_eq!(read_all(&caller), b"");
}

fn who_breaks_a_rule_is_told_by_a_code(engine: &str) {
    let server = echo("ws://127.0.0.1:0?message-max=1000", engine);
    let unmasked = [&[BINARY, 5][..], b"hello"].concat();
    for (what, bytes, code) in [
        ("an unmasked frame", unmasked, 1002_u16),
        ("a reserved bit", masked(BINARY | 0x40, b"hello"), 1002),
        ("a reserved opcode", masked(0x83, b"hello"), 1002),
        ("a ping in fragments", masked(0x09, b"hello"), 1002),
        ("a continuation of nothing", masked(0x80, b"hello"), 1002),
        ("a message that is too long", masked(BINARY, &[7; 1001]), 1009),
        ("a text that is no UTF-8", masked(TEXT, b"\xff\xfe"), 1007),
        ("a close frame of one byte", masked(CLOSE, b"\x03"), 1002),
    ] {
        let mut caller = upgraded(&server);
        caller.write_all(&bytes).unwrap();
        assert_eq!(frame(&mut caller), (CLOSE, code.to_be_bytes().to_vec()), "{what}");
        // Then the end, in order or by a reset.
        let _ = caller.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.terminate().code(), 0);
}

under! { pings_that_nobody_hears_the_answers_of_fill_no_memory: poll epoll uring }

fn pings_that_nobody_hears_the_answers_of_fill_no_memory(engine: &str) {
    let server = echo("ws://127.0.0.1:0?sndbuf=16KiB&rcvbuf=16KiB", engine);
    let mut caller = upgraded(&server);
    let before = resident_bytes(server.pid());
    caller.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let pings = masked(PING, &[7; 125]).repeat(1000);
    // What the sockets take, and then no more.
    let took = (0..1000).take_while(|_| caller.write_all(&pings).is_ok()).count();
    assert!(took < 1000, "{took} thousand pings were taken");
    let grown = resident_bytes(server.pid()).saturating_sub(before);
    assert!(grown < 8 << 20, "{grown} bytes more");
}

#[test]
fn a_path_that_is_not_there_is_told_to_the_caller() {
    let mut server = echo("ws://127.0.0.1:0?path=/echo", "epoll");
    let there = |path: &str| run_swb(&["ask", &format!("{}?path={path}", server.address()), "hello"], b"");
    let caller = there("/echo");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "hello"), "{caller:?}");
    let caller = there("/elsewhere");
    assert_eq!((caller.code(), caller.text().as_str()), (6, ""), "{caller:?}");
    assert!(caller.stderr.contains("it answered 404 Not Found"), "{caller:?}");
    server.running.wait_for_line("was answered 404: there is no such path here");
}

#[test]
fn pages_from_elsewhere_may_not_call_and_our_own_may() {
    let server = echo(AT, "epoll");
    let own = format!("http://127.0.0.1:{}", server.port());
    for (origin, status) in [(own.as_str(), 101), ("http://elsewhere.test", 403), ("null", 403)] {
        let mut caller = call(&server);
        let head = shake_hands(&mut caller, &server, &format!("Origin: {origin}\r\n"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{origin}: {head}");
        if status != 101 {
            assert_eq!(read_all(&caller), b"pages of this origin may not call here\n");
        }
    }
}

#[test]
fn what_is_no_request_for_a_websocket_is_answered_in_http() {
    let server = echo(AT, "epoll");
    for (request, status) in [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "426 Upgrade Required"),
        ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405 Method Not Allowed"),
        ("NONSENSE\r\n\r\n", "400 Bad Request"),
    ] {
        let mut caller = call(&server);
        caller.write_all(request.as_bytes()).unwrap();
        let answer = String::from_utf8(read_all(&caller)).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
}

#[test]
fn messages_go_over_tls_as_well() {
    let files = Files::new();
    let mut server = echo(&files.at("wss"), "epoll");
    let said = random_bytes(BYTES, 2);
    let caller = run_swb(&["connect", &files.to(server.address())], &said);
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert!(caller.stdout == said, "{} bytes came back", caller.stdout.len());
    server.running.wait_for_line("TLS 1.3");
    server.running.wait_for_line("WebSocket / at");
}

/// A call that has asked for a WebSocket and got it.
pub(crate) fn upgraded(server: &Server) -> TcpStream {
    let mut caller = call(server);
    let head = shake_hands(&mut caller, server, "");
    // The sum of the key in RFC 6455 section 1.3.
    assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{head}");
    caller
}

/// Asks for a WebSocket, and gives the head of what is answered.
fn shake_hands(caller: &mut TcpStream, server: &Server, further: &str) -> String {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{further}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        server.port()
    );
    caller.write_all(request.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        caller.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A frame as a client has to send it, of up to 65535 bytes.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let length = u16::try_from(payload.len()).unwrap();
    let mut bytes = vec![first];
    match length {
        0..126 => bytes.push(0x80 | payload.len() as u8),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// The next frame of a server, of up to 125 bytes: its first byte, and what it carries.
fn frame(caller: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    caller.read_exact(&mut head).unwrap();
    assert!(head[1] < 126, "a short frame that is not masked was wanted, got {head:?}");
    let mut payload = vec![0; usize::from(head[1])];
    caller.read_exact(&mut payload).unwrap();
    (head[0], payload)
}
