//! A child for each call: nothing leaks, and one dead child costs one call.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::Server;
use crate::support::peer::wait_until;
use crate::support::proc::{children, descriptors, sockets};
use crate::{address, call, echo, exchange, expect_end};

/// Calls made by the test of leaks, unless `SWB_TEST_CALLS` says otherwise.
const CALLS: usize = 2_000;

#[test]
fn thousands_of_calls_leave_no_zombie_and_no_descriptor() {
    let calls = std::env::var("SWB_TEST_CALLS").map_or(CALLS, |text| text.parse().unwrap());
    let say = ["serve", "say", "Hello, world!", "tcp://127.0.0.1:0", "--engine", "process"];
    let server = Server::start(&say);
    let address = address(&server);
    let be_greeted = || {
        let mut heard = Vec::new();
        TcpStream::connect(address).unwrap().read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"Hello, world!");
    };
    be_greeted(); // it has opened all that it needs for itself
    wait_until("the first child is reaped", || children(server.pid()).is_empty());
    let before = descriptors(server.pid());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..calls / 4).for_each(|_| be_greeted()));
        }
    });
    wait_until("every child is reaped", || children(server.pid()).is_empty());
    wait_until("no descriptor is left over", || descriptors(server.pid()) == before);
    let ended = server.terminate();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
}

#[test]
fn a_child_that_is_killed_costs_its_own_call_only_and_is_said() {
    let mut server = echo("process", &[]);
    let mut callers = [call(&server), call(&server), call(&server)];
    let mut served_by = Vec::new();
    for caller in &mut callers {
        exchange(caller, b"hello");
        let new = children(server.pid()).into_iter().find(|child| !served_by.contains(child));
        served_by.push(new.unwrap());
    }
    let victim = Pid::from_raw(served_by[1].cast_signed()).unwrap();
    kill_process(victim, Signal::KILL).unwrap();
    let line = server.running.wait_for_line("was killed");
    assert_eq!(line, format!("call 2: its child process {} was killed by signal 9", served_by[1]));
    let [first, second, third] = &mut callers;
    expect_end(second);
    exchange(first, b"still here");
    exchange(third, b"still here");
    exchange(&mut call(&server), b"and a newcomer");
    drop(callers);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn no_child_holds_the_listener_or_the_socket_of_another_caller() {
    let server = echo("process", &[]);
    let parents = sockets(server.pid());
    assert_eq!(parents.len(), 1, "the listener: {parents:?}");
    let mut callers: Vec<_> = (0..5).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"hello"));
    let children = children(server.pid());
    assert_eq!(children.len(), callers.len());
    let mut held = BTreeSet::new();
    for child in &children {
        let its = sockets(*child);
        assert_eq!(its.len(), 1, "child {child} holds {its:?}");
        assert!(!parents.contains(&its[0]), "child {child} holds the listener");
        assert!(held.insert(its[0].clone()), "{} is held by two children", its[0]);
        let pidfds = descriptors(*child).into_iter().filter(|link| link.contains("pidfd")).count();
        assert_eq!(pidfds, 0, "child {child} watches its siblings");
    }
}

#[test]
fn the_parent_holds_no_socket_of_a_caller() {
    let server = echo("process", &[]);
    let before = sockets(server.pid());
    let mut callers: Vec<_> = (0..5).map(|_| call(&server)).collect();
    callers.iter_mut().for_each(|caller| exchange(caller, b"hello"));
    // A child may answer before its parent has closed its own copy, which it does next.
    wait_until("the parent has closed them", || sockets(server.pid()) == before);
}

#[test]
fn two_long_calls_advance_together() {
    let reply = ["serve", "reply", "x", "--every", "20ms", "--times", "10", "tcp://127.0.0.1:0"];
    let server = Server::start(&[&reply[..], &["--engine", "process"]].concat());
    let mut callers = [call(&server), call(&server)];
    for caller in &mut callers {
        std::io::Write::write_all(caller, b"hello").unwrap();
    }
    // Each has to hear something before the other has heard all.
    let [one, two] = &mut callers;
    one.read_exact(&mut [0; 2]).unwrap();
    two.read_exact(&mut [0; 2]).unwrap();
    assert_eq!(children(server.pid()).len(), 2, "neither of them is through");
    for caller in &mut callers {
        let mut rest = Vec::new();
        caller.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, b"xxxxxxxx");
    }
}
