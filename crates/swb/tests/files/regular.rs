//! `file:`: read, written, added to, followed; nothing is thrown away unasked.

use std::fs::{OpenOptions, read, write};
use std::io::{Read, Write};
use std::net::Shutdown;

use crate::support::peer::{installed, uninterrupted, wait_until};
use crate::support::proc::ticks_at_rest;
use crate::support::{Directory, Running, random_bytes, run_swb, swb};
use crate::{call, comes, read_all, relay};

under! { each_caller_gets_the_file_whole_and_then_its_end: iterative process thread poll epoll uring }
under! { what_callers_say_is_added_to_a_file_and_its_end_is_told_when_it_is_there: iterative process thread poll epoll uring }
under! { what_is_written_to_a_followed_file_reaches_the_caller: iterative process thread poll epoll uring }
under! { two_callers_never_write_one_file_at_once: iterative process thread poll epoll uring }
under! { a_file_that_is_only_read_refuses_what_is_sent_to_it: iterative process thread poll epoll uring }

fn each_caller_gets_the_file_whole_and_then_its_end(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("file");
    let holds = random_bytes(5_000_000, 1);
    write(&path, &holds).unwrap();
    let server = relay(&format!("file:{path}"), engine);
    for _ in 0..3 {
        let caller = call(&server);
        assert!(read_all(&caller) == holds);
    }
}

fn what_callers_say_is_added_to_a_file_and_its_end_is_told_when_it_is_there(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("file");
    write(&path, "before\n").unwrap();
    let server = relay(&format!("file:{path}?access=append"), engine);
    let mut holds = b"before\n".to_vec();
    for seed in 1..4 {
        let says = random_bytes(2_000_000, seed);
        let mut caller = call(&server);
        caller.write_all(&says).unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&caller), b"");
        holds.extend(says);
        assert!(read(&path).unwrap() == holds);
    }
}

fn what_is_written_to_a_followed_file_reaches_the_caller(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("log");
    write(&path, "one\n").unwrap();
    let server = relay(&format!("file:{path}?follow"), engine);
    let caller = call(&server);
    assert!(comes(&caller, b"one\n"));
    let add = |text: &[u8]| OpenOptions::new().append(true).open(&path).unwrap().write_all(text).unwrap();
    add(b"two\n");
    assert!(comes(&caller, b"two\n"));
    let much = random_bytes(3_000_000, 9);
    add(&much);
    assert!(comes(&caller, &much));
    // As tail(1): what has become shorter begins anew.
    write(&path, "new\n").unwrap();
    assert!(comes(&caller, b"new\n"));
    let ticks = ticks_at_rest(server.pid(), std::time::Duration::from_millis(300));
    assert!(ticks <= 3, "{ticks} ticks while nothing was written");
}

fn two_callers_never_write_one_file_at_once(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("file");
    let mut server = relay(&format!("file:{path}?access=write&truncate"), engine);
    let mut one = call(&server);
    one.write_all(b"one, ").unwrap();
    wait_until("it is written", || read(&path).is_ok_and(|holds| holds == b"one, "));
    // An iterative server has one call at a time anyway; whoever else would write is a program of its own then.
    if engine == "iterative" {
        let other = run_swb(&["connect", &format!("file:{path}?access=write&truncate")], b"other");
        assert!(other.code() == 1 && other.stderr.contains("flock(2): "), "{other:?}");
    } else {
        let mut other = call(&server);
        let heard = uninterrupted(|| other.read(&mut [0]));
        assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
        server.running.wait_for_line("another call is writing it");
    }
    // Another program adds to it meanwhile.
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"another, ").unwrap();
    one.write_all(b"one again").unwrap();
    one.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&one), b"");
    assert_eq!(String::from_utf8(read(&path).unwrap()).unwrap(), "one, another, one again");
    // The next has it at once.
    for text in [b"next", b"last"] {
        let mut next = call(&server);
        next.write_all(text).unwrap();
        next.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&next), b"");
        assert_eq!(read(&path).unwrap(), text);
    }
}

fn a_file_that_is_only_read_refuses_what_is_sent_to_it(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("file");
    write(&path, random_bytes(20_000_000, 2)).unwrap();
    let mut server = relay(&format!("file:{path}"), engine);
    let mut caller = call(&server);
    caller.write_all(b"is this kept?").unwrap();
    assert_eq!(caller.read_to_end(&mut Vec::new()).unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let line = server.running.wait_for_line(&format!(" to file:{path}: "));
    assert!(line.contains("write(2) to a file: Bad file descriptor (EBADF)"), "{line}");
    assert_eq!(read(&path).unwrap().len(), 20_000_000);
}

#[test]
fn a_followed_file_reads_as_tail_reads_it() {
    let directory = Directory::new();
    let path = directory.file("log");
    write(&path, "1\n2\n3\n").unwrap();
    let mut tail = Running::start(&mut installed("tail", &["-n", "+1", "-f", &path]));
    let mut ours = Running::start(&mut swb(&["connect", &format!("file:{path}?follow")]));
    let mut wanted = b"1\n2\n3\n".to_vec();
    for line in 4..50 {
        let more = format!("line {line}\n");
        OpenOptions::new().append(true).open(&path).unwrap().write_all(more.as_bytes()).unwrap();
        wanted.extend(more.into_bytes());
        assert_eq!(ours.wait_for_bytes(wanted.len()), wanted);
        assert_eq!(tail.wait_for_bytes(wanted.len()), wanted);
    }
    ours.signal(2);
    assert_eq!(ours.finish().code(), 130);
}

#[test]
fn a_followed_file_can_be_read_from_its_end() {
    let directory = Directory::new();
    let path = directory.file("log");
    write(&path, "old\n").unwrap();
    let mut ours = Running::start(&mut swb(&["connect", &format!("file:{path}?follow&from-end"), "--trace"]));
    ours.wait_for_line("inotify_add_watch(");
    OpenOptions::new().append(true).open(&path).unwrap().write_all(b"new\n").unwrap();
    assert_eq!(ours.wait_for_bytes(4), b"new\n");
}

#[test]
fn a_file_that_holds_something_is_overwritten_only_if_that_is_asked_for() {
    let directory = Directory::new();
    let path = directory.file("file");
    let written = run_swb(&["connect", &format!("file:{path}?access=write&permissions=640")], b"first");
    assert_eq!((written.code(), read(&path).unwrap()), (0, b"first".to_vec()), "{written:?}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o640);
    let refused = run_swb(&["connect", &format!("file:{path}?access=write")], b"second");
    assert_eq!((refused.code(), read(&path).unwrap()), (1, b"first".to_vec()));
    assert!(
        refused.stderr.contains("access=append adds to it, access=write&truncate throws that away"),
        "{refused:?}"
    );
    let replaced = run_swb(&["connect", &format!("file:{path}?access=write&truncate")], b"new");
    assert_eq!((replaced.code(), read(&path).unwrap()), (0, b"new".to_vec()), "{replaced:?}");
}

#[test]
fn permissions_are_those_of_a_new_file_from_its_first_moment_and_of_no_other() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let directory = Directory::new();
    let path = directory.file("file");
    let mode = || std::fs::metadata(&path).unwrap().mode() & 0o777;
    for (asked, is) in [("600", 0o600), ("666", 0o666)] {
        let address = format!("file:{path}?access=append&permissions={asked}");
        let made = run_swb(&["connect", &address, "--trace"], b"text");
        assert_eq!((made.code(), mode()), (0, is), "{made:?}");
        assert!(made.stderr.contains(&format!("O_EXCL|O_APPEND|O_NONBLOCK, {asked})")), "{made:?}");
        std::fs::remove_file(&path).unwrap();
    }
    write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let added = run_swb(&["connect", &format!("file:{path}?access=append&permissions=600")], b"text");
    assert_eq!((added.code(), mode()), (0, 0o640), "{added:?}");
}

#[test]
fn connect_ask_and_relay_read_a_file_and_end_with_it() {
    let directory = Directory::new();
    let path = directory.file("file");
    write(&path, "what it holds\n").unwrap();
    let mut connect = Running::start(&mut swb(&["connect", &format!("file:{path}")]));
    assert_eq!(connect.wait_for_bytes(14), b"what it holds\n");
    assert_eq!(connect.finish().code(), 0); // although its input is still open
    let copy = directory.file("copy");
    let relay = run_swb(&["relay", &format!("file:{path}"), &format!("file:{copy}?access=write")], b"");
    assert_eq!((relay.code(), read(&copy).unwrap()), (0, b"what it holds\n".to_vec()), "{relay:?}");
    let asked = run_swb(&["ask", &format!("file:{copy}?access=append"), "more"], b"");
    assert_eq!((asked.code(), read(&copy).unwrap()), (0, b"what it holds\nmore".to_vec()), "{asked:?}");
}

#[test]
fn who_sends_to_a_file_that_is_read_is_told_how_it_is_written() {
    let directory = Directory::new();
    let path = directory.file("file");
    write(&path, "").unwrap();
    let refused = run_swb(&["connect", &format!("file:{path}?follow")], b"text");
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("?access=append or ?access=write lets it be written"), "{refused:?}");
}

#[test]
fn what_is_no_socket_is_said_not_to_be_one() {
    let refused = run_swb(&["connect", "fd:0"], b"");
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("(ENOTSOCK); fd:N is for sockets: `-` is standard input"), "{refused:?}");
}

#[test]
fn a_full_disk_is_an_error_of_the_call() {
    let full = run_swb(&["connect", "file:/dev/full?access=write"], b"text");
    assert_eq!(full.code(), 1);
    assert!(full.stderr.contains("write(2) to a file: No space left on device (ENOSPC)"), "{full:?}");
}

#[test]
fn what_cannot_be_opened_is_said_with_what_to_try() {
    let directory = Directory::new();
    let (missing, file, fifo) = (directory.file("missing"), directory.file("file"), directory.file("fifo"));
    let folder = directory.file("");
    write(&file, "").unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o600.into()).unwrap();
    let of_files = "it is a device: follow, from-end, truncate and permissions are for files";
    for (address, code, words) in [
        (
            format!("file:{missing}"),
            1,
            "open(2): No such file or directory (ENOENT); nothing is there: is the path right?",
        ),
        (
            format!("file:{folder}"),
            1,
            "open(2): Is a directory (EISDIR); it is a directory: file:PATH takes a file in it",
        ),
        (
            format!("file:{folder}?access=append"),
            1,
            "open(2): Is a directory (EISDIR); it is a directory: file:PATH takes a file in it",
        ),
        (format!("file:{missing}?truncate"), 2, "?truncate: truncate is for access=write"),
        (
            format!("file:{missing}?access=append&follow"),
            2,
            "&follow: follow and from-end are for files that are read",
        ),
        (format!("file:{missing}?permissions=600"), 2, "permissions are for what is made"),
        (format!("fifo:{missing}?access=both"), 2, "?access=both: a fifo goes one way"),
        (format!("fifo:{file}"), 1, &format!("fifo:{file}: it is no named pipe: file:PATH opens it")),
        (format!("file:{fifo}"), 1, &format!("file:{fifo}: it is a named pipe: fifo:PATH opens it")),
        (format!("file:{file}?access=both"), 1, "?access=both: access=both is for devices"),
        ("file:/dev/null?follow".to_owned(), 1, of_files),
        ("file:/dev/null?from-end".to_owned(), 1, of_files),
        ("file:/dev/null?access=write&truncate".to_owned(), 1, of_files),
        ("file:/dev/null?access=write&permissions=600".to_owned(), 1, of_files),
        (format!("serial:{missing}"), 1, "open(2): No such file or directory (ENOENT)"),
        ("serial:/dev/null".to_owned(), 1, "it is no terminal: file:PATH opens it"),
        ("exec:cat?rows=3".to_owned(), 1, "option rows=3: it is for the terminal that `pty` gives a program"),
    ] {
        let failed = run_swb(&["connect", &address], b"");
        assert_eq!(failed.code(), code, "{address}: {failed:?}");
        assert!(failed.stderr.contains(words), "{address}: {failed:?}");
    }
    assert!(!std::path::Path::new(&missing).exists());
}

#[test]
fn a_file_goes_to_socat_and_comes_from_it_as_it_is() {
    let directory = Directory::new();
    let (path, copy) = (directory.file("file"), directory.file("copy"));
    let holds = random_bytes(3_000_000, 4);
    write(&path, &holds).unwrap();
    let server = relay(&format!("file:{path}"), "auto");
    let place = server.address().trim_start_matches("tcp://").to_owned();
    let fetched = crate::support::run(
        installed("socat", &["-u", &format!("TCP:{place}"), &format!("FILE:{copy},create")]),
        b"",
    );
    assert_eq!(fetched.code(), 0, "{fetched:?}");
    assert!(read(&copy).unwrap() == holds);
    let kept = directory.file("kept");
    let server = relay(&format!("file:{kept}?access=append"), "auto");
    let place = server.address().trim_start_matches("tcp://").to_owned();
    let sent = crate::support::run(
        installed("socat", &["-u", &format!("FILE:{path}"), &format!("TCP:{place}")]),
        b"",
    );
    assert_eq!(sent.code(), 0, "{sent:?}");
    wait_until("all is in the file", || read(&kept).is_ok_and(|kept| kept.len() >= holds.len()));
    assert!(read(&kept).unwrap() == holds);
}
