//! Taps: what passes on an address is recorded as packets that tshark reads, as raw bytes, and as a hexdump.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "layers/certificates.rs"]
#[allow(dead_code, reason = "the tests of layers use the rest")]
mod certificates;
#[path = "taps/files.rs"]
mod files;
#[path = "taps/hexdump.rs"]
mod hexdump;
#[path = "taps/messages.rs"]
mod messages;
#[path = "taps/record.rs"]
mod record;
mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use support::peer::installed;
use support::{PATIENCE, Server, run};

/// An echo at this address.
fn echo(address: &str, engine: &str) -> Server {
    Server::start(&["serve", "echo", address, "--engine", engine, "-v"])
}

/// What tshark prints of a capture: these fields of the packets that pass the filter, a line a packet.
fn tshark(capture: &str, filter: &str, fields: &[&str]) -> Vec<String> {
    let mut arguments = vec!["-n", "-r", capture, "-Y", filter, "-T", "fields"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", *field]));
    let printed = run(installed("tshark", &arguments), b"");
    assert_eq!(printed.code(), 0, "{printed:?}");
    printed.text().lines().map(str::to_owned).collect()
}

/// Warnings and errors of tshark, and what its analysis of TCP has to say; but a reset is worth a warning to it.
const UNSOUND: &str =
    "_ws.malformed || tcp.analysis.flags || _ws.expert.severity >= 0x600000 && !(tcp.flags.reset == 1)";

/// That tshark has nothing to object to in a capture: no bad checksum, nothing malformed, lost or out of order.
fn assert_sound(capture: &str) {
    let arguments = ["-n", "-r", capture, "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
    let further = ["-o", "ip.check_checksum:TRUE", "-Y", UNSOUND];
    let printed = run(installed("tshark", &[&arguments[..], &further].concat()), b"");
    assert_eq!((printed.code(), printed.text().as_str()), (0, ""), "{printed:?}");
}

/// The bytes that went one way in a capture of one connection.
fn stream(capture: &str, source_port: &str) -> Vec<u8> {
    let payloads = tshark(capture, &format!("tcp.srcport == {source_port} && tcp.len > 0"), &["tcp.payload"]);
    payloads.iter().flat_map(|payload| hexadecimal(payload)).collect()
}

fn hexadecimal(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A whole call over TCP: says this, and returns what came and our port.
fn call(port: &str, said: &[u8]) -> (Vec<u8>, String) {
    let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut speaker, speaking) = (socket.try_clone().unwrap(), said.to_vec());
    let speaker = std::thread::spawn(move || {
        speaker.write_all(&speaking).unwrap();
        speaker.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    socket.read_to_end(&mut heard).unwrap();
    speaker.join().unwrap();
    (heard, socket.local_addr().unwrap().port().to_string())
}
