//! Programs that others wrote at either end.

use crate::support::peer::{nc_at, nc_to, ncat_to, ready, socat_at, socat_to};
use crate::support::{Running, Server, random_bytes, run};
use crate::{relay, relay_at};

const BYTES: usize = 2_000_000;

#[test]
fn programs_call_a_service_through_a_relay() {
    let echo = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let server = relay(echo.address(), "epoll", &[]);
    let said = random_bytes(BYTES, 1);
    for caller in [nc_to(server.address()), ncat_to(server.address()), socat_to(server.address())] {
        let name = format!("{caller:?}");
        let ended = run(caller, &said);
        assert!(ended.stdout == said, "{name}: {} of {BYTES} bytes: {}", ended.stdout.len(), ended.stderr);
    }
}

#[test]
fn programs_are_called_through_a_relay() {
    let mut other = Running::start(&mut nc_at("tcp://127.0.0.1:0"));
    other.close_input();
    let address = ready(&other, "tcp://127.0.0.1:0");
    let server = relay(&address, "uring", &[]);
    let said = random_bytes(BYTES, 2);
    let ended = run(nc_to(server.address()), &said);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(other.finish().stdout == said);
}

#[test]
fn a_program_behind_socat_answers_through_two_relays() {
    let mut other = socat_at("tcp://127.0.0.1:0", "EXEC:cat");
    let other = Running::start(&mut other);
    let address = ready(&other, "tcp://127.0.0.1:0");
    let inner = relay_at("unix:@swb-relay-inner", &address, "epoll", &[]);
    let outer = relay(inner.address(), "uring", &[]);
    let said = random_bytes(BYTES, 3);
    let ended = run(socat_to(outer.address()), &said);
    assert!(ended.stdout == said, "{} of {BYTES} bytes: {}", ended.stdout.len(), ended.stderr);
    drop(other);
}

#[test]
fn datagrams_of_ncat_reach_a_service_and_its_answers_ncat() {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let server = relay_at("udp://127.0.0.1:0", echo.address(), "epoll", &[]);
    let mut caller = Running::start(&mut ncat_to(server.address()));
    caller.write(b"hello\n");
    assert_eq!(caller.wait_for_bytes(6), b"hello\n");
}
