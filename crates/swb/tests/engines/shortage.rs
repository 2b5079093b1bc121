//! Out of descriptors or processes: the server neither ends nor spins, and serves again as they come free.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::support::peer::{installed, wait_until};
use crate::support::proc::{children, ticks_at_rest};
use crate::support::{Directory, Server};
use crate::{call, exchange, has_something};

/// Callers at once: several times as many as there is room for.
const CALLERS: usize = 500;

/// How long its processor time is looked at while it is short of something.
const LOOK: Duration = Duration::from_secs(1);

/// Processor time that it may use in [`LOOK`], in ticks of 10 ms: 5 in 100.
const LOOK_TICKS_MAX: u64 = 5;

under! { a_server_without_descriptors_waits_and_answers_as_they_come_free: thread poll epoll uring }

fn a_server_without_descriptors_waits_and_answers_as_they_come_free(engine: &str) {
    let mut server = with_few_descriptors(engine, "--max-calls 1000");
    let mut waiting = callers(&server);
    let line = server.running.wait_for_line("answering pauses");
    assert!(line.contains("Too many open files"), "{line}");
    does_not_spin(&server);
    let (mut answered, mut heard) = (0, Vec::new());
    wait_until("every caller is answered", || {
        heard.extend(waiting.extract_if(.., |caller| has_something(caller)));
        for mut caller in heard.drain(..) {
            crate::expect(&mut caller, b"hello");
            answered += 1;
        }
        waiting.is_empty()
    });
    assert_eq!(answered, CALLERS);
    exchange(&mut call(&server), b"all is well again");
    let ended = server.terminate();
    assert_eq!(ended.code(), 0, "{ended:?}");
    let said = ended.stderr.lines().filter(|line| line.contains("answering pauses")).count();
    assert!(said < 60, "it is said once until a call was answered again, but was said {said} times");
}

/// One call at a time needs one descriptor at a time: it is the callers who wait.
#[test]
fn an_iterative_server_with_few_descriptors_answers_each_of_a_crowd_in_its_turn() {
    let mut server = with_few_descriptors("iterative", "-v");
    let callers = callers(&server);
    server.running.wait_for_line("call 1: ");
    does_not_spin(&server);
    for mut caller in callers {
        crate::expect(&mut caller, b"hello");
    }
    exchange(&mut call(&server), b"all is well again");
    assert_eq!(server.terminate().code(), 0);
}

/// Each child costs the parent a descriptor to watch it by, where there is one.
#[test]
fn a_forking_server_without_descriptors_answers_and_reaps_all_the_same() {
    let server = with_few_descriptors("process", "--max-calls 1000");
    let mut callers = callers(&server);
    callers.iter_mut().for_each(|caller| crate::expect(caller, b"hello"));
    does_not_spin(&server);
    drop(callers);
    wait_until("every child is reaped", || children(server.pid()).is_empty());
    exchange(&mut call(&server), b"all is well again");
    let ended = server.terminate();
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn with_few_descriptors_the_default_limit_of_calls_still_answers_several_at_once() {
    let server = with_few_descriptors("epoll", "");
    let mut callers: Vec<_> = (0..8).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"hello"));
}

/// Where the limit of calls is above that of descriptors, it is the descriptors that run out.
fn with_few_descriptors(engine: &str, options: &str) -> Server {
    let program = env!("CARGO_BIN_EXE_swb");
    let serve = format!("{program} serve echo tcp://127.0.0.1:0 --engine {engine} --backlog 512 {options}");
    Server::of(&mut installed("sh", &["-c", &format!("ulimit -n 64; exec {serve}")]), 1)
}

under! { a_server_without_processes_waits_and_answers_as_they_come_free: process thread }

fn a_server_without_processes_waits_and_answers_as_they_come_free(engine: &str) {
    if !rustix::process::geteuid().is_root() {
        // The limit holds for all processes of a user together: it needs a user who has no others.
        return println!("not checked: only root can start a server as another user (setpriv)");
    }
    let directory = Directory::new();
    // The build folder may be closed to others.
    let program = directory.file("swb");
    std::fs::copy(env!("CARGO_BIN_EXE_swb"), &program).unwrap();
    for path in [directory.path(), program.as_ref()] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    // Users that nobody is, one an engine: the tests run side by side.
    let user = if engine == "process" { 64_001 } else { 64_002 };
    let (user, group) = (format!("--reuid={user}"), format!("--regid={user}"));
    let as_user = ["--nproc=20", "setpriv", &user, &group, "--clear-groups"];
    let serve = [&program, "serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "--backlog", "512"];
    let mut server = Server::of(&mut installed("prlimit", &[&as_user[..], &serve].concat()), 1);
    let mut waiting = callers(&server);
    let line = server.running.wait_for_line("answering pauses");
    let call_that_failed = if engine == "process" { "fork(2): " } else { "clone(2): " };
    assert!(line.contains(call_that_failed) && line.contains("Resource temporarily unavailable"), "{line}");
    does_not_spin(&server);
    let (mut answered, mut turned_away, mut heard) = (0, 0, Vec::new());
    wait_until("every caller is answered", || {
        heard.extend(waiting.extract_if(.., |caller| has_something(caller)));
        for mut caller in heard.drain(..) {
            match std::io::Read::read(&mut caller, &mut [0; 16]) {
                Ok(5) => answered += 1,
                Ok(_) | Err(_) => turned_away += 1,
            }
        }
        waiting.is_empty()
    });
    assert_eq!((answered, turned_away), (CALLERS, 0), "answered and turned away");
    exchange(&mut call(&server), b"all is well again");
    assert_eq!(server.terminate().code(), 0);
}

/// Many callers who have all said hello.
fn callers(server: &Server) -> Vec<TcpStream> {
    let greet = |_| {
        let mut caller = call(server);
        caller.write_all(b"hello").unwrap();
        caller
    };
    (0..CALLERS).map(greet).collect()
}

fn does_not_spin(server: &Server) {
    let used = ticks_at_rest(server.pid(), LOOK);
    assert!(used <= LOOK_TICKS_MAX, "it used {used} ticks of 10 ms in {LOOK:?} while it could do nothing");
}
