//! Layers on a program that runs at a terminal: `tls+exec:COMMAND?pty&raw`.

use std::io::{Read, Write};
use std::net::Shutdown;

use crate::support::peer::installed;
use crate::support::{Server, random_bytes, run_swb};
use crate::{call, read_all};

under! { bytes_go_both_ways_through_tls_on_a_programs_terminal: iterative process thread poll epoll uring }

/// An echo behind TLS, and the address that calls it by a program at a terminal.
fn echo_behind_a_program() -> (Server, String) {
    drop(installed("socat", &[])); // says which package it is in, where it is not there
    let mut behind = Server::start(&["serve", "echo", "tls://127.0.0.1:0"]);
    let pin = behind.running.wait_for_line("?pin=").rsplit('?').next().unwrap().to_owned();
    // It sees records of TLS, of which a terminal that is not raw would make something else.
    let program = format!("tls+exec:socat - TCP:127.0.0.1:{}?pty&raw&{pin}", behind.port());
    (behind, program)
}

#[test]
fn a_program_that_ends_because_its_terminal_is_closed_has_not_failed() {
    let (_behind, program) = echo_behind_a_program();
    let said = random_bytes(200_000, 18);
    let caller = run_swb(&["connect", &program], &said);
    assert!(caller.code() == 0 && caller.stdout == said, "{}: {}", caller.code(), caller.stderr);
}

fn bytes_go_both_ways_through_tls_on_a_programs_terminal(engine: &str) {
    let (_behind, program) = echo_behind_a_program();
    let server = Server::start(&["relay", "tcp://127.0.0.1:0", &program, "--engine", engine, "-v"]);
    let bytes = random_bytes(4 * 1024 * 1024, 17);
    for _ in 0..2 {
        let caller = call(&server);
        std::thread::scope(|scope| {
            scope.spawn(|| (&caller).write_all(&bytes).unwrap());
            let mut heard = vec![0; bytes.len()];
            (&caller).read_exact(&mut heard).unwrap();
            assert!(heard == bytes, "other bytes came back");
        });
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&caller), b"", "the end goes through");
    }
    assert_eq!(server.terminate().code(), 0);
}
