//! Who may call, how often, at what cost; and as whom the server runs. Against the built program.

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

#[path = "admission/another_user.rs"]
mod another_user;
#[path = "admission/costs.rs"]
mod costs;
#[path = "admission/datagrams.rs"]
mod datagrams;
#[path = "admission/peers.rs"]
mod peers;
#[path = "admission/rules.rs"]
mod rules;
mod support;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

use support::peer::uninterrupted;
use support::{PATIENCE, Server};

/// Two of this host's addresses, as if they were two hosts.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const THERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// `swb serve echo` on a port of its own.
fn echo(engine: &str, further: &[&str]) -> Server {
    let arguments = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine];
    Server::start(&[&arguments, further].concat())
}

fn address(server: &Server) -> SocketAddrV4 {
    server.address().split("//").last().unwrap().parse().unwrap()
}

/// A call from that address of ours.
fn call_from(from: Ipv4Addr, server: &Server) -> io::Result<TcpStream> {
    let caller = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&caller, &SocketAddrV4::new(from, 0))?;
    connect(&caller, &address(server))?;
    let caller = TcpStream::from(caller);
    caller.set_read_timeout(Some(PATIENCE))?;
    Ok(caller)
}

/// Says something and gets it back.
fn exchange(caller: &mut TcpStream, text: &[u8]) {
    caller.write_all(text).unwrap();
    let mut came = vec![0; text.len()];
    caller.read_exact(&mut came).unwrap();
    assert_eq!(came, text);
}

/// How many a line tells of: the number in it, or else one.
fn told_of(line: &str) -> u64 {
    line.split_whitespace().find_map(|word| word.parse().ok()).unwrap_or(1)
}

/// Calls, and is reset: nobody could take that for an empty answer.
fn expect_refusal(from: Ipv4Addr, server: &Server) {
    let refused = call_from(from, server).and_then(|mut caller| uninterrupted(|| caller.read(&mut [0])));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionReset);
}
