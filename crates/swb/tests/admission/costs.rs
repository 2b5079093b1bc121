//! What one call may cost: its bytes, its time.

use std::io::{Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::time::{Duration, Instant};

use crate::support::{PATIENCE, Server, random_bytes};
use crate::{HERE, call_from, echo, exchange, told_of};

under! { a_call_beyond_its_bytes_ends_with_what_came_by_then_answered: iterative process thread poll epoll uring }

fn a_call_beyond_its_bytes_ends_with_what_came_by_then_answered(engine: &str) {
    let mut server = echo(engine, &["--max-bytes-per-call", "10KB", "-v"]);
    let said = random_bytes(50_000, 3);
    let mut caller = call_from(HERE, &server).unwrap();
    caller.write_all(&said).unwrap();
    let mut answer = Vec::new();
    caller.read_to_end(&mut answer).unwrap();
    assert!(answer == said[..10_000], "{} bytes", answer.len());
    drop(caller);
    let line = server.running.wait_for_line("its call was ended");
    assert!(line.starts_with("tcp://127.0.0.1:") && line.ends_with("(--max-bytes-per-call)"), "{line}");
    let line = server.running.wait_for_line("10000 out");
    assert!(line.contains(": ended at the limit: max-bytes-per-call; "), "{line}");
    exchange(&mut call_from(HERE, &server).unwrap(), &said[..5_000]);
}

under! { the_answer_of_whom_a_relay_calls_comes_too: iterative process thread poll epoll uring }

fn the_answer_of_whom_a_relay_calls_comes_too(engine: &str) {
    let behind = echo("epoll", &[]);
    for to in [behind.address(), "exec:cat", "sh:sleep 0.2; cat"] {
        let limit = ["--engine", engine, "--max-bytes-per-call", "10KB"];
        let relay = Server::start(&[&["relay", "tcp://127.0.0.1:0", to], &limit[..]].concat());
        for pieces in [&[50_000][..], &[500, 20_000], &[10_001]] {
            let mut caller = call_from(HERE, &relay).unwrap();
            let mut answer = Vec::new();
            let said: Vec<Vec<u8>> = pieces.iter().map(|length| random_bytes(*length, 3)).collect();
            said.iter().for_each(|piece| caller.write_all(piece).unwrap());
            caller.read_to_end(&mut answer).unwrap();
            assert!(answer == said.concat()[..10_000], "{to}, {pieces:?}: {} bytes", answer.len());
        }
    }
}

under! { an_answer_in_datagrams_comes_too: iterative process thread poll epoll uring }

fn an_answer_in_datagrams_comes_too(engine: &str) {
    let behind = UdpSocket::bind("127.0.0.1:0").unwrap();
    behind.set_read_timeout(Some(PATIENCE)).unwrap();
    let to = format!("udp://{}", behind.local_addr().unwrap());
    let relay = ["relay", "tcp://127.0.0.1:0", &to, "--engine", engine];
    let relay = Server::start(&[&relay[..], &["--framing", "line", "--max-bytes-per-call", "8"]].concat());
    for ends_first in [true, false] {
        let mut caller = call_from(HERE, &relay).unwrap();
        // One segment, and so one receive: when the first message goes on, the caller is at its limit.
        caller.write_all(b"one\ntwo\nthree\n").unwrap();
        if ends_first {
            caller.shutdown(Shutdown::Write).unwrap();
        }
        let mut heard = [0; 16];
        for asked in ["one", "two"] {
            let (length, from) = behind.recv_from(&mut heard).unwrap();
            assert_eq!(&heard[..length], asked.as_bytes());
            behind.send_to(&[b"re ", asked.as_bytes()].concat(), from).unwrap();
        }
        let mut answer = String::new();
        caller.read_to_string(&mut answer).unwrap_or_else(|why| panic!("{why}, after {answer:?}"));
        assert_eq!(answer, "re one\nre two\n", "ends first: {ends_first}");
    }
}

under! { a_call_ends_when_it_has_lasted_long_enough_however_busy: iterative process thread poll epoll uring }

fn a_call_ends_when_it_has_lasted_long_enough_however_busy(engine: &str) {
    const LONGEST: Duration = Duration::from_millis(300);
    let mut server = echo(engine, &["--max-call-duration", "300ms"]);
    let mut caller = call_from(HERE, &server).unwrap();
    let began = Instant::now();
    let mut answer = [0; 4];
    while caller.write_all(b"busy").is_ok() && caller.read_exact(&mut answer).is_ok() {
        assert_eq!(&answer, b"busy");
    }
    assert!(began.elapsed() >= LONGEST, "{:?}", began.elapsed());
    drop(caller);
    let line = server.running.wait_for_line("its call was ended");
    assert!(line.ends_with("(--max-call-duration)"), "{line}");
    exchange(&mut call_from(HERE, &server).unwrap(), b"and the next");
}

under! { calls_that_end_at_a_limit_are_told_of_once_a_second: iterative process thread poll epoll uring }

fn calls_that_end_at_a_limit_are_told_of_once_a_second(engine: &str) {
    const CALLS: u64 = 100;
    let server = echo(engine, &["--max-bytes-per-call", "1"]);
    let began = Instant::now();
    for _ in 0..CALLS {
        let mut caller = call_from(HERE, &server).unwrap();
        caller.write_all(b"xyz").unwrap();
        let mut answer = Vec::new();
        caller.read_to_end(&mut answer).unwrap();
        assert_eq!(answer, b"x");
    }
    let ended = server.terminate();
    let seconds = began.elapsed().as_secs() as usize;
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains("ended at ")).collect();
    assert!(lines.len() <= seconds + 2, "{lines:#?}");
    assert_eq!(lines.iter().map(|line| told_of(line)).sum::<u64>(), CALLS, "{lines:#?}");
}
