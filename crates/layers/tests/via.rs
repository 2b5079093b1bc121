//! The way through proxies: what is asked, what each answer means, in every cut; what is behind it passes untouched.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use common::Side;
use conversation::DialFailureKind;
use layers::{
    Destination, DestinationHost, Failure, HttpConnect, Layer, ProxyCredentials, Socks5, ViaFailure,
    ViaProblem,
};
use proptest::collection::vec;
use proptest::prelude::*;

const PROXY: &str = "socks5://proxy:1080";

fn to(host: &str) -> Destination {
    let host = match host.parse() {
        Ok(ip) => DestinationHost::Ip(ip),
        Err(_) => DestinationHost::Name(host.into()),
    };
    Destination { host, port: 443 }
}

fn known() -> Option<ProxyCredentials> {
    Some(ProxyCredentials { user: "me".into(), password: "p:@ss".into() })
}

fn socks(host: &str, credentials: Option<ProxyCredentials>) -> Vec<Box<dyn Layer>> {
    vec![Box::new(Socks5::new(PROXY, to(host), credentials))]
}

fn http(host: &str, credentials: Option<ProxyCredentials>) -> Vec<Box<dyn Layer>> {
    vec![Box::new(HttpConnect::new("http-connect://proxy:3128", to(host), credentials))]
}

/// What a layer makes of answers, in these pieces.
fn hear(layers: Vec<Box<dyn Layer>>, pieces: &[&[u8]]) -> Side {
    let mut side = Side::open(layers);
    pieces.iter().for_each(|piece| side.receive(piece));
    side
}

fn problem(side: &Side) -> Option<&ViaFailure> {
    match &side.failed {
        Some(Failure::Via(failure)) => Some(failure),
        Some(other) => panic!("{other:?}"),
        None => None,
    }
}

#[test]
fn a_proxy_is_asked_step_by_step() {
    let mut side = Side::open(socks("example.org", None));
    assert_eq!(side.take(), [5, 1, 0]);
    side.receive(&[5, 0]);
    assert_eq!(side.take(), [&[5, 1, 0, 3, 11][..], b"example.org", &[1, 187]].concat());
    side.receive(&[5, 0, 0, 1, 192, 0, 2, 1, 156, 64]);
    assert_eq!((side.opened, side.stack.is_bare()), (1, true));
    side.send(b"hello");
    assert_eq!(side.take(), b"hello");

    let mut side = Side::open(socks("192.0.2.7", known()));
    assert_eq!(side.take(), [5, 2, 0, 2], "with credentials both methods are offered");
    side.receive(&[5, 2]);
    assert_eq!(side.take(), b"\x01\x02me\x05p:@ss");
    side.receive(&[1, 0]);
    assert_eq!(side.take(), [5, 1, 0, 1, 192, 0, 2, 7, 1, 187]);

    let mut side = Side::open(socks("2001:db8::7", known()));
    side.take();
    side.receive(&[5, 0]); // it may do without them
    let ip = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    assert_eq!(side.take(), [&[5, 1, 0, 4][..], &ip, &[1, 187]].concat());

    let asked = |host, credentials| String::from_utf8(Side::open(http(host, credentials)).take()).unwrap();
    let request = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n";
    assert_eq!(asked("example.org", None), format!("{request}\r\n"));
    let proof = "Proxy-Authorization: Basic bWU6cDpAc3M=\r\n"; // of me:p:@ss
    assert_eq!(asked("example.org", known()), format!("{request}{proof}\r\n"));
    assert!(
        asked("2001:db8::7", None)
            .starts_with("CONNECT [2001:db8::7]:443 HTTP/1.1\r\nHost: [2001:db8::7]:443\r\n")
    );
}

type Layers = Vec<Box<dyn Layer>>;

/// Answers that grant what was asked.
fn granting() -> Vec<(&'static str, Layers, Vec<u8>)> {
    let reply = |bound: &[u8]| [&[5, 0, 5, 0, 0][..], bound, &[156, 64]].concat();
    #[rustfmt::skip]
    let all = vec![
        ("IPv4", socks("h", None), reply(&[1, 192, 0, 2, 1])),
        ("IPv6", socks("h", None), reply(&[&[4][..], &[7; 16]].concat())),
        ("a name", socks("h", None), reply(b"\x03\x04name")),
        ("the empty name", socks("h", None), reply(&[3, 0])),
        ("the longest name", socks("h", None), reply(&[&[3, 255][..], &[b'x'; 255]].concat())),
        ("a password", socks("h", known()), [&[5, 2, 1, 0][..], &reply(&[1, 0, 0, 0, 0])[2..]].concat()),
        ("200", http("h", None), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("1.0, no reason", http("h", None), b"HTTP/1.0 200\r\n\r\n".to_vec()),
        ("a length to be ignored", http("h", None), b"HTTP/1.1 299 x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec()),
        ("not the last word first", http("h", known()), b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n".to_vec()),
    ];
    all
}

#[test]
fn what_is_granted_opens_the_way_in_every_cut_and_what_is_behind_it_comes_through() {
    for at in 0..granting().len() {
        let layers = || granting().swap_remove(at).1;
        let (name, _, answer) = granting().swap_remove(at);
        let whole = [&answer[..], b"\x05\x00 hello"].concat();
        for cut in 0..=whole.len() {
            let side = hear(layers(), &[&whole[..cut], &whole[cut..]]);
            assert_eq!((side.opened, &side.bytes[..]), (1, &b"\x05\x00 hello"[..]), "{name}, cut at {cut}");
            assert!(side.stack.is_bare() || !side.stack.outgoing().is_empty(), "{name}");
        }
        let side = hear(layers(), &whole.chunks(1).collect::<Vec<_>>());
        assert_eq!((side.opened, &side.bytes[..]), (1, &b"\x05\x00 hello"[..]), "{name}, byte by byte");
        for cut in 0..answer.len() {
            let mut side = hear(layers(), &[&answer[..cut]]);
            assert_eq!((side.opened, &side.failed), (0, &None), "{name}, {cut} bytes");
            side.below_finished();
            assert_eq!(problem(&side).unwrap().problem, ViaProblem::HungUp, "{name}, finished at {cut}");
        }
    }
}

#[test]
fn every_refusal_has_its_words_and_its_kind() {
    use DialFailureKind::{Other, Refused, TimedOut, Unreachable};
    let socks_reply = |code: u8| (socks("far", None), vec![5, 0, 5, code, 0]);
    let status = |line: &str| (http("far", None), format!("HTTP/1.1 {line}\r\n\r\n").into_bytes());
    type Row = ((Layers, Vec<u8>), &'static str, DialFailureKind, bool);
    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        (socks_reply(1), "it failed, and does not say why (SOCKS reply 1)", Unreachable, true),
        (socks_reply(2), "its rules do not allow that", Refused, false),
        (socks_reply(3), "no way leads to that network from there", Unreachable, true),
        (socks_reply(4), "no way leads to that host from there", Unreachable, true),
        (socks_reply(5), "nobody listens there", Refused, true),
        (socks_reply(6), "the call took too long", TimedOut, true),
        (socks_reply(7), "it does not make calls over TCP for others", Other, false),
        (socks_reply(8), "it knows no addresses of that kind", Other, false),
        (socks_reply(9), "the unknown SOCKS reply 9", Other, false),
        (socks_reply(255), "the unknown SOCKS reply 255", Other, false),
        ((socks("far", None), vec![5, 0xff]), "it wants to know who calls: ?via=socks5://USER:PASSWORD@", Refused, false),
        ((socks("far", known()), vec![5, 0xff]), "and not by a name and a password", Refused, false),
        ((socks("far", known()), vec![5, 2, 1, 1]), "it does not take this name and password", Refused, false),
        ((socks("far", known()), vec![5, 2, 5, 0]), "not SOCKS 5", Other, false),
        ((socks("far", None), vec![5, 2]), "a method that was not offered", Other, false),
        ((socks("far", None), vec![5, 1]), "a method that was not offered", Other, false),
        ((socks("far", None), vec![5, 0, 5, 0, 0, 2]), "an address of an unknown kind", Other, false),
        ((socks("far", None), vec![4, 0]), "not SOCKS 5", Other, false),
        ((socks("far", None), vec![0, 91]), "not SOCKS 5", Other, false),
        ((socks("far", None), b"HTTP/1.1 400 Bad Request\r\n".to_vec()), "not SOCKS 5; does another protocol (http-connect) fit it?", Other, false),
        (status("403 Forbidden"), "its rules do not allow that; may you call it, at that port, from here? (HTTP 403 Forbidden)", Refused, false),
        (status("404 Not Found"), "it knows no such host", Unreachable, true),
        (status("405 x"), "is it a proxy?", Refused, false),
        (status("407 Proxy Authentication Required"), "it wants to know who calls: ?via=http-connect://", Refused, false),
        ((http("far", known()), b"HTTP/1.1 407 No\r\n\r\n".to_vec()), "it does not take this name and password", Refused, false),
        (status("500 x"), "it failed, perhaps to call there", Unreachable, true),
        (status("502 Bad Gateway"), "it could not call there", Unreachable, true),
        (status("503 Service Unavailable"), "it could not call there now (HTTP 503 Service Unavailable)", Unreachable, true),
        (status("504 Gateway Timeout"), "nobody answered it there", TimedOut, true),
        (status("418 I'm a teapot"), "it refused (HTTP 418 I'm a teapot)", Refused, false),
        (status("302 Found"), "it refused (HTTP 302 Found)", Refused, false),
        (status("101 Switching Protocols"), "it refused (HTTP 101", Refused, false),
        ((http("far", None), b"HTTP/2".to_vec()), "not HTTP/1.1; does another protocol (socks5) fit it?", Other, false),
        ((http("far", None), b"\x05\x00".to_vec()), "not HTTP/1.1", Other, false),
        ((http("far", None), b"HTTP/1.1 abc\r\n\r\n".to_vec()), "its head is none of HTTP/1.1", Other, false),
        ((http("far", None), [&b"HTTP/1.1 200 OK\r\nA: "[..], &[b'x'; 17_000]].concat()), "its head is longer than 16 KiB", Other, false),
        ((http("far", None), b"HTTP/1.1 200 OK\r\n".iter().copied().chain(b"A: b\r\n".repeat(65)).chain(*b"\r\n").collect()), "its head has more than 64 fields", Other, false),
        ((http("far", None), b"HTTP/1.1 200 OK\n\n".to_vec()), "a line of its head ends with LF alone, not with CR LF", Other, false),
        ((http("far", None), b"HTTP/1.1 200 OK\r\nA: b\nC: d\r\n\r\n".to_vec()), "a line of its head ends with LF alone", Other, false),
    ];
    for ((layers, answer), words, kind, may_pass) in table {
        let mut side = Side::open(layers);
        for piece in answer.chunks(7) {
            side.receive(piece);
        }
        side.receive(b"and more");
        let failure = problem(&side).unwrap_or_else(|| panic!("{words}: it did not fail"));
        let said = failure.to_string();
        assert!(said.contains(words), "{words}: {said}");
        assert!(said.contains(" did not call far:443: ") && said.contains("://proxy:"), "{said}");
        assert!(!said.contains(char::is_control) && !said.contains("p:@ss"), "{said}");
        assert_eq!((failure.kind(), failure.may_pass()), (kind, may_pass), "{words}");
        assert_eq!((side.opened, side.text()), (0, ""), "{words}");
        assert!(side.stack.finish_is_due() || !side.stack.outgoing().is_empty(), "{words}");
    }
}

#[test]
fn proxies_behind_each_other_are_asked_in_their_order() {
    let near = Socks5::new("socks5://near:1", Destination { port: 3128, ..to("far-proxy") }, None);
    let far = HttpConnect::new("http-connect://far-proxy:3128", to("example.org"), None);
    let mut side = Side::open(vec![Box::new(near), Box::new(far)]);
    side.take();
    side.receive(&[5, 0]);
    assert!(side.take().windows(9).any(|window| window == b"far-proxy"));
    side.receive(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    assert_eq!((side.stack.depth(), side.opened), (1, 0));
    assert!(side.take().starts_with(b"CONNECT example.org:443 HTTP/1.1\r\n"));
    side.receive(b"HTTP/1.1 200 OK\r\n\r\n220 hello");
    assert_eq!((side.opened, side.text()), (1, "220 hello"));
    assert!(side.stack.is_bare());
}

proptest! {
    #[test]
    fn no_bytes_whatever_break_it(bytes in vec(any::<u8>(), 0..400), piece in 1..40_usize, is_http: bool, has: bool) {
        let credentials = if has { known() } else { None };
        let mut side = Side::open(if is_http { http("h", credentials) } else { socks("h", credentials) });
        bytes.chunks(piece).for_each(|piece| side.receive(piece));
        if side.failed.is_none() {
            side.below_finished();
        }
        prop_assert!(side.failed.is_some() || side.finished == 1);
        prop_assert!(side.bytes.is_empty() || side.opened == 1);
    }
}
