//! `relay`: a program for each caller.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::{Directory, PATIENCE, Running, Server, proc, program, random_bytes, swb};
use crate::{LOOKS_AT_ITSELF, address, call, is_as_it_should_be, read_all};

under! { ten_megabytes_come_back_whole_after_the_callers_end: iterative process thread poll epoll uring }
under! { a_program_sees_three_descriptors_and_who_called: iterative process thread poll epoll uring }
under! { how_a_program_ended_is_told_with_its_call: iterative process thread poll epoll uring }
under! { a_program_that_will_not_end_is_killed_when_its_caller_resets: iterative process thread poll epoll uring }
under! { a_program_is_ended_when_the_time_of_a_drain_is_up: process thread poll epoll uring }
under! { a_thousand_calls_leave_nothing_behind: iterative thread poll epoll uring }
under! { callers_wait_when_descriptors_are_short: poll epoll uring }
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

fn a_program_sees_three_descriptors_and_who_called(engine: &str) {
    let server = relay(LOOKS_AT_ITSELF, engine, &[]);
    let seen = read_all(call(&server));
    assert!(is_as_it_should_be(&seen), "{seen}");

    let server = relay("exec:env", engine, &[]);
    let caller = call(&server);
    let mine = caller.local_addr().unwrap();
    let seen = read_all(caller);
    let port = address(&server).port();
    for line in [
        "PROTO=TCP".to_owned(),
        "TCPREMOTEIP=127.0.0.1".to_owned(),
        format!("TCPREMOTEPORT={}", mine.port()),
        "TCPLOCALIP=127.0.0.1".to_owned(),
        format!("TCPLOCALPORT={port}"),
        "REMOTE_ADDR=127.0.0.1".to_owned(),
        "REMOTE_HOST=127.0.0.1".to_owned(),
        format!("REMOTE_PORT={}", mine.port()),
        format!("SWB_PEER=tcp://{mine}"),
        format!("SWB_LOCAL=tcp://127.0.0.1:{port}"),
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is not among {seen}");
    }
}

#[test]
fn a_program_sees_who_called_over_a_unix_socket_and_by_datagrams() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let _server = Server::start(&["relay", &format!("unix:{path}"), "exec:env"]);
    let caller = UnixStream::connect(&path).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    let seen = read_all(caller);
    let (process, user) = (std::process::id(), rustix::process::geteuid().as_raw());
    for line in [
        "PROTO=UNIX".to_owned(),
        format!("UNIXLOCALPATH={path}"),
        format!("UNIXREMOTEPID={process}"),
        format!("UNIXREMOTEEUID={user}"),
        "SWB_PEER=unix:(unnamed)".to_owned(),
    ] {
        assert!(seen.lines().any(|seen| seen == line), "{line} is not among {seen}");
    }

    let server = Server::start(&[
        "relay",
        "udp://127.0.0.1:0",
        "sh:echo $PROTO $UDPREMOTEIP $UDPREMOTEPORT",
        "--framing",
        "line",
    ]);
    let caller = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller.connect(server.address().trim_start_matches("udp://")).unwrap();
    caller.send(b"who am I?").unwrap();
    let mut answer = [0; 100];
    let length = uninterrupted(|| caller.recv(&mut answer)).unwrap();
    let wanted = format!("UDP 127.0.0.1 {}", caller.local_addr().unwrap().port());
    assert_eq!(String::from_utf8_lossy(&answer[..length]), wanted);
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

fn callers_wait_when_descriptors_are_short(engine: &str) {
    for arguments in ["relay tcp://127.0.0.1:0 exec:cat", "serve exec cat tcp://127.0.0.1:0"] {
        // So many calls are allowed that there are not enough descriptors for them.
        let line =
            format!("ulimit -n 64; exec \"$0\" {arguments} --engine {engine} --workers 1 --max-calls 20");
        let server = Server::of(&mut program("sh", &["-c", &line, env!("CARGO_BIN_EXE_swb")]), 1);
        let callers: Vec<_> = (0..100).map(|_| call(&server)).collect();
        let speak = |mut caller: std::net::TcpStream| {
            caller.write_all(b"hello").unwrap();
            caller.shutdown(Shutdown::Write).unwrap();
            read_all(caller)
        };
        let speakers: Vec<_> =
            callers.into_iter().map(|caller| std::thread::spawn(move || speak(caller))).collect();
        for speaker in speakers {
            assert_eq!(speaker.join().unwrap(), "hello", "{arguments}");
        }
    }
}

fn whoever_cannot_have_a_program_is_reset_and_the_reason_is_said(engine: &str) {
    let mut server = relay("exec:swb-no-such-program", engine, &[]);
    let mut caller = call(&server);
    assert_eq!(
        uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
    let line = server.running.wait_for_line(" was not joined to the other end: ");
    assert!(line.contains("cannot start exec:swb-no-such-program: "), "{line}");
}
