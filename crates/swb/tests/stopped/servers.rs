//! Servers and relays, under every engine.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::support::peer::uninterrupted;
use crate::support::{Server, random_bytes};
use crate::{
    Group, PIECE_BYTES, ROUNDS, call, call_by_udp, expect_order, far, patient, read_all, say_and_stop,
    start_server,
};

under! { an_echo_gives_every_byte_back: iterative process thread poll epoll uring }
under! { a_relay_carries_every_byte_both_ways: iterative process thread poll epoll uring }
under! { what_is_said_while_it_is_stopped_is_answered: iterative process thread poll epoll uring }
under! { datagrams_are_echoed: iterative thread poll epoll uring }
under! { datagrams_are_relayed: iterative thread poll epoll uring }
under! { who_spoke_before_the_time_limit_is_answered_although_it_went_by_meanwhile: iterative process thread poll epoll uring }

fn echo(engine: &str, address: &str, further: &[&str]) -> Server {
    start_server(&[&["serve", "echo", address, "--engine", engine], further].concat())
}

fn an_echo_gives_every_byte_back(engine: &str) {
    let server = echo(engine, "tcp://127.0.0.1:0", &[]);
    let group = Group::of(&server.running);
    let bytes = random_bytes(ROUNDS * PIECE_BYTES, 1);
    let caller = call(&server);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            say_and_stop(&caller, &bytes, group);
            caller.shutdown(Shutdown::Write).unwrap();
        });
        assert!(read_all(&caller) == bytes);
    });
    expect_order(&server.terminate());
}

fn a_relay_carries_every_byte_both_ways(engine: &str) {
    let (listener, to) = far();
    let server = start_server(&["relay", "tcp://127.0.0.1:0", &to, "--engine", engine]);
    let group = Group::of(&server.running);
    let (there, back) = (random_bytes(ROUNDS * PIECE_BYTES, 2), random_bytes(ROUNDS * PIECE_BYTES, 3));
    let near = call(&server);
    let far = patient(listener.accept().unwrap().0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            say_and_stop(&near, &there, group);
            near.shutdown(Shutdown::Write).unwrap();
        });
        scope.spawn(|| {
            (&far).write_all(&back).unwrap();
            far.shutdown(Shutdown::Write).unwrap();
        });
        let came_back = scope.spawn(|| read_all(&near) == back);
        assert!(read_all(&far) == there, "other bytes came there");
        assert!(came_back.join().unwrap(), "other bytes came back");
    });
    expect_order(&server.terminate());
}

fn what_is_said_while_it_is_stopped_is_answered(engine: &str) {
    let server = echo(engine, "tcp://127.0.0.1:0", &[]);
    let group = Group::of(&server.running);
    // Who calls while it is stopped is answered too.
    group.stop();
    let mut caller = call(&server);
    group.go_on();
    for round in 0..ROUNDS {
        group.stop();
        let said = format!("in round {round}");
        caller.write_all(said.as_bytes()).unwrap();
        group.go_on();
        let mut heard = vec![0; said.len()];
        caller.read_exact(&mut heard).unwrap();
        assert_eq!(String::from_utf8_lossy(&heard), said);
    }
    drop(caller);
    expect_order(&server.terminate());
}

fn datagrams_are_echoed(engine: &str) {
    let server = echo(engine, "udp://127.0.0.1:0", &[]);
    expect_each_answered(&server);
    expect_order(&server.terminate());
}

fn datagrams_are_relayed(engine: &str) {
    let echo = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let server = start_server(&["relay", "udp://127.0.0.1:0", echo.address(), "--engine", engine]);
    expect_each_answered(&server);
    expect_order(&server.terminate());
}

/// Several messages are said while it is stopped, each has its answer, and in order.
fn expect_each_answered(server: &Server) {
    let group = Group::of(&server.running);
    let caller = call_by_udp(server);
    for round in 0..ROUNDS {
        group.stop();
        let said = |number: usize| format!("{number} in round {round}");
        (0..5)
            .for_each(|number| assert_eq!(caller.send(said(number).as_bytes()).unwrap(), said(number).len()));
        group.go_on();
        for number in 0..5 {
            let mut heard = [0; 100];
            let length = uninterrupted(|| caller.recv(&mut heard)).unwrap();
            assert_eq!(String::from_utf8_lossy(&heard[..length]), said(number));
        }
    }
}

fn who_spoke_before_the_time_limit_is_answered_although_it_went_by_meanwhile(engine: &str) {
    let limit = Duration::from_millis(500);
    let server = echo(engine, "tcp://127.0.0.1:0", &["--idle-timeout", "500ms"]);
    let group = Group::of(&server.running);
    let mut caller = call(&server);
    for _ in 0..3 {
        caller.write_all(b"it lives").unwrap();
        caller.read_exact(&mut [0; 8]).unwrap();
        let answered = Instant::now();
        group.stop();
        caller.write_all(b"in time").unwrap();
        let elapsed = answered.elapsed();
        assert!(elapsed < limit, "this machine is too slow for this test: {elapsed:?}");
        std::thread::sleep(limit + Duration::from_millis(100)); // it is the time itself that passes
        group.go_on();
        caller.read_exact(&mut [0; 7]).unwrap();
    }
    drop(caller);
    expect_order(&server.terminate());
}
