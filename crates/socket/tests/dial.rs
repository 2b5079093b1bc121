//! Many calls to one end: which are open at once, and which never are.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

mod common;

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;

use common::{address, call};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket::{Callee, Connected, Connection, Dialling, connect};

/// Waits for a call to be open, or not.
fn outcome(callee: &Callee) -> Result<Connection, io::Error> {
    match callee.dial() {
        Ok(Dialling::Connected(connection)) => Ok(connection),
        Ok(Dialling::Pending(pending)) => {
            let fd = pending.as_fd();
            let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
            let ready = poll(&mut [PollFd::new(&fd, PollFlags::OUT)], Some(&patience)).unwrap();
            assert_eq!(ready, 1, "neither open nor refused within ten seconds");
            pending.outcome().map_err(|attempt| attempt.error)
        }
        Err(attempt) => Err(attempt.error),
    }
}

#[test]
fn a_call_within_one_host_is_open_when_it_was_dialled() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(format!("tcp://{}", server.local_addr().unwrap()));
    let callee = Callee::again(&connect(&address).unwrap(), &address).unwrap().unwrap();
    for _ in 0..3 {
        let Ok(Dialling::Connected(connection)) = callee.dial() else { panic!("it would be waited for") };
        assert_eq!(connection.send(b"hello").unwrap(), 5);
    }
}

#[test]
fn whoever_has_gone_refuses_the_next_call() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = address(format!("tcp://{}", server.local_addr().unwrap()));
    let callee = Callee::again(&connect(&address).unwrap(), &address).unwrap().unwrap();
    drop(server);
    assert_eq!(outcome(&callee).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_call_that_reaches_itself_is_refused() {
    // Nobody listens, and the caller has the very port that it calls.
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let end = server.local_addr().unwrap();
    let connection = call(format!("tcp://{end}"));
    connection.reset_at_close(); // so that the port is free at once
    let reached =
        Connected { end: connection.peer_end().unwrap(), connection, notes: Vec::new(), failed: Vec::new() };
    let callee = Callee::again(&reached, &address(format!("tcp://{end}?bind={end}"))).unwrap().unwrap();
    drop((reached, server));
    assert_eq!(outcome(&callee).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
}
