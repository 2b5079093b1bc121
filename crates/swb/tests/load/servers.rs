//! Every transport, and servers that others wrote.

use super::support::peer::{installed, ncat_at, ready, refusing_tcp_port, socat_at};
use super::support::{Directory, Running, Server};
use super::{load, numbers};

const SENT: [&str; 5] = ["sent", "answered", "wrong", "lost", "calls_failed"];

#[test]
fn every_transport_carries_a_load_and_every_answer_is_checked() {
    let folder = Directory::new();
    let (stream, dgram) = (folder.file("stream"), folder.file("dgram"));
    let server = Server::start_at(
        6,
        &[
            "serve",
            "echo",
            "tcp://127.0.0.1:0",
            "tcp://[::1]:0",
            "udp://127.0.0.1:0",
            &format!("unix:{stream}"),
            &format!("unix-dgram:{dgram}"),
            &format!("unix-seqpacket:@{}", folder.path().display()),
        ],
    );
    for address in &server.addresses {
        for more in [&["--in-flight", "4", "--threads", "2"][..], &["--churn"], &["--rate", "5000"]] {
            let arguments = [&[address.as_str(), "--count", "300", "--calls", "6"], more].concat();
            let (finished, report) = load(&arguments);
            assert_eq!(finished.code(), 0, "{arguments:?}: {}", finished.stderr);
            assert_eq!(numbers(&report, SENT), [300, 300, 0, 0, 0], "{arguments:?}: {report}");
        }
    }
}

/// A load that somebody else's echo answers.
fn is_answered(mut server: std::process::Command, address: &str, arguments: &[&str]) {
    let running = Running::start(&mut server);
    let address = ready(&running, address);
    let (finished, report) = load(&[&[address.as_str(), "--count", "200"], arguments].concat());
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    assert_eq!(numbers(&report, SENT), [200, 200, 0, 0, 0], "{report}");
}

#[test]
fn ncat_is_loaded_over_tcp() {
    let mut ncat = ncat_at("tcp://127.0.0.1:0");
    ncat.args(["-k", "-e", "/bin/cat"]);
    is_answered(ncat, "tcp://127.0.0.1:0", &["--calls", "5", "--in-flight", "3"]);
}

#[test]
fn socat_is_loaded_with_a_call_for_each_message() {
    let socat = installed("socat", &["TCP4-LISTEN:0,bind=127.0.0.1,fork,backlog=64", "PIPE"]);
    is_answered(socat, "tcp://127.0.0.1:0", &["--calls", "5", "--churn"]);
}

#[test]
fn socat_is_loaded_over_udp() {
    is_answered(socat_at("udp://127.0.0.1:0", "PIPE"), "udp://127.0.0.1:0", &["--calls", "1"]);
}

#[test]
fn nobody_there_is_refused_with_the_address_and_the_status_of_connect() {
    let (_held, port) = refusing_tcp_port();
    let finished = super::run_swb(&["load", &format!("tcp://127.0.0.1:{port}")], b"");
    assert_eq!(finished.code(), 4);
    assert!(finished.stderr.contains("cannot connect to tcp://127.0.0.1:"), "{}", finished.stderr);
    assert!(finished.stdout.is_empty());
}

#[test]
fn a_server_that_answers_something_else_is_found_out() {
    let server = Server::start(&["serve", "reply", "hello back", "tcp://127.0.0.1:0", "--framing", "line"]);
    let arguments = [server.address(), "--calls", "2", "--count", "40", "--duration", "2s"];
    let (finished, report) = load(&[&arguments[..], &["--expect", "hello bach"]].concat());
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr.contains("wrong answer"), "{}", finished.stderr);
    let [answered, wrong, sent] = numbers(&report, ["answered", "wrong", "sent"]);
    assert!(answered == 0 && wrong == sent && wrong > 0, "{report}");
    assert_eq!(report["failures"][0]["reason"], "wrong_answer");
    for right in [&["--expect", "hello back\n"][..], &["--expect", "length:11", "--message", "any\n"]] {
        let (finished, report) = load(&[&arguments[..], right].concat());
        assert_eq!((finished.code(), report["answered"].as_u64()), (0, Some(40)), "{}", finished.stderr);
    }
}

#[test]
fn a_message_may_be_a_file_that_no_one_answers() {
    let folder = Directory::new();
    std::fs::write(folder.file("message"), [7; 5_000]).unwrap();
    let server = Server::start(&["serve", "discard", "tcp://127.0.0.1:0"]);
    let message = format!("@{}", folder.file("message"));
    let arguments = [server.address(), "--message", &message, "--expect", "none", "--count", "50"];
    let (finished, report) = load(&arguments);
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    assert_eq!(numbers(&report, ["sent", "sent_bytes", "received_bytes"]), [50, 250_000, 0]);
    let (finished, _) = {
        let absent = format!("@{}", folder.file("absent"));
        let finished = super::run_swb(&["load", server.address(), "--message", &absent], b"");
        (finished, ())
    };
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr.contains("No such file"), "{}", finished.stderr);
}

#[test]
fn a_way_through_a_proxy_is_refused_with_what_to_do_instead() {
    let ended = super::run_swb(&["load", "tcp://127.0.0.1:1?via=socks5://127.0.0.1:2", "--count", "1"], b"");
    assert_eq!((ended.code(), ended.text().as_str()), (2, ""));
    let sentence = "`swb relay :0 ADDRESS` makes an address of it without one";
    assert!(ended.stderr.contains(sentence), "{}", ended.stderr);
}
