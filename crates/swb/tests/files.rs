//! Files, named pipes, terminals and lines as ends of a call: what goes through them, when they end, what is left behind.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "files/fifos.rs"]
mod fifos;
#[path = "files/interfaces.rs"]
mod interfaces;
#[path = "files/programs.rs"]
mod programs;
#[path = "files/regular.rs"]
mod regular;
#[path = "files/serial.rs"]
mod serial;
mod support;
#[path = "files/terminals.rs"]
mod terminals;

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use support::{PATIENCE, Server};

fn relay(to: &str, engine: &str) -> Server {
    Server::start(&["relay", "tcp://127.0.0.1:0", to, "--engine", engine, "-v"])
}

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(server.address().trim_start_matches("tcp://")).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn read_all(mut from: impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// The other side of a terminal: open, and nobody's controlling terminal.
fn open_terminal(path: impl AsRef<Path>) -> File {
    use std::os::unix::fs::OpenOptionsExt as _;
    const O_NOCTTY: i32 = 0o400;
    OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open(path).unwrap()
}

/// Whether so many bytes come as they should.
fn comes(mut from: impl Read, wanted: &[u8]) -> bool {
    let mut bytes = vec![0; wanted.len()];
    from.read_exact(&mut bytes).unwrap();
    bytes == wanted
}

/// Both ways at once, byte for byte.
fn both_ways(
    near: impl Read + Write + Send,
    near_in: impl Read + Send,
    far: impl Write + Send,
    far_in: impl Read + Send,
) {
    const BYTES: usize = 16 * 1024 * 1024;
    let (there, back) = (&support::random_bytes(BYTES, 5), &support::random_bytes(BYTES, 7));
    let (mut near, mut far) = (near, far);
    std::thread::scope(|scope| {
        scope.spawn(move || near.write_all(there).unwrap());
        scope.spawn(move || far.write_all(back).unwrap());
        let came_back = scope.spawn(move || comes(near_in, back));
        assert!(comes(far_in, there), "what was sent there came otherwise");
        assert!(came_back.join().unwrap(), "what was sent back came otherwise");
    });
}
