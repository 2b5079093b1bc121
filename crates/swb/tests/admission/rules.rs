//! `--allow` and `--deny`: who is let in, who is told of, and when the rules are read again.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use crate::support::proc::{children, threads};
use crate::support::{Directory, Running, Server, run_swb, swb};
use crate::{HERE, THERE, call_from, echo, exchange, expect_refusal, told_of};

under! { who_is_denied_is_reset_and_costs_nobody_a_place: iterative process thread poll epoll uring }

fn who_is_denied_is_reset_and_costs_nobody_a_place(engine: &str) {
    let mut server = echo(engine, &["--allow", "127.0.0.0/8", "--deny", "127.0.0.2-127.0.0.9", "-v"]);
    for _ in 0..50 {
        expect_refusal(THERE, &server);
    }
    assert!(children(server.pid()).is_empty());
    assert!(engine != "thread" || threads(server.pid()) == 1);
    exchange(&mut call_from(HERE, &server).unwrap(), b"hello");
    let line = server.running.wait_for_line("called");
    assert!(line.starts_with("call 1: tcp://127.0.0.1:"), "the refused are no calls: {line}");
    let ended = server.terminate();
    assert_eq!(ended.code(), 0);
    assert!(ended.stderr.ends_with("answered 1 calls, refused 50 callers"), "{}", ended.stderr);
}

under! { the_refused_are_told_of_once_a_second_by_their_number: iterative process thread poll epoll uring }

fn the_refused_are_told_of_once_a_second_by_their_number(engine: &str) {
    const CALLERS: u64 = 300;
    let server = echo(engine, &["--allow", "127.0.0.1"]);
    let began = Instant::now();
    for _ in 0..CALLERS {
        expect_refusal(THERE, &server);
    }
    let ended = server.terminate();
    let seconds = began.elapsed().as_secs() as usize;
    let lines: Vec<&str> = ended.stderr.lines().filter(|line| line.contains(": refused ")).collect();
    assert!(lines.len() <= seconds + 2, "{lines:#?}");
    assert_eq!(lines.iter().map(|line| told_of(line)).sum::<u64>(), CALLERS, "{lines:#?}");
    let why = "it is not among those who may call (--allow)";
    assert!(lines.iter().all(|line| line.contains(" tcp://127.0.0.2:") && line.ends_with(why)), "{lines:#?}");
}

under! { rules_are_read_again_at_sighup_and_no_open_call_is_dropped: process thread poll epoll uring }

fn rules_are_read_again_at_sighup_and_no_open_call_is_dropped(engine: &str) {
    let directory = Directory::new();
    let file = directory.file("callers");
    std::fs::write(&file, "127.0.0.1 # ours\n").unwrap();
    let mut server = echo(engine, &["--allow", &format!("@{file}")]);
    let mut open = call_from(HERE, &server).unwrap();
    exchange(&mut open, b"before");
    expect_refusal(THERE, &server);

    std::fs::write(&file, "127.0.0.2\n").unwrap();
    server.running.signal(libc::SIGHUP);
    server.running.wait_for_line("who may call was read again");
    exchange(&mut open, b"and after");
    expect_refusal(HERE, &server);
    exchange(&mut call_from(THERE, &server).unwrap(), b"now it may");

    std::fs::write(&file, "127.0.0.1\n127.0.0.2/99\n").unwrap();
    server.running.signal(libc::SIGHUP);
    let line = server.running.wait_for_line("who may call stays as it was");
    assert!(
        line.contains(&format!("{file:?}, line 2: a network's prefix is wrong; 127.0.0.2/99; ^^")),
        "{line}"
    );
    exchange(&mut open, b"still here");
    expect_refusal(HERE, &server);
    exchange(&mut call_from(THERE, &server).unwrap(), b"and here");
    drop(open);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn callers_at_a_unix_socket_are_judged_by_user_and_group() {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    for (rules, may_call) in [
        (vec!["--allow", "uid:ME"], true),
        (vec!["--allow", "gid:MINE"], true),
        (vec!["--allow", "uid:987654"], false),
        (vec!["--allow", "0.0.0.0/0,::/0"], false),
        (vec!["--deny", "0.0.0.0/0,::/0"], true),
        (vec!["--allow", "uid:ME", "--deny", "gid:MINE"], false),
    ] {
        let rules = rules
            .iter()
            .map(|rule| rule.replace("ME", &user.to_string()).replace("MINE", &group.to_string()));
        let rules: Vec<String> = rules.collect();
        let directory = Directory::new();
        let path = directory.file("echo.sock");
        let at = format!("unix:{path}");
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let server = Server::start(&[&["serve", "echo", &at], &*rules].concat());
        let mut caller = UnixStream::connect(&path).unwrap();
        let said = caller.write_all(b"hello").and_then(|()| {
            caller.shutdown(std::net::Shutdown::Write)?;
            let mut answer = Vec::new();
            caller.read_to_end(&mut answer).map(|_| answer)
        });
        assert_eq!(said.unwrap_or_default(), if may_call { &b"hello"[..] } else { b"" }, "{rules:?}");
        assert_eq!(server.terminate().code(), 0);
    }
}

#[test]
fn rules_that_cannot_be_read_or_kept_are_refused_with_a_sentence() {
    for (arguments, status, said) in [
        (vec!["--allow", "127.0.0.1/33", "tcp://:0"], 2, "127.0.0.1/33\n            ^^ 0 to 32 for IPv4"),
        (
            vec!["--deny", "@/there/is/none", "tcp://:0"],
            1,
            "the file of rules \"/there/is/none\": open(2): No such file",
        ),
        (
            vec!["--deny", "uid:nobody-has-this", "unix:@x"],
            2,
            "no user is named \"nobody-has-this\"; `getent passwd`",
        ),
        (vec!["--allow", "no-such-host.invalid", "tcp://:0"], 3, "no host is named no-such-host.invalid"),
        (
            vec!["--allow", "uid:0", "unix-dgram:@x"],
            2,
            "at a unix-dgram socket the kernel does not tell who sends",
        ),
        (vec!["--rate", "0", "tcp://:0"], 2, "a rate is a number from 1 to 1000000"),
        (vec!["--allow", "::1", "-"], 2, "- is one caller, and nobody comes there"),
    ] {
        let ended = run_swb(&[&["serve", "echo"], &*arguments].concat(), b"");
        assert_eq!(ended.code(), status, "{}", ended.stderr);
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}

#[test]
fn listen_takes_the_first_caller_who_may() {
    let mut running = Running::start(&mut swb(&["listen", "--deny", "127.0.0.2", "tcp://127.0.0.1:0"]));
    let line = running.wait_for_line("listening ");
    let server = Server { running, addresses: vec![line.trim_start_matches("listening ").to_owned()] };
    expect_refusal(THERE, &server);
    let mut caller = call_from(HERE, &server).unwrap();
    caller.write_all(b"it is me").unwrap();
    drop(caller);
    let Server { mut running, .. } = server;
    running.close_input();
    let ended = running.finish();
    assert_eq!((ended.code(), ended.text().as_str()), (0, "it is me"));
}
