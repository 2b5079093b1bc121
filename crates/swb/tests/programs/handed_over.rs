//! `serve exec`: a program for each caller, with the caller's socket.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use crate::support::peer::{uninterrupted, wait_until};
use crate::support::{Directory, PATIENCE, Server, proc, random_bytes, run_swb};
use crate::{LOOKS_AT_ITSELF, address, call, is_as_it_should_be, read_all};

under! { two_megabytes_come_back_whole_each_time: iterative process thread poll epoll uring }
under! { a_program_has_the_socket_and_nothing_else: iterative process thread poll epoll uring }
under! { how_a_program_ended_is_told_with_the_call_that_it_had: iterative process thread poll epoll uring }
under! { a_program_that_will_not_end_is_killed_at_the_end_of_a_drain: iterative process thread poll epoll uring }
under! { callers_beyond_the_limit_wait_for_a_program_to_end: process thread poll epoll uring }
under! { a_thousand_programs_leave_nothing_behind: iterative thread poll epoll uring }
under! { whoever_cannot_be_given_to_a_program_is_reset: iterative process thread poll epoll uring }

fn serve(command: &str, engine: &str, further: &[&str]) -> Server {
    let arguments = ["serve", "exec", command, "tcp://127.0.0.1:0", "--engine", engine, "-v"];
    Server::start(&[&arguments, further].concat())
}

/// A command line for the shell.
const SHELL: &[&str] = &["--shell"];

fn two_megabytes_come_back_whole_each_time(engine: &str) {
    let server = serve("cat", engine, &[]);
    let said = random_bytes(2_000_000, 4);
    for _ in 0..20 {
        let mut caller = call(&server);
        let mut speaker = caller.try_clone().unwrap();
        let speaking = said.clone();
        let speaker = std::thread::spawn(move || {
            speaker.write_all(&speaking).unwrap();
            speaker.shutdown(Shutdown::Write).unwrap();
        });
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).unwrap();
        speaker.join().unwrap();
        assert!(heard == said, "{} bytes", heard.len());
    }
    assert_eq!(server.terminate().code(), 0);
}

fn a_program_has_the_socket_and_nothing_else(engine: &str) {
    let command = LOOKS_AT_ITSELF.trim_start_matches("sh:");
    let further =
        "; readlink /proc/$$/fd/0 /proc/$$/fd/1; grep flags /proc/$$/fdinfo/0; echo $PROTO $TCPREMOTEPORT";
    let server = serve(&format!("{command}{further}"), engine, SHELL);
    let caller = call(&server);
    let port = caller.local_addr().unwrap().port();
    let seen = read_all(caller);
    assert!(is_as_it_should_be(&seen), "{seen}");
    let sockets: Vec<&str> = seen.lines().filter(|line| line.starts_with("socket:")).collect();
    assert!(sockets.len() == 2 && sockets[0] == sockets[1], "{seen}");
    // O_NONBLOCK is 04000.
    let flags = seen.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    assert_eq!(u32::from_str_radix(flags, 8).unwrap() & 0o4000, 0, "{seen}");
    assert!(seen.ends_with(&format!("TCP {port}\n")), "{seen}");
}

fn how_a_program_ended_is_told_with_the_call_that_it_had(engine: &str) {
    let mut server = serve("exit 3", engine, SHELL);
    let caller = call(&server);
    let name = caller.local_addr().unwrap();
    assert_eq!(read_all(caller), "");
    let line = server.running.wait_for_line(": finished; ");
    assert!(line.starts_with(&format!("call 1: tcp://{name} to sh:exit 3: finished; 0.")), "{line}");
    assert!(line.ends_with(" s; the program exited with status 3") && !line.contains("bytes"), "{line}");
}

fn a_program_that_will_not_end_is_killed_at_the_end_of_a_drain(engine: &str) {
    let command = "trap '' TERM; echo $$; while :; do sleep 1; done";
    let server = serve(command, engine, &["--shell", "--drain", "100ms"]);
    let mut caller = call(&server);
    let mut process = String::new();
    while !process.ends_with('\n') {
        let mut byte = [0];
        caller.read_exact(&mut byte).unwrap();
        process.push(byte[0] as char);
    }
    let began = Instant::now();
    let ended = server.terminate();
    assert!(began.elapsed() >= Duration::from_secs(2), "{ended:?}");
    assert_eq!(ended.code(), 5, "{ended:?}");
    assert!(ended.stderr.contains("ended by us: told to stop; "), "{ended:?}");
    assert!(ended.stderr.contains("; the program killed by signal 9, ours"), "{ended:?}");
    assert!(!std::path::Path::new(&format!("/proc/{}", process.trim())).exists());
}

fn callers_beyond_the_limit_wait_for_a_program_to_end(engine: &str) {
    let server = serve("cat", engine, &["--max-calls", "2"]);
    let mut first = call(&server);
    let mut second = call(&server);
    for caller in [&mut first, &mut second] {
        caller.write_all(b"x").unwrap();
        caller.read_exact(&mut [0]).unwrap();
    }
    let mut third = call(&server); // not before: each worker has callers of its own
    third.write_all(b"y").unwrap();
    third.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert_eq!(uninterrupted(|| third.read(&mut [0])).unwrap_err().kind(), ErrorKind::WouldBlock);
    drop(first);
    third.set_read_timeout(Some(PATIENCE)).unwrap();
    third.read_exact(&mut [0]).unwrap();
}

fn a_thousand_programs_leave_nothing_behind(engine: &str) {
    let server = serve("cat", engine, &["--workers", "1"]);
    let mut before = None;
    for _ in 0..10 {
        // The first hundred have the engine start its helper threads.
        let callers: Vec<_> = (0..100).map(|_| call(&server)).collect();
        for mut caller in callers {
            caller.write_all(b"hello").unwrap();
            caller.shutdown(Shutdown::Write).unwrap();
            assert_eq!(read_all(caller), "hello");
        }
        wait_until("every program is reaped", || proc::children(server.pid()).is_empty());
        let before = before.get_or_insert_with(|| proc::descriptors(server.pid()).len());
        wait_until("every descriptor is closed", || proc::descriptors(server.pid()).len() <= *before);
    }
}

fn whoever_cannot_be_given_to_a_program_is_reset(engine: &str) {
    let mut server = serve("swb-no-such-program", engine, &[]);
    for _ in 0..2 {
        let mut caller = call(&server);
        assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    let line = server.running.wait_for_line(" was not joined to the other end: ");
    assert!(line.contains("cannot start exec:swb-no-such-program: posix_spawn(3): No such file"), "{line}");
    server.running.wait_for_line(": not joined to the other end: it could not be called; 0 bytes in, 0 out");
}

#[test]
fn limits_on_what_is_said_are_refused_where_nobody_hears_it_and_relay_is_named() {
    for limit in [["--max-bytes-per-call", "1KiB"], ["--idle-timeout", "1s"]] {
        for command in [&["serve", "exec", "cat"][..], &["explain", "serve", "exec", "cat"]] {
            let ended = run_swb(&[command, &["tcp://127.0.0.1:0"], &limit].concat(), b"");
            assert_eq!((ended.code(), ended.text().as_str()), (2, ""), "{ended:?}");
            let words = format!("so that {} cannot be kept; `swb relay tcp://127.0.0.1:0 exec:", limit[0]);
            assert!(ended.stderr.contains(&words), "{ended:?}");
        }
        // And there it is kept.
        let relay = ["relay", "tcp://127.0.0.1:0", "exec:cat", "-v"];
        let mut relay = Server::start(&[&relay, &limit[..]].concat());
        let mut caller = call(&relay);
        let is_silent = limit[0] == "--idle-timeout";
        caller.write_all(if is_silent { &[] } else { &[7; 3000] }).unwrap();
        relay.running.wait_for_line(if is_silent {
            ": timed out; 0 bytes in"
        } else {
            "ended at the limit: max-bytes-per-call"
        });
    }
}

#[test]
fn a_program_is_ended_at_the_limit_of_its_call() {
    let limits = ["--max-call-duration", "300ms"];
    let mut server = serve("cat", "epoll", &limits);
    let mut caller = call(&server);
    let began = Instant::now();
    assert_eq!(uninterrupted(|| caller.read(&mut [0])).unwrap(), 0);
    assert!(began.elapsed() >= Duration::from_millis(250));
    let line = server.running.wait_for_line("; the program killed by signal 15, ours");
    assert!(line.contains("ended at the limit: "), "{line}");
    server.running.wait_for_line("its call was ended at the limit (--max-call-duration)");
}

#[test]
fn who_is_denied_gets_no_program() {
    let server = serve("echo hello", "epoll", &["--deny", "127.0.0.0/8"]);
    let mut denied = call(&server);
    assert_eq!(uninterrupted(|| denied.read(&mut [0])).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(!server.terminate().stderr.contains("the program"));
}

#[test]
fn the_server_holds_nothing_of_a_call_and_is_not_woken_by_it() {
    let mut server = serve("cat", "epoll", &["--workers", "1"]);
    drop(call(&server)); // the first starts a helper thread
    server.running.wait_for_line("; the program exited with status 0");
    let before = proc::sockets(server.pid());
    let mut caller = call(&server);
    caller.write_all(b"x").unwrap();
    caller.read_exact(&mut [0]).unwrap();
    wait_until("its socket is closed", || proc::sockets(server.pid()) == before);
    let ticks = proc::processor_ticks(server.pid());
    for _ in 0..20_000 {
        caller.write_all(b"x").unwrap();
        caller.read_exact(&mut [0]).unwrap();
    }
    assert!(proc::processor_ticks(server.pid()) <= ticks + 1);
    assert_eq!(address(&server), caller.peer_addr().unwrap());
}

#[test]
fn a_program_gets_a_unix_socket_and_one_that_was_inherited() {
    let directory = Directory::new();
    let path = directory.file("socket");
    let _server =
        Server::start(&["serve", "exec", "--shell", "echo $PROTO $UNIXREMOTEPID", &format!("unix:{path}")]);
    let caller = UnixStream::connect(&path).unwrap();
    caller.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(read_all(caller), format!("UNIX {}\n", std::process::id()));

    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut command = crate::support::swb(&["serve", "exec", "tr a-z A-Z", "fd:0"]);
    let running = crate::support::Running::start(command.stdin(std::os::fd::OwnedFd::from(theirs)));
    drop(command);
    ours.set_read_timeout(Some(PATIENCE)).unwrap();
    (&ours).write_all(b"hello").unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(ours), "HELLO");
    assert_eq!(running.finish().code(), 0);
}

#[test]
fn what_cannot_be_given_to_a_program_is_refused_with_a_sentence() {
    for (arguments, words) in [
        (
            &["serve", "exec", "cat", "udp://127.0.0.1:0"][..],
            "exec cannot be served here, by no engine: datagrams of all",
        ),
        (&["serve", "exec", "cat", "-"], "exec gives sockets to programs, and - need not be one"),
        (&["serve", "exec", "echo 'a", "tcp://127.0.0.1:0"], "a quote in the command is not closed"),
        (&["serve", "exec", " ", "tcp://127.0.0.1:0"], "exec needs a command: exec:COMMAND"),
    ] {
        let ended = run_swb(arguments, b"");
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
