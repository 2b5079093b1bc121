//! What one peer may have, and how fast new callers may come.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::support::peer::wait_until;
use crate::support::proc::processor_ticks;
use crate::support::{Directory, PATIENCE, Server};
use crate::{HERE, THERE, call_from, echo, exchange, expect_refusal};

under! { one_peer_has_so_many_calls_and_another_its_own: process thread poll epoll uring }

fn one_peer_has_so_many_calls_and_another_its_own(engine: &str) {
    let mut server = echo(engine, &["--max-calls-per-peer", "2"]);
    let mut calls = [HERE, HERE, THERE].map(|from| call_from(from, &server).unwrap());
    calls.iter_mut().for_each(|call| exchange(call, b"hello"));
    for _ in 0..20 {
        expect_refusal(HERE, &server);
    }
    let line = server.running.wait_for_line("refused");
    assert!(line.ends_with("its peer has as many calls open as it may (--max-calls-per-peer)"), "{line}");
    calls.iter_mut().for_each(|call| exchange(call, b"and on"));
    let [first, ..] = calls;
    drop(first);
    wait_until("the place of a call that has ended is free again", || {
        let mut answer = [0; 5];
        call_from(HERE, &server)
            .and_then(|mut caller| caller.write_all(b"again").and_then(|()| caller.read_exact(&mut answer)))
            .is_ok()
    });
}

#[test]
fn one_user_has_so_many_calls_at_a_unix_socket() {
    let directory = Directory::new();
    let path = directory.file("echo.sock");
    let server = Server::start(&["serve", "echo", &format!("unix:{path}"), "--max-calls-per-peer", "1"]);
    let call = |answer: &mut [u8; 5]| {
        let mut caller = UnixStream::connect(&path)?;
        caller.set_read_timeout(Some(PATIENCE))?;
        caller.write_all(b"hello")?;
        caller.read_exact(answer).map(|()| caller)
    };
    let first = call(&mut [0; 5]).unwrap();
    assert!(call(&mut [0; 5]).is_err());
    drop(first);
    wait_until("the place is free again", || call(&mut [0; 5]).is_ok());
    drop(server);
}

under! { beyond_the_rate_callers_wait_and_nothing_spins: iterative process thread poll epoll uring }

/// 15 callers at 5 a second: 5 at once, 10 more in the two seconds after.
fn beyond_the_rate_callers_wait_and_nothing_spins(engine: &str) {
    let mut server = echo(engine, &["--rate", "5"]);
    let began = Instant::now();
    let mut callers: Vec<_> = (0..15).map(|_| call_from(HERE, &server).unwrap()).collect();
    for caller in &mut callers {
        caller.write_all(b"hello").unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
    }
    for caller in &mut callers {
        let mut answer = Vec::new();
        caller.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"hello");
    }
    assert!(began.elapsed() >= Duration::from_millis(1_900), "{:?}", began.elapsed());
    let ticks = processor_ticks(server.pid());
    assert!(ticks < 20, "{ticks} ticks of 10 ms for 15 short calls");
    let line = server.running.wait_for_line("--rate");
    assert_eq!(line, "5 new calls a second, the limit (--rate): further callers wait");
    let ended = server.terminate();
    assert_eq!(ended.stderr.matches("--rate").count(), 1, "{}", ended.stderr);
}
