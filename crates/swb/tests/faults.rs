//! System calls that fail in the middle of a checked echo: nothing is lost, nothing ends, nothing spins.
//!
//! strace(1) injects into the server each error that the call's manual page has and that passes by itself, the
//! third time and every seventh after it. (An error that it has not, such as EMFILE of recv(2), means that the
//! call is over: no server could go on.) Where tracing is forbidden, that is said.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use support::peer::installed;
use support::proc::{children, ticks_at_rest};
use support::{Directory, PATIENCE, Server, program, random_bytes, run};

/// Who makes the calls, by the names that the kernel has for them; which errors; under which engines.
struct Row {
    calls: &'static str,
    errors: &'static [&'static str],
    engines: &'static [&'static str],
    at: &'static [&'static str],
}

const BARE: &[&str] = &["tcp://127.0.0.1:0"];

/// Also where the calls are made for layers: one that changes nothing.
const AND_LAYERED: &[&str] = &["tcp://127.0.0.1:0", "tcp://127.0.0.1:0?raw-in=/dev/null"];

const ALL: &[&str] = &["iterative", "process", "thread", "poll", "epoll", "uring"];

const ALL_BUT_URING: &[&str] = &["iterative", "process", "thread", "poll", "epoll"];

const TABLE: &[Row] = &[
    Row {
        calls: "accept4",
        errors: &["EINTR", "EAGAIN", "ECONNABORTED", "EMFILE", "ENOBUFS", "ENOMEM"],
        engines: ALL_BUT_URING,
        at: BARE,
    },
    Row {
        calls: "recvfrom",
        errors: &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"],
        engines: ALL,
        at: AND_LAYERED,
    },
    Row { calls: "sendto", errors: &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"], engines: ALL, at: AND_LAYERED },
    Row {
        calls: "epoll_wait,epoll_pwait,epoll_pwait2,poll,ppoll",
        errors: &["EINTR", "EAGAIN", "ENOMEM"],
        engines: ALL_BUT_URING,
        at: BARE,
    },
    Row { calls: "io_uring_enter", errors: &["EINTR", "EAGAIN", "EBUSY"], engines: &["uring"], at: BARE },
    Row {
        calls: "clone,clone3,fork",
        errors: &["EAGAIN", "ENOMEM"],
        engines: &["process", "thread"],
        at: BARE,
    },
];

/// Callers, one after the other, so that each fault comes several times also where a call has a process of its
/// own, whose calls strace counts anew.
const CALLERS: usize = 12;

/// Bytes of one: more than a few receives and sends.
const BYTES: usize = 512 << 10;

/// Servers at a time: most of them wait most of the time.
const ROWS_AT_ONCE: usize = 4;

/// How long the server is looked at once it has nothing to do, and what it may use of it: 5 in 100.
const LOOK: Duration = Duration::from_millis(400);
const LOOK_TICKS_MAX: u64 = 2;

#[test]
fn the_iterative_server_survives_every_fault() {
    survives_every_fault("iterative");
}

#[test]
fn the_forking_server_survives_every_fault() {
    survives_every_fault("process");
}

#[test]
fn the_threaded_server_survives_every_fault() {
    survives_every_fault("thread");
}

#[test]
fn the_polling_server_survives_every_fault() {
    survives_every_fault("poll");
}

#[test]
fn the_event_queue_server_survives_every_fault() {
    survives_every_fault("epoll");
}

#[test]
fn the_ring_server_survives_every_fault() {
    survives_every_fault("uring");
}

fn survives_every_fault(engine: &str) {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    let rows = TABLE.iter().filter(|row| row.engines.contains(&engine));
    let faults = rows
        .flat_map(|row| row.errors.iter().flat_map(|error| row.at.iter().map(|at| (*at, row.calls, *error))));
    let faults: Vec<_> = faults.collect();
    let (left, failed) = (Mutex::new(faults.into_iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..ROWS_AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some((at, calls, error)) = next else { return };
                    // The panic's own message stands above, in the output of the test.
                    if std::panic::catch_unwind(|| survives(engine, at, calls, error)).is_err() {
                        failed.lock().unwrap().push(format!("{calls} at {at} fails with {error}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "under {engine}, when {}", failed.join("; when "));
}

/// Echoes through a server whose calls fail so, and checks every byte, that it rests afterwards, and its end.
fn survives(engine: &str, at: &str, calls: &str, error: &str) {
    let folder = Directory::new();
    let traced = folder.file("trace");
    let (trace, inject) = (format!("trace={calls}"), format!("inject={calls}:error={error}:when=3+7"));
    let swb = env!("CARGO_BIN_EXE_swb");
    let serve = [swb, "serve", "echo", at, "--engine", engine, "--workers", "1"];
    // Whatever becomes of strace, its server does not stay behind.
    let strace = ["-f", "-o", &traced, "-e", &trace, "-e", &inject, "setpriv", "--pdeathsig", "KILL"];
    let server = Server::of(&mut program("strace", &[&strace[..], &serve].concat()), 1);
    let process = children(server.pid())[0];
    let sent = random_bytes(BYTES, 7);
    for _ in 0..CALLERS {
        let came = echoed(&server, &sent);
        assert!(came == sent, "{engine}, {calls}, {error}: {} of {BYTES} bytes came back", came.len());
    }
    let mut idle = call(&server);
    idle.write_all(b"x").unwrap();
    idle.read_exact(&mut [0]).unwrap();
    let used = ticks_at_rest(process, LOOK);
    assert!(used <= LOOK_TICKS_MAX, "{engine}, {calls}, {error}: {used} ticks of 10 ms in {LOOK:?} of rest");
    drop(idle);
    // strace ends as the server does.
    assert!(run(program("kill", &["-15", &process.to_string()]), b"").status.success());
    assert_eq!(server.running.finish().code(), 0, "{engine}, {calls}, {error}");
    let trace = std::fs::read_to_string(&traced).unwrap();
    assert!(trace.contains("(INJECTED)"), "{engine}, {calls}, {error}: it never came to it");
}

/// What comes back of `sent` to a caller who sends and reads at the same time.
fn echoed(server: &Server, sent: &[u8]) -> Vec<u8> {
    let mut caller = call(server);
    let mut sending = caller.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            sending.write_all(sent).unwrap();
            sending.shutdown(Shutdown::Write).unwrap();
        });
        let mut came = Vec::new();
        caller.read_to_end(&mut came).unwrap();
        came
    })
}

fn call(server: &Server) -> TcpStream {
    let caller = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller
}
