//! A relay tries again: the caller is held, with what it says, within bounds.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::support::peer::{refusing_tcp_port, uninterrupted};
use crate::support::random_bytes;
use crate::{answer, call, expect_reset, expect_reset_at_once, listen, relay};

under! { a_server_that_is_late_gets_all_that_its_caller_said: iterative process thread poll epoll uring }
under! { callers_beyond_those_who_may_be_held_are_reset_at_once: process thread poll epoll uring }
under! { retries_are_over_after_so_many: process thread epoll uring }
under! { a_drain_ends_the_wait_at_once: iterative process thread poll epoll uring }
under! { a_caller_who_goes_ends_the_wait: process thread epoll uring }

fn a_server_that_is_late_gets_all_that_its_caller_said(engine: &str) {
    let (held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=20ms&retry-wait-max=100ms");
    let mut server = relay(&[to], engine, &[]);
    let mut caller = call(&server);
    // More than is kept here and by the kernel: the rest waits with the caller.
    let bytes = random_bytes(8_000_000, 3);
    let (mut saying, said) = (caller.try_clone().unwrap(), bytes.clone());
    let saying = std::thread::spawn(move || {
        saying.write_all(&said).unwrap();
        saying.shutdown(Shutdown::Write).unwrap();
    });
    for _ in 0..3 {
        let line = server.running.take_line("it is tried again in ");
        assert!(line.contains("Connection refused"), "{line}");
    }
    let mut far = answer(&listen(held));
    let mut heard = Vec::new();
    far.read_to_end(&mut heard).unwrap();
    assert!(heard == bytes);
    saying.join().unwrap();
    far.write_all(b"all of it").unwrap();
    drop(far);
    let mut answered = String::new();
    caller.read_to_string(&mut answered).unwrap();
    assert_eq!(answered, "all of it");
    server.running.wait_for_line(": finished; 8000000 bytes in, 9 out");
    // Of one whom nobody misses it is said once that it is down, and once that it is up.
    let said = server.terminate().stderr;
    assert_eq!(said.matches(" is down: ").count(), 1, "{said}");
    assert_eq!(said.matches(" is up again").count(), 1, "{said}");
}

fn callers_beyond_those_who_may_be_held_are_reset_at_once(engine: &str) {
    let (held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=50ms&retry-wait-max=100ms");
    let mut server = relay(&[to], engine, &["--hold-max", "2"]);
    let mut first: Vec<_> = (0..2)
        .map(|_| {
            let caller = call(&server);
            server.running.take_line("it is tried again in ");
            caller
        })
        .collect();
    // A line may have been the first caller's second: once two wait, whoever comes is one too many.
    crate::support::peer::wait_until("two are held", || {
        let mut caller = call(&server);
        caller.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        uninterrupted(|| caller.read(&mut [0]))
            .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset)
    });
    let began = Instant::now();
    (0..5).for_each(|_| expect_reset_at_once(&server));
    assert!(began.elapsed() < Duration::from_secs(8));
    server.running.wait_for_line("--hold-max");
    let listener = listen(held);
    for caller in &mut first {
        caller.write_all(b"hello").unwrap();
    }
    for _ in 0..2 {
        let mut heard = [0; 5];
        let mut far = answer(&listener);
        if far.read_exact(&mut heard).is_ok() {
            assert_eq!(&heard, b"hello");
        }
    }
}

fn retries_are_over_after_so_many(engine: &str) {
    let (_held, port) = refusing_tcp_port();
    let mut server = relay(&[format!("tcp://127.0.0.1:{port}?retry=2&retry-wait=10ms")], engine, &[]);
    expect_reset_at_once(&server);
    server.running.wait_for_line("was not joined to the other end");
    let said = server.terminate().stderr;
    assert_eq!(said.matches("it is tried again in ").count(), 2, "{said}");
    assert_eq!(said.matches("was not joined to the other end").count(), 1, "{said}");
}

fn a_drain_ends_the_wait_at_once(engine: &str) {
    let (_held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=1h&retry-wait-max=1h");
    let mut server = relay(&[to], engine, &["--drain", "1h"]);
    let caller = call(&server);
    server.running.wait_for_line("it is tried again in ");
    let said = server.terminate();
    assert_eq!(said.code(), 0, "{}", said.stderr);
    expect_reset(caller);
}

fn a_caller_who_goes_ends_the_wait(engine: &str) {
    let (_held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}?retry=forever&retry-wait=1h&retry-wait-max=1h");
    let mut server = relay(&[to], engine, &[]);
    let caller = call(&server);
    server.running.wait_for_line("it is tried again in ");
    rustix::net::sockopt::set_socket_linger(&caller, Some(Duration::ZERO)).unwrap();
    drop(caller);
    server.running.wait_for_line("reset by the peer");
}

#[test]
fn what_does_not_pass_is_not_tried_again() {
    let to = ["tcp://no.such.host.invalid:1?retry=forever".to_owned()];
    let mut server = relay(&to, "epoll", &[]);
    let mut caller = call(&server);
    let mut said = Vec::new();
    if caller.read_to_end(&mut said).is_ok() {
        panic!("it was answered: {said:?}");
    }
    let line = server.running.wait_for_line("was not joined to the other end");
    // A resolver that cannot answer now is another matter, and this machine may have none.
    assert!(line.contains("no host is named no.such.host.invalid"), "{line}");
}
