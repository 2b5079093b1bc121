//! `swb relay`: what goes through it, how its two ends end, what it does when one of them is not there.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "relay/bulk.rs"]
mod bulk;
#[path = "relay/datagrams.rs"]
mod datagrams;
#[path = "relay/ends.rs"]
mod ends;
#[path = "relay/framed.rs"]
mod framed;
#[path = "relay/iperf3.rs"]
mod iperf3;
#[path = "relay/missing.rs"]
mod missing;
#[path = "relay/programs.rs"]
mod programs;
#[path = "relay/streams.rs"]
mod streams;
mod support;
#[path = "relay/unreachable.rs"]
mod unreachable;
#[path = "relay/unread.rs"]
mod unread;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use support::Server;
use support::by_hand::{far, patient};

/// A relay at a port of its own, to this address.
fn relay(to: &str, engine: &str, further: &[&str]) -> Server {
    relay_at("tcp://127.0.0.1:0", to, engine, further)
}

fn relay_at(from: &str, to: &str, engine: &str, further: &[&str]) -> Server {
    Server::start(&[&["relay", from, to, "--engine", engine, "-v"], further].concat())
}

fn address(server: &Server) -> SocketAddr {
    server.address().trim_start_matches("tcp://").parse().unwrap()
}

fn call(server: &Server) -> TcpStream {
    patient(TcpStream::connect(address(server)).unwrap())
}

fn answer(listener: &TcpListener) -> TcpStream {
    patient(listener.accept().unwrap().0)
}

fn read_exactly(from: &mut impl Read, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    from.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Says all of it beside whatever else is done.
fn say(mut to: impl Write + Send + 'static, bytes: Vec<u8>) -> JoinHandle<()> {
    std::thread::spawn(move || to.write_all(&bytes).unwrap())
}

/// Ends the call by a reset (RST).
fn reset(socket: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO)).unwrap();
}
