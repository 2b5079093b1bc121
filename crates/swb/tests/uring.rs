//! The uring engine: chosen where it can run, said where it cannot, and no call gets what came for another.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "uring/accepting.rs"]
mod accepting;
#[path = "uring/messages.rs"]
mod messages;
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use support::peer::installed;
use support::{PATIENCE, Running, Server, program, run, run_swb};

/// What makes the kernel say no: strace(1) puts these answers in its place. `None` where tracing is forbidden.
fn without_rings(error: &str, serve: &[&str]) -> Option<std::process::Command> {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return None;
    }
    let inject = format!("inject=io_uring_setup:error={error}");
    let tracer = ["-f", "-o", "/dev/null", "-e", "trace=io_uring_setup", "-e", &inject];
    Some(program("strace", &[&tracer[..], &[env!("CARGO_BIN_EXE_swb")], serve].concat()))
}

/// Whether this machine lets us have a ring; says so if not.
fn has_rings() -> bool {
    let doctor = run_swb(&["doctor", "--json"], b"").text();
    let row = doctor.split('{').find(|row| row.contains("\"check\":\"uring\"")).unwrap().to_owned();
    let has = row.contains("\"state\":\"yes\"");
    if !has {
        eprintln!("not run: no io_uring here: {row}");
    }
    has
}

#[test]
fn asked_for_by_name_where_it_cannot_run_it_says_why_and_what_runs() {
    for (error, reason) in [("ENOSYS", "function not implemented"), ("EPERM", "operation not permitted")] {
        let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", "uring"];
        let Some(command) = without_rings(error, &serve) else { return };
        let ended = run(command, b"");
        assert_eq!(ended.code(), 8);
        let said = ended.stderr.to_lowercase();
        for part in ["the uring engine cannot run here", "io_uring_setup(2)", reason, "swb doctor", "epoll"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("listening"), "{said}");
    }
}

#[test]
fn where_it_cannot_run_the_default_is_epoll_and_v_says_so() {
    let Some(mut command) = without_rings("EPERM", &["serve", "echo", "tcp://127.0.0.1:0", "-v"]) else {
        return;
    };
    let mut server = Running::start(&mut command);
    server.wait_for_line("serving under epoll: uring cannot run here: io_uring_setup(2)");
    let line = server.wait_for_line("listening");
    let address = line.rsplit(' ').next().unwrap().trim().to_owned();
    let asked = run_swb(&["ask", &address, "hello"], b"");
    assert_eq!(asked.stdout, b"hello");
    let traced = support::proc::children(server.pid())[0];
    assert!(run(program("kill", &["-15", &traced.to_string()]), b"").status.success());
    assert_eq!(server.finish().code(), 0);
}

/// Places in the tables of the loop are used again at once: callers come and go in every way, each with bytes
/// that nobody else has.
#[test]
fn nobody_gets_what_came_for_another() {
    if !has_rings() {
        return;
    }
    const THREADS: u32 = 8;
    const CALLS: u32 = 400;
    let server =
        Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", "uring", "--workers", "1"]);
    let at = server.address().trim_start_matches("tcp://").to_owned();
    let call = |number: u32| {
        let own: Vec<u8> = number.to_be_bytes().repeat(1 + number as usize % 2000);
        let mut stream = TcpStream::connect(&at).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&own).unwrap();
        match number % 4 {
            // Gone with the answer unread: a reset.
            0 => drop(stream),
            // Gone in the middle of the answer.
            1 => stream.read_exact(&mut [0; 4]).unwrap(),
            _ => {
                stream.shutdown(Shutdown::Write).unwrap();
                let mut came = Vec::new();
                stream.read_to_end(&mut came).unwrap();
                assert!(came == own, "call {number} got {} bytes that were not its own", came.len());
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || (0..CALLS).for_each(|round| call(thread << 16 | round)));
        }
    });
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn an_address_is_free_again_when_the_server_has_ended() {
    if !has_rings() {
        return;
    }
    let directory = support::Directory::new();
    let name = directory.path().file_name().unwrap().to_str().unwrap().to_owned();
    let free = Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", "uring"]);
    let tcp = free.address().to_owned();
    assert_eq!(free.terminate().code(), 0);
    for address in [tcp, format!("unix:@{name}")] {
        for round in 0..30 {
            let server = Server::start(&["serve", "echo", &address, "--engine", "uring"]);
            // An idle call, and one that was answered, are open when it ends.
            if round % 2 == 0 {
                assert_eq!(run_swb(&["ask", &address, "hello"], b"").text(), "hello");
            }
            assert_eq!(server.terminate().code(), 0, "{address}");
        }
    }
}

#[test]
fn a_wait_that_a_signal_interrupts_is_begun_again() {
    if !has_rings() || without_rings("EPERM", &[]).is_none() {
        return;
    }
    let inject = "inject=io_uring_enter:error=EINTR:when=3+5";
    let serve = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", "uring", "--workers", "1"];
    let tracer = ["-f", "-o", "/dev/null", "-e", "trace=io_uring_enter", "-e", inject];
    let command = &mut program("strace", &[&tracer[..], &[env!("CARGO_BIN_EXE_swb")], &serve].concat());
    let server = Server::of(command, 1);
    for round in 0..50 {
        let message = format!("round {round}");
        assert_eq!(run_swb(&["ask", server.address(), &message], b"").text(), message);
    }
    let traced = support::proc::children(server.pid())[0];
    assert!(run(program("kill", &["-15", &traced.to_string()]), b"").status.success());
    assert_eq!(server.running.finish().code(), 0);
}
