//! WebSocket with a browser at the other end: a page in Chromium calls, and what it saw is compared byte for byte.

#[path = "browser/site.rs"]
mod site;

use crate::certificates::Files;
use crate::support::{Server, random_bytes};
use crate::{echo, serve};
use site::{Browser, Site};

const BYTES: usize = 1 << 20;

const BYE: &str = r#"[1000,"that is all"]"#;

/// What a page sees of one call: its messages come back whole or in pieces, then its close code.
fn plays(browser: &Browser, kind: &str, messages: &[&[u8]], is_whole: bool) {
    browser.saw(r#"open "" """#);
    for message in messages {
        let (what, heard) = browser.next();
        let is_as_sent = if is_whole { what == format!("{kind} 1") } else { what.starts_with(kind) };
        assert!(is_as_sent && heard == *message, "{what}: {} of {} bytes", heard.len(), message.len());
    }
    browser.saw("closed 1000 clean");
}

#[test]
fn a_page_in_chromium_calls() {
    let mut site = Site::new();
    let (files, origin) = (Files::new(), site.origin());
    let may_call = format!("origin={origin}");

    let long = "Grüße an 世界 👋! ".repeat(60_000);
    let cut = (BYTES - 3..=BYTES).rev().find(|&end| long.is_char_boundary(end)).unwrap();
    let texts = ["", "a", "grüß Gott", &"€".repeat(65_536 / 3), &"x".repeat(65_536), &long[..cut]];
    let texts: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let random = random_bytes(BYTES, 1);
    let binary = [&random[..0], b"\0", &random[..125], &random[..126], &random[..65_536], &random];
    let of_kind = |kind, messages: &[&'_ [u8]]| -> Vec<_> {
        messages.iter().map(|message| (kind, message.to_vec())).collect()
    };

    let mut call = |server: &Server, protocols: &str, messages: &[(&'static str, Vec<u8>)], close: &str| {
        let messages: Vec<(&str, &[u8])> =
            messages.iter().map(|(kind, message)| (*kind, message.as_slice())).collect();
        site.call(server.address(), protocols, &messages, close);
    };

    // Texts and bytes, to an echo of each.
    let of_texts = echo(&format!("ws://127.0.0.1:0?ws-frames=text&{may_call}"), "uring");
    call(&of_texts, "[]", &of_kind("text", &texts), BYE);
    let of_bytes = echo(&format!("ws://127.0.0.1:0?{may_call}"), "epoll");
    call(&of_bytes, "[]", &of_kind("binary", &binary), BYE);
    // The same over TLS.
    let encrypted = echo(&format!("{}&{may_call}", files.at("wss")), "epoll");
    call(&encrypted, "[]", &of_kind("binary", &binary), BYE);
    // Through a relay to a byte stream, on which an empty message is nothing.
    let far = echo("tcp://127.0.0.1:0", "epoll");
    let relay = Server::start(&["relay", &format!("ws://127.0.0.1:0?{may_call}"), far.address(), "-v"]);
    call(&relay, "[]", &of_kind("binary", &binary[1..]), BYE);
    // One of the subprotocols is chosen, and a code of the page's own ends the call.
    let chosen = serve(&["echo", &format!("ws://127.0.0.1:0?subprotocol=chat.v2&{may_call}")], "epoll");
    call(&chosen, r#"["chat.v1","chat.v2"]"#, &[], "[4001]");
    // The other end closes first.
    let at = format!("ws://127.0.0.1:0?ws-frames=text&{may_call}");
    let mut ends = Server::start(&["relay", &at, "sh:read line; echo $line", "-v"]);
    call(&ends, "[]", &of_kind("text", &[b"good day\n"]), "null");
    // A message above the bound.
    let bounded = echo(&format!("ws://127.0.0.1:0?{may_call}&message-max=65535"), "epoll");
    call(&bounded, "[]", &of_kind("binary", &[&random[..65_536]]), "null");
    // Pages of others may not call by default.
    let mut guarded = echo("ws://127.0.0.1:0", "epoll");
    call(&guarded, "[]", &[], BYE);

    let browser = site.browse();
    plays(&browser, "text", &texts, true);
    plays(&browser, "binary", &binary, true);
    plays(&browser, "binary", &binary, true);
    plays(&browser, "binary", &binary[1..], false);
    browser.saw(r#"open "chat.v2" """#);
    browser.saw("closed 4001 clean");
    plays(&browser, "text", &[b"good day\n"], true);
    browser.saw(r#"open "" """#);
    browser.saw("closed 1009 clean");
    browser.saw("error");
    browser.saw("closed 1006 broken");

    ends.running.wait_for_line(&format!("from a page of {origin}"));
    guarded.running.wait_for_line("was answered 403: pages of this origin may not call here");
    for server in [of_texts, of_bytes, encrypted, relay, far, chosen, ends, bounded, guarded] {
        assert_eq!(server.terminate().code(), 0);
    }
}
