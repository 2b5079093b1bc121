//! Several addresses: each in its turn, and another for one that is down, silent or killed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with};

use crate::support::peer::{refusing_tcp_port, uninterrupted};
use crate::support::{Server, run_swb};
use crate::{answer, call, expect_reset_at_once, far, listen, relay};

under! { each_caller_gets_the_next_address: iterative process thread poll epoll uring }
under! { one_that_is_down_is_passed_over_and_said_once: iterative process thread poll epoll uring }
under! { who_has_the_fewest_calls_gets_the_next: process thread poll epoll uring }
under! { a_silent_address_costs_a_share_of_the_time_to_connect: process thread epoll uring }
under! { nobody_notices_that_one_of_three_is_killed_but_whom_it_served: process thread epoll uring }
under! { rules_and_limits_hold_with_several_addresses: process epoll uring }

fn say(server: &Server, what: &str) -> TcpStream {
    let mut caller = call(server);
    caller.write_all(what.as_bytes()).unwrap();
    caller
}

fn expect_to_hear(from: &mut TcpStream, what: &str) {
    let mut heard = vec![0; what.len()];
    from.read_exact(&mut heard).unwrap();
    assert_eq!(heard, what.as_bytes());
}

fn each_caller_gets_the_next_address(engine: &str) {
    let far: Vec<_> = (0..3).map(|_| far("")).collect();
    let to: Vec<String> = far.iter().map(|(_, address)| address.clone()).collect();
    let mut server = relay(&to, engine, &[]);
    for round in 0..2 {
        // The second address first: calls are counted from 1.
        for at in [1, 2, 0] {
            let what = format!("round {round}");
            let caller = say(&server, &what);
            let mut far = answer(&far[at].0);
            expect_to_hear(&mut far, &what);
            drop((caller, far));
            server.running.take_line(&to[at]); // which the line of the call's end names
        }
    }
}

fn one_that_is_down_is_passed_over_and_said_once(engine: &str) {
    let ((held, port), (second, other)) = (refusing_tcp_port(), far(""));
    let to = [format!("tcp://127.0.0.1:{port}?retry-wait=200ms&retry-wait-max=200ms"), other];
    let mut server = relay(&to, engine, &["--balance", "failover"]);
    for _ in 0..5 {
        let caller = say(&server, "hello");
        expect_to_hear(&mut answer(&second), "hello");
        drop(caller);
    }
    let down = format!("tcp://127.0.0.1:{port}?retry-wait=200ms&retry-wait-max=200ms is down: ");
    assert!(server.running.wait_for_line(&down).ends_with("callers get others for 0.200 s"));
    let first = listen(held);
    first.set_nonblocking(true).unwrap();
    // Once its time is over one caller tries it, and then all get it again.
    let due = Instant::now() + crate::support::PATIENCE;
    loop {
        assert!(Instant::now() < due, "it was not tried again");
        let _caller = say(&server, "again");
        second.set_nonblocking(true).unwrap();
        let answered = loop {
            match (first.accept(), second.accept()) {
                (Ok((socket, _)), _) => break Some(socket),
                (_, Ok(_)) => break None,
                _ => std::thread::yield_now(),
            }
        };
        if let Some(socket) = answered {
            socket.set_nonblocking(false).unwrap();
            expect_to_hear(&mut crate::patient(socket), "again");
            break;
        }
    }
    server.running.wait_for_line(" is up again");
    let said = server.terminate().stderr;
    assert_eq!(said.matches(" is down: ").count(), 1, "{said}");
}

fn who_has_the_fewest_calls_gets_the_next(engine: &str) {
    let far: Vec<_> = (0..2).map(|_| far("")).collect();
    let to: Vec<String> = far.iter().map(|(_, address)| address.clone()).collect();
    let mut server = relay(&to, engine, &["--balance", "least-calls"]);
    // The second gets the first call, the first the next; then that of the second ends.
    let (one, mut at_second) = (say(&server, "one"), answer(&far[1].0));
    expect_to_hear(&mut at_second, "one");
    let (_two, mut at_first) = (say(&server, "two"), answer(&far[0].0));
    expect_to_hear(&mut at_first, "two");
    drop((one, at_second));
    server.running.wait_for_line(&to[1]);
    let _three = say(&server, "three");
    expect_to_hear(&mut answer(&far[1].0), "three");
    let mut four = say(&server, "four"); // both have one
    four.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let _ = uninterrupted(|| four.read(&mut [0]));
}

/// A listener whose backlog is full, so that a further connect(2) has no answer; and what fills it.
fn silent() -> (rustix::fd::OwnedFd, TcpStream, u16) {
    let held = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    bind(&held, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    rustix::net::listen(&held, 0).unwrap();
    let name = SocketAddrV4::try_from(getsockname(&held).unwrap()).unwrap();
    (held, TcpStream::connect(name).unwrap(), name.port())
}

fn a_silent_address_costs_a_share_of_the_time_to_connect(engine: &str) {
    let (_held, _filling, port) = silent();
    let (second, other) = far("?connect-timeout=2s");
    let to = [format!("tcp://127.0.0.1:{port}?connect-timeout=2s&retry-wait=1h&retry-wait-max=1h"), other];
    let server = relay(&to, engine, &["--balance", "failover"]);
    let began = Instant::now();
    let _first: Vec<_> = (0..10).map(|_| say(&server, "hello")).collect();
    let _heard: Vec<_> = (0..10).map(|_| expect_to_hear(&mut answer(&second), "hello")).collect();
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(8), "{took:?}");
    // It is down for an hour: nobody waits for it any more.
    let began = Instant::now();
    let _next: Vec<_> = (0..10).map(|_| say(&server, "hello")).collect();
    (0..10).for_each(|_| expect_to_hear(&mut answer(&second), "hello"));
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

fn nobody_notices_that_one_of_three_is_killed_but_whom_it_served(engine: &str) {
    const CALLERS: u32 = 6;
    // Under poll the kernel closes the listener of the killed one before its calls: whom it breaks off it takes no more.
    let echo = ["serve", "echo", "tcp://127.0.0.1:0", "--engine", "poll"];
    let mut servers: Vec<Server> = (0..3).map(|_| Server::start(&echo)).collect();
    let to: Vec<String> = servers.iter().map(|server| server.address().to_owned()).collect();
    let server = relay(&to, engine, &[]);
    let place = server.address().trim_start_matches("tcp://").to_owned();
    let (is_over, answered, broken) =
        (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (place, is_over) = (place.clone(), Arc::clone(&is_over));
            let (answered, broken) = (Arc::clone(&answered), Arc::clone(&broken));
            std::thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let mut caller = crate::patient(TcpStream::connect(&place).unwrap());
                    let mut heard = [0; 5];
                    let talked = (0..3).try_for_each(|_| {
                        caller.write_all(b"hello")?;
                        caller.read_exact(&mut heard)
                    });
                    match talked {
                        Ok(()) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(_) => broken.fetch_add(1, Ordering::Relaxed),
                    };
                }
            })
        })
        .collect();
    let more = |count: u32| {
        let until = answered.load(Ordering::Relaxed) + count;
        crate::support::peer::wait_until("calls are answered", || answered.load(Ordering::Relaxed) >= until);
    };
    more(60);
    assert_eq!(broken.load(Ordering::Relaxed), 0);
    servers[1].running.child.kill().unwrap();
    servers[1].running.child.wait().unwrap();
    more(30);
    let at_once = broken.load(Ordering::Relaxed);
    assert!(at_once <= CALLERS, "{at_once} calls were broken, and {CALLERS} were open");
    more(120);
    is_over.store(true, Ordering::Relaxed);
    callers.into_iter().for_each(|caller| caller.join().unwrap());
    assert_eq!(broken.load(Ordering::Relaxed), at_once, "further callers noticed");
}

fn rules_and_limits_hold_with_several_addresses(engine: &str) {
    let far: Vec<_> = (0..2).map(|_| far("")).collect();
    let to: Vec<String> = far.iter().map(|(_, address)| address.clone()).collect();
    let mut server = relay(&to, engine, &["--deny", "127.0.0.0/8"]);
    expect_reset_at_once(&server);
    server.running.wait_for_line("it is denied");

    let mut server = relay(&to, engine, &["--max-calls-per-peer", "2", "--drain", "1s"]);
    let (one, mut at_second) = (say(&server, "one"), answer(&far[1].0));
    expect_to_hear(&mut at_second, "one");
    let (_two, mut at_first) = (say(&server, "two"), answer(&far[0].0));
    expect_to_hear(&mut at_first, "two");
    expect_reset_at_once(&server);
    server.running.wait_for_line("(--max-calls-per-peer)");
    drop((one, at_second));
    let said = server.terminate();
    assert_eq!(said.code(), 5, "the call that is open is cut at the end of the drain: {}", said.stderr);
}

#[test]
fn what_makes_no_sense_is_refused_with_a_sentence() {
    let to = ["relay", "tcp://127.0.0.1:0", "tcp://127.0.0.1:9"];
    for (further, words) in [
        (&["--balance", "failover"][..], "--balance is for several addresses"),
        (&["--balance", "random", "tcp://127.0.0.1:8"], "it is none of round-robin, least-calls, failover"),
        (&["--hold-max", "3"], "needs ?retry=N or ?retry=forever"),
        (&["udp://127.0.0.1:9"], "are of two kinds"),
        (&["-"], "is open already"),
        (&["tcp://127.0.0.1:9?retry=x"], "forever, or a number from 0 to 1000000"),
    ] {
        let said = run_swb(&[&to[..], further].concat(), b"");
        assert_eq!(said.code(), 2, "{further:?}: {}", said.stderr);
        assert!(said.stderr.contains(words), "{further:?}: {}", said.stderr);
    }
}
