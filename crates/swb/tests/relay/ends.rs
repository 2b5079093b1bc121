//! How calls end: a reset is passed on as a reset behind what was said; no end leaves anything behind.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::proc::{children, descriptors, threads};
use crate::support::{Server, random_bytes};
use crate::{answer, call, far, read_exactly, relay, reset};

under! { a_reset_by_the_caller_reaches_the_other_end_behind_what_was_said: iterative process thread poll epoll uring }
under! { a_reset_by_the_other_end_reaches_the_caller_behind_what_was_answered: iterative process thread poll epoll uring }
under! { two_thousand_calls_that_end_in_every_way_leave_nothing: thread poll epoll uring }
under! { two_hundred_children_that_end_in_every_way_leave_nothing: process }

fn a_reset_by_the_caller_reaches_the_other_end_behind_what_was_said(engine: &str) {
    let (listener, address) = far();
    let mut relay = relay(&address, engine, &[]);
    let mut caller = call(&relay);
    let said = random_bytes(100_000, 1);
    caller.write_all(&said).unwrap();
    let mut other = answer(&listener);
    // The relay has everything once the first half is through and the rest is on its way.
    assert!(read_exactly(&mut other, said.len()) == said);
    caller.write_all(b"the last word").unwrap();
    assert_eq!(read_exactly(&mut other, 13), b"the last word");
    let peer = caller.local_addr().unwrap();
    reset(caller);
    assert_eq!(uninterrupted(|| other.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    relay
        .running
        .wait_for_line(&format!("tcp://{peer} to {address}: reset by the peer (tcp://{peer}); 100013 "));
}

fn a_reset_by_the_other_end_reaches_the_caller_behind_what_was_answered(engine: &str) {
    let (listener, address) = far();
    let mut relay = relay(&address, engine, &[]);
    let mut caller = call(&relay);
    let mut other = answer(&listener);
    let answered = random_bytes(100_000, 2);
    other.write_all(&answered).unwrap();
    assert!(read_exactly(&mut caller, 50_000) == answered[..50_000]);
    // What the relay holds is still delivered: it has received all once the other end's queue is empty.
    wait_until("the answer is with the relay", || queued(&other) == 0);
    reset(other);
    assert!(read_exactly(&mut caller, 50_000) == answered[50_000..]);
    assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    relay
        .running
        .wait_for_line(&format!(" to {address}: reset by the peer ({address}); 0 bytes in, 100000 "));
}

/// Bytes that the other side has not acknowledged.
fn queued(socket: &std::net::TcpStream) -> u64 {
    let ports = [socket.local_addr().unwrap().port(), socket.peer_addr().unwrap().port()];
    let [source, destination] = ports.map(|port| format!("{port}"));
    let filter = ["sport", "=", &source, "and", "dport", "=", &destination];
    let shown = crate::support::peer::installed("ss", &[&["-Htn"][..], &filter].concat()).output().unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    shown.split_whitespace().nth(2).and_then(|word| word.parse().ok()).unwrap_or(0)
}

fn two_thousand_calls_that_end_in_every_way_leave_nothing(engine: &str) {
    leaves_nothing(engine, 2_000);
}

fn two_hundred_children_that_end_in_every_way_leave_nothing(engine: &str) {
    leaves_nothing(engine, 200);
}

fn leaves_nothing(engine: &str, calls: usize) {
    let (listener, address) = far();
    let relay = Server::start(&["relay", "tcp://127.0.0.1:0", &address, "--engine", engine]);
    end_in_way(&relay, &listener, 0); // what is made once is made now
    let settled = || descriptors(relay.pid()).into_iter().filter(|link| !link.starts_with("anon_inode"));
    wait_until("the first call is over", || {
        settled().filter(|link| link.starts_with("socket:")).count() == listeners(engine)
    });
    let before = settled().count();
    for way in 0..calls {
        end_in_way(&relay, &listener, way);
    }
    wait_until("all calls are over", || settled().count() == before && children(relay.pid()).is_empty());
    assert!(threads(relay.pid()) < 40, "{} threads are left", threads(relay.pid()));
    assert_eq!(relay.terminate().code(), 0);
}

/// Sockets of a relay that has no calls: a listener a worker.
fn listeners(engine: &str) -> usize {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    if engine == "epoll" || engine == "uring" { workers } else { 1 }
}

fn end_in_way(relay: &Server, listener: &TcpListener, way: usize) {
    let mut caller = call(relay);
    let mut other = answer(listener);
    if way % 2 == 1 {
        caller.write_all(b"hello").unwrap();
        assert_eq!(read_exactly(&mut other, 5), b"hello");
    }
    match way % 7 {
        0 => drop((caller, other)),
        1 => {
            reset(caller);
            let _ = uninterrupted(|| other.read(&mut [0]));
        }
        2 => {
            reset(other);
            let _ = uninterrupted(|| caller.read(&mut [0]));
        }
        3 => {
            reset(other);
            reset(caller);
        }
        4 => {
            caller.shutdown(Shutdown::Write).unwrap();
            assert_eq!(uninterrupted(|| other.read(&mut [0])).unwrap(), 0);
            reset(other);
            let _ = uninterrupted(|| caller.read(&mut [0]));
        }
        5 => {
            other.write_all(&[b'x'; 10_000]).unwrap();
            drop(caller); // before it has read that
            let _ = uninterrupted(|| other.read(&mut [0]));
        }
        _ => {
            other.shutdown(Shutdown::Write).unwrap();
            assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap(), 0);
            drop(caller);
            let _ = uninterrupted(|| other.read(&mut [0]));
        }
    }
}
