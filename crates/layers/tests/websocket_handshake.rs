//! The WebSocket handshake: what is asked for otherwise is answered as HTTP, and what is answered otherwise is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use common::Side;
use layers::{
    Failure, Origins, WebSocketClient, WebSocketClientSettings, WebSocketFailure, WebSocketServer,
    WebSocketServerSettings, WebSocketSettingError,
};
use tungstenite::handshake::derive_accept_key;

/// The request of RFC 6455 section 1.2, without its origin and subprotocols.
const REQUEST: &str = "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

fn settings() -> WebSocketServerSettings {
    WebSocketServerSettings { path: Some("/chat".to_owned()), ..Default::default() }
}

fn answer(settings: WebSocketServerSettings, request: &str, piece: usize) -> (Side, String) {
    let mut side = Side::open(vec![WebSocketServer::new(settings).unwrap().layer()]);
    for piece in request.as_bytes().chunks(piece) {
        side.receive(piece);
    }
    let answer = String::from_utf8(side.take()).unwrap();
    (side, answer)
}

/// The request with one line in place of another, or one more.
fn with(line: &str, instead: &str) -> String {
    assert!(REQUEST.contains(line), "{line}");
    REQUEST.replacen(line, instead, 1)
}

fn and(line: &str) -> String {
    with("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"))
}

#[test]
fn the_handshake_of_the_rfc_is_answered_as_the_rfc_does() {
    for piece in [usize::MAX, 1, 3] {
        let (side, answer) = answer(settings(), REQUEST, piece);
        assert_eq!((side.opened, &side.failed), (1, &None));
        assert_eq!(
            answer,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        );
    }
}

#[test]
fn a_request_for_something_else_is_answered_with_a_status_and_a_line_that_says_why() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    #[rustfmt::skip]
    let table = [
        ("a page", "GET /chat HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 426),
        ("another protocol to upgrade to", with("Upgrade: websocket", "Upgrade: h2c"), 426),
        ("no upgrade of the connection", with("Connection: Upgrade", "Connection: close"), 426),
        ("an older version", with("Version: 13", "Version: 8"), 426),
        ("no version", with("Sec-WebSocket-Version: 13\r\n", ""), 426),
        ("another method", with("GET", "POST"), 405),
        ("another path", with("/chat", "/other"), 404),
        ("a longer path", with("/chat", "/chat/"), 404),
        ("a page of another site", and("Origin: https://evil.example"), 403),
        ("a page of nowhere", and("Origin: null"), 403),
        ("a page of another port", and("Origin: http://server.example.com:8080"), 403),
        ("a host that only ends alike", and("Origin: http://evilserver.example.com"), 403),
        ("two origins", and("Origin: http://server.example.com\r\nOrigin: http://server.example.com"), 400),
        ("no key", with(&format!("{key}\r\n"), ""), 400),
        ("a short key", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhl"), 400),
        ("a key that is no base64", with("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZ!=="), 400),
        ("two keys", and(key), 400),
        ("no host", with("Host: server.example.com\r\n", ""), 400),
        ("two hosts", and("Host: other.example.com"), 400),
        ("a body", and("Content-Length: 5"), 400),
        ("a body in chunks", and("Transfer-Encoding: chunked"), 400),
        ("an older HTTP", with("HTTP/1.1", "HTTP/1.0"), 400),
        ("a proxy's request", with("/chat", "http://server.example.com/chat"), 400),
        ("a field that is none", and("no colon"), 400),
        ("a field more than 64", and(&"A: b\r\n".repeat(64)), 431),
        ("lines that end with LF alone", and("").replace("\r\n", "\n"), 400),
        ("one line that does", and("A: b\nC: d"), 400),
        ("TLS", "\u{16}\u{3}\u{1}".to_owned(), 400),
        ("a line of another protocol", "hello\r\n".to_owned(), 400),
        ("a head without end", with("\r\n\r\n", &format!("\r\nA: {}", "b".repeat(20_000))), 431),
    ];
    for (what, request, status) in table {
        for piece in [usize::MAX, 1] {
            let (side, answer) = answer(settings(), &request, piece);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
            assert!(
                matches!(side.failed, Some(Failure::WebSocket(WebSocketFailure::BadRequest { status: told, .. })) if told == status),
                "{what}: {:?}",
                side.failed
            );
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{what}: {answer}");
            assert!(body.ends_with('\n') && body.lines().count() == 1, "{what}");
            assert_eq!(head.contains("Sec-WebSocket-Version: 13"), status == 426, "{what}");
            assert!(side.stack.finish_is_due() && side.opened == 0, "{what}");
        }
    }
}

#[test]
fn pages_may_call_as_the_server_says() {
    let listed = Origins::Listed(vec!["https://one.example".to_owned(), "null".to_owned()]);
    #[rustfmt::skip]
    let table = [
        (Origins::Same, "http://server.example.com", true),
        (Origins::Same, "https://SERVER.example.com:443", true),
        (Origins::Same, "http://server.example.com:80", true),
        (Origins::Same, "http://server.example.com:443", false),
        (Origins::Same, "server.example.com", false),
        (listed.clone(), "https://one.example", true),
        (listed.clone(), "null", true),
        (listed, "http://server.example.com", false),
        (Origins::Any, "https://evil.example", true),
        (Origins::Any, "null", true),
    ];
    for (origins, origin, is_let_in) in table {
        let request = and(&format!("Origin: {origin}"));
        let (side, answer) = answer(WebSocketServerSettings { origins, ..settings() }, &request, usize::MAX);
        assert_eq!(side.opened == 1, is_let_in, "{origin}: {answer}");
    }
}

#[test]
fn a_subprotocol_is_one_that_both_speak_or_none() {
    let speaks = |names: &[&str]| WebSocketServerSettings {
        protocols: names.iter().map(|name| (*name).to_owned()).collect(),
        ..settings()
    };
    let offers = and("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c");
    for (names, agreed) in [(&["c", "a"][..], Some("c")), (&["b"], Some("b")), (&["d"], None), (&[], None)] {
        let (side, answer) = answer(speaks(names), &offers, usize::MAX);
        let line = answer.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Protocol: "));
        assert_eq!((line, side.opened), (agreed, 1));
    }
}

/// What a client makes of this answer, in which `ACCEPT` is the right proof.
fn verdict(answer: &str, piece: usize) -> Side {
    let settings = WebSocketClientSettings {
        protocols: vec!["chat".to_owned()],
        ..WebSocketClientSettings::new("server.example.com", "/chat")
    };
    let mut side = Side::open(vec![WebSocketClient::new(settings).unwrap().layer()]);
    let request = String::from_utf8(side.take()).unwrap();
    let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
    for piece in answer.replace("ACCEPT", &derive_accept_key(key.as_bytes())).as_bytes().chunks(piece) {
        side.receive(piece);
    }
    side
}

const ANSWER: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Accept: ACCEPT\r\n\r\n";

#[test]
fn a_client_takes_only_the_answer_to_its_own_question() {
    let bad = WebSocketFailure::BadResponse;
    let refused = |status, reason: &str| WebSocketFailure::Refused { status, reason: reason.to_owned() };
    let line = |line: &str| ANSWER.replace("\r\n\r\n", &format!("\r\n{line}\r\n\r\n"));
    #[rustfmt::skip]
    let table = [
        ("the answer", ANSWER.to_owned(), None),
        ("a subprotocol that was offered", line("Sec-WebSocket-Protocol: chat"), None),
        ("another subprotocol", line("Sec-WebSocket-Protocol: other"), Some(bad("it speaks a subprotocol that we did not offer"))),
        ("an extension", line("Sec-WebSocket-Extensions: permessage-deflate"), Some(bad("it uses an extension that we did not offer"))),
        ("the proof of another key", ANSWER.replace("ACCEPT", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), Some(bad("its proof (Sec-WebSocket-Accept) is not that of our key"))),
        ("no proof", ANSWER.replace("Sec-WebSocket-Accept: ACCEPT\r\n", ""), Some(bad("its proof (Sec-WebSocket-Accept) is not that of our key"))),
        ("another upgrade", ANSWER.replace("websocket", "h2c"), Some(bad("it upgrades to something else"))),
        ("a page", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi".to_owned(), Some(refused(200, "OK"))),
        ("not found", "HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), Some(refused(404, "Not Found"))),
        ("no HTTP", "SSH-2.0-OpenSSH\r\n".to_owned(), Some(bad("it is no response of HTTP/1.1"))),
        ("an older HTTP", "HTTP/1.0 101 Fine\r\n\r\n".to_owned(), Some(bad("it is no response of HTTP/1.1"))),
        ("a field that is none", line("no colon"), Some(bad("it is no response of HTTP/1.1"))),
        ("a head without end", line(&format!("A: {}", "b".repeat(20_000))), Some(bad("its head is longer than 16 KiB"))),
    ];
    for (what, answer, failure) in table {
        for piece in [usize::MAX, 1, 3] {
            let side = verdict(&answer, piece);
            assert_eq!(side.failed, failure.clone().map(Failure::WebSocket), "{what}");
            assert_eq!(side.opened == 1, failure.is_none(), "{what}");
        }
    }
}

#[test]
fn what_cannot_be_said_in_http_makes_no_client() {
    let client = |change: fn(&mut WebSocketClientSettings)| {
        let mut settings = WebSocketClientSettings::new("x", "/");
        change(&mut settings);
        WebSocketClient::new(settings).map(drop)
    };
    let field = |settings: &mut WebSocketClientSettings, name: &str, value: &str| {
        settings.headers.push((name.to_owned(), value.to_owned()));
    };
    assert_eq!(client(|_| {}), Ok(()));
    assert!(matches!(
        client(|settings| settings.path = "chat".to_owned()),
        Err(WebSocketSettingError::Path(_))
    ));
    assert!(matches!(
        client(|settings| settings.path = "/a b".to_owned()),
        Err(WebSocketSettingError::Path(_))
    ));
    assert!(matches!(
        client(|settings| settings.host = "a\r\nb".to_owned()),
        Err(WebSocketSettingError::Host(_))
    ));
    for (name, value, error) in [
        ("Cookie", "a=b", Ok(())),
        ("X:Y", "a", Err(WebSocketSettingError::Token("X:Y".to_owned()))),
        ("Cookie", "a\r\nUpgrade: x", Err(WebSocketSettingError::Value("Cookie".to_owned()))),
        ("upgrade", "x", Err(WebSocketSettingError::OwnField("upgrade".to_owned()))),
    ] {
        let mut settings = WebSocketClientSettings::new("x", "/");
        field(&mut settings, name, value);
        assert_eq!(WebSocketClient::new(settings).map(drop), error);
    }
}
