//! System calls that fail in the middle of a checked echo: nothing is lost, nothing ends, nothing spins.
//!
//! strace(1) injects the errors into the server. Where tracing is forbidden, that is said.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;

use support::peer::installed;
use support::proc::children;
use support::{PATIENCE, Server, program, random_bytes, run};

/// Enough for a few dozen receives and sends, so that every fault comes several times.
const BYTES: usize = 1 << 20;

/// Echoes through a server whose system calls fail as `faults` says, and checks every byte.
fn echo_survives(engine: &str, faults: &[&str]) {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    let sent = random_bytes(BYTES, 7);
    for fault in faults {
        let inject = format!("inject={fault}");
        let swb = env!("CARGO_BIN_EXE_swb");
        let serve = [swb, "serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "--workers", "1"];
        let arguments = [&["-f", "-o", "/dev/null", "-e", &inject][..], &serve].concat();
        let server = Server::of(&mut program("strace", &arguments), 1);
        for _ in 0..3 {
            let mut call = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
            call.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut sending = call.try_clone().unwrap();
            let copy = sent.clone();
            let sender = std::thread::spawn(move || {
                sending.write_all(&copy).unwrap();
                sending.shutdown(std::net::Shutdown::Write).unwrap();
            });
            let mut came = Vec::new();
            call.read_to_end(&mut came).unwrap();
            sender.join().unwrap();
            assert!(came == sent, "{engine}, {fault}: {} of {BYTES} bytes came back", came.len());
        }
        // strace ends as the server does; killed, it would leave the server behind.
        let traced = children(server.pid())[0];
        assert!(run(program("kill", &["-15", &traced.to_string()]), b"").status.success());
        assert_eq!(server.running.finish().code(), 0, "{engine}, {fault}");
    }
}

const INTERRUPTED: &[&str] = &[
    "recvfrom:error=EINTR:when=3+7",
    "sendto:error=EINTR:when=3+7",
    "epoll_wait,epoll_pwait,epoll_pwait2,poll,ppoll:error=EINTR:when=3+7",
    "accept4:error=EINTR:when=1+2",
];
const SHORT: &[&str] = &[
    "recvfrom:error=ENOMEM:when=3+7",
    "recvfrom:error=EAGAIN:when=3+7",
    "sendto:error=ENOBUFS:when=3+7",
    "sendto:error=EAGAIN:when=3+17",
];
const NOT_ACCEPTED: &[&str] = &[
    "accept4:error=ECONNABORTED:when=1+2",
    "accept4:error=EMFILE:when=1+2",
    "accept4:error=ENOBUFS:when=1+2",
];

#[test]
fn interrupted_calls_are_made_again_under_epoll() {
    echo_survives("epoll", INTERRUPTED);
}

#[test]
fn interrupted_calls_are_made_again_under_poll() {
    echo_survives("poll", INTERRUPTED);
}

#[test]
fn a_shortage_costs_a_call_time_and_not_its_life_under_epoll() {
    echo_survives("epoll", SHORT);
}

#[test]
fn a_shortage_costs_a_call_time_and_not_its_life_under_poll() {
    echo_survives("poll", SHORT);
}

#[test]
fn a_caller_who_could_not_be_accepted_at_once_is_accepted_later() {
    echo_survives("epoll", NOT_ACCEPTED);
    echo_survives("iterative", NOT_ACCEPTED);
}

#[test]
fn a_thread_or_process_that_could_not_be_made_at_once_is_made_later() {
    echo_survives("thread", &["clone,clone3:error=EAGAIN:when=2+2"]);
    echo_survives("process", &["clone,clone3,fork:error=EAGAIN:when=1+2"]);
}
