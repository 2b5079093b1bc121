//! Watching a run: what is logged, how and where, and how other programs learn that it is ready.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "watching/activation.rs"]
mod activation;
#[path = "watching/hostile.rs"]
mod hostile;
#[path = "watching/log_file.rs"]
mod log_file;
#[path = "watching/messages.rs"]
mod messages;
#[path = "watching/open_calls.rs"]
mod open_calls;
#[path = "watching/ready.rs"]
mod ready;
mod support;
#[path = "watching/syslog.rs"]
mod syslog;

use std::io::{Read, Write};
use std::net::TcpStream;

use support::{PATIENCE, Running, swb};

const SIGHUP: i32 = 1;
const SIGUSR1: i32 = 10;
const SIGTERM: i32 = 15;

fn call(address: &str) -> TcpStream {
    let call = TcpStream::connect(address.trim_start_matches("tcp://")).unwrap();
    call.set_read_timeout(Some(PATIENCE)).unwrap();
    call
}

/// Says something and gets it back.
fn exchange(caller: &mut TcpStream, text: &[u8]) {
    caller.write_all(text).unwrap();
    let mut came = vec![0; text.len()];
    caller.read_exact(&mut came).unwrap();
    assert_eq!(came, text);
}

/// One whole call of five bytes.
fn call_once(address: &str) {
    let mut caller = call(address);
    exchange(&mut caller, b"hello");
    caller.shutdown(std::net::Shutdown::Write).unwrap();
    caller.read_to_end(&mut Vec::new()).unwrap();
}

/// An echo server that says where it listens on its standard output only, and that address.
fn quiet_echo(further: &[&str]) -> (Running, String) {
    let arguments = ["serve", "echo", "tcp://127.0.0.1:0", "--ready-fd", "1"];
    let mut running = Running::start(&mut swb(&[&arguments, further].concat()));
    let address = running.wait_for_text("\n").trim().to_owned();
    (running, address)
}

/// The value of a member of a JSON object whose values hold no comma.
fn member<'a>(object: &'a str, name: &str) -> &'a str {
    assert!(object.starts_with('{') && object.ends_with('}'), "{object}");
    let (_, rest) = object.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("{name}: {object}"));
    rest.split([',', '}']).next().unwrap().trim_matches('"')
}
