//! `serve print`: every line, and whose.

use std::io::Write;

use crate::support::Server;
use crate::{call, udp_socket};

#[test]
fn print_shows_all_of_several_lines_that_arrive_together() {
    let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0"]);
    call(server.address()).write_all(b"one\ntwo\nthree\nno end").unwrap();
    assert_eq!(server.running.wait_for_bytes(20), b"one\ntwo\nthree\nno end");
}

#[test]
fn under_iterative_the_lines_of_the_second_caller_follow_the_end_of_the_first() {
    let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0", "--engine", "iterative"]);
    let mut first = call(server.address());
    first.write_all(b"first 1\n").unwrap();
    server.running.wait_for_text("first 1\n");
    call(server.address()).write_all(b"second\n").unwrap(); // said, and hung up
    first.write_all(b"first 2\n").unwrap();
    server.running.wait_for_text("first 2\n");
    drop(first);
    assert_eq!(server.running.wait_for_text("second\n"), "first 1\nfirst 2\nsecond\n");
}

#[test]
fn print_changes_callers_only_at_the_end_of_a_line() {
    for engine in ["thread", "poll", "epoll", "uring"] {
        let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0", "--engine", engine]);
        let (mut first, mut second) = (call(server.address()), call(server.address()));
        for caller in [&mut first, &mut second] {
            caller.write_all(b"here\n").unwrap(); // so that print knows of both
        }
        server.running.wait_for_bytes(10);
        first.write_all(b"begun ").unwrap();
        second.write_all(b"whole\n").unwrap();
        assert_eq!(server.running.wait_for_text("whole"), "here\nhere\nwhole\n", "{engine}");
        first.write_all(b"and ended\n").unwrap();
        let printed = server.running.wait_for_text("ended");
        assert_eq!(printed, "here\nhere\nwhole\nbegun and ended\n", "{engine}");
    }
}

#[test]
fn with_prefix_each_line_begins_with_its_caller() {
    let mut server = Server::start(&["serve", "print", "--prefix", "tcp://127.0.0.1:0"]);
    let mut caller = call(server.address());
    let me = format!("tcp://{}", caller.local_addr().unwrap());
    caller.write_all(b"one\ntwo\nno end").unwrap();
    drop(caller);
    let printed = server.running.wait_for_text("no end\n");
    assert_eq!(printed, format!("{me}: one\n{me}: two\n{me}: no end\n"));
}

#[test]
fn print_puts_each_datagram_on_a_line_of_its_own() {
    let mut server = Server::start(&["serve", "print", "udp://127.0.0.1:0"]);
    let caller = udp_socket();
    for message in ["one", "two\n", "three"] {
        caller.send_to(message.as_bytes(), server.address().trim_start_matches("udp://")).unwrap();
        server.running.wait_for_text(&format!("{}\n", message.trim_end()));
    }
    assert_eq!(server.running.wait_for_bytes(14), b"one\ntwo\nthree\n");
}
