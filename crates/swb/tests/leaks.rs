//! Ten thousand relayed calls that end in every way leave nothing behind: no descriptor, no child, no pipe, no memory.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use support::Server;
use support::by_hand::patient;
use support::peer::{refusing_tcp_port, wait_until};
use support::proc::{children, descriptors, resident_bytes};

/// Tests of this name, one for each of these engines, with so many calls.
macro_rules! under {
    ($test:ident: $($engine:ident $calls:literal)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine), $calls); })*
        }
    };
}

under! { calls_that_end_in_every_way_leave_nothing: iterative 400 process 400 thread 800 poll 800 epoll 10_000 uring 10_000 }

/// A way for a call to end.
struct Way {
    /// Of ten thousand calls.
    share: usize,
    /// Where callers call, and what for them is called; `FAR` is a listener that does as it is told.
    from: &'static str,
    to: &'static str,
    further: &'static [&'static str],
    /// What the caller does.
    calls: fn(TcpStream),
    /// How many of them at a time.
    at_once: usize,
}

const TCP: &str = "tcp://127.0.0.1:0";

#[rustfmt::skip]
const WAYS: &[Way] = &[
    Way { share: 2_000, from: TCP, to: "FAR", further: &[], calls: caller_finishes_first, at_once: 4 },
    Way { share: 1_900, from: TCP, to: "FAR", further: &[], calls: far_end_finishes_first, at_once: 4 },
    Way { share: 1_900, from: TCP, to: "FAR", further: &[], calls: caller_resets, at_once: 4 },
    Way { share: 1_800, from: TCP, to: "FAR", further: &[], calls: far_end_resets, at_once: 4 },
    Way { share: 1_000, from: TCP, to: "REFUSED", further: &[], calls: hears_to_the_end, at_once: 4 },
    Way { share: 500, from: TCP, to: "FAR", further: &["--max-bytes-per-call", "1KiB"], calls: says_too_much, at_once: 4 },
    Way { share: 300, from: TCP, to: "FAR", further: &["--idle-timeout", "20ms"], calls: is_silent, at_once: 16 },
    Way { share: 300, from: "tls://127.0.0.1:0", to: "FAR", further: &[], calls: breaks_its_handshake_off, at_once: 4 },
    Way { share: 150, from: TCP, to: "exec:true", further: &[], calls: hears_to_the_end, at_once: 4 },
    Way { share: 150, from: TCP, to: "sh:kill -9 $$", further: &[], calls: hears_to_the_end, at_once: 4 },
];

fn caller_finishes_first(mut caller: TcpStream) {
    // Now and then so much that it goes through pipes.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let more = if COUNT.fetch_add(1, Ordering::Relaxed).is_multiple_of(16) { 300_000 } else { 10 };
    caller.write_all(&vec![b'f'; more]).unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    hears_to_the_end(caller);
}

fn far_end_finishes_first(mut caller: TcpStream) {
    caller.write_all(b"s").unwrap();
    hears_to_the_end(caller);
}

fn caller_resets(mut caller: TcpStream) {
    caller.write_all(b"c").unwrap();
    caller.read_exact(&mut [0]).unwrap();
    resets(&caller);
}

fn far_end_resets(mut caller: TcpStream) {
    caller.write_all(b"r").unwrap();
    hears_to_the_end(caller);
}

fn says_too_much(mut caller: TcpStream) {
    let _ = caller.write_all(&[b'l'; 4_000]);
    hears_to_the_end(caller);
}

fn is_silent(mut caller: TcpStream) {
    caller.write_all(b"i").unwrap();
    hears_to_the_end(caller);
}

fn breaks_its_handshake_off(mut caller: TcpStream) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    match COUNT.fetch_add(1, Ordering::Relaxed) % 3 {
        0 => caller.write_all(b"\x16\x03\x01\x02").unwrap(), // half a record, then the end
        1 => return resets(&caller),
        _ => caller.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap(),
    }
    caller.shutdown(Shutdown::Write).unwrap();
    hears_to_the_end(caller);
}

/// Until the end, or the reset, which is one as well.
fn hears_to_the_end(mut caller: TcpStream) {
    let _ = caller.read_to_end(&mut Vec::new());
}

fn resets(socket: &TcpStream) {
    rustix::net::sockopt::set_socket_linger(socket, Some(Duration::ZERO)).unwrap();
}

/// Does as the first byte of each call says.
fn far_end() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for call in listener.incoming() {
            std::thread::spawn(move || {
                let mut call = patient(call.unwrap());
                let mut first = [0];
                if call.read_exact(&mut first).is_err() {
                    return;
                }
                match &first {
                    b"s" => drop(call.write_all(&[7; 100])),
                    b"r" => resets(&call),
                    b"c" => {
                        let _ = call.write_all(b"c");
                        hears_to_the_end(call);
                    }
                    _ => hears_to_the_end(call),
                }
            });
        }
    });
    address
}

/// So many calls, some at a time.
fn make(way: &Way, server: Server, calls: usize) -> Server {
    let at = format!("127.0.0.1:{}", server.port());
    let left = AtomicUsize::new(calls);
    let one_more = |left: usize| left.checked_sub(1);
    let refused = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..way.at_once {
            scope.spawn(|| {
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok() {
                    match TcpStream::connect(&at) {
                        Ok(caller) => (way.calls)(patient(caller)),
                        Err(error) => return refused.lock().unwrap().push(error),
                    }
                }
            });
        }
    });
    let refused = refused.into_inner().unwrap();
    assert!(refused.is_empty(), "{refused:?}: {:?}", server.running.finish());
    server
}

/// What a relay holds.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    sockets: usize,
    pipes: usize,
    others: usize,
    children: usize,
}

impl Held {
    fn by(server: &Server) -> Held {
        let all = descriptors(server.pid());
        let count = |kind: &str| all.iter().filter(|link| link.starts_with(kind)).count();
        let (sockets, pipes) = (count("socket:"), count("pipe:"));
        let others = all.len() - sockets - pipes;
        Held { sockets, pipes, others, children: children(server.pid()).len() }
    }

    /// Whether it is no more than this, but for the pipes that are kept.
    fn is_within(&self, most: &Held) -> bool {
        self.sockets == most.sockets
            && self.pipes <= most.pipes + PIPES_KEPT
            && self.others <= most.others + WORKERS // what wakes a worker is made when it first has to be woken
            && self.children == most.children
    }
}

/// Of empty pipes a worker keeps a few for the next calls, each with two descriptors.
const PIPES_KEPT: usize = 4 * 2 * WORKERS;
const WORKERS: usize = 2;

/// Memory that may come and stay between one half of the calls and the other.
const GROWTH_MAX: u64 = 3 << 20;

fn calls_that_end_in_every_way_leave_nothing(engine: &str, calls: usize) {
    let far = format!("tcp://{}", far_end());
    let (_held, port) = refusing_tcp_port();
    for (number, way) in WAYS.iter().enumerate() {
        let to = way.to.replace("FAR", &far).replace("REFUSED", &format!("tcp://127.0.0.1:{port}"));
        let relay = ["relay", way.from, &to, "--engine", engine, "--workers", "2"];
        let server = Server::start(&[&relay, way.further].concat());
        let fresh = Held::by(&server);
        let count = (way.share * calls / 10_000).max(4);
        let server = make(way, server, 8.min(count)); // what is made on first use is made
        wait_until("the first are over", || {
            let now = Held::by(&server);
            (now.sockets, now.children) == (fresh.sockets, fresh.children)
        });
        let before = Held::by(&server);
        let settle = |server: &Server| {
            wait_until(&format!("nothing is left of way {number} under {engine}"), || {
                Held::by(server).is_within(&before)
            });
        };
        let server = make(way, server, count / 2);
        settle(&server);
        let memory = resident_bytes(server.pid());
        let server = make(way, server, count / 2);
        settle(&server);
        let grown = resident_bytes(server.pid()).saturating_sub(memory);
        assert!(grown <= GROWTH_MAX, "way {number} under {engine}: {grown} bytes more after {count} calls");
        assert_eq!(server.terminate().code(), 0, "way {number} under {engine}");
    }
}

#[test]
fn what_is_cut_off_at_the_end_of_a_drain_leaves_no_program() {
    for engine in ["iterative", "process", "thread", "poll", "epoll", "uring"] {
        let relay = ["relay", TCP, "exec:cat", "--engine", engine, "--drain", "50ms"];
        let server = Server::start(&relay);
        let count = if engine == "iterative" { 1 } else { 10 };
        let mut callers: Vec<TcpStream> = (0..count)
            .map(|_| patient(TcpStream::connect(format!("127.0.0.1:{}", server.port())).unwrap()))
            .collect();
        for caller in &mut callers {
            caller.write_all(b"x").unwrap();
            caller.read_exact(&mut [0]).unwrap();
        }
        let mut programs = children(server.pid());
        programs.extend(programs.clone().into_iter().flat_map(children));
        assert!(programs.len() >= count, "under {engine}");
        let ended = server.terminate();
        assert_eq!(ended.code(), 5, "under {engine}: {}", ended.stderr);
        wait_until("the programs are gone", || {
            programs.iter().all(|program| descriptors(*program).is_empty())
        });
    }
}
