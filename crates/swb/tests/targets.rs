//! Whom a relay calls, of several, and again: servers that are late, down, silent or killed, and callers who are held.
#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "targets/again.rs"]
mod again;
#[path = "targets/balance.rs"]
mod balance;
#[path = "targets/callers.rs"]
mod callers;
#[path = "targets/joined.rs"]
mod joined;
mod support;

use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec};
use support::by_hand::{expect_reset, expect_reset_at_once, patient};
use support::{PATIENCE, Server};

/// A relay at a port of its own, to these addresses.
fn relay(to: &[String], engine: &str, further: &[&str]) -> Server {
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    Server::start(&[&["relay", "tcp://127.0.0.1:0"], &to[..], &["--engine", engine, "-v"], further].concat())
}

fn call(server: &Server) -> TcpStream {
    patient(TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap())
}

fn answer(listener: &TcpListener) -> TcpStream {
    let mut asked = [PollFd::new(listener, PollFlags::IN)];
    let limit = Timespec::try_from(PATIENCE).unwrap();
    assert_eq!(rustix::event::poll(&mut asked, Some(&limit)), Ok(1), "nobody calls");
    patient(listener.accept().unwrap().0)
}

/// Somebody listens at a port at which nobody did.
fn listen(held: OwnedFd) -> TcpListener {
    rustix::net::listen(&held, 16).unwrap();
    TcpListener::from(held)
}

/// A listener, and its address with these options.
fn far(options: &str) -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}{options}", listener.local_addr().unwrap());
    (listener, address)
}
