//! What the engines promise beyond the service: fairness, limits, drains, shortages, and no leak.
//!
//! `SWB_TEST_CALLS` sets how many calls the process engine's test of leaks makes (default 2,000).

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]
#![allow(clippy::print_stdout, reason = "a test that cannot be made here says why")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "engines/crowd.rs"]
mod crowd;
#[path = "engines/drain.rs"]
mod drain;
#[path = "engines/iterative.rs"]
mod iterative;
#[path = "engines/limits.rs"]
mod limits;
#[path = "engines/process.rs"]
mod process;
#[path = "engines/shortage.rs"]
mod shortage;
mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use support::peer::uninterrupted;
use support::{PATIENCE, Server};

/// "At once", on a machine that has other things to do as well.
const PROMPT: Duration = Duration::from_secs(5);

/// `swb serve echo` on a port of its own.
fn echo(engine: &str, further: &[&str]) -> Server {
    let arguments = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine];
    Server::start(&[&arguments, further].concat())
}

fn address(server: &Server) -> SocketAddr {
    server.address().trim_start_matches("tcp://").parse().unwrap()
}

/// A caller who is connected; by the kernel, that is: whether it is answered shows when it speaks.
fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(address(server)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Says something and gets it back.
fn exchange(caller: &mut TcpStream, text: &[u8]) {
    caller.write_all(text).unwrap();
    expect(caller, text);
}

fn expect(caller: &mut TcpStream, text: &[u8]) {
    let mut came = vec![0; text.len()];
    caller
        .read_exact(&mut came)
        .unwrap_or_else(|error| panic!("{:?}: {error}", String::from_utf8_lossy(text)));
    assert_eq!(String::from_utf8_lossy(&came), String::from_utf8_lossy(text));
}

/// Whether something lies here to be read: an answer, or the end. Takes nothing of it.
fn has_something(caller: &TcpStream) -> bool {
    caller.set_nonblocking(true).unwrap();
    let peeked = uninterrupted(|| caller.peek(&mut [0]));
    caller.set_nonblocking(false).unwrap();
    !matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Ends the call by a reset (RST), as a caller's crash does.
fn reset(caller: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&caller, Some(Duration::ZERO)).unwrap();
}

/// Waits for the end of the call, whether in order or by a reset.
fn expect_end(caller: &mut TcpStream) {
    match caller.read_to_end(&mut Vec::new()) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}"),
    }
}
