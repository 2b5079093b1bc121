//! `connect`, `listen` and `ask`: when calls end, and that nothing is lost.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "callers/ask.rs"]
mod ask;
#[path = "callers/datagrams.rs"]
mod datagrams;
#[path = "callers/end_of_input.rs"]
mod end_of_input;
#[path = "callers/keep.rs"]
mod keep;
#[path = "callers/packed.rs"]
mod packed;
#[path = "callers/print.rs"]
mod print;
mod support;
#[path = "callers/terminal.rs"]
mod terminal;

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};

use support::PATIENCE;
use support::peer::uninterrupted;

/// A listener of the standard library's, and its address in our words.
fn tcp_listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    (listener, address)
}

/// The next caller, with whom no wait lasts longer than the test's patience.
fn answered(listener: &TcpListener) -> TcpStream {
    let (call, _) = listener.accept().unwrap();
    call.set_read_timeout(Some(PATIENCE)).unwrap();
    call
}

fn call(address: &str) -> TcpStream {
    let call = TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
    call.set_read_timeout(Some(PATIENCE)).unwrap();
    call
}

fn udp_socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn read_to_end(call: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    call.read_to_end(&mut all).unwrap();
    all
}

/// Whether the peer has finished, without waiting for it.
fn says_nothing_now(call: &TcpStream) -> bool {
    call.set_nonblocking(true).unwrap();
    let peeked = uninterrupted(|| call.peek(&mut [0]));
    call.set_nonblocking(false).unwrap();
    peeked.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}
