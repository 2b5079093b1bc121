//! Many callers who hold the line: what they cost in threads and memory.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::peer::wait_until;
use crate::support::proc::{children, resident_bytes, sockets, threads};
use crate::{call, echo, exchange, expect};

const CALLERS: usize = 10_000;

/// The longest that an idle caller may wait for its answer once it speaks.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);

/// What one idle caller may cost of the server's own memory.
const BYTES_A_CALLER: u64 = 2 * 1024;

#[test]
fn ten_thousand_idle_callers_cost_little_and_are_answered_when_they_speak() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).unwrap();
    if maximum.is_some_and(|most| most < CALLERS as u64 + 1_000) {
        return println!("not checked: a process may have {maximum:?} descriptors here (ulimit -Hn)");
    }
    let server = echo("epoll", &["--backlog", "4096"]);
    (0..10).for_each(|_| exchange(&mut call(&server), b"warm"));
    let (memory_before, sockets_before) = (resident_bytes(server.pid()), sockets(server.pid()).len());

    let mut callers: Vec<TcpStream> = (0..CALLERS).map(|_| call(&server)).collect();
    wait_until("all are answered", || sockets(server.pid()).len() >= sockets_before + CALLERS - 10);
    is_small(resident_bytes(server.pid()), memory_before, "before anyone spoke");

    let mut longest = Duration::ZERO;
    for caller in &mut callers {
        let began = Instant::now();
        exchange(caller, b"I am still here");
        longest = longest.max(began.elapsed());
    }
    assert!(longest < ANSWERED_WITHIN, "one waited {longest:?}");

    callers.iter_mut().for_each(|caller| caller.write_all(b"all at once").unwrap());
    callers.iter_mut().for_each(|caller| expect(caller, b"all at once"));
    is_small(resident_bytes(server.pid()), memory_before, "after everyone spoke");

    drop(callers);
    wait_until("all are gone", || sockets(server.pid()).len() <= sockets_before);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn an_engine_has_as_many_threads_and_children_as_its_name_says() {
    const CALLERS: usize = 50;
    let rows = [("poll", 1, 0), ("epoll", 3, 0), ("thread", 1 + CALLERS, 0), ("process", 1, CALLERS)];
    for (engine, threads_wanted, children_wanted) in rows {
        let server = echo(engine, &["--workers", "3"]);
        let mut callers: Vec<TcpStream> = (0..CALLERS).map(|_| call(&server)).collect();
        callers.iter_mut().for_each(|caller| exchange(caller, b"hello"));
        let has = (threads(server.pid()), children(server.pid()).len());
        assert_eq!(has, (threads_wanted, children_wanted), "{engine}: threads and children");
    }
}

#[test]
fn five_hundred_callers_are_served_by_the_one_thread_of_poll() {
    let server = echo("poll", &[]);
    let mut callers: Vec<TcpStream> = (0..500).map(|_| call(&server)).collect();
    for _ in 0..3 {
        callers.iter_mut().for_each(|caller| caller.write_all(b"all at once").unwrap());
        callers.iter_mut().for_each(|caller| expect(caller, b"all at once"));
    }
    assert_eq!(threads(server.pid()), 1);
}

fn is_small(now: u64, before: u64, when: &str) {
    let each = now.saturating_sub(before) / CALLERS as u64;
    assert!(each < BYTES_A_CALLER, "an idle caller costs {each} bytes {when}");
}
