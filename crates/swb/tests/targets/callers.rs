//! `connect` and `ask` try again too.

use std::io::{Read, Write};

use crate::support::peer::{refusing_tcp_port, uninterrupted};
use crate::support::{Running, run_swb, swb};
use crate::{answer, listen};

#[test]
fn a_caller_waits_for_a_server_that_is_late() {
    for command in ["connect", "ask"] {
        let (held, port) = refusing_tcp_port();
        let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=20ms&retry-wait-max=50ms");
        let arguments: &[&str] =
            if command == "ask" { &["ask", &to, "hello", "-v"] } else { &["connect", &to, "-v"] };
        let mut caller = Running::start(&mut swb(arguments));
        caller.write(b"hello");
        caller.close_input();
        for _ in 0..3 {
            let line = caller.take_line("it is tried again in ");
            assert!(line.contains("nobody listens there"), "{line}");
        }
        let mut far = answer(&listen(held));
        let mut heard = String::new();
        far.read_to_string(&mut heard).unwrap();
        far.write_all(b"late").unwrap();
        drop(far);
        let said = caller.finish();
        assert_eq!(
            (heard.as_str(), said.text().as_str(), said.code()),
            ("hello", "late", 0),
            "{}",
            said.stderr
        );
    }
}

#[test]
fn it_gives_up_after_so_many_and_at_what_does_not_pass() {
    let (_held, port) = refusing_tcp_port();
    let said = run_swb(&["ask", &format!("tcp://127.0.0.1:{port}?retry=3&retry-wait=1ms"), "x", "-v"], b"");
    assert_eq!(said.code(), 4, "{}", said.stderr);
    assert_eq!(said.stderr.matches("it is tried again in ").count(), 3, "{}", said.stderr);
    let said = run_swb(&["ask", &format!("tcp://127.0.0.1:{port}"), "x", "-v"], b"");
    assert_eq!((said.code(), said.stderr.matches("it is tried again in ").count()), (4, 0));
    let said = run_swb(&["ask", "tcp://127.0.0.1:1?retry=forever&congestion=none", "x", "-v"], b"");
    assert_eq!(
        (said.code(), said.stderr.matches("it is tried again in ").count()),
        (1, 0),
        "{}",
        said.stderr
    );
}

#[test]
fn a_signal_ends_the_wait() {
    let (_held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=1h&retry-wait-max=1h");
    let mut caller = Running::start(&mut swb(&["connect", &to, "-v"]));
    caller.wait_for_line("it is tried again in ");
    caller.signal(2);
    assert_eq!(caller.finish().code(), 130);
}

#[test]
fn forever_calls_again_when_a_call_has_ended_until_the_input_has() {
    let (listener, to) = crate::far("?retry-wait=20ms&retry-wait-max=50ms");
    let mut caller = Running::start(&mut swb(&["connect", &to, "--forever", "-v"]));
    answer(&listener).write_all(b"one ").unwrap();
    answer(&listener).write_all(b"two ").unwrap();
    let mut third = answer(&listener);
    caller.write(b"typed");
    let mut heard = [0; 5];
    third.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"typed");
    // One that is broken off is followed by another as well.
    rustix::net::sockopt::set_socket_linger(&third, Some(std::time::Duration::ZERO)).unwrap();
    drop(third);
    let mut fourth = answer(&listener);
    caller.close_input();
    assert_eq!(uninterrupted(|| fourth.read(&mut heard)).unwrap(), 0, "the input has ended");
    fourth.write_all(b"three").unwrap();
    drop(fourth);
    let said = caller.finish();
    assert_eq!((said.text().as_str(), said.code()), ("one two three", 0), "{}", said.stderr);
    assert_eq!(said.stderr.matches("it is tried again in ").count(), 3, "{}", said.stderr);
}

#[test]
fn a_signal_ends_calling_forever_at_once() {
    let (_held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry-wait=1h&retry-wait-max=1h");
    let mut caller = Running::start(&mut swb(&["connect", &to, "--forever", "-v"]));
    caller.wait_for_line("it is tried again in ");
    caller.signal(15);
    assert_eq!(caller.finish().code(), 143);
}
