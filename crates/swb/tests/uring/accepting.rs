//! Callers are accepted by the ring: none is lost, none is kept from others, and no descriptor stays.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::has_rings;
use crate::support::peer::{installed, uninterrupted, wait_until};
use crate::support::proc::{descriptors, sockets, ticks_at_rest};
use crate::support::trace::{lines, named};
use crate::support::{Directory, PATIENCE, Server, run};

const SIGTERM: i32 = 15;
const SIGSTOP: i32 = 19;
const SIGCONT: i32 = 18;

/// How long the server is looked at while it has nothing to do, and what it may use of it: 5 in 100.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_TICKS_MAX: u64 = 5;

/// `swb serve echo` under uring.
fn echo(address: &str, options: &[&str]) -> Server {
    Server::start(&[&["serve", "echo", address, "--engine", "uring"], options].concat())
}

fn call(server: &Server) -> TcpStream {
    call_at(server.address())
}

fn call_at(address: &str) -> TcpStream {
    let caller = TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller
}

fn call_unix(path: &str) -> UnixStream {
    let caller = UnixStream::connect(path).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    caller
}

/// Says something and hears it again.
fn exchange(mut caller: impl Read + Write, text: &[u8]) {
    caller.write_all(text).unwrap();
    hear(caller, text);
}

fn hear(mut caller: impl Read, text: &[u8]) {
    let mut came = vec![0; text.len()];
    caller.read_exact(&mut came).unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()));
    assert_eq!(came, text);
}

/// Whether something has come. Takes nothing of it.
fn has_something(caller: &TcpStream) -> bool {
    caller.set_nonblocking(true).unwrap();
    let peeked = uninterrupted(|| caller.peek(&mut [0]));
    caller.set_nonblocking(false).unwrap();
    !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Callers who come and go in every way, eight at a time: answered and in order; gone before they were answered, in
/// order or by a reset.
fn churn<C: Read + Write + AsFd>(calls: u32, dial: impl Fn() -> C + Sync, finish: impl Fn(&C) + Sync) {
    const THREADS: u32 = 8;
    let one = |number: u32| {
        let mut caller = dial();
        match number % 4 {
            0 => drop(caller),
            1 => {
                let at_once = Some(Duration::ZERO);
                rustix::net::sockopt::set_socket_linger(&caller, at_once).unwrap();
            }
            _ => {
                exchange(&mut caller, &number.to_be_bytes());
                finish(&caller);
                assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap(), 0);
            }
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let one = &one;
            scope.spawn(move || (0..calls / THREADS).for_each(|round| one(thread << 16 | round)));
        }
    });
}

/// How many descriptors it has once it has no sockets but those of its doors.
fn at_rest(server: &Server, doors: usize) -> usize {
    wait_until("nobody's call is open", || sockets(server.pid()).len() == doors);
    descriptors(server.pid()).len()
}

#[test]
fn thousands_who_come_and_go_leave_no_descriptor() {
    if !has_rings() {
        return;
    }
    // Below the limit of calls; and at it, where accepting is ended and begun again all the time.
    for options in [&["--workers", "1"][..], &["--workers", "1", "--max-calls", "3"], &["--workers", "2"]] {
        let server = echo("tcp://127.0.0.1:0", options);
        exchange(call(&server), b"the first");
        let before = at_rest(&server, if options.contains(&"2") { 2 } else { 1 });
        let at = server.address().to_owned();
        churn(5_000, || call_at(&at), |caller| caller.shutdown(Shutdown::Write).unwrap());
        wait_until("no descriptor is left", || descriptors(server.pid()).len() == before);
        exchange(call(&server), b"all is well");
        assert_eq!(server.terminate().code(), 0, "{options:?}");
    }
}

#[test]
fn workers_that_share_a_unix_listener_answer_everybody_at_the_limit_of_calls() {
    if !has_rings() {
        return;
    }
    let folder = Directory::new();
    let path = folder.file("socket");
    let server = echo(&format!("unix:{path}"), &["--workers", "2", "--max-calls", "3"]);
    exchange(call_unix(&path), b"the first");
    let before = at_rest(&server, 2);
    churn(1_000, || call_unix(&path), |caller| caller.shutdown(Shutdown::Write).unwrap());
    wait_until("no descriptor is left", || descriptors(server.pid()).len() == before);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn at_the_limit_callers_wait_in_the_kernel_and_are_answered_as_they_came() {
    const OPEN: usize = 3;
    const WAITING: usize = 40;
    if !has_rings() {
        return;
    }
    let limit = OPEN.to_string();
    let server = echo("tcp://127.0.0.1:0", &["--workers", "1", "--max-calls", &limit]);
    let name = |number: usize| format!("caller {number:03}").into_bytes();
    let greet = |number: usize| {
        let mut caller = call(&server);
        caller.write_all(&name(number)).unwrap();
        caller
    };
    let mut open: Vec<TcpStream> = (0..OPEN).map(greet).collect();
    open.iter().enumerate().for_each(|(number, caller)| hear(caller, &name(number)));
    let held = sockets(server.pid()).len();
    let mut waiting: VecDeque<TcpStream> = (OPEN..OPEN + WAITING).map(greet).collect();
    for number in OPEN..OPEN + WAITING {
        drop(open.remove(0));
        let next = waiting.pop_front().unwrap();
        hear(&next, &name(number));
        assert!(!waiting.iter().any(has_something), "somebody was answered before caller {number}");
        wait_until("who waits is the kernel's", || sockets(server.pid()).len() == held);
        open.push(next);
    }
    drop(open);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn a_ring_that_may_open_no_descriptor_accepts_again_once_it_may() {
    if !has_rings() {
        return;
    }
    let mut server = echo("tcp://127.0.0.1:0", &["--workers", "1", "--max-calls", "100"]);
    let open = call(&server);
    exchange(&open, b"before");
    let process = format!("--pid={}", server.pid());
    let limit = |number: usize| {
        let limit = format!("--nofile={number}:1024");
        assert!(run(installed("prlimit", &[&process, &limit]), b"").status.success());
    };
    limit(descriptors(server.pid()).len());
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| call(&server)).collect();
    waiting.iter_mut().for_each(|caller| caller.write_all(b"hello").unwrap());
    let line = server.running.wait_for_line("answering pauses");
    assert!(line.contains("accept(2): Too many open files"), "{line}");
    let ticks = ticks_at_rest(server.pid(), LOOK);
    assert!(ticks <= LOOK_TICKS_MAX, "{ticks} ticks in {LOOK:?}");
    exchange(&open, b"meanwhile");
    limit(1024);
    waiting.iter_mut().for_each(|caller| hear(caller, b"hello"));
    drop((open, waiting));
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn the_trace_shows_what_the_ring_was_asked_for_and_whom_it_brought() {
    if !has_rings() {
        return;
    }
    let server = echo("tcp://127.0.0.1:0", &["--workers", "1", "--max-calls", "2", "--trace"]);
    exchange(call(&server), b"the first");
    let callers: Vec<TcpStream> = (0..2).map(|_| call(&server)).collect();
    callers.iter().for_each(|caller| exchange(caller, b"hello"));
    drop(callers);
    let told = server.terminate().stderr;
    // Whoever calls before the first look is found by that: the order is not the same in each run.
    for (name, part) in [
        ("accept4", "8, SOCK_CLOEXEC|SOCK_NONBLOCK) = -1 EAGAIN"),
        ("io_uring_enter", "accept(8)"),
        ("io_uring_enter", "8 accept = "),
        ("getpeername", ") = tcp://127.0.0.1:"),
        ("io_uring_enter", "cancel(8)], 20 ms) = "),
    ] {
        let is_told = named(&lines(&told), name).iter().any(|line| line.text.contains(part));
        assert!(is_told, "{name} with {part} is not told:\n{told}");
    }
}

/// accept4(2) tells who called even if the call has been reset since, and so has to be told here.
#[test]
fn what_a_caller_sent_before_it_reset_the_call_is_read_though_it_was_not_answered_yet() {
    if !has_rings() {
        return;
    }
    let arguments = ["serve", "print", "tcp://127.0.0.1:0", "--engine", "uring", "--workers", "1", "-v"];
    let mut server = Server::start(&arguments);
    server.running.signal(SIGSTOP);
    let mut ends = Vec::new();
    for number in 0..10 {
        let mut caller = call(&server);
        writeln!(caller, "line {number}").unwrap();
        ends.push(caller.local_addr().unwrap());
        rustix::net::sockopt::set_socket_linger(&caller, Some(Duration::ZERO)).unwrap();
    }
    server.running.signal(SIGCONT);
    for number in 0..10 {
        server.running.wait_for_text(&format!("line {number}\n"));
    }
    let ended = server.terminate();
    assert_eq!(ended.code(), 0);
    assert!(
        ends.iter().all(|end| ended.stderr.contains(&format!("tcp://{end}"))),
        "{ends:?}: {}",
        ended.stderr
    );
}

/// Their connections are the kernel's before the server hears that it is to end; it hears of both at once.
#[test]
fn a_drain_answers_everybody_whose_connection_is_established() {
    if !has_rings() {
        return;
    }
    let folder = Directory::new();
    let path = folder.file("socket");
    for _ in 0..10 {
        let server = echo("tcp://127.0.0.1:0", &["--workers", "1", "--drain", "20s"]);
        let at = server.address().to_owned();
        drains_with_callers(server, || call_at(&at), |caller| caller.shutdown(Shutdown::Write).unwrap());
        let server = echo(&format!("unix:{path}"), &["--workers", "2", "--drain", "20s"]);
        drains_with_callers(server, || call_unix(&path), |caller| caller.shutdown(Shutdown::Write).unwrap());
    }
}

fn drains_with_callers<C: Read + Write>(server: Server, dial: impl Fn() -> C, finish: impl Fn(&C)) {
    const CALLERS: usize = 300; // more than are answered at one turn
    exchange(dial(), b"before");
    server.running.signal(SIGSTOP);
    let mut callers: Vec<C> = (0..CALLERS).map(|_| dial()).collect();
    callers.iter_mut().for_each(|caller| caller.write_all(b"hello").unwrap());
    server.running.signal(SIGTERM);
    server.running.signal(SIGCONT);
    for caller in &mut callers {
        hear(&mut *caller, b"hello");
        finish(caller);
        assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap(), 0);
    }
    assert_eq!(server.running.finish().code(), 0);
}
