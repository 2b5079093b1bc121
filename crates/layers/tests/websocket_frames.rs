//! RFC 6455, sections 5 to 8: each rule that a frame can keep or break, in every cut.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use common::Side;
use layers::{
    Failure, Told, WebSocketClient, WebSocketClientSettings, WebSocketFailure, WebSocketServer,
    WebSocketServerSettings,
};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// The longest message in these tests.
const BYTES_MAX: usize = 70_000;

/// A server that has shaken hands.
fn server() -> Side {
    let settings = WebSocketServerSettings { message_bytes_max: BYTES_MAX, ..Default::default() };
    let mut side = Side::open(vec![WebSocketServer::new(settings).unwrap().layer()]);
    side.receive(REQUEST);
    assert!(side.take().starts_with(b"HTTP/1.1 101 "));
    side
}

/// A frame of a client: its first byte, and its payload, masked.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = header(first, payload.len(), 0x80);
    frame.extend(key);
    frame.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

fn header(first: u8, length: usize, mask: u8) -> Vec<u8> {
    match length {
        0..=125 => vec![first, mask | length as u8],
        126..=0xffff => [&[first, mask | 126][..], &(length as u16).to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(length as u64).to_be_bytes()].concat(),
    }
}

fn close(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

/// Ways to cut a stream: whole, bytewise, and in pieces that never fit a frame.
const PIECES: [usize; 4] = [usize::MAX, 1, 7, 4093];

fn heard(wire: &[u8], piece: usize) -> Side {
    let mut side = server();
    for piece in wire.chunks(piece) {
        side.receive(piece);
    }
    side
}

/// What, the frames, the messages, and what is answered.
type Case<'a> = (&'a str, Vec<Vec<u8>>, Vec<&'a [u8]>, Vec<u8>);

#[test]
fn messages_are_delivered_in_whatever_frames_they_come() {
    const FIN: u8 = 0x80;
    let (text, binary, rest) = (1, 2, 0);
    let ping = masked(0x89, b"are you there?");
    let pong = [&[0x8a, 14][..], b"are you there?"].concat();
    let long = vec![b'x'; 65_536];
    let euro = "€".as_bytes();
    #[rustfmt::skip]
    let table: Vec<Case<'_>> = vec![
        ("one frame", vec![masked(FIN | text, b"hello")], vec![b"hello"], vec![]),
        ("an empty text", vec![masked(FIN | text, b"")], vec![b""], vec![]),
        ("an empty binary message", vec![masked(FIN | binary, b"")], vec![b""], vec![]),
        ("any bytes", vec![masked(FIN | binary, &[0, 0xff, 0x80])], vec![&[0, 0xff, 0x80]], vec![]),
        ("the lengths 125, 126 and 127", [125, 126, 127].map(|length| masked(FIN | text, &long[..length])).to_vec(),
            vec![&long[..125], &long[..126], &long[..127]], vec![]),
        ("the lengths 65,535 and 65,536", [65_535, 65_536].map(|length| masked(FIN | binary, &long[..length])).to_vec(),
            vec![&long[..65_535], &long], vec![]),
        ("two fragments", vec![masked(text, b"hel"), masked(FIN | rest, b"lo")], vec![b"hello"], vec![]),
        ("empty fragments", vec![masked(text, b""), masked(rest, b""), masked(FIN | rest, b"")], vec![b""], vec![]),
        ("a character in two fragments", vec![masked(text, &euro[..1]), masked(rest, &euro[1..2]), masked(FIN | rest, &euro[2..])],
            vec![euro], vec![]),
        ("65,536 fragments of one byte", [vec![masked(binary, b"x")], vec![masked(rest, b"x"); 65_534], vec![masked(FIN | rest, b"x")]].concat(),
            vec![&long], vec![]),
        ("a ping", vec![ping.clone()], vec![], pong.clone()),
        ("a ping of 125 bytes", vec![masked(0x89, &long[..125])], vec![], [&[0x8a, 125][..], &long[..125]].concat()),
        ("a ping within a message", vec![masked(text, b"hel"), ping.clone(), masked(FIN | rest, b"lo")], vec![b"hello"], pong.clone()),
        ("three pings", vec![ping.clone(); 3], vec![], pong.repeat(3)),
        ("a pong that nobody asked for", vec![masked(0x8a, b"here")], vec![], vec![]),
        ("a pong within a message", vec![masked(text, b"a"), masked(0x8a, b""), masked(FIN | rest, b"b")], vec![b"ab"], vec![]),
    ];
    for (what, frames, messages, answer) in table {
        let wire = frames.concat();
        for piece in PIECES {
            let mut side = heard(&wire, piece);
            assert_eq!(side.failed, None, "{what}");
            assert!(side.messages == messages, "{what}, in pieces of {piece}");
            assert_eq!(side.take(), answer, "{what}, in pieces of {piece}");
        }
    }
}

#[test]
fn what_comes_with_the_request_is_the_first_message() {
    let wire = [REQUEST, &masked(0x81, b"hello"), &masked(0x88, b"")].concat();
    for piece in PIECES {
        let mut side = Side::open(vec![WebSocketServer::new(Default::default()).unwrap().layer()]);
        wire.chunks(piece).for_each(|piece| side.receive(piece));
        assert_eq!((&side.messages[..], side.opened, side.finished), (&[b"hello".to_vec()][..], 1, 1));
    }
}

#[test]
fn what_breaks_a_rule_is_told_by_its_code_and_nothing_behind_it_is_heard() {
    const FIN: u8 = 0x80;
    let long = vec![b'x'; BYTES_MAX + 1];
    let code = |code: u16, reason: &[u8]| masked(0x88, &[&code.to_be_bytes(), reason].concat());
    let masked_of = |length: &[u8]| [&[0x82][..], length, &[1, 2, 3, 4], b"x"].concat();
    #[rustfmt::skip]
    let table: Vec<(&str, Vec<u8>, u16)> = vec![
        ("the first reserved bit", masked(FIN | 0x40 | 1, b"a"), 1002),
        ("the second reserved bit", masked(FIN | 0x20 | 1, b"a"), 1002),
        ("the third reserved bit", masked(FIN | 0x10 | 2, b"a"), 1002),
        ("a reserved bit of a ping", masked(FIN | 0x40 | 9, b""), 1002),
        ("a frame without mask", [&[0x81, 1][..], b"a"].concat(), 1002),
        ("a close frame without mask", close(1000), 1002),
        ("the unknown kind 3", masked(FIN | 3, b""), 1002),
        ("the unknown kind 7", masked(FIN | 7, b"a"), 1002),
        ("the unknown control frame 11", masked(FIN | 11, b""), 1002),
        ("the unknown control frame 15", masked(FIN | 15, b"a"), 1002),
        ("a ping in fragments", masked(9, b"a"), 1002),
        ("a close frame in fragments", masked(8, &1000_u16.to_be_bytes()), 1002),
        ("a ping of 126 bytes", masked(FIN | 9, &long[..126]), 1002),
        ("a close frame of 126 bytes", code(1000, &long[..124]), 1002),
        ("a rest without beginning", masked(FIN, b"a"), 1002),
        ("a message within another", [masked(1, b"a"), masked(FIN | 1, b"b")].concat(), 1002),
        ("a binary message within a text", [masked(1, b"a"), masked(2, b"b")].concat(), 1002),
        ("a length of two bytes for 1", masked_of(&[0xfe, 0, 1]), 1002),
        ("a length of eight bytes for 1", masked_of(&[0xff, 0, 0, 0, 0, 0, 0, 0, 1]), 1002),
        ("a length above 63 bits", masked_of(&[0xff, 0x80, 0, 0, 0, 0, 0, 0, 1]), 1002),
        ("a close code of one byte", masked(0x88, &[3]), 1002),
        ("a close reason that is no UTF-8", code(1000, b"\xff"), 1007),
        ("text that is no UTF-8", masked(FIN | 1, b"ab\xc3\x28"), 1007),
        ("text that ends within a character", masked(FIN | 1, "€".as_bytes().split_last().unwrap().1), 1007),
        ("an encoded surrogate", masked(FIN | 1, b"\xed\xa0\x80"), 1007),
        ("an overlong encoding", masked(FIN | 1, b"\xc0\xaf"), 1007),
        ("text that is no UTF-8, in fragments", [masked(1, b"\xc3"), masked(FIN, b"\x28")].concat(), 1007),
        ("a message above the bound", masked(FIN | 2, &long), 1009),
        ("fragments above the bound", [masked(2, &long[..BYTES_MAX]), masked(FIN, b"x")].concat(), 1009),
        ("a length far above the bound", header(FIN | 2, 1 << 40, 0x80).into_iter().chain([0; 4]).collect(), 1009),
    ];
    for (what, wire, code) in table {
        let wire = [masked(FIN | 1, b"before"), wire, masked(FIN | 1, b"behind")].concat();
        for piece in PIECES {
            let mut side = heard(&wire, piece);
            side.receive(&masked(FIN | 1, b"far behind"));
            assert_eq!(side.messages, [b"before"], "{what}, in pieces of {piece}");
            assert_eq!(side.take(), close(code), "{what}, in pieces of {piece}: {:?}", side.failed);
            assert!(side.stack.finish_is_due() && side.finished == 0, "{what}");
            let matches = match &side.failed {
                Some(Failure::WebSocket(WebSocketFailure::Protocol(_))) => code == 1002,
                Some(Failure::WebSocket(WebSocketFailure::NotUtf8)) => code == 1007,
                Some(Failure::WebSocket(WebSocketFailure::TooLong { bytes_max: BYTES_MAX })) => code == 1009,
                _ => false,
            };
            assert!(matches, "{what}: {:?}", side.failed);
        }
    }
}

#[test]
fn close_codes_are_told_and_answered_and_those_that_must_not_be_sent_are_refused() {
    for code in (0..5010).chain([9999, 65_535]) {
        let wire = masked(0x88, &[&u16::to_be_bytes(code), &b"because"[..]].concat());
        let mut side = heard(&wire, 3);
        let is_allowed = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
        if !is_allowed {
            assert_eq!(side.take(), close(1002), "{code}");
            assert!(side.failed.is_some(), "{code}");
            continue;
        }
        let told = side.told.last().unwrap();
        assert!(matches!(told, Told::WebSocketClosed(closed) if closed.code == Some(code)), "{code}: {told}");
        assert_eq!(told.to_string(), format!("closed with code {code}: because"));
        let is_clean = matches!(code, 1000 | 1001 | 3000..=4999);
        assert_eq!((side.finished == 1, side.failed.is_none()), (is_clean, is_clean), "{code}");
        if is_clean {
            assert_eq!(side.take(), b"", "{code}: what is still to be said comes first");
            side.finish();
        }
        assert_eq!(side.take(), close(code), "{code}");
        assert!(side.stack.finish_is_due());
    }
}

#[test]
fn a_close_without_code_is_an_end_and_nothing_behind_a_close_is_heard() {
    let wire =
        [masked(0x88, b""), masked(0x81, b"behind"), masked(0x89, b"ping"), b"\xff\xff".to_vec()].concat();
    for piece in PIECES {
        let mut side = heard(&wire, piece);
        assert_eq!((side.finished, side.messages.len(), &side.failed), (1, 0, &None));
        side.send(b"last words");
        side.finish();
        assert_eq!(side.take(), [b"\x81\x0alast words".to_vec(), close(1000)].concat());
    }
}

#[test]
fn after_our_close_frame_nothing_is_sent_not_even_a_pong() {
    let mut side = server();
    side.finish();
    assert_eq!(side.take(), close(1000));
    side.send(b"too late");
    side.finish();
    side.receive(&masked(0x89, b"ping"));
    side.receive(&masked(0x81, b"still talking"));
    assert_eq!((&side.messages[..], side.stack.outgoing()), (&[b"still talking".to_vec()][..], &b""[..]));
    assert!(!side.stack.finish_is_due());
    side.receive(&masked(0x88, b""));
    assert!(side.stack.finish_is_due() && side.take().is_empty());
}

#[test]
fn a_server_that_masks_is_refused_by_a_client() {
    let settings = WebSocketClientSettings::new("x", "/");
    let mut side = Side::open(vec![WebSocketClient::new(settings).unwrap().layer()]);
    let request = String::from_utf8(side.take()).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    let accept = tungstenite::handshake::derive_accept_key(key.as_bytes());
    let response = format!(
        "HTTP/1.1 101 Fine\r\nupgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n\
         sec-websocket-accept: {accept}\r\n\r\n"
    );
    side.receive(&[response.as_bytes(), b"\x81\x05hello", &masked(0x81, b"masked")].concat());
    assert_eq!(side.messages, [b"hello"]);
    assert!(matches!(side.failed, Some(Failure::WebSocket(WebSocketFailure::Protocol(_)))));
    let wire = side.take();
    assert_eq!((wire[0], wire[1], wire.len()), (0x88, 0x82, 8), "a masked close frame");
    assert_eq!([wire[6] ^ wire[2], wire[7] ^ wire[3]], 1002_u16.to_be_bytes());
}
