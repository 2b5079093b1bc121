//! One call after the other, in the order in which they came.

use std::io::Write;
use std::net::Shutdown;

use crate::support::Server;
use crate::{call, echo, exchange, expect, expect_end, has_something, reset};

#[test]
fn the_second_caller_waits_until_the_first_has_ended_and_callers_are_answered_in_order() {
    let server = echo("iterative", &[]);
    let mut callers: Vec<_> = (0..4).map(|_| call(&server)).collect();
    for (number, caller) in callers.iter_mut().enumerate() {
        caller.write_all(format!("caller {number}").as_bytes()).unwrap();
    }
    for number in 0..callers.len() {
        expect(&mut callers[number], format!("caller {number}").as_bytes());
        (0..20).for_each(|_| exchange(&mut callers[number], b"and so on"));
        for later in &callers[number + 1..] {
            assert!(!has_something(later), "a later caller was answered during call {number}");
        }
        callers[number].shutdown(Shutdown::Write).unwrap();
        expect_end(&mut callers[number]);
    }
    let ended = server.terminate();
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "one call at a time is no limit worth a word");
}

#[test]
fn what_the_second_caller_prints_comes_after_all_of_the_first() {
    let print = ["serve", "print", "tcp://127.0.0.1:0", "--engine", "iterative", "--backlog", "5"];
    let mut server = Server::start(&print);
    let (mut first, mut second) = (call(&server), call(&server));
    second.write_all(b"second 1\nsecond 2\n").unwrap();
    drop(second);
    first.write_all(b"first 1\nfirst 2\n").unwrap();
    server.running.wait_for_text("first 2\n");
    first.write_all(b"first 3\n").unwrap();
    drop(first);
    let all = "first 1\nfirst 2\nfirst 3\nsecond 1\nsecond 2\n";
    assert_eq!(server.running.wait_for_text("second 2\n"), all);
    assert_eq!(server.terminate().text(), all);
}

#[test]
fn a_caller_who_gives_up_waiting_is_passed_over() {
    let server = echo("iterative", &[]);
    let (mut first, second, mut third) = (call(&server), call(&server), call(&server));
    exchange(&mut first, b"hello");
    reset(second);
    drop(first);
    exchange(&mut third, b"my turn");
    drop(third);
    assert_eq!(server.terminate().code(), 0);
}
