//! Half-closes, and whose end ends the call.

use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::process::Stdio;
use std::time::Duration;

use crate::support::{Directory, Running, Server, program, random_bytes, run_swb, swb};
use crate::{answered, call, read_to_end, says_nothing_now, tcp_listener};

#[test]
fn the_end_of_input_half_closes_and_a_late_answer_still_comes() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", &address]));
    calling.write(b"question");
    calling.close_input();
    let mut call = answered(&listener);
    assert_eq!(read_to_end(&mut call), b"question");
    call.write_all(b"late answer").unwrap();
    drop(call);
    let called = calling.finish();
    assert_eq!((called.text().as_str(), called.code()), ("late answer", 0), "{}", called.stderr);
}

#[test]
fn with_no_half_close_the_peer_does_not_see_the_end_of_the_input() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", "--no-half-close", &address]));
    calling.write(b"q");
    calling.close_input();
    let mut call = answered(&listener);
    call.read_exact(&mut [0]).unwrap();
    // It answers, which proves that the input's end was seen before nothing is there to be read.
    call.write_all(b"answer").unwrap();
    calling.wait_for_text("answer");
    assert!(says_nothing_now(&call), "the call was half-closed");
    call.shutdown(Shutdown::Write).unwrap();
    assert_eq!(calling.finish().code(), 0);
}

#[test]
fn connect_ends_with_its_peer_though_its_input_stays_open() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", &address]));
    calling.write(b"hello\n");
    let mut call = answered(&listener);
    call.read_exact(&mut [0; 6]).unwrap();
    call.write_all(b"that is all").unwrap();
    drop(call);
    let called = calling.finish();
    assert_eq!((called.text().as_str(), called.code()), ("that is all", 0), "{}", called.stderr);
}

#[test]
fn until_both_waits_for_the_rest_of_the_input_after_the_peer_has_finished() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", "--until", "both", &address]));
    let mut call = answered(&listener);
    call.write_all(b"done").unwrap();
    call.shutdown(Shutdown::Write).unwrap();
    calling.wait_for_text("done");
    calling.write(b"not me: ");
    call.read_exact(&mut [0; 8]).unwrap();
    calling.write(b"the rest");
    calling.close_input();
    assert_eq!(read_to_end(&mut call), b"the rest");
    assert_eq!(calling.finish().code(), 0);
}

#[test]
fn until_input_ends_with_the_input_though_the_peer_goes_on() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", "--until", "input", &address]));
    let mut call = answered(&listener);
    calling.write(b"take this");
    calling.close_input();
    let called = calling.finish();
    assert_eq!(called.code(), 0, "{}", called.stderr);
    assert_eq!(read_to_end(&mut call), b"take this");
}

#[test]
fn listen_until_peer_ends_with_its_caller_though_its_input_stays_open() {
    let server = Server::start(&["listen", "--until", "peer", "tcp://127.0.0.1:0"]);
    call(server.address()).write_all(b"bye").unwrap();
    let ended = server.running.finish();
    assert_eq!((ended.text().as_str(), ended.code()), ("bye", 0), "{}", ended.stderr);
}

#[test]
fn listen_with_the_null_device_for_input_receives_all_that_a_slow_sender_sends() {
    let mut listening = swb(&["listen", "tcp://127.0.0.1:0"]);
    let mut server = Server::of(listening.stdin(Stdio::null()), 1);
    let mut slow = call(server.address());
    for part in 1..=20 {
        slow.write_all(b"a part\n").unwrap();
        // The next part is sent only when this one has come out.
        server.running.wait_for_bytes(7 * part);
        assert!(says_nothing_now(&slow), "the listener hung up after part {part}");
    }
    drop(slow);
    let ended = server.running.finish();
    assert_eq!((ended.stdout.len(), ended.code()), (140, 0), "{}", ended.stderr);
}

#[test]
fn listen_with_a_short_input_receives_the_whole_of_a_big_file() {
    let folder = Directory::new();
    let big = random_bytes(5_000_000, 17);
    std::fs::write(folder.file("big"), &big).unwrap();
    let mut server = Server::start(&["listen", "tcp://127.0.0.1:0"]);
    server.running.write(b"x");
    server.running.close_input();
    let mut calling = swb(&["connect", server.address()]);
    let called = Running::start(calling.stdin(File::open(folder.file("big")).unwrap())).finish();
    assert_eq!((called.text().as_str(), called.code()), ("x", 0), "{}", called.stderr);
    let ended = server.running.finish();
    assert!(ended.stdout == big, "{} bytes of {}", ended.stdout.len(), big.len());
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
}

#[test]
fn listen_joined_to_a_coprocess_answers_its_caller_with_what_that_program_says() {
    let (from_program, to_listen) = std::io::pipe().unwrap();
    let (from_listen, to_program) = std::io::pipe().unwrap();
    let mut listening = swb(&["listen", "tcp://127.0.0.1:0"]);
    listening.stdin(Stdio::from(from_program)).stdout(Stdio::from(to_program));
    let server = Server::of(&mut listening, 1);
    drop(listening); // it holds our ends of the pipes
    let mut starting = program("tr", &["a-z", "A-Z"]);
    let program = Running::start(starting.stdin(Stdio::from(from_listen)).stdout(Stdio::from(to_listen)));
    drop(starting);
    let asked = run_swb(&["ask", server.address(), "shout"], b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("SHOUT", 0), "{}", asked.stderr);
    assert_eq!((server.running.finish().code(), program.finish().code()), (0, 0));
}

#[test]
fn a_file_is_sent_whole_to_a_peer_who_has_finished_and_reads_slowly() {
    let folder = Directory::new();
    let big = random_bytes(20_000_000, 19);
    std::fs::write(folder.file("big"), &big).unwrap();
    let (listener, address) = tcp_listener();
    let mut calling = swb(&["connect", &address]);
    let calling = Running::start(calling.stdin(File::open(folder.file("big")).unwrap()));
    let mut call = answered(&listener);
    call.shutdown(Shutdown::Write).unwrap();
    // Its reader is busy for longer than any pause of an input that flows.
    std::thread::sleep(Duration::from_millis(500));
    let received = read_to_end(&mut call);
    assert!(received == big, "{} bytes of {}", received.len(), big.len());
    assert_eq!(calling.finish().code(), 0);
}

#[test]
fn either_side_may_speak_first() {
    for first_is_listener in [true, false] {
        let server = Server::start(&["listen", "tcp://127.0.0.1:0"]);
        let mut calling = Running::start(&mut swb(&["connect", server.address()]));
        let mut listening = server.running;
        let (first, second) =
            if first_is_listener { (&mut listening, &mut calling) } else { (&mut calling, &mut listening) };
        first.write(b"I begin\n");
        second.wait_for_text("I begin\n");
        second.write(b"I answer\n");
        first.wait_for_text("I answer\n");
    }
}
