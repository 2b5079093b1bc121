//! `swb relay` with layers on one side or on both: nothing is lost, and how one side ends is how the other does.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::certificates::Files;
use crate::support::by_hand::{far, listening};
use crate::support::peer::uninterrupted;
use crate::support::{PATIENCE, Running, Server, random_bytes, run_swb, swb};
use crate::{answer, call, echo, read_all};

const BYTES: usize = 8 << 20;

/// How late an answer comes. It is the thing under test, not a wait for somebody to be ready.
const LATE: Duration = Duration::from_secs(1);

under! { eight_megabytes_go_each_way_at_once: iterative process thread poll epoll uring }
under! { a_stream_is_encrypted_on_its_way_out: iterative process thread poll epoll uring }
under! { an_answer_a_second_after_the_end_is_delivered_in_full: iterative process thread poll epoll uring }
under! { a_late_answer_of_a_far_end_behind_layers_is_delivered_in_full: iterative process thread poll epoll uring }
under! { a_far_end_that_is_not_trusted_resets_the_caller: iterative process thread poll epoll uring }
under! { a_far_end_that_never_shakes_hands_is_given_up: iterative process thread poll epoll uring }
under! { a_reset_of_one_side_is_a_reset_of_the_other: iterative process thread poll epoll uring }

fn relay(from: &str, to: &str, engine: &str) -> Server {
    Server::start(&["relay", from, to, "--engine", engine, "-v"])
}

fn eight_megabytes_go_each_way_at_once(engine: &str) {
    let files = Files::new();
    for (from, options) in [
        (files.at("tls"), format!("?ca={}", files.certificate("ca"))),
        ("ws://127.0.0.1:0".to_owned(), String::new()),
    ] {
        let (listener, to) = far();
        let relay = relay(&from, &to, engine);
        let mut caller = Running::start(&mut swb(&["connect", &format!("{}{options}", relay.address())]));
        let mut input = caller.child.stdin.take().unwrap();
        let (said, answered) = (random_bytes(BYTES, 1), random_bytes(BYTES, 2));
        let speaking = said.clone();
        let speaker = std::thread::spawn(move || input.write_all(&speaking).unwrap());
        let other = answer(&listener);
        let mut answering = other.try_clone().unwrap();
        let answer = answered.clone();
        let answerer = std::thread::spawn(move || {
            answering.write_all(&answer).unwrap();
            answering
        });
        let heard = read_all(&other);
        assert!(heard == said, "{from}: {} bytes came", heard.len());
        speaker.join().unwrap();
        answerer.join().unwrap().shutdown(Shutdown::Write).unwrap();
        let caller = caller.finish();
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""), "{from}");
        assert!(caller.stdout == answered, "{from}: {} bytes were answered", caller.stdout.len());
    }
}

fn a_stream_is_encrypted_on_its_way_out(engine: &str) {
    let files = Files::new();
    let server = echo(&files.at("tls"), "epoll");
    let relay = relay("tcp://127.0.0.1:0", &files.to(server.address()), engine);
    let caller = call(&relay);
    let said = random_bytes(BYTES, 3);
    let (mut speaker, speaking) = (caller.try_clone().unwrap(), said.clone());
    let speaker = std::thread::spawn(move || {
        speaker.write_all(&speaking).unwrap();
        speaker.shutdown(Shutdown::Write).unwrap();
    });
    let heard = read_all(&caller);
    speaker.join().unwrap();
    assert!(heard == said, "{} bytes came back", heard.len());
}

fn an_answer_a_second_after_the_end_is_delivered_in_full(engine: &str) {
    let files = Files::new();
    for from in [files.at("tls"), "ws://127.0.0.1:0".to_owned()] {
        let (listener, to) = far();
        let relay = relay(&from, &to, engine);
        let answerer = std::thread::spawn(move || {
            let mut other = answer(&listener);
            assert_eq!(read_all(&other), b"hello");
            std::thread::sleep(LATE);
            other.write_all(&random_bytes(BYTES, 4)).unwrap();
        });
        let to = if from.starts_with("tls") { files.to(relay.address()) } else { relay.address().to_owned() };
        // Our half ends before the answer comes.
        let caller = run_swb(&["connect", &to, "--wait", "50ms"], b"hello");
        answerer.join().unwrap();
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""), "{from}");
        assert!(caller.stdout == random_bytes(BYTES, 4), "{from}: {} bytes came", caller.stdout.len());
    }
}

fn a_late_answer_of_a_far_end_behind_layers_is_delivered_in_full(engine: &str) {
    let files = Files::new();
    for at in [files.at("tls"), "ws://127.0.0.1:0".to_owned()] {
        let mut far = Server::start(&["listen", &at]);
        let to = if at.starts_with("tls") { files.to(far.address()) } else { far.address().to_owned() };
        let relay = relay("tcp://127.0.0.1:0", &to, engine);
        let mut caller = call(&relay);
        caller.write_all(b"hello").unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(far.running.wait_for_bytes(5), b"hello");
        let answerer = std::thread::spawn(move || {
            std::thread::sleep(LATE);
            far.running.write(&random_bytes(BYTES, 5));
            far.running.close_input();
            far.running.finish()
        });
        let heard = read_all(&caller);
        assert!(heard == random_bytes(BYTES, 5), "{at}: {} bytes came", heard.len());
        let far = answerer.join().unwrap();
        assert_eq!((far.code(), far.text().as_str(), far.stderr.as_str()), (0, "hello", ""), "{at}");
    }
}

fn a_far_end_that_is_not_trusted_resets_the_caller(engine: &str) {
    let files = Files::new();
    let server = echo(&files.at("tls"), "epoll");
    let to = format!("{}?ca={}", server.address(), files.certificate("stranger"));
    let mut relay = relay("tcp://127.0.0.1:0", &to, engine);
    let mut caller = call(&relay);
    caller.write_all(b"hello").unwrap();
    assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    relay.running.wait_for_line("nobody whom we trust vouches for the peer's certificate");
}

fn a_far_end_that_never_shakes_hands_is_given_up(engine: &str) {
    let (listener, place) = listening();
    for scheme in ["tls", "ws"] {
        let options = "handshake-timeout=200ms";
        let mut relay = relay("tcp://127.0.0.1:0", &format!("{scheme}://{place}?{options}"), engine);
        let mut caller = call(&relay);
        caller.write_all(b"hello").unwrap();
        let held = answer(&listener);
        assert_eq!(
            uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(),
            ErrorKind::ConnectionReset,
            "{scheme}"
        );
        relay.running.wait_for_line("handshake was not complete in time");
        drop(held);
    }
}

fn a_reset_of_one_side_is_a_reset_of_the_other(engine: &str) {
    let files = Files::new();
    for far_resets in [true, false] {
        let (listener, to) = far();
        let relay = relay(&files.at("tls"), &to, engine);
        let mut caller = Running::start(&mut swb(&["connect", &files.to(relay.address())]));
        caller.write(b"hello");
        let mut other = answer(&listener);
        other.read_exact(&mut [0; 5]).unwrap();
        other.write_all(b"good day").unwrap();
        assert_eq!(caller.wait_for_bytes(8), b"good day");
        if far_resets {
            reset(other);
            let caller = caller.finish();
            assert_eq!((caller.code(), caller.text().as_str()), (6, "good day"), "{caller:?}");
        } else {
            drop(caller); // killed: its stream ends without an end of TLS
            assert_eq!(
                uninterrupted(|| other.read(&mut [0])).unwrap_err().kind(),
                ErrorKind::ConnectionReset
            );
        }
    }
}

/// Ends the call by a reset (RST).
fn reset(socket: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
}

#[test]
fn a_reset_of_a_plain_caller_is_no_orderly_end_for_an_encrypted_far_end() {
    let files = Files::new();
    let mut server = echo(&files.at("tls"), "epoll");
    let relay = relay("tcp://127.0.0.1:0", &files.to(server.address()), "epoll");
    let mut caller = call(&relay);
    caller.write_all(b"hello").unwrap();
    caller.read_exact(&mut [0; 5]).unwrap();
    reset(caller);
    server.running.wait_for_line(": reset by the peer");
}

#[test]
fn the_caller_of_a_relay_is_told_to_the_far_end_by_a_proxy_header() {
    let (listener, place) = listening();
    for (version, head) in
        [("v1", &b"PROXY TCP4 127.0.0.1 127.0.0.1 "[..]), ("v2", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0")]
    {
        let relay = relay("tcp://127.0.0.1:0", &format!("proxy://{place}?proxy={version}"), "epoll");
        let caller = call(&relay);
        caller.shutdown(Shutdown::Write).unwrap();
        let other = answer(&listener);
        other.set_read_timeout(Some(PATIENCE)).unwrap();
        let heard = read_all(&other);
        assert!(heard.starts_with(head), "{version}: {heard:?}");
        let port = caller.local_addr().unwrap().port();
        let has_port = match version {
            "v1" => String::from_utf8_lossy(&heard).contains(&format!(" {port} ")),
            _ => heard.windows(2).any(|bytes| bytes == port.to_be_bytes()),
        };
        assert!(has_port, "{version}: {heard:?}");
    }
}
