//! WebSocket with the package `ws` of Node at the other end, calling and listening: what Node saw, byte for byte.

#[path = "node/end.rs"]
mod end;

use crate::certificates::Files;
use crate::support::{Running, Server, random_bytes, run_swb, swb};
use crate::{echo, serve};
use end::{Node, hex};

/// The longest message of these tests, and the bound that lets it in.
const BYTES: usize = 4 << 20;
const BOUND: &str = "message-max=4MiB";

under! { messages_come_back_as_they_were_sent: iterative process thread poll epoll uring }
under! { a_message_above_the_bound_is_answered_with_1009: iterative process thread poll epoll uring }
under! { messages_go_through_a_relay_to_a_byte_stream_and_back: iterative process thread poll epoll uring }

fn messages_come_back_as_they_were_sent(engine: &str) {
    for kind in ["text", "binary"] {
        let server = echo(&format!("ws://127.0.0.1:0?{BOUND}&ws-frames={kind}"), engine);
        hears_itself(Node::call(server.address()), kind);
        assert_eq!(server.terminate().code(), 0, "{kind}");
    }
}

#[test]
fn messages_come_back_over_tls_as_they_were_sent() {
    let files = Files::new();
    let server = echo(&format!("{}&{BOUND}", files.at("wss")), "epoll");
    let mut call = Node::command(&["call", server.address(), "[]", "{}"]);
    hears_itself(Node::of(call.env("NODE_EXTRA_CA_CERTS", files.certificate("ca"))), "binary");
    assert_eq!(server.terminate().code(), 0);
}

/// A call to an echo.
fn hears_itself(mut node: Node, kind: &str) {
    // Node offers permessage-deflate, and goes on without.
    node.saw(r#"open "" """#);
    let text = "x".repeat(BYTES - 6) + "ü€!";
    let binary = random_bytes(BYTES, 1);
    let whole = if kind == "text" { text.as_bytes() } else { &binary };
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20, BYTES] {
        let message = &whole[whole.len() - length..];
        node.told(kind, &[message]);
        node.saw_message(kind, message);
    }
    node.told("fragments", &[&whole[..BYTES / 2], b"", &whole[BYTES / 2..]]);
    node.saw_message(kind, whole);
    node.told("ping", &[b"are you there?"]);
    node.saw(&format!("pong {}", hex(b"are you there?")));
    for message in [&b"one"[..], b"two", b"three"] {
        node.told(kind, &[message]);
    }
    for message in [&b"one"[..], b"two", b"three"] {
        node.saw_message(kind, message);
    }
    node.write("close 1000 that is all");
    node.saw("closed 1000 ");
    node.ended();
}

fn a_message_above_the_bound_is_answered_with_1009(engine: &str) {
    let mut server = echo(&format!("ws://127.0.0.1:0?{BOUND}"), engine);
    for length in [BYTES + 1, 4 * BYTES] {
        let mut node = Node::call(server.address());
        node.saw(r#"open "" """#);
        node.told("binary", &[&random_bytes(length, 2)]);
        node.saw("closed 1009 ");
        node.ended();
        server.running.take_line("the peer's message is longer than 4194304 bytes");
    }
}

fn messages_go_through_a_relay_to_a_byte_stream_and_back(engine: &str) {
    let server = echo("tcp://127.0.0.1:0", "epoll");
    let relay =
        Server::start(&["relay", &format!("ws://127.0.0.1:0?{BOUND}"), server.address(), "--engine", engine]);
    let mut node = Node::call(relay.address());
    node.saw(r#"open "" """#);
    let said = random_bytes(BYTES, 3);
    node.told("binary", &[&said[..BYTES - 1000]]);
    node.told("binary", &[&said[BYTES - 1000..]]);
    let mut heard = String::new();
    while heard.len() < 2 * BYTES {
        let line = node.next();
        heard.push_str(line.strip_prefix("message binary ").unwrap());
    }
    assert!(heard == hex(&said), "{} digits came back", heard.len());
    node.write("close 1000");
    node.saw("closed 1000 ");
    node.ended();
}

#[test]
fn node_is_told_which_subprotocol_is_spoken() {
    let server = echo("ws://127.0.0.1:0?subprotocol=mqtt&subprotocol=chat.v2", "epoll");
    for (offered, chosen) in [
        (r#"["chat.v2"]"#, r#"open "chat.v2" """#),
        (r#"["chat.v2","mqtt"]"#, r#"open "mqtt" """#),
        // Node itself takes no call on which none of its own is spoken.
        (r#"["chat.v1"]"#, "error Server sent no subprotocol"),
    ] {
        let mut node = Node::start(&["call", server.address(), offered, "{}"]);
        node.saw(chosen);
    }
}

#[test]
fn node_is_refused_where_its_origin_or_its_path_is_not_served() {
    let at = |options: &str| serve(&["echo", &format!("ws://127.0.0.1:0?path=/chat{options}")], "epoll");
    let (same, listed, all) = (at(""), at("&origin=https://page.test"), at("&origin=any"));
    const REFUSED: &str = "refused 403 pages of this origin may not call here";
    const OPEN: &str = r#"open "" """#;
    for (server, path, origin, verdict) in [
        (&same, "/chat", "", OPEN),
        (&same, "/chat", &*format!("http://127.0.0.1:{}", same.port()), OPEN),
        (&same, "/chat", "https://page.test", REFUSED),
        (&listed, "/chat", "https://page.test", OPEN),
        (&listed, "/chat", "https://elsewhere.test", REFUSED),
        (&all, "/chat", "https://elsewhere.test", OPEN),
        (&same, "/", "", "refused 404 there is no such path here"),
        (&same, "/chat/", "", "refused 404 there is no such path here"),
    ] {
        let options = if origin.is_empty() { "{}".to_owned() } else { format!(r#"{{"origin":"{origin}"}}"#) };
        let mut node = Node::start(&["call", &format!("{}{path}", server.address()), "[]", &options]);
        assert_eq!(node.next(), verdict, "{path} {origin}");
    }
}

#[test]
fn a_close_code_of_node_is_answered_with_the_same() {
    let mut server = echo("ws://127.0.0.1:0", "epoll");
    for code in [1000, 1001, 1003, 1007, 1011, 3000, 4000, 4999] {
        let mut node = Node::call(server.address());
        node.saw(r#"open "" """#);
        node.write(&format!("close {code} reason {code}"));
        node.saw(&format!("closed {code} "));
        node.ended();
        server.running.wait_for_line(&format!("closed with code {code}: reason {code}"));
    }
    let mut node = Node::call(server.address());
    node.saw(r#"open "" """#);
    node.write("close");
    node.saw("closed 1000 ");
}

#[test]
fn node_answers_a_question() {
    let mut node = Node::start(&["answer", "{}"]);
    let at = node.port();
    let caller = Running::start(&mut swb(&["ask", &format!("ws://{at}?path=/there%3Fby=swb"), "héllo"]));
    node.saw(r#"called /there?by=swb """#);
    node.saw(r#"open "" """#);
    node.saw_message("binary", "héllo".as_bytes());
    node.told("text", &["grüß Gott".as_bytes()]);
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.text().as_str(), caller.stderr.as_str()), (0, "grüß Gott", ""));
    node.saw("closed 1000 ");
    node.ended();
}

#[test]
fn connect_speaks_with_a_server_of_node() {
    // It would compress, if the caller could.
    let mut node = Node::start(&["answer", r#"{"perMessageDeflate":true}"#]);
    let to = format!("ws://{}?subprotocol=chat.v2&ws-frames=text&{BOUND}", node.port());
    let mut caller = Running::start(&mut swb(&["connect", &to]));
    node.next();
    node.saw(r#"open "chat.v2" """#);
    caller.write("grüß Gott\n".as_bytes());
    node.saw_message("text", "grüß Gott\n".as_bytes());
    node.told("ping", &[b"there?"]);
    node.saw(&format!("pong {}", hex(b"there?")));
    let said = random_bytes(BYTES, 4);
    node.told("binary", &[&said]);
    assert!(caller.wait_for_bytes(BYTES) == said);
    node.told("fragments", &[b"in ", b"three ", b"pieces"]);
    assert_eq!(&caller.wait_for_bytes(BYTES + 15)[BYTES..], b"in three pieces");
    caller.close_input();
    // What is said until our half has ended is heard.
    node.told("text", &[b"last"]);
    node.saw("closed 1000 ");
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert_eq!(&caller.stdout[BYTES + 15..], b"last");
    node.ended();
}

#[test]
fn how_a_server_of_node_closes_is_how_connect_ends() {
    for (close, status, said) in [
        ("close 1000 good bye", 0, ""),
        ("close", 0, ""),
        ("close 1001 moved", 0, ""),
        ("close 4999 well", 0, ""),
        ("close 1011 broken", 6, "the peer gave the WebSocket up: closed with code 1011: broken"),
        ("close 1008 not you", 6, "closed with code 1008: not you"),
        ("terminate", 6, "the stream ended without a close frame"),
    ] {
        let mut node = Node::start(&["answer", "{}"]);
        let caller = Running::start(&mut swb(&["connect", &format!("ws://{}", node.port())]));
        node.next();
        node.saw(r#"open "" """#);
        node.told("text", &[b"before"]);
        node.write(close);
        let caller = caller.finish();
        assert_eq!((caller.code(), caller.text().as_str()), (status, "before"), "{close}: {caller:?}");
        assert!(caller.stderr.contains(said) && caller.stderr.is_empty() == said.is_empty(), "{caller:?}");
        let code = close.split(' ').nth(1).unwrap_or(if close == "close" { "1000" } else { "1006" });
        node.saw(&format!("closed {code} "));
    }
}

#[test]
fn a_server_of_node_whose_message_is_too_long_is_told_by_1009() {
    let mut node = Node::start(&["answer", "{}"]);
    let caller = Running::start(&mut swb(&["connect", &format!("ws://{}?message-max=1000", node.port())]));
    node.next();
    node.saw(r#"open "" """#);
    node.told("binary", &[&[7; 1000]]);
    node.told("binary", &[&[8; 1001]]);
    node.saw("closed 1009 ");
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.stdout.as_slice()), (6, &[7; 1000][..]), "{}", caller.stderr);
    assert!(caller.stderr.contains("longer than 1000 bytes"), "{}", caller.stderr);
}

#[test]
fn a_server_of_node_that_agrees_on_no_subprotocol_is_spoken_with_all_the_same() {
    let mut node = Node::start(&["answer", r#"{"agree":false}"#]);
    let to = format!("ws://{}?subprotocol=chat.v2", node.port());
    let caller = Running::start(&mut swb(&["ask", &to, "hello"]));
    node.next();
    node.saw(r#"open "" """#);
    node.saw_message("binary", b"hello");
    node.told("text", &[b"good day"]);
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.text().as_str()), (0, "good day"), "{}", caller.stderr);
}

#[test]
fn a_server_of_node_that_serves_another_path_refuses() {
    let mut node = Node::start(&["answer", r#"{"path":"/here"}"#]);
    let caller = run_swb(&["ask", &format!("ws://{}/there", node.port()), "hello"], b"");
    assert_eq!(caller.code(), 6, "{caller:?}");
    assert!(caller.stderr.contains("it answered 400 Bad Request"), "{caller:?}");
}
