//! TLS between two stacks in memory: what comes through, what is told, how it ends.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::time::Duration;

use common::certificates::{CA, client_settings, ends, server_settings};
use common::{Pair, START, Side};
use layers::{
    ClientCheck, Fingerprint, HIGH_MARK_BYTES, Identity, Layer, ProxyHeader, ProxyReader, ProxyVersion,
    ProxyWriter, TlsClient, TlsClientSettings, TlsServer, TlsServerSettings, TlsSession, TlsSettingError,
    TlsVersion, Told, Trust,
};
use testkit::Seed;

const MIB: usize = 1 << 20;

fn pair_of(client: &TlsClient, server: &TlsServer, seed: u64) -> Pair {
    Pair::new(vec![client.layer("localhost", *START).unwrap()], vec![server.layer().unwrap()], seed)
}

/// Two ends that speak this version only.
fn ends_of(version: TlsVersion) -> (TlsClient, TlsServer) {
    let client = TlsClientSettings { versions: version..=version, ..client_settings() };
    let server = TlsServerSettings { versions: version..=version, ..server_settings() };
    (TlsClient::new(client).unwrap(), TlsServer::new(server).unwrap())
}

fn session(side: &Side) -> &TlsSession {
    let session = side.told.iter().find_map(|told| match told {
        Told::Tls(session) => Some(&**session),
        Told::Proxy(_)
        | Told::WebSocket(_)
        | Told::WebSocketClosed(_)
        | Told::Impaired(_)
        | Told::Unrecorded(_) => None,
    });
    session.expect("a session")
}

/// TLS over a PROXY header, as behind a relay that passes TLS on.
fn over_proxy(client: &TlsClient, server: &TlsServer, seed: u64) -> Pair {
    let writer = ProxyWriter::new(&ProxyHeader::Local, ProxyVersion::V2);
    let reader = ProxyReader::new(ProxyReader::WITHIN);
    let caller = vec![Box::new(writer) as Box<dyn Layer>, client.layer("localhost", *START).unwrap()];
    Pair::new(caller, vec![Box::new(reader), server.layer().unwrap()], seed)
}

#[test]
fn what_is_said_over_tls_over_proxy_comes_through_at_every_cut() {
    let (client, server) = ends();
    // Each cut is one place in all that the caller sends, handshake and end included.
    for cut in 0.. {
        let mut pair = over_proxy(&client, &server, cut as u64);
        let mut forth = 0;
        let (mut has_spoken, mut is_cut) = (false, false);
        loop {
            if pair.caller.opened == 1 && !std::mem::replace(&mut has_spoken, true) {
                pair.caller.send(b"hello");
                pair.caller.finish();
            }
            let owed = pair.caller.stack.outgoing().len();
            let piece = if (forth..forth + owed).contains(&cut) && cut > forth { cut - forth } else { owed };
            is_cut |= piece != owed;
            let piece = pair.caller.stack.outgoing()[..piece].to_vec();
            pair.caller.stack.sent(piece.len());
            pair.server.receive(&piece);
            forth += piece.len();
            if piece.is_empty() && !pair.step(false, usize::MAX) && !pair.step(true, usize::MAX) {
                break;
            }
        }
        assert_eq!((pair.server.text(), pair.server.finished), ("hello", 1), "cut at {cut}");
        assert!(pair.server.failed.is_none() && pair.caller.failed.is_none());
        if cut > 0 && !is_cut && forth <= cut {
            assert!(cut > 400, "a handshake is longer than {cut} bytes");
            break;
        }
    }
}

#[test]
fn a_full_handshake_comes_through_in_pieces_of_any_size() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        for piece_max in 1..40 {
            let (client, server) = ends_of(version);
            let mut pair = over_proxy(&client, &server, piece_max as u64);
            pair.run(piece_max);
            assert!(!session(&pair.caller).is_resumed);
            pair.server.send(b"good day");
            pair.server.finish();
            pair.run(piece_max);
            assert_eq!((pair.caller.text(), pair.caller.finished), ("good day", 1), "{version}, {piece_max}");
        }
    }
}

#[test]
fn a_mebibyte_each_way_comes_through_in_random_cuts() {
    for (seed, version) in [(1, TlsVersion::V1_2), (2, TlsVersion::V1_3), (3, TlsVersion::V1_3)] {
        let (client, server) = ends_of(version);
        let mut pair = over_proxy(&client, &server, seed);
        pair.run(if seed == 3 { 1 } else { 500 });
        let mut source = Seed::new(seed);
        let (forth, back) = (source.bytes(MIB), source.bytes(MIB));
        let (mut forth_at, mut back_at) = (0, 0);
        while forth_at < MIB || back_at < MIB {
            for (side, bytes, at) in
                [(&mut pair.caller, &forth, &mut forth_at), (&mut pair.server, &back, &mut back_at)]
            {
                let end = MIB.min(*at + source.index(100_000));
                if !side.stack.is_congested() {
                    side.send(&bytes[*at..end]);
                    *at = end;
                }
                assert!(side.stack.outgoing().len() < HIGH_MARK_BYTES + 110_000);
            }
            for _ in 0..source.index(40) {
                let is_forth = source.one_in(2);
                pair.step(is_forth, 20_000);
            }
        }
        pair.caller.finish();
        pair.server.finish();
        pair.run(20_000);
        assert!(pair.server.bytes == forth && pair.caller.bytes == back, "seed {seed}");
        assert_eq!((pair.server.finished, pair.caller.finished), (1, 1));
    }
}

#[test]
fn an_end_of_one_direction_leaves_the_other_open() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        for caller_first in [true, false] {
            let (client, server) = ends_of(version);
            let mut pair = pair_of(&client, &server, 1);
            pair.run(1000);
            let (first, second) = if caller_first {
                (&mut pair.caller, &mut pair.server)
            } else {
                (&mut pair.server, &mut pair.caller)
            };
            first.send(b"that is all");
            first.finish();
            let is_late = second.finished == 0;
            assert!(is_late);
            pair.run(1000);
            let (first, second) = if caller_first {
                (&mut pair.caller, &mut pair.server)
            } else {
                (&mut pair.server, &mut pair.caller)
            };
            assert_eq!((second.text(), second.finished, first.finished), ("that is all", 1, 0));
            second.send(&vec![7; 100_000]);
            second.finish();
            pair.run(1000);
            let first = if caller_first { &pair.caller } else { &pair.server };
            assert_eq!((first.bytes.len(), first.finished), (100_000, 1), "{version}");
            assert_eq!(first.failed, None);
        }
    }
}

#[test]
fn what_comes_behind_an_end_is_not_delivered() {
    let (client, server) = ends();
    let mut pair = pair_of(&client, &server, 1);
    pair.run(1000);
    pair.caller.send(b"before");
    pair.caller.finish();
    let mut wire = pair.caller.take();
    wire.extend(b"behind");
    pair.server.receive(&wire);
    pair.server.receive(b"far behind");
    assert_eq!((pair.server.text(), pair.server.finished), ("before", 1));
    assert_eq!(pair.server.failed, None);
}

#[test]
fn both_ends_are_told_what_the_handshake_found_out() {
    let protocols = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let client = TlsClient::new(TlsClientSettings {
        identity: Some(CA.identity("caller.example")),
        protocols: protocols(&["chat", "echo"]),
        ..client_settings()
    });
    let server = TlsServer::new(TlsServerSettings {
        clients: ClientCheck::Required(CA.pem()),
        protocols: protocols(&["echo"]),
        ..server_settings()
    });
    let mut pair = pair_of(&client.unwrap(), &server.unwrap(), 1);
    pair.run(1000);
    let (of_caller, of_server) = (session(&pair.caller), session(&pair.server));
    for session in [of_caller, of_server] {
        assert_eq!((session.version, session.protocol.as_deref()), (TlsVersion::V1_3, Some("echo")));
        assert!(session.cipher.starts_with("TLS13_") && !session.is_resumed);
    }
    assert_eq!(of_server.peer.as_ref().unwrap().subject, "CN=caller.example, O=Test");
    assert_eq!(of_caller.peer.as_ref().unwrap().subject, "CN=localhost, O=Test");
    assert_eq!(of_server.server_name.as_deref(), Some("localhost"));
    assert_eq!(of_caller.server_name, None);
    let text = of_server.to_string();
    assert!(
        text.contains("TLS 1.3, TLS13_") && text.contains(", echo, called as localhost, peer CN="),
        "{text}"
    );
}

#[test]
fn a_later_call_resumes_the_session_of_an_earlier_one() {
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        let (client, server) = ends_of(version);
        for is_later in [false, true] {
            let mut pair = pair_of(&client, &server, 1);
            pair.run(1000);
            assert_eq!(session(&pair.caller).is_resumed, is_later, "{version}");
            assert_eq!(session(&pair.server).is_resumed, is_later, "{version}");
            pair.caller.send(b"hello");
            pair.run(1000);
            assert_eq!(pair.server.text(), "hello");
            assert!(session(&pair.caller).peer.is_some());
        }
    }
}

#[test]
fn a_session_is_not_resumed_when_it_is_too_old() {
    let (client, server) = ends();
    for (hours, is_resumed) in [(0, false), (1, true), (1_000, false)] {
        let now = common::at(Duration::from_secs(hours * 3600));
        let (mut caller, mut callee) = (
            Side::new(vec![client.layer("localhost", now).unwrap()]),
            Side::new(vec![server.layer().unwrap()]),
        );
        (caller.now, callee.now) = (now, now);
        let mut pair = Pair::of(caller, callee, 1);
        pair.run(1000);
        assert_eq!(session(&pair.caller).is_resumed, is_resumed, "{hours} h");
    }
}

#[test]
fn a_session_is_resumed_however_many_calls_came_between() {
    let (client, server) = ends();
    let greet = |client: &TlsClient| {
        let mut pair = pair_of(client, &server, 1);
        pair.run(usize::MAX);
        session(&pair.server).is_resumed
    };
    assert!(!greet(&client));
    for _ in 0..300 {
        // Each time a caller that was never here.
        assert!(!greet(&TlsClient::new(client_settings()).unwrap()));
    }
    assert!(greet(&client));
}

#[test]
fn a_server_is_trusted_by_any_of_the_ways_that_there_are() {
    let own = Identity::self_signed(&["127.0.0.1", "own.example"]).unwrap();
    let pin = own.fingerprint().unwrap();
    assert_eq!(pin, Fingerprint::of(own.certificate().unwrap()));
    let itself = Trust::Roots(vec![own.certificate().unwrap().to_vec()]);
    let roots = Trust::Roots(vec![b"no certificate".to_vec(), CA.der()]);
    #[rustfmt::skip]
    let table = [
        ("a CA of the system", CA.identity("localhost"), roots, "localhost"),
        ("a CA that was given", CA.identity("localhost"), Trust::Ca(CA.pem()), "localhost"),
        ("the server's certificate itself", own.clone(), itself.clone(), "own.example"),
        ("an IP address", own.clone(), itself, "127.0.0.1"),
        ("its fingerprint", own.clone(), Trust::Pin(pin), "own.example"),
        ("its fingerprint, under another name", own.clone(), Trust::Pin(pin), "other.example"),
        ("its fingerprint, where a name is none", own, Trust::Pin(pin), "/run/no name"),
    ];
    for (by, identity, trust, name) in table {
        let client = TlsClient::new(TlsClientSettings::new(trust)).unwrap();
        let server = TlsServer::new(TlsServerSettings::new(identity)).unwrap();
        let layer = client.layer(name, *START).unwrap();
        let mut pair = Pair::new(vec![layer], vec![server.layer().unwrap()], 1);
        pair.run(1000);
        assert_eq!((pair.caller.opened, pair.server.opened), (1, 1), "{by}: {:?}", pair.caller.failed);
    }
}

#[test]
fn whom_one_calls_is_not_said_where_that_is_asked() {
    let client = TlsClient::new(TlsClientSettings { says_name: false, ..client_settings() }).unwrap();
    let (_, server) = ends();
    let mut pair = pair_of(&client, &server, 1);
    assert!(!pair.caller.stack.outgoing().windows(9).any(|window| window == b"localhost"));
    pair.run(1000);
    assert_eq!(session(&pair.server).server_name, None);
}

#[test]
fn settings_that_do_not_go_together_make_no_end() {
    let (chain, key) = CA.certify("localhost", (2020, 2030));
    let (_, other_key) = CA.certify("localhost", (2020, 2030));
    let pem = |chain: &[u8], key: &[u8]| Identity::from_pem(chain, key).map(drop);
    assert_eq!(pem(&chain, &key), Ok(()));
    assert_eq!(pem(&key, &key), Err(TlsSettingError::NoCertificate));
    assert_eq!(pem(b"", &key), Err(TlsSettingError::NoCertificate));
    assert_eq!(pem(&chain, &chain), Err(TlsSettingError::NoKey));
    assert!(matches!(Identity::self_signed(&["no name!\u{e9}"]), Err(TlsSettingError::BadCertificate(_))));

    let server = |settings| TlsServer::new(settings).map(drop);
    let mismatched = Identity::from_pem(&chain, &other_key).unwrap();
    assert_eq!(server(TlsServerSettings::new(mismatched)), Err(TlsSettingError::KeyMismatch));
    let ca = ClientCheck::Required(b"-----BEGIN".to_vec());
    assert_eq!(
        server(TlsServerSettings { clients: ca, ..server_settings() }),
        Err(TlsSettingError::NoCertificate)
    );
    #[allow(clippy::reversed_empty_ranges, reason = "that is the case")]
    let versions = TlsVersion::V1_3..=TlsVersion::V1_2;
    assert_eq!(server(TlsServerSettings { versions, ..server_settings() }), Err(TlsSettingError::NoVersion));
    let protocols = vec![String::new()];
    let bad = Err(TlsSettingError::BadProtocol(String::new()));
    assert_eq!(server(TlsServerSettings { protocols, ..server_settings() }), bad);

    let client = |trust| TlsClient::new(TlsClientSettings::new(trust));
    assert_eq!(client(Trust::Roots(Vec::new())).map(drop), Err(TlsSettingError::NoRoots));
    let unnamed = client(Trust::Ca(CA.pem())).unwrap().layer("no name", *START).map(drop);
    assert_eq!(unnamed, Err(TlsSettingError::BadName("no name".to_owned())));
}
