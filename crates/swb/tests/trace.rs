//! `--trace`: each socket call as it is made, on standard error, and nothing else changes.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use support::peer::installed;
use support::trace::{Line, lines, named};
use support::{Directory, Finished, Server, program, random_bytes, run, run_swb};

/// One question to a traced server: the traces of the server and of the caller.
fn question(address: &str, engine: &str) -> (Finished, Finished) {
    let serve = ["serve", "reply", "hello back", address, "--engine", engine, "--workers", "1", "--trace"];
    let server = Server::start(&serve);
    let caller = run_swb(&["ask", server.address(), "hello", "--trace"], b"");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "hello back"), "{}", caller.stderr);
    (server.terminate(), caller)
}

/// Asserts that these calls were made in this order, others between them.
fn in_order(lines: &[Line], wanted: &[&str]) {
    let mut made = lines.iter().map(Line::call);
    for start in wanted {
        let found = made.by_ref().find(|call| call.starts_with(start));
        assert!(found.is_some(), "{start} is not made, or not in its place:\n{lines:#?}");
    }
}

#[test]
fn a_caller_is_told_step_by_step_with_real_addresses() {
    let server = Server::start(&["serve", "reply", "hello back", "tcp://127.0.0.1:0"]);
    let at = server.address().to_owned();
    let caller = run_swb(&["ask", &at, "hello", "--trace"], b"");
    let (lines, ours) = (lines(&caller.stderr), "setsockopt(3, IPPROTO_TCP, TCP_NODELAY, 1) = 0");
    let dials = format!("connect(3, {at}) = ");
    in_order(
        &lines,
        &[
            "socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_TCP) = 3",
            ours,
            &dials,
            "getsockname(3) = tcp://127.0.0.1:",
            "send(3, 5 bytes \"hello\", MSG_DONTWAIT|MSG_NOSIGNAL) = 5",
            "shutdown(3, SHUT_WR) = 0",
            "recv(3, 131072, MSG_DONTWAIT) = 10 \"hello back\"",
            "recv(3, 131072, MSG_DONTWAIT) = 0 \"\"",
            "close(3) = 0",
        ],
    );
    assert_eq!(caller.text(), "hello back", "standard output has the data alone");
    assert!(!lines.iter().any(|line| line.name() == "bind"), "who calls need not bind");
}

#[test]
fn one_who_is_called_is_told_step_by_step_under_iterative() {
    let folder = Directory::new();
    for address in ["tcp://127.0.0.1:0".to_owned(), format!("unix:{}", folder.file("socket"))] {
        let (server, _) = question(&address, "iterative");
        let lines = lines(&server.stderr);
        in_order(
            &lines,
            &["socket(", "bind(", "listen(", "accept4(", "recv(", "send(", "shutdown(", "close("],
        );
        let bound = named(&lines, "bind")[0].call().to_owned();
        assert!(bound.contains(&format!(", {address}) = 0")), "{bound}");
    }
}

#[test]
fn a_forking_server_tells_which_process_makes_which_call() {
    let (server, _) = question("tcp://127.0.0.1:0", "process");
    let lines = lines(&server.stderr);
    let (parent, child): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.who.is_empty());
    in_order(&parent, &["bind(", "listen(", "accept4(", "fork() = ", "close(", "waitpid("]);
    in_order(&child, &["fork() = 0: this is the child", "close(", "recv(", "send(", "shutdown(", "close("]);
    let forked = named(&parent, "fork")[0].result().to_owned();
    assert!(child.iter().all(|line| line.who == format!("[pid {forked}]")), "{forked}: {child:#?}");
    let accepted =
        named(&parent, "accept4").into_iter().find(|line| !line.result().starts_with('-')).unwrap();
    let call = accepted.result().split(' ').next().unwrap();
    let closes = |lines: &[Line]| named(lines, "close").iter().any(|line| line.arguments() == call);
    assert!(closes(&parent) && closes(&child), "both have a copy of descriptor {call}, and close it");
}

#[test]
fn the_listeners_and_the_calls_descriptors_differ() {
    for engine in ["iterative", "poll", "epoll", "thread"] {
        let (server, caller) = question("tcp://127.0.0.1:0", engine);
        let lines = lines(&server.stderr);
        let listener = named(&lines, "listen")[0].descriptor().to_owned();
        let accepted =
            named(&lines, "accept4").into_iter().find(|line| !line.result().starts_with('-')).unwrap();
        assert_eq!(accepted.descriptor(), listener);
        let (call, from) = accepted.result().split_once(" from ").unwrap();
        assert_ne!(call, listener, "{engine}");
        assert_eq!(named(&lines, "send")[0].descriptor(), call, "{engine}");
        let callers = support::trace::lines(&caller.stderr);
        let chosen = named(&callers, "getsockname")[0].result().to_owned();
        assert_eq!(
            chosen, from,
            "the port that the kernel chose for the caller is the one that is called from"
        );
    }
}

#[test]
fn another_thread_says_which_it_is() {
    let (server, _) = question("tcp://127.0.0.1:0", "thread");
    let lines = lines(&server.stderr);
    in_order(&lines, &["accept4(", "clone(thread \"call\")"]);
    assert!(named(&lines, "send")[0].who.starts_with("[call "), "{lines:#?}");
}

#[test]
fn a_call_that_fails_says_the_errno_and_its_meaning() {
    let refused = run_swb(&["ask", "tcp://127.0.0.1:1", "x", "--trace"], b"");
    assert!(refused.stderr.contains("SO_ERROR) = ECONNREFUSED (Connection refused)"), "{}", refused.stderr);
    let elsewhere = run_swb(&["serve", "echo", "tcp://192.0.2.1:0", "--workers", "1", "--trace"], b"");
    let made = "bind(8, tcp://192.0.2.1:0) = -1 EADDRNOTAVAIL (Cannot assign requested address)";
    assert_eq!(elsewhere.code(), 7);
    in_order(&lines(&elsewhere.stderr), &[made, "close(8) = 0"]);
    assert!(elsewhere.stderr.contains("it is not an address of this host"), "{}", elsewhere.stderr);
    let unknown = run_swb(&["connect", "tcp://no-such-host.invalid:1", "--trace"], b"");
    let asked = named(&lines(&unknown.stderr), "getaddrinfo")[0].call().to_owned();
    assert!(asked.starts_with("getaddrinfo(\"no-such-host.invalid\", NULL) = -1 ("), "{asked}");
}

#[test]
fn a_receive_that_does_not_wait_is_visible() {
    let folder = Directory::new();
    let address = format!("unix-dgram:{}", folder.file("here"));
    let server = Server::start(&["serve", "echo", &address, "--engine", "poll", "--trace"]);
    // The first may come before the server looks; by the second it waits.
    for _ in 0..2 {
        let caller = run_swb(&["ask", server.address(), "hi"], b"");
        assert_eq!(caller.text(), "hi");
    }
    let nothing =
        "recvfrom(8, 262144, MSG_DONTWAIT|MSG_TRUNC) = -1 EAGAIN (Resource temporarily unavailable)";
    let told = server.terminate().stderr;
    in_order(
        &lines(&told),
        &[
            nothing,
            "poll([3, 4, 5, 7, 8], ",
            "recvfrom(8, 262144, MSG_DONTWAIT|MSG_TRUNC) = 2 \"hi\"",
            "sendto(8",
        ],
    );
}

#[test]
fn what_a_peer_sends_stays_one_printable_line() {
    let hostile = b"\x1b[2J\n\x07\x9b\xe2\x80\xae%n\") = 3\r\n";
    let received = r#"20 "\x1b[2J\n\x07\x9b\xe2\x80\xae%n\") = 3\r\n""#;
    for engine in ["poll", "auto"] {
        let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--engine", engine, "--trace"]);
        let caller = run_swb(&["connect", server.address()], hostile);
        assert_eq!(caller.stdout, hostile);
        let told = server.terminate().stderr;
        assert!(told.contains(received), "{told}");
        let is_plain = |letter| letter == '\n' || letter == 'µ' || (' '..='~').contains(&letter);
        assert!(told.chars().all(is_plain), "{told}");
    }
}

#[test]
fn a_traced_echo_gives_every_byte_back() {
    let sent = random_bytes(1 << 20, 11);
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0", "--trace"]);
    let caller = run_swb(&["connect", server.address(), "--trace"], &sent);
    assert!(caller.stdout == sent, "{} of {} bytes came back", caller.stdout.len(), sent.len());
    for line in lines(&caller.stderr).iter().chain(&lines(&server.terminate().stderr)) {
        // Up to 4096 bytes one write to a pipe is one piece, pipe(7).
        assert!(line.text.len() < 2048, "{line:?}");
    }
}

#[test]
fn the_manuals_picture_of_the_telephone_stands_at_each_call() {
    let (server, caller) = question("tcp://127.0.0.1:0", "process");
    let lines = [lines(&server.stderr), lines(&caller.stderr)].concat();
    for (call, word) in [
        ("socket", "install a telephone"),
        ("bind", "get a number"),
        ("listen", "turn on call waiting"),
        ("accept4", "pick up"),
        ("connect", "dial"),
        ("send", "speak"),
        ("recv", "hear"),
        ("shutdown", "say that one is done speaking"),
        ("close", "hang up"),
        ("poll", "wait for any telephone to ring"),
        ("fork", "put a clerk on this call"),
    ] {
        assert_eq!(named(&lines, call)[0].word(), word);
    }
}

#[test]
fn without_the_flag_nothing_is_told() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let caller = run_swb(&["ask", server.address(), "hi"], b"");
    assert_eq!((caller.text().as_str(), caller.stderr.as_str()), ("hi", ""));
    assert_eq!(server.terminate().stderr, "");
}

/// What the kernel saw, by strace(1), is what was told: no call on a socket goes untold.
#[test]
fn every_call_on_a_socket_that_strace_sees_is_told() {
    let folder = Directory::new();
    let seen = folder.file("strace");
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let ask = [env!("CARGO_BIN_EXE_swb"), "ask", server.address(), "hi", "--trace"];
    let told = run(program("strace", &[&["-o", &seen, "-e", "trace=%network"][..], &ask].concat()), b"");
    let seen = std::fs::read_to_string(&seen).unwrap();
    let seen: Vec<&str> =
        seen.lines().filter_map(|line| line.split_once('(')).map(|(name, _)| name).collect();
    // recv(3) and send(3) are recvfrom(2) and sendto(2) without an address.
    let on_sockets = lines(&told.stderr).iter().map(|line| line.name().to_owned()).collect::<Vec<_>>();
    let others = ["poll", "close", "eventfd", "dup", "read", "write"];
    let on_sockets = on_sockets.iter().filter(|name| !others.contains(&name.as_str()));
    let told: Vec<&str> = on_sockets
        .map(|name| match name.as_str() {
            "recv" => "recvfrom",
            "send" => "sendto",
            name => name,
        })
        .collect();
    assert_eq!(told, seen);
}
