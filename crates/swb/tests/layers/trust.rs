//! Whom TLS trusts: each way in which it does not has its own words, and a status of its own.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use crate::certificates::Files;
use crate::support::{Server, run_swb};
use crate::{call, echo, read_all, serve};

/// A fingerprint that no certificate has.
const NOBODYS: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn each_reason_not_to_trust_a_server_has_its_own_words() {
    let files = Files::new();
    let [ca, stranger, anew, other] =
        ["ca", "stranger", "anew", "of-another-kind"].map(|name| files.certificate(name));
    // The server's certificate and options, the caller's options, the status, the words.
    #[rustfmt::skip]
    let rows = [
        ("leaf", "", format!("ca={ca}"), 0, ""),
        ("leaf", "", format!("ca={stranger}"), 9, "nobody whom we trust vouches for the peer's certificate"),
        ("leaf", "", format!("ca={anew}"), 9, "a CA was made anew under its old name"),
        ("leaf", "", format!("ca={other}"), 9, "a CA was made anew under its old name"),
        ("leaf", "", format!("ca={ca}&server-name=elsewhere.test"), 9,
            "was called as elsewhere.test, but its certificate is for localhost, 127.0.0.1"),
        ("leaf", "", format!("ca={ca}&server-name=localhost"), 0, ""),
        ("expired", "", format!("ca={ca}"), 9, "the peer's certificate has expired"),
        ("leaf", "", format!("pin={NOBODYS}"), 9, "the server's certificate is not the pinned one but sha256:"),
        ("leaf", "&tls-min=1.3", format!("ca={ca}&tls-max=1.2"), 6, "the peer speaks no version of TLS that we do"),
        ("leaf", "&tls-max=1.2", format!("ca={ca}&tls-min=1.3"), 6, "the peer speaks no version of TLS that we do"),
        ("leaf", "&alpn=one", format!("ca={ca}&alpn=other"), 6, "none of the protocols that we offer (ALPN)"),
    ];
    for (name, here, there, status, words) in rows {
        let server = echo(&format!("tls://127.0.0.1:0?{}{here}", files.shown(name)), "epoll");
        let address = format!("{}?{there}", server.address());
        let caller = run_swb(&["ask", &address, "hello"], b"");
        assert_eq!(caller.code(), status, "{address}: {caller:?}");
        assert!(caller.stderr.contains(words), "{address}: {caller:?}");
        assert_eq!(caller.text(), if status == 0 { "hello" } else { "" }, "{address}");
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn a_certificate_made_for_the_run_is_trusted_by_its_fingerprint_and_by_nothing_else() {
    let mut server = Server::start(&["serve", "echo", "tls://127.0.0.1:0"]);
    let note = server.running.wait_for_line("callers trust it by ?pin=sha256:");
    let pin = note.rsplit("?pin=").next().unwrap();
    let caller = run_swb(&["ask", &format!("{}?pin={pin}", server.address()), "hello"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "hello"), "{caller:?}");
    let files = Files::new();
    let caller = run_swb(&["ask", &files.to(server.address()), "hello"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (9, ""), "{caller:?}");
}

#[test]
fn a_caller_without_a_certificate_is_refused_where_one_is_demanded() {
    let files = Files::new();
    for newest in ["1.2", "1.3"] {
        let at = format!("{}&client-ca={}&tls-max={newest}", files.at("tls"), files.certificate("ca"));
        let mut server = echo(&at, "epoll");
        let to = files.to(server.address());
        let caller = run_swb(&["ask", &format!("{to}&{}", files.shown("client")), "hello"], b"");
        assert_eq!((caller.code(), caller.text().as_str()), (0, "hello"), "{caller:?}");
        server.running.wait_for_line("peer CN=the caller sha256:");
        let caller = run_swb(&["ask", &to, "hello"], b"");
        assert_eq!((caller.code(), caller.text().as_str()), (6, ""), "{newest}: {caller:?}");
        assert!(caller.stderr.contains("the call") || caller.stderr.contains("the question"), "{caller:?}");
        assert!(caller.stderr.contains("certificate"), "{newest}: {caller:?}");
        server.running.wait_for_line("the caller showed no certificate");
        let caller = run_swb(&["ask", &format!("{to}&{}", files.shown("stranger")), "hello"], b"");
        assert_eq!((caller.code(), caller.text().as_str()), (6, ""), "{newest}: {caller:?}");
    }
}

#[test]
fn who_speaks_in_the_clear_is_told_so() {
    let files = Files::new();
    let plain = serve(&["say", "220 good day\r\n", "tcp://127.0.0.1:0"], "epoll");
    let caller = run_swb(&["ask", &files.to(&format!("tls://127.0.0.1:{}", plain.port())), "hello"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (6, ""), "{caller:?}");
    assert!(caller.stderr.contains("what came is not TLS"), "{caller:?}");

    let mut server = echo(&files.at("tls"), "epoll");
    let mut caller = call(&server);
    std::io::Write::write_all(&mut caller, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    read_all(&caller);
    server.running.wait_for_line("what came is not TLS");
}

#[test]
fn a_key_that_others_may_read_is_told_of() {
    let files = Files::new();
    set_permissions(files.key("leaf"), Permissions::from_mode(0o644)).unwrap();
    let mut server = Server::start(&["serve", "echo", &files.at("tls")]);
    let note = server.running.wait_for_line("can be read by others (mode 644)");
    assert!(note.contains(&files.key("leaf")), "{note}");
}

#[test]
fn files_that_cannot_be_used_are_named_before_anybody_listens_or_calls() {
    let files = Files::new();
    let (leaf, missing) = (files.certificate("leaf"), files.directory().file("missing.pem"));
    for (options, words) in [
        (format!("cert={missing}"), missing.as_str()),
        (format!("cert={leaf}&key={missing}"), missing.as_str()),
        (format!("cert={leaf}&key={}", files.key("expired")), "key"),
    ] {
        for command in [&["serve", "echo"][..], &["connect"]] {
            let address = format!("tls://127.0.0.1:1?{options}");
            let ended = run_swb(&[command, &[&address]].concat(), b"");
            assert_eq!(ended.code(), 1, "{ended:?}");
            assert!(ended.stderr.contains(words) && !ended.stderr.contains("listening"), "{ended:?}");
        }
    }
}
