//! `ask`: tries, time-outs, frames, and how many answers.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::peer::{refusing_udp_port, uninterrupted};
use crate::support::{Running, Server, run_swb, swb};
use crate::{answered, tcp_listener, udp_socket};

#[test]
fn ask_sends_again_when_its_first_question_is_lost() {
    let peer = udp_socket();
    let address = format!("udp://{}", peer.local_addr().unwrap());
    let asking = Running::start(&mut swb(&["ask", &address, "hi", "--timeout", "200ms", "--retries", "20"]));
    let mut buffer = [0; 100];
    uninterrupted(|| peer.recv_from(&mut buffer)).unwrap(); // this one is lost
    let (length, caller) = uninterrupted(|| peer.recv_from(&mut buffer)).unwrap();
    assert_eq!(&buffer[..length], b"hi");
    peer.send_to(b"hi yourself", caller).unwrap();
    let asked = asking.finish();
    assert_eq!((asked.text().as_str(), asked.code()), ("hi yourself", 0), "{}", asked.stderr);
}

#[test]
fn ask_gives_up_with_status_5_after_as_many_tries_as_it_was_told() {
    let peer = udp_socket();
    let address = format!("udp://{}", peer.local_addr().unwrap());
    let began = Instant::now();
    let asked = run_swb(&["ask", &address, "hi", "--timeout", "100ms", "--retries", "3"], b"");
    let lasted = began.elapsed();
    assert_eq!((asked.text().as_str(), asked.code()), ("", 5), "{}", asked.stderr);
    assert!(
        asked.stderr.contains(&address) && asked.stderr.contains("not answered in time"),
        "{}",
        asked.stderr
    );
    assert!((Duration::from_millis(400)..Duration::from_secs(10)).contains(&lasted), "{lasted:?}");
    peer.set_nonblocking(true).unwrap();
    let tries = std::iter::from_fn(|| uninterrupted(|| peer.recv(&mut [0; 10])).ok()).count();
    assert_eq!(tries, 4, "one try and three retries");
}

#[test]
fn ask_times_out_with_status_5_on_a_connection_that_is_not_answered() {
    let (listener, address) = tcp_listener();
    let asked = run_swb(&["ask", &address, "hi", "--timeout", "100ms"], b"");
    drop(listener);
    assert_eq!((asked.text().as_str(), asked.code()), ("", 5), "{}", asked.stderr);
    assert!(
        asked.stderr.contains(&address) && asked.stderr.contains("not answered in time"),
        "{}",
        asked.stderr
    );
}

#[test]
fn a_refused_datagram_gives_status_4() {
    let (_held, port) = refusing_udp_port();
    let address = format!("udp://127.0.0.1:{port}");
    for command in [&["ask", address.as_str(), "hi"][..], &["connect", address.as_str()][..]] {
        let refused = run_swb(command, b"hi\n");
        assert_eq!(refused.code(), 4, "{command:?}: {}", refused.stderr);
        assert!(
            refused.stderr.contains(&address) && refused.stderr.contains("refused"),
            "{}",
            refused.stderr
        );
        assert_eq!(refused.stderr.lines().count(), 1, "{}", refused.stderr);
    }
}

#[test]
fn ask_prints_one_frame_of_every_framing() {
    for framing in ["line", "nul", "u8", "u16be", "u16le", "u32be", "u32le"] {
        let server = Server::start(&["serve", "reply", "pong", "--framing", framing, "tcp://127.0.0.1:0"]);
        let asked = run_swb(&["ask", server.address(), "ping", "--framing", framing], b"");
        // A line is printed as one; other frames are their payload alone.
        let wanted = if framing == "line" { "pong\n" } else { "pong" };
        assert_eq!((asked.text().as_str(), asked.code()), (wanted, 0), "{framing}: {}", asked.stderr);
        assert_eq!(server.terminate().code(), 0, "{framing}");
    }
}

#[test]
fn frames_are_marked_on_the_wire_as_their_framing_says() {
    let marks: [(&str, &[u8]); 7] = [
        ("line", b"ping\n"),
        ("nul", b"ping\0"),
        ("u8", b"\x04ping"),
        ("u16be", b"\x00\x04ping"),
        ("u16le", b"\x04\x00ping"),
        ("u32be", b"\x00\x00\x00\x04ping"),
        ("u32le", b"\x04\x00\x00\x00ping"),
    ];
    for (framing, wanted) in marks {
        let (listener, address) = tcp_listener();
        let asking = Running::start(&mut swb(&["ask", &address, "ping", "--framing", framing]));
        let mut call = answered(&listener);
        let mut frame = vec![0; wanted.len()];
        call.read_exact(&mut frame).unwrap();
        assert_eq!(frame, wanted, "{framing}");
        // The answer comes a byte at a time; what follows it is another one.
        frame.iter().for_each(|byte| call.write_all(&[*byte]).unwrap());
        call.write_all(b"more").unwrap();
        drop(call);
        assert_eq!(asking.finish().text().trim_end(), "ping", "{framing}");
    }
}

#[test]
fn ask_for_a_frame_ends_with_its_answer_though_the_call_goes_on() {
    let (listener, address) = tcp_listener();
    let asking = Running::start(&mut swb(&["ask", &address, "ping", "--framing", "line"]));
    let mut call = answered(&listener);
    call.write_all(b"pong\n").unwrap();
    let asked = asking.finish();
    assert_eq!((asked.text().as_str(), asked.code()), ("pong\n", 0), "{}", asked.stderr);
}

#[test]
fn reply_answers_each_frame_of_a_caller_who_sends_several() {
    let server = Server::start(&["serve", "reply", "ok", "--framing", "line", "tcp://127.0.0.1:0"]);
    let called = run_swb(&["connect", server.address()], b"one\ntwo\nthree\n");
    assert_eq!((called.text().as_str(), called.code()), ("ok\nok\nok\n", 0));
}

#[test]
fn ask_prints_as_many_answers_as_are_wanted() {
    let serve = ["serve", "reply", "tick", "--times", "3", "--every", "1ms", "udp://127.0.0.1:0"];
    let server = Server::start(&serve);
    let ask = ["ask", server.address(), "hi", "--replies", "3", "--wait", "20s"];
    let asked = run_swb(&ask, b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("tickticktick", 0), "{}", asked.stderr);
}

#[test]
fn ask_waits_for_further_answers_no_longer_than_it_was_told() {
    let server = Server::start(&["serve", "reply", "only one", "udp://127.0.0.1:0"]);
    let began = Instant::now();
    let asked = run_swb(&["ask", server.address(), "hi", "--replies", "2", "--wait", "100ms"], b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("only one", 0), "{}", asked.stderr);
    assert!(began.elapsed() < Duration::from_secs(15));
}
