//! Programs as ends of a call: started for it, told of it, ended with it, and never left behind.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "programs/called.rs"]
mod called;
#[path = "programs/handed_over.rs"]
mod handed_over;
#[path = "programs/joined.rs"]
mod joined;
mod support;

use std::io::Read;
use std::net::{SocketAddr, TcpStream};

use support::{PATIENCE, Server};

/// What a program sees of itself: that its descriptors are 0, 1 and 2, that no signal is blocked, and that SIGPIPE, of
/// all that could be ignored, is not. The shell's own glob opens the directory, which is closed by then.
const LOOKS_AT_ITSELF: &str = "sh:for fd in /proc/self/fd/*; do test -e /proc/$$/fd/${fd##*/} && echo fd ${fd##*/}; \
                               done; grep -E '^Sig(Blk|Ign)' /proc/self/status";

/// Whether it saw what it should.
fn is_as_it_should_be(seen: &str) -> bool {
    let fds: Vec<&str> = seen.lines().filter_map(|line| line.strip_prefix("fd ")).collect();
    let mask = |name: &str| {
        let line = seen.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    // Bit 12 is signal 13.
    fds == ["0", "1", "2"] && mask("SigBlk:") == 0 && mask("SigIgn:") & 1 << 12 == 0
}

fn address(server: &Server) -> SocketAddr {
    server.address().trim_start_matches("tcp://").parse().unwrap()
}

fn call(server: &Server) -> TcpStream {
    let socket = TcpStream::connect(address(server)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn read_all(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}
