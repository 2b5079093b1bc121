//! `swb load` through layers: against `swb serve`, OpenSSL and Python's `websockets`, and where something is wrong.

use std::io::{Read, Write};

use serde_json::Value;

use crate::certificates::Files;
use crate::openssl::s_server;
use crate::support::by_hand::listening;
use crate::support::peer::uninterrupted;
use crate::support::{Finished, Running, Server, run_swb};
use crate::websockets::{SERVER, python};
use crate::{answer, echo};

const SENT: [&str; 5] = ["sent", "answered", "wrong", "lost", "calls_failed"];

/// A load with `--json`: how it ended, and its object.
fn load(address: &str, arguments: &[&str]) -> (Finished, Value) {
    let finished = run_swb(&[&["load", "--json", address], arguments].concat(), b"");
    let report = serde_json::from_slice(&finished.stdout).unwrap_or(Value::Null);
    (finished, report)
}

fn numbers<const N: usize>(report: &Value, names: [&str; N]) -> [u64; N] {
    names.map(|name| report[name].as_u64().unwrap_or_else(|| panic!("{name} of {report}")))
}

/// So many messages are sent, and as many come back right.
fn is_answered(address: &str, count: &str, arguments: &[&str]) -> Value {
    let (finished, report) = load(address, &[&["--count", count], arguments].concat());
    assert_eq!(finished.code(), 0, "{address} {arguments:?}: {}", finished.stderr);
    let count = count.parse().unwrap();
    assert_eq!(numbers(&report, SENT), [count, count, 0, 0, 0], "{address} {arguments:?}: {report}");
    report
}

/// Addresses of an echo through layers of every kind, for who calls there.
fn echoes(files: &Files) -> (Vec<Server>, Vec<String>) {
    let unix = files.directory().file("socket");
    let shown = files.shown("leaf");
    let servers: Vec<Server> = [
        files.at("tls"),
        "ws://127.0.0.1:0".to_owned(),
        files.at("wss"),
        files.at("tls+proxy+tcp"),
        "proxy://127.0.0.1:0".to_owned(),
        format!("wss+unix:{unix}?{shown}"),
    ]
    .iter()
    .map(|at| echo(at, "epoll"))
    .collect();
    let to = |server: &Server| match server.address() {
        plain if !plain.contains("tls") && !plain.contains("wss") => plain.to_owned(),
        local if local.contains("unix") => format!("{}&server-name=localhost", files.to(local)),
        address => files.to(address),
    };
    let addresses = servers.iter().map(to).collect();
    (servers, addresses)
}

#[test]
fn every_kind_of_layers_carries_a_load_in_every_shape() {
    let files = Files::new();
    let (_servers, addresses) = echoes(&files);
    for address in &addresses {
        for more in [
            &["--calls", "6", "--in-flight", "4", "--threads", "2"][..],
            &["--calls", "6", "--churn"],
            &["--calls", "6", "--rate", "3000"],
            &["--calls", "2", "--rate", "300", "--churn"],
            &["--calls", "2", "--size", "100000", "--in-flight", "3"],
        ] {
            let report = is_answered(address, "60", more);
            let scheme = address.split(':').next().unwrap();
            assert!(report["target"].as_str().unwrap().starts_with(scheme), "{report}");
        }
    }
}

#[test]
fn a_call_is_open_once_its_layers_are_and_that_is_its_opening() {
    let files = Files::new();
    let opening = |address: &str| {
        let report = is_answered(address, "40", &["--churn", "--calls", "1"]);
        assert_eq!(numbers(&report, ["calls_opened"]), [40]);
        report["opening_us_p50"].as_f64().unwrap()
    };
    let (plain, tls) = (echo("tcp://127.0.0.1:0", "epoll"), echo(&files.at("tls"), "epoll"));
    let (bare, shaken) = (opening(plain.address()), opening(&files.to(tls.address())));
    assert!(shaken > 2.0 * bare, "{shaken} µs with a handshake, {bare} µs without");
}

#[test]
fn calls_that_are_held_are_open_through_their_layers_and_end_in_order() {
    let files = Files::new();
    let mut server = echo(&files.at("wss"), "epoll");
    let to = files.to(server.address());
    let (finished, report) = load(&to, &["--idle", "--calls", "5", "--duration", "300ms"]);
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    assert_eq!(numbers(&report, ["calls_opened", "calls_failed", "sent"]), [5, 0, 0]);
    for _ in 0..5 {
        let line = server.running.take_line(" bytes in, ");
        assert!(line.contains("finished"), "{line}");
    }
}

#[test]
fn a_message_that_nobody_answers_is_not_lost_at_the_end_of_the_load() {
    let files = Files::new();
    let server = Server::start(&["serve", "discard", &files.at("tls"), "-v"]);
    let arguments = ["--expect", "none", "--size", "1000", "--calls", "2"];
    let report = is_answered(&files.to(server.address()), "5000", &arguments);
    assert_eq!(numbers(&report, ["sent_bytes"]), [5_000_000]);
    let told = server.terminate().stderr;
    let came: u64 = told
        .lines()
        .filter_map(|line| line.split(" bytes in").next()?.rsplit(' ').next()?.parse::<u64>().ok())
        .sum();
    assert_eq!(came, 5_000_000, "{told}");
}

#[test]
fn openssl_is_loaded() {
    let files = Files::new();
    for version in ["-tls1_2", "-tls1_3"] {
        let (_server, place) = s_server(&files, &["-rev", version]);
        let arguments = ["--calls", "1", "--message", "abc\n", "--expect", "cba\n"];
        is_answered(&files.to(&format!("tls://{place}")), "200", &arguments);
    }
}

#[test]
fn websockets_is_loaded_a_frame_a_message() {
    let files = Files::new();
    let (certificate, key) = (files.certificate("leaf"), files.key("leaf"));
    for (scheme, shown) in [("ws", ["-", "-"]), ("wss", [&certificate, &key])] {
        let mut server = Running::start(&mut python(SERVER, &shown));
        let port = server.wait_for_text("\n").trim().to_owned();
        let ca = if scheme == "ws" { String::new() } else { format!("?ca={}", files.certificate("ca")) };
        let to = format!("{scheme}://127.0.0.1:{port}{ca}");
        for more in [&["--calls", "4", "--in-flight", "8"][..], &["--calls", "4", "--churn"]] {
            is_answered(&to, "100", more);
        }
    }
}

#[test]
fn whom_we_do_not_trust_is_not_loaded_and_the_status_says_so() {
    let files = Files::new();
    let server = echo(&files.at("tls"), "epoll");
    let strangers = format!("{}?ca={}", server.address(), files.certificate("stranger"));
    let (finished, report) = load(&strangers, &["--count", "10"]);
    assert_eq!((finished.code(), report), (9, Value::Null), "{}", finished.stderr);
    assert!(finished.stderr.contains("nobody whom we trust vouches for"), "{}", finished.stderr);
    assert!(finished.stderr.contains(server.address()), "{}", finished.stderr);

    let missing = format!("{}?ca={}", server.address(), files.directory().file("missing"));
    let (finished, _) = load(&missing, &["--count", "10"]);
    assert_eq!(finished.code(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("No such file"), "{}", finished.stderr);
}

/// A server that shows one certificate to its first caller, and another to all others.
#[test]
fn what_goes_wrong_with_layers_later_is_counted_under_its_reason() {
    let files = Files::new();
    let (good, bad) = (echo(&files.at("tls"), "epoll"), {
        let shown = files.shown("expired");
        echo(&format!("tls://127.0.0.1:0?{shown}"), "epoll")
    });
    let (listener, place) = listening();
    let ports = [good.port(), bad.port()];
    let relay = std::thread::spawn(move || {
        let mut joined = Vec::new();
        for number in 0..12 {
            let call = answer(&listener);
            match number {
                0 | 1 => joined.push(join(call, &ports[number])),
                2 => {
                    // In the middle of the handshake; what was not read would make it a reset.
                    let mut call = call;
                    assert!(uninterrupted(|| call.read(&mut [0; 16 * 1024])).unwrap() > 0);
                }
                3 => {
                    let mut call = call;
                    call.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
                    joined.push(std::thread::spawn(move || drop(crate::read_all(call))));
                }
                _ => joined.push(join(call, &ports[0])),
            }
        }
        joined.into_iter().for_each(|joined| joined.join().unwrap());
    });
    let to = files.to(&format!("tls://{place}"));
    let (finished, report) = load(&to, &["--calls", "1", "--churn", "--count", "12"]);
    relay.join().unwrap();
    let failures = report["failures"].as_array().unwrap();
    let told: Vec<(&str, &str)> = failures
        .iter()
        .map(|failure| (failure["reason"].as_str().unwrap(), failure["text"].as_str().unwrap()))
        .collect();
    for wanted in [
        ("not_trusted", "not trusted: an expired certificate"),
        ("layer_failed", "its layers could not go on: an unfinished TLS handshake"),
        ("layer_failed", "its layers could not go on: no TLS"),
    ] {
        assert!(told.contains(&wanted), "{wanted:?} in {told:?}");
    }
    assert_eq!(numbers(&report, ["calls_failed", "answered"]), [3, 9], "{report}");
    assert!([6, 9].contains(&finished.code()), "{}", finished.stderr);
}

/// Copies both ways between a call and a server of ours, until both have ended.
fn join(call: std::net::TcpStream, port: &str) -> std::thread::JoinHandle<()> {
    let server = crate::patient(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap());
    std::thread::spawn(move || {
        let (mut from, mut to) = (call.try_clone().unwrap(), server.try_clone().unwrap());
        let there = std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(std::net::Shutdown::Both);
        });
        let (mut from, mut to) = (server, call);
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
        there.join().unwrap();
    })
}

#[test]
fn a_stream_that_is_cut_short_is_told_from_one_that_ended() {
    let files = Files::new();
    let (good, (listener, place)) = (echo(&files.at("tls"), "epoll"), listening());
    let port = good.port();
    let relay = std::thread::spawn(move || {
        // Messages go there and back for a while, and then the socket is closed without an end of TLS.
        let mut call = answer(&listener);
        let mut server = crate::patient(std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap());
        let (mut from, mut to) = (call.try_clone().unwrap(), server.try_clone().unwrap());
        let there = std::thread::spawn(move || drop(std::io::copy(&mut from, &mut to)));
        let mut back = Read::take(&mut server, 8000);
        std::io::copy(&mut back, &mut call).unwrap();
        call.shutdown(std::net::Shutdown::Write).unwrap();
        server.shutdown(std::net::Shutdown::Both).unwrap();
        there.join().unwrap();
    });
    let to = files.to(&format!("tls://{place}"));
    let (finished, report) = load(&to, &["--calls", "1", "--rate", "1000", "--duration", "600ms"]);
    relay.join().unwrap();
    let text = report["failures"].to_string();
    let cut = text.contains("truncated: no close_notify") || text.contains("broken TLS");
    assert!(cut, "{text} {}", finished.stderr);
    assert_ne!(finished.code(), 0);
}
