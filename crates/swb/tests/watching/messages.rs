//! What is said of calls, as text and as JSON, and how much of it.

use std::io::{Read, Write};
use std::net::TcpListener;

use crate::support::{Server, run_swb};
use crate::{SIGTERM, call, call_once, member, quiet_echo};

under! { with_vv_the_end_of_a_call_tells_how_the_network_was: iterative process thread poll epoll uring }

fn with_vv_the_end_of_a_call_tells_how_the_network_was(engine: &str) {
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "-vv"];
    let mut server = Server::start(&serve);
    call_once(server.address());
    let line = server.running.wait_for_line("finished");
    let (moved, network) = line.split_once("; round trip ").unwrap_or_else(|| panic!("{line}"));
    assert!(moved.contains(": finished; 5 bytes in, 5 out, "), "{line}");
    let (time, rest) = network.split_once(" ms ± ").unwrap();
    assert!(time.parse::<f64>().unwrap() > 0.0, "{line}");
    assert!(rest.contains(" ms, 0 retransmits, congestion window "), "{line}");
    assert!(rest.ends_with(" bytes"), "{line}");
}

under! {
    with_vv_a_call_that_we_break_off_tells_how_the_network_was_too: iterative process thread poll epoll uring
}

/// It is reset, since it is owed what it did not read.
fn with_vv_a_call_that_we_break_off_tells_how_the_network_was_too(engine: &str) {
    let text = "more and more".repeat(5_000); // a hundred of them are more than the kernel holds
    let serve = ["serve", "reply", &text, "--times", "1000", "tcp://127.0.0.1:0"];
    let options = ["--engine", engine, "-vv", "--drain", "100ms"];
    let mut server = Server::start(&[&serve[..], &options].concat());
    let mut deaf = call(server.address());
    deaf.write_all(b"hello").unwrap();
    deaf.read_exact(&mut [0]).unwrap();
    server.running.signal(SIGTERM);
    let line = server.running.wait_for_line("told to stop");
    assert!(line.contains("; round trip "), "{line}");
    let error = deaf.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
}

#[test]
fn a_single_call_that_a_signal_ends_is_said_to_be_ended_by_us() {
    let mut listening = Server::start(&["listen", "udp://127.0.0.1:0", "-v"]);
    let caller = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.send_to(b"hello\n", listening.address().trim_start_matches("udp://")).unwrap();
    listening.running.wait_for_text("hello");
    listening.running.signal(SIGTERM);
    listening.running.wait_for_line(": ended by us: told to stop; 6 bytes in, 0 out");
    assert_eq!(listening.running.finish().code(), 128 + SIGTERM);
}

#[test]
fn a_caller_is_told_of_the_network_too_and_once_v_says_less() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    for (option, is_told) in [("-vv", true), ("-v", false)] {
        let ended = run_swb(&["connect", server.address(), option], b"hello");
        assert!(ended.stderr.contains("finished; 5 bytes in, 5 out"), "{ended:?}");
        assert_eq!(ended.stderr.contains("round trip"), is_told, "{ended:?}");
    }
}

#[test]
fn calls_over_unix_sockets_have_no_network_to_tell_of() {
    let name = format!("unix:@swb-watching-{}", std::process::id());
    let mut server = Server::start(&["serve", "echo", &name, "-vv"]);
    assert_eq!(run_swb(&["ask", &name, "hello"], b"").text().trim_end(), "hello");
    let line = server.running.wait_for_line("finished");
    assert!(!line.contains("round trip"), "{line}");
}

under! { as_json_each_event_is_an_object: process epoll uring }

fn as_json_each_event_is_an_object(engine: &str) {
    let (mut server, address) = quiet_echo(&["--engine", engine, "--log", "json", "-v"]);
    let listening = server.wait_for_line("\"listening\"");
    assert_eq!(member(&listening, "address"), address);
    let time = member(&listening, "time");
    assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    call_once(&address);
    let answered = server.wait_for_line("\"answered\"");
    let ended = server.wait_for_line("\"ended\"");
    for event in [&answered, &ended] {
        assert_eq!((member(event, "call"), member(event, "local")), ("1", address.as_str()));
        assert!(member(event, "peer").starts_with("tcp://127.0.0.1:"), "{event}");
    }
    assert_eq!(member(&ended, "reason"), "finished");
    assert_eq!((member(&ended, "received_bytes"), member(&ended, "sent_bytes")), ("5", "5"));
    assert!(member(&ended, "seconds").parse::<f64>().unwrap() < 30.0, "{ended}");
    assert!(!ended.contains("round_trip"), "{ended}");
}

#[test]
fn as_json_a_failure_is_an_object_too_and_the_only_one() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", taken.local_addr().unwrap());
    let ended = run_swb(&["serve", "echo", &address, "--log", "json"], b"");
    assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
    assert_eq!((member(&ended.stderr, "event"), member(&ended.stderr, "status")), ("failed", "7"));
    assert!(member(&ended.stderr, "text").starts_with("cannot listen on tcp://127.0.0.1:"), "{ended:?}");
    assert_eq!(ended.code(), 7);
}

#[test]
fn what_a_peer_is_called_stays_in_its_object_and_on_its_line() {
    let name = format!("unix-seqpacket:@swb%1B%0A%22,-{}", std::process::id());
    let mut server = Server::start(&["serve", "echo", &name, "-v"]);
    assert_eq!(run_swb(&["ask", &name, "hello", "--log", "json", "-v"], b"").code(), 0);
    let line = server.running.wait_for_line("finished");
    assert!(line.bytes().all(|byte| (b' '..0x7f).contains(&byte)), "{line:?}");
    assert!(server.address().contains("%1B%0A"), "{}", server.address());
}

#[test]
fn with_log_off_nothing_is_said_but_the_error_that_ends_it() {
    let (server, address) = quiet_echo(&["--log", "off", "-vv"]);
    call_once(&address);
    server.signal(crate::SIGUSR1);
    server.signal(SIGTERM);
    let ended = server.finish();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    let ended = run_swb(&["serve", "echo", "unix:/no/such/folder/x", "--log", "off"], b"");
    assert!(ended.stderr.starts_with("swb: cannot listen on unix:/no/such/folder/x: "), "{ended:?}");
}

#[test]
fn a_format_that_is_none_is_refused_with_those_that_are() {
    let ended = run_swb(&["serve", "echo", "tcp://127.0.0.1:0", "--log", "xml"], b"");
    assert_eq!(ended.code(), 2);
    assert!(ended.stderr.contains("text, json, off"), "{ended:?}");
}
