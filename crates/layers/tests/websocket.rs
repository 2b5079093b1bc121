//! WebSocket between two stacks in memory: messages come through whole and in order, and each direction has its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use common::certificates::ends;
use common::{Pair, START, Side};
use conversation::Shape;
use layers::{
    Failure, Layer, MessageKind, ProxyHeader, ProxyReader, ProxyVersion, ProxyWriter, TlsClient, TlsServer,
    Told, WebSocketClient, WebSocketClientSettings, WebSocketClosed, WebSocketFailure, WebSocketServer,
    WebSocketServerSettings, WebSocketSession,
};
use proptest::collection::vec;
use proptest::prelude::*;
use testkit::Seed;

const MIB: usize = 1 << 20;

fn server_settings() -> WebSocketServerSettings {
    WebSocketServerSettings::default()
}

fn client_settings() -> WebSocketClientSettings {
    WebSocketClientSettings::new("localhost:8080", "/chat?room=1")
}

fn client(settings: WebSocketClientSettings) -> Box<dyn Layer> {
    WebSocketClient::new(settings).unwrap().layer()
}

fn server(settings: WebSocketServerSettings) -> Box<dyn Layer> {
    WebSocketServer::new(settings).unwrap().layer()
}

fn pair(seed: u64) -> Pair {
    Pair::new(vec![client(client_settings())], vec![server(server_settings())], seed)
}

/// `wss://`, behind a relay that says who calls: all three layers.
fn over_tls(of_client: &TlsClient, of_server: &TlsServer, seed: u64) -> Pair {
    let writer = Box::new(ProxyWriter::new(&ProxyHeader::Local, ProxyVersion::V1));
    let reader = Box::new(ProxyReader::new(ProxyReader::WITHIN));
    let caller = vec![writer, of_client.layer("localhost", *START).unwrap(), client(client_settings())];
    Pair::new(caller, vec![reader, of_server.layer().unwrap(), server(server_settings())], seed)
}

fn session(side: &Side) -> &WebSocketSession {
    let session = side.told.iter().find_map(|told| match told {
        Told::WebSocket(session) => Some(&**session),
        Told::Proxy(_)
        | Told::Tls(_)
        | Told::WebSocketClosed(_)
        | Told::Impaired(_)
        | Told::Unrecorded(_) => None,
    });
    session.expect("a session")
}

fn closed(side: &Side) -> Vec<WebSocketClosed> {
    let closed = side.told.iter().filter_map(|told| match told {
        Told::WebSocketClosed(closed) => Some(closed.clone()),
        Told::Proxy(_) | Told::Tls(_) | Told::WebSocket(_) | Told::Impaired(_) | Told::Unrecorded(_) => None,
    });
    closed.collect()
}

#[test]
fn messages_over_tls_come_through_in_pieces_of_any_size() {
    let (of_client, of_server) = ends();
    for piece_max in (1..60).chain([1000, 100_000]) {
        let mut pair = over_tls(&of_client, &of_server, piece_max as u64);
        assert_eq!(pair.caller.stack.shape(), Shape::SeqPacket);
        pair.run(piece_max);
        assert_eq!((pair.caller.opened, pair.server.opened), (1, 1), "pieces of {piece_max}");
        for message in [&b"hello"[..], b"", &[0xff; 300]] {
            pair.caller.send(message);
            pair.server.send(message);
        }
        pair.caller.finish();
        pair.server.finish();
        pair.run(piece_max);
        for side in [&pair.caller, &pair.server] {
            assert_eq!(side.messages, [&b"hello"[..], b"", &[0xff; 300]], "pieces of {piece_max}");
            assert_eq!((side.finished, &side.failed), (1, &None), "pieces of {piece_max}");
            assert!(side.stack.finish_is_due());
        }
    }
}

#[test]
fn a_mebibyte_each_way_comes_through_in_random_cuts() {
    let (of_client, of_server) = ends();
    for seed in 0..4 {
        let mut pair = over_tls(&of_client, &of_server, seed);
        pair.run(1000);
        let mut source = Seed::new(seed);
        let (mut sent, mut bytes) = ([Vec::new(), Vec::new()], [0, 0]);
        while bytes.iter().any(|bytes| *bytes < MIB) {
            for (index, side) in [&mut pair.caller, &mut pair.server].into_iter().enumerate() {
                let length = if source.one_in(10) { source.index(100_000) } else { source.index(300) };
                if !side.stack.is_congested() {
                    let message = source.bytes(length);
                    side.send(&message);
                    bytes[index] += length;
                    sent[index].push(message);
                }
            }
            for _ in 0..source.index(30) {
                let is_forth = source.one_in(2);
                pair.step(is_forth, 20_000);
            }
        }
        pair.caller.finish();
        pair.server.finish();
        pair.run(20_000);
        assert!(pair.server.messages == sent[0] && pair.caller.messages == sent[1], "seed {seed}");
        assert_eq!((pair.server.finished, pair.caller.finished), (1, 1), "seed {seed}");
    }
}

proptest! {
    #[test]
    fn what_is_sent_is_received_whole_and_in_order(
        forth in vec(vec(any::<u8>(), 0..200), 0..10), back in vec(".{0,50}", 0..10),
        piece_max in 1_usize..300, seed: u64, is_binary: bool,
    ) {
        let kind = if is_binary { MessageKind::Binary } else { MessageKind::Text };
        let caller = client(WebSocketClientSettings { kind, ..client_settings() });
        let mut pair = Pair::new(vec![caller], vec![server(server_settings())], seed);
        pair.run(piece_max);
        for message in &forth {
            pair.caller.send(message);
        }
        pair.caller.finish();
        pair.run(piece_max);
        for message in &back {
            pair.server.send(message.as_bytes());
        }
        pair.server.finish();
        pair.run(piece_max);
        let back: Vec<Vec<u8>> = back.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(&pair.server.messages, &forth);
        prop_assert_eq!(&pair.caller.messages, &back);
        prop_assert_eq!((pair.server.finished, pair.caller.finished), (1, 1));
    }
}

#[test]
fn an_end_of_one_direction_leaves_the_other_open() {
    for caller_first in [true, false] {
        let mut pair = pair(1);
        pair.run(1000);
        let swap = |pair: &mut Pair| {
            if !caller_first {
                std::mem::swap(&mut pair.caller, &mut pair.server);
            }
        };
        swap(&mut pair);
        pair.caller.send(b"that is all");
        pair.caller.finish();
        swap(&mut pair);
        pair.run(1000);
        swap(&mut pair);
        assert_eq!((pair.server.messages.len(), pair.server.finished, pair.caller.finished), (1, 1, 0));
        assert!(!pair.caller.stack.finish_is_due(), "a FIN would make many a peer give up");
        pair.server.send(b"late answer");
        pair.server.finish();
        swap(&mut pair);
        pair.run(1000);
        swap(&mut pair);
        assert_eq!((&pair.caller.messages[..], pair.caller.finished), (&[b"late answer".to_vec()][..], 1));
        for side in [&pair.caller, &pair.server] {
            assert!(side.stack.finish_is_due() && side.failed.is_none());
            let normal = WebSocketClosed { code: Some(1000), reason: String::new() };
            assert_eq!(closed(side), [normal]);
        }
    }
}

#[test]
fn text_is_sent_as_text_where_it_is_text() {
    let (text, binary) = (0x81, 0x82);
    for (kind, message, first) in [
        (MessageKind::Text, &b"hello"[..], text),
        (MessageKind::Text, &b"\xff"[..], binary),
        (MessageKind::Binary, &b"hello"[..], binary),
    ] {
        let callee = server(WebSocketServerSettings { kind, ..server_settings() });
        let mut pair = Pair::new(vec![client(client_settings())], vec![callee], 1);
        pair.run(1000);
        pair.server.send(message);
        assert_eq!(pair.server.take(), [&[first, message.len() as u8], message].concat());
    }
}

#[test]
fn a_client_masks_each_frame_with_another_key() {
    let mut pair = pair(1);
    pair.run(1000);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..20 {
        pair.caller.send(&[0; 16]);
        let frame = pair.caller.take();
        assert_eq!((frame[1], frame.len()), (0x80 | 16, 2 + 4 + 16));
        seen.insert(frame[2..6].to_vec());
        pair.server.receive(&frame);
        assert_eq!(pair.server.messages.pop(), Some(vec![0; 16]));
    }
    assert!(seen.len() > 15, "{seen:?}");
}

#[test]
fn both_ends_are_told_what_the_handshake_found_out() {
    let protocols = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let caller = WebSocketClientSettings {
        protocols: protocols(&["chat.v1", "chat.v2"]),
        headers: vec![("Origin".to_owned(), "http://localhost:8080".to_owned())],
        ..client_settings()
    };
    let callee = WebSocketServerSettings {
        path: Some("/chat".to_owned()),
        protocols: protocols(&["chat.v2", "other"]),
        ..server_settings()
    };
    let mut pair = Pair::new(vec![client(caller)], vec![server(callee)], 1);
    pair.run(1000);
    let expected = WebSocketSession {
        path: "/chat?room=1".to_owned(),
        host: "localhost:8080".to_owned(),
        protocol: Some("chat.v2".to_owned()),
        origin: Some("http://localhost:8080".to_owned()),
    };
    assert_eq!(session(&pair.server), &expected);
    assert_eq!(session(&pair.caller), &WebSocketSession { origin: None, ..expected });
    let text = session(&pair.server).to_string();
    assert_eq!(
        text,
        "WebSocket /chat?room=1 at localhost:8080, chat.v2, from a page of http://localhost:8080"
    );
}

#[test]
fn a_stream_that_ends_without_a_close_frame_is_no_end() {
    let mut open = pair(1);
    open.run(1000);
    open.caller.send(b"whole");
    open.caller.send(b"cut");
    let wire = open.caller.take();
    open.server.receive(&wire[..wire.len() - 1]);
    open.server.below_finished();
    assert_eq!(open.server.messages, [b"whole"]);
    assert_eq!(open.server.failed, Some(Failure::WebSocket(WebSocketFailure::Truncated)));

    let mut shaking = pair(1);
    shaking.caller.below_finished();
    assert_eq!(shaking.caller.failed, Some(Failure::WebSocket(WebSocketFailure::HandshakeCut)));

    let mut late = pair(1);
    late.server.deadline();
    assert_eq!(late.server.now.moment.since_start(), layers::WEBSOCKET_HANDSHAKE_WITHIN);
    assert_eq!(late.server.failed, Some(Failure::WebSocket(WebSocketFailure::TimedOut)));
}

#[test]
fn a_peer_that_closed_need_not_end_tls_as_well() {
    let (of_client, of_server) = ends();
    for has_end_of_tls in [true, false] {
        let mut pair = over_tls(&of_client, &of_server, 1);
        pair.run(1000);
        pair.caller.finish();
        pair.run(1000);
        assert_eq!(pair.server.finished, 1);
        if has_end_of_tls {
            pair.server.finish();
            pair.run(1000);
        } else {
            pair.server.below_finished();
            pair.server.send(b"last words");
            pair.server.finish();
        }
        assert_eq!(pair.server.failed, None);
        assert!(has_end_of_tls || !pair.server.take().is_empty());
    }
}

#[test]
fn over_tls_a_failure_of_the_one_ends_the_other_in_order() {
    let (of_client, of_server) = ends();
    // An unmasked frame, which only a server may send: the client's own TLS carries it.
    let mut bare = Pair::new(
        vec![of_client.layer("localhost", *START).unwrap()],
        vec![of_server.layer().unwrap(), server(server_settings())],
        1,
    );
    bare.run(1000);
    bare.caller.send(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n\x81\x01a");
    bare.run(1000);
    assert!(matches!(bare.server.failed, Some(Failure::WebSocket(WebSocketFailure::Protocol(_)))));
    assert!(bare.caller.bytes.ends_with(&[0x88, 2, 0x03, 0xea]), "close 1002");
    assert_eq!((bare.caller.finished, &bare.caller.failed), (1, &None), "and close_notify behind it");
    assert!(bare.server.stack.finish_is_due());
}
