//! `relay`: a program for each caller.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::support::peer::wait_until;
use crate::support::{Running, Server, proc, random_bytes, swb};
use crate::{LOOKS_AT_ITSELF, call, is_as_it_should_be, read_all};

under! { ten_megabytes_come_back_whole_after_the_callers_end: iterative process thread poll epoll uring }
under! { a_program_sees_three_descriptors: iterative process thread poll epoll uring }
under! { how_a_program_ended_is_told_with_its_call: iterative process thread poll epoll uring }
under! { a_program_that_will_not_end_is_killed_when_its_caller_resets: iterative process thread poll epoll uring }
under! { a_program_is_ended_when_the_time_of_a_drain_is_up: process thread poll epoll uring }
under! { a_thousand_calls_leave_nothing_behind: iterative thread poll epoll uring }
under! { whoever_cannot_have_a_program_is_reset_and_the_reason_is_said: iterative process thread poll epoll uring }

fn relay(to: &str, engine: &str, further: &[&str]) -> Server {
    Server::start(&[&["relay", "tcp://127.0.0.1:0", to, "--engine", engine, "-v"], further].concat())
}

fn ten_megabytes_come_back_whole_after_the_callers_end(engine: &str) {
    let server = relay("exec:cat", engine, &[]);
    let said = random_bytes(10_000_000, 3);
    let mut caller = call(&server);
    let mut speaker = caller.try_clone().unwrap();
    let speaking = said.clone();
    let speaker = std::thread::spawn(move || {
        speaker.write_all(&speaking).unwrap();
        speaker.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    caller.read_to_end(&mut heard).unwrap();
    speaker.join().unwrap();
    assert!(heard == said, "{} bytes", heard.len());
    drop(caller);
    let ended = server.terminate();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let words = "finished; 10000000 bytes in, 10000000 out, ";
    let line = ended.stderr.lines().find(|line| line.contains(words)).unwrap();
    assert!(line.ends_with("; the program exited with status 0"), "{line}");
}

fn a_program_sees_three_descriptors(engine: &str) {
    let server = relay(LOOKS_AT_ITSELF, engine, &[]);
    let seen = read_all(call(&server));
    assert!(is_as_it_should_be(&seen), "{seen}");
}

fn how_a_program_ended_is_told_with_its_call(engine: &str) {
    for (address, words) in [("sh:exit 3", "exited with status 3"), ("sh:kill -9 $$", "killed by signal 9")] {
        let mut server = relay(address, engine, &[]);
        assert_eq!(read_all(call(&server)), "");
        let line = server.running.wait_for_line(&format!(" to {address}: finished; "));
        assert!(line.ends_with(&format!("; the program {words}")), "{line}");
    }
}

#[test]
fn how_a_program_ended_is_told_to_programs() {
    for (address, member) in [("sh:exit 3", "\"exit_status\":3"), ("sh:kill -9 $$", "\"exit_signal\":9")] {
        let mut caller = Running::start(&mut swb(&["connect", address, "-v", "--log", "json"]));
        let line = caller.wait_for_line("\"event\":\"ended\"");
        assert!(line.contains(&format!("\"peer\":\"{address}\"")) && line.contains(member), "{line}");
    }
}

fn a_program_that_will_not_end_is_killed_when_its_caller_resets(engine: &str) {
    let mut server = relay("sh:trap '' TERM; echo begun; while :; do sleep 1; done", engine, &[]);
    let mut caller = call(&server);
    caller.read_exact(&mut [0; 6]).unwrap();
    rustix::net::sockopt::set_socket_linger(&caller, Some(std::time::Duration::ZERO)).unwrap();
    drop(caller);
    server.running.wait_for_line("; the program killed by signal 9, ours");
    wait_until("nothing is left", || proc::children(server.pid()).is_empty());
}

fn a_program_is_ended_when_the_time_of_a_drain_is_up(engine: &str) {
    let server = relay("sh:trap '' TERM; echo $$; while :; do sleep 1; done", engine, &["--drain", "100ms"]);
    let mut caller = call(&server);
    let mut process = String::new();
    while !process.ends_with('\n') {
        let mut byte = [0];
        caller.read_exact(&mut byte).unwrap();
        process.push(byte[0] as char);
    }
    let ended = server.terminate();
    assert_eq!(ended.code(), 5, "{ended:?}");
    assert!(ended.stderr.contains("; the program killed by signal 9, ours"), "{ended:?}");
    assert!(!std::path::Path::new(&format!("/proc/{}", process.trim())).exists());
}

fn a_thousand_calls_leave_nothing_behind(engine: &str) {
    let server = relay("exec:cat", engine, &["--workers", "1"]);
    let mut before = None;
    for _ in 0..10 {
        // The first hundred have the engine start its helper threads.
        let callers: Vec<_> = (0..100).map(|_| call(&server)).collect();
        for mut caller in callers {
            caller.write_all(b"hello").unwrap();
            caller.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(caller), "hello");
        }
        wait_until("every program is reaped", || proc::children(server.pid()).is_empty());
        let before = before.get_or_insert_with(|| proc::descriptors(server.pid()).len());
        wait_until("every descriptor is closed", || proc::descriptors(server.pid()).len() <= *before);
    }
}

fn whoever_cannot_have_a_program_is_reset_and_the_reason_is_said(engine: &str) {
    let mut server = relay("exec:swb-no-such-program", engine, &[]);
    let mut caller = call(&server);
    assert_eq!(caller.read(&mut [0]).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let line = server.running.wait_for_line(" was not joined to the other end: ");
    let words = if engine == "process" {
        "it could not be called"
    } else {
        "cannot start exec:swb-no-such-program: "
    };
    assert!(line.contains(words), "{line}");
}
