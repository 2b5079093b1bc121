//! TLS that cannot go on: each reason is told apart, by both ends, and nothing is delivered behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod common;

use std::time::Duration;

use common::certificates::{CA, STRANGER, client_settings, ends, server_settings};
use common::{Pair, START, Side};
use layers::{
    ClientCheck, Failure, Fingerprint, Guilty, Identity, TlsClient, TlsClientSettings, TlsFailure, TlsServer,
    TlsServerSettings, TlsVersion, Trust,
};

/// What a client says to a server is for nobody else: it speaks as soon as it may.
fn talk(client: TlsClientSettings, server: TlsServerSettings, name: &str, seed: u64) -> Pair {
    let (client, server) = (TlsClient::new(client).unwrap(), TlsServer::new(server).unwrap());
    let mut pair = Pair::new(vec![client.layer(name, *START).unwrap()], vec![server.layer().unwrap()], seed);
    while pair.caller.opened == 0 && (pair.step(true, 100) || pair.step(false, 100)) {}
    if pair.caller.opened == 1 {
        pair.caller.send(b"a secret");
    }
    pair.run(100);
    pair
}

fn identity(years: (i32, i32)) -> Identity {
    let (chain, key) = CA.certify("localhost", years);
    Identity::from_pem(&chain, &key).unwrap()
}

fn alert(name: &str) -> TlsFailure {
    TlsFailure::PeerAlert(name.to_owned())
}

fn tls(side: &Side) -> &TlsFailure {
    match side.failed.as_ref() {
        Some(Failure::Tls(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_reason_for_distrust_is_told_apart_on_both_ends() {
    let shows = |identity| TlsServerSettings::new(identity);
    let trusts = |trust| TlsClientSettings::new(trust);
    let of_stranger = STRANGER.identity("localhost");
    let pinned = Fingerprint::of(b"another");
    let mismatch = TlsFailure::PinMismatch { found: of_stranger.fingerprint().unwrap() };
    let only = |version| version..=version;
    let old = TlsClientSettings { versions: only(TlsVersion::V1_2), ..client_settings() };
    let new = TlsServerSettings { versions: only(TlsVersion::V1_3), ..server_settings() };
    let newer = TlsClientSettings { versions: only(TlsVersion::V1_3), ..client_settings() };
    let older = TlsServerSettings { versions: only(TlsVersion::V1_2), ..server_settings() };
    let strict = || TlsServerSettings { clients: ClientCheck::Required(CA.pem()), ..server_settings() };
    let strange = TlsClientSettings { identity: Some(STRANGER.identity("caller")), ..client_settings() };
    let chats = TlsClientSettings { protocols: vec!["chat".to_owned()], ..client_settings() };
    let echoes = TlsServerSettings { protocols: vec!["echo".to_owned()], ..server_settings() };
    let wrong_name =
        TlsFailure::WrongName { called: "localhost".to_owned(), presented: "other.example".to_owned() };
    let bad_certificate = || alert("BadCertificate");
    let of_ca = "it is one that a CA has for itself (basicConstraints CA:TRUE)".to_owned();
    let of_ca = TlsFailure::BadCertificate(of_ca);
    #[rustfmt::skip]
    let table = [
        // What, the two ends, what the caller is told, what the server is told.
        ("unknown issuer", client_settings(), shows(of_stranger.clone()), TlsFailure::UnknownIssuer, alert("UnknownCA")),
        ("wrong name", client_settings(), shows(CA.identity("other.example")), wrong_name, bad_certificate()),
        ("a CA as a server", client_settings(), shows(CA.own_identity()), of_ca, alert("CertificateUnknown")),
        ("expired", client_settings(), shows(identity((2020, 2025))), TlsFailure::Expired, alert("CertificateExpired")),
        ("not yet valid", client_settings(), shows(identity((2027, 2030))), TlsFailure::NotYetValid, alert("CertificateExpired")),
        ("pin mismatch", trusts(Trust::Pin(pinned)), shows(of_stranger), mismatch, alert("CertificateUnknown")),
        ("no client certificate", client_settings(), strict(), TlsFailure::CertificateRequired, TlsFailure::CertificateMissing),
        ("client certificate of a stranger", strange, strict(), alert("UnknownCA"), TlsFailure::UnknownIssuer),
        ("caller too old", old, new, TlsFailure::Version, TlsFailure::Version),
        ("caller too new", newer, older, TlsFailure::Version, TlsFailure::Version),
        ("no protocol in common", chats, echoes, TlsFailure::Protocol, TlsFailure::Protocol),
    ];
    for (what, client, server, of_caller, of_server) in table {
        for seed in 0..3 {
            let pair = talk(client.clone(), server.clone(), "localhost", seed);
            assert_eq!(tls(&pair.caller), &of_caller, "{what}, the caller");
            assert_eq!(tls(&pair.server), &of_server, "{what}, the server");
            assert_eq!((pair.server.opened, pair.server.text(), pair.caller.text()), (0, "", ""), "{what}");
            let failure = pair.caller.failed.as_ref().unwrap();
            let is_ours = matches!(of_caller, TlsFailure::CertificateRequired);
            assert_eq!(failure.guilty() == Guilty::Ours, is_ours, "{what}");
            assert_eq!(failure.to_string().lines().count(), 1);
            assert!(pair.caller.stack.finish_is_due() && pair.server.stack.finish_is_due(), "{what}");
        }
    }
}

#[test]
fn whether_a_certificate_has_expired_is_seen_at_the_time_of_the_event() {
    let four_years = Duration::from_secs(4 * 366 * 86_400);
    for (is_late, failed) in [(false, None), (true, Some(Failure::Tls(TlsFailure::Expired)))] {
        let (client, server) = ends();
        let mut pair =
            Pair::new(vec![client.layer("localhost", *START).unwrap()], vec![server.layer().unwrap()], 1);
        if is_late {
            pair.caller.now = common::at(four_years);
        }
        pair.run(1000);
        assert_eq!(pair.caller.failed, failed);
    }
}

#[test]
fn distrust_is_told_from_all_else() {
    let (wanted, other) = (TlsFailure::UnknownIssuer, TlsFailure::Truncated);
    assert!(Failure::from(wanted).is_distrust());
    assert!(!Failure::from(other).is_distrust());
}

#[test]
fn a_client_certificate_that_may_be_missing_is_still_verified_where_there_is_one() {
    let lax = || TlsServerSettings { clients: ClientCheck::Optional(CA.pem()), ..server_settings() };
    let shows = |identity| TlsClientSettings { identity: Some(identity), ..client_settings() };
    assert_eq!(talk(client_settings(), lax(), "localhost", 1).server.text(), "a secret");
    assert_eq!(talk(shows(CA.identity("caller")), lax(), "localhost", 1).server.text(), "a secret");
    let strange = talk(shows(STRANGER.identity("caller")), lax(), "localhost", 1);
    assert_eq!(tls(&strange.server), &TlsFailure::UnknownIssuer);
    assert_eq!(strange.server.text(), "");
}

/// A pair that is open.
fn open_pair() -> Pair {
    let (client, server) = ends();
    let mut pair =
        Pair::new(vec![client.layer("localhost", *START).unwrap()], vec![server.layer().unwrap()], 1);
    pair.run(1000);
    pair
}

#[test]
fn a_stream_that_is_cut_is_no_end() {
    let mut pair = open_pair();
    pair.caller.send(b"half of it");
    pair.caller.send(b"the other half");
    let wire = pair.caller.take();
    pair.server.receive(&wire[..wire.len() - 1]);
    pair.server.below_finished();
    assert_eq!((pair.server.text(), pair.server.finished), ("half of it", 0));
    assert_eq!(tls(&pair.server), &TlsFailure::Truncated);
}

#[test]
fn every_changed_bit_is_found_and_what_came_before_it_is_delivered() {
    let filler = "x".repeat(80);
    for at in 0..5 + filler.len() + 17 {
        let mut pair = open_pair();
        pair.caller.send(b"genuine");
        let genuine = pair.caller.take();
        pair.caller.send(filler.as_bytes());
        let mut forged = pair.caller.take();
        assert_eq!(forged.len(), 5 + filler.len() + 17, "a record, its header and its seal");
        forged[at] ^= 1 << (at % 8);
        pair.server.receive(&[genuine, forged].concat());
        pair.server.receive(b"more");
        if pair.server.failed.is_none() {
            assert!((3..5).contains(&at), "byte {at}: only a length that grew waits for its bytes");
            pair.server.below_finished();
        }
        assert!(matches!(tls(&pair.server), TlsFailure::Broken(_) | TlsFailure::Truncated), "byte {at}");
        // The type and the version of a record are not secret, and mean nothing (RFC 8446 section 5.2).
        let is_harmless = at < 3 && pair.server.text() == format!("genuine{filler}");
        assert!(is_harmless || pair.server.text() == "genuine", "byte {at}: {}", pair.server.text());
        assert_eq!(pair.server.finished, 0, "byte {at}");
    }
}

#[test]
fn what_is_no_tls_is_refused_with_an_alert() {
    let (client, server) = ends();
    for garbage in
        [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], &[0; 100], &[0xff; 20_000], b"\x16\x03\x01\xff\xff"]
    {
        for layer in [client.layer("localhost", *START).unwrap(), server.layer().unwrap()] {
            let mut side = Side::open(vec![layer]);
            side.take();
            side.receive(garbage);
            assert_eq!(tls(&side), &TlsFailure::NotTls, "{:?}", &garbage[..5]);
            assert_eq!(side.opened, 0);
            assert_eq!(side.take()[0], 21, "an alert");
        }
    }
}

#[test]
fn a_handshake_that_does_not_come_to_its_end_is_given_up() {
    let (client, server) = ends();
    let mut late = Side::open(vec![server.layer().unwrap()]);
    late.deadline();
    assert_eq!(tls(&late), &TlsFailure::TimedOut);
    assert_eq!(late.now.moment.since_start(), layers::TLS_HANDSHAKE_WITHIN);

    let mut cut = Side::open(vec![client.layer("localhost", *START).unwrap()]);
    cut.below_finished();
    assert_eq!(tls(&cut), &TlsFailure::HandshakeCut);

    let pair = open_pair();
    assert_eq!((pair.caller.stack.next_deadline(), pair.server.stack.next_deadline()), (None, None));
}
