//! `fifo:`: made and removed, read to its last writer's end, written once somebody reads.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::support::peer::{installed, uninterrupted, wait_until};
use crate::support::proc::ticks_at_rest;
use crate::support::{Directory, Running, Server, random_bytes, run, run_swb, swb};
use crate::{call, comes, read_all, relay};

under! { a_caller_hears_a_fifo_to_the_end_of_its_last_writer: iterative process thread poll epoll uring }
under! { what_a_caller_says_goes_to_whoever_reads_the_fifo: iterative process thread poll epoll uring }
under! { a_caller_is_reset_when_the_fifos_reader_leaves_in_the_middle_of_bulk: iterative process thread poll epoll uring }

fn is_fifo(path: &str) -> bool {
    Path::new(path).metadata().is_ok_and(|found| found.file_type().is_fifo())
}

fn a_caller_hears_a_fifo_to_the_end_of_its_last_writer(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let server = relay(&format!("fifo:{path}"), engine);
    let caller = call(&server);
    wait_until("the fifo is made", || is_fifo(&path));
    let ticks = ticks_at_rest(server.pid(), std::time::Duration::from_millis(200));
    assert!(ticks <= 2, "{ticks} ticks while nobody wrote");
    let (mut one, mut other) = (writer(&path), writer(&path));
    one.write_all(b"one ").unwrap();
    assert!(comes(&caller, b"one "));
    drop(one);
    let much = random_bytes(4_000_000, 3);
    let wanted = much.clone();
    let writing = std::thread::spawn(move || other.write_all(&much).unwrap());
    assert!(read_all(&caller) == wanted);
    writing.join().unwrap();
    drop(caller);
    wait_until("the fifo that was made is removed", || !Path::new(&path).exists());
}

fn writer(path: &str) -> File {
    OpenOptions::new().write(true).open(path).unwrap()
}

fn what_a_caller_says_goes_to_whoever_reads_the_fifo(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, 0o600.into()).unwrap();
    let server = relay(&format!("fifo:{path}?access=write"), engine);
    let mut caller = call(&server);
    let says = random_bytes(4_000_000, 8);
    let said = says.clone();
    let saying = std::thread::spawn(move || {
        caller.write_all(&says).unwrap();
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(caller), b"");
    });
    assert!(read_all(File::open(&path).unwrap()) == said);
    saying.join().unwrap();
    drop(server);
    assert!(is_fifo(&path), "a fifo that was there before is not ours to remove");
}

fn a_caller_is_reset_when_the_fifos_reader_leaves_in_the_middle_of_bulk(engine: &str) {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let server = relay(&format!("fifo:{path}?access=write"), engine);
    let mut caller = call(&server);
    let mut says = caller.try_clone().unwrap();
    let saying = std::thread::spawn(move || says.write_all(&random_bytes(20_000_000, 8)).unwrap_err());
    wait_until("the fifo is made", || is_fifo(&path));
    let mut reader = File::open(&path).unwrap();
    reader.read_exact(&mut vec![0; 1_000_000]).unwrap(); // it comes by splice(2) by now
    drop(reader);
    let error = saying.join().unwrap();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert!(!matches!(uninterrupted(|| caller.read(&mut [0])), Ok(1..)));
    wait_until("the fifo that was made is removed", || !Path::new(&path).exists());
}

#[test]
fn a_relay_from_a_fifo_has_one_caller_and_ends_with_it() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let server = Server::start(&["relay", &format!("fifo:{path}"), "sh:cat >&2"]);
    assert_eq!(server.address(), format!("fifo:{path}"));
    let sent = run(installed("socat", &["-u", "-", &format!("PIPE:{path}")]), b"from socat\n");
    assert_eq!(sent.code(), 0, "{sent:?}");
    let ended = server.running.finish();
    assert_eq!((ended.code(), ended.stderr.lines().last()), (0, Some("from socat")), "{ended:?}");
    assert!(!Path::new(&path).exists());
}

#[test]
fn with_follow_one_writer_may_come_after_the_other() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let mut listener = Server::start(&["listen", &format!("fifo:{path}?follow")]);
    for text in ["one\n", "two\n", "three\n"] {
        writer(&path).write_all(text.as_bytes()).unwrap();
        listener.running.wait_for_text(text);
    }
    let ended = {
        listener.running.signal(15);
        listener.running.finish()
    };
    assert_eq!((ended.code(), ended.text().as_str()), (143, "one\ntwo\nthree\n"));
    assert!(!Path::new(&path).exists(), "a signal leaves no fifo behind that was made");
}

#[test]
fn nobody_who_reads_is_waited_for_as_long_as_a_call() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let late = run_swb(&["connect", &format!("fifo:{path}?access=write&connect-timeout=200ms")], b"x");
    assert_eq!(late.code(), 5, "{late:?}");
    assert!(late.stderr.contains("nobody has opened it to read"), "{late:?}");
    assert!(!Path::new(&path).exists());
    let mut writer = Running::start(&mut swb(&["connect", &format!("fifo:{path}?access=write")]));
    wait_until("the fifo is made", || is_fifo(&path));
    let mut reader = File::open(&path).unwrap();
    writer.write(b"to who came late");
    writer.close_input();
    let mut heard = String::new();
    reader.read_to_string(&mut heard).unwrap();
    assert_eq!((writer.finish().code(), heard.as_str()), (0, "to who came late"));
}

#[test]
fn a_signal_while_a_reader_is_waited_for_leaves_no_fifo_behind() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let address = format!("fifo:{path}?access=write");
    let commands: [&[&str]; 5] = [
        &["connect", &address],
        &["connect", "--forever", &address],
        &["listen", &address],
        &["serve", "time", &address],
        &["relay", &address, "exec:cat"],
    ];
    for arguments in commands {
        for (signal, status) in [(2, 130), (15, 143)] {
            let waits = Running::start(&mut swb(arguments));
            wait_until("the fifo is made", || is_fifo(&path));
            waits.signal(signal);
            assert_eq!(waits.finish().code(), status, "{arguments:?}");
            assert!(!Path::new(&path).exists(), "{arguments:?}");
        }
    }
}

#[test]
fn a_reader_who_leaves_breaks_the_call_off() {
    const GONE: &str = " was broken off: write(2) to a file: Broken pipe (EPIPE); ";
    let directory = Directory::new();
    let path = directory.file("fifo");
    let mut writer = Running::start(&mut swb(&["connect", &format!("fifo:{path}?access=write")]));
    wait_until("the fifo is made", || is_fifo(&path));
    let mut reader = File::open(&path).unwrap();
    writer.write(b"heard");
    assert!(comes(&mut reader, b"heard"));
    drop(reader);
    writer.write(b"not heard");
    let ended = writer.finish();
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert!(ended.stderr.contains(GONE), "{ended:?}");
    // The same in the middle of bulk.
    let mut writer = Running::start(&mut swb(&["connect", &format!("fifo:{path}?access=write")]));
    wait_until("the fifo is made", || is_fifo(&path));
    let reading = std::thread::spawn(move || {
        File::open(&path).unwrap().read_exact(&mut vec![0; 100_000]).unwrap();
    });
    writer.write(&random_bytes(4_000_000, 6));
    reading.join().unwrap();
    let ended = writer.finish();
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert!(ended.stderr.contains(GONE), "{ended:?}");
}

#[test]
fn of_two_ends_that_are_joined_the_one_that_broke_off_is_named() {
    let directory = Directory::new();
    let path = directory.file("fifo");
    let relay = Running::start(&mut swb(&["relay", "-v", "sh:yes", &format!("fifo:{path}?access=write")]));
    wait_until("the fifo is made", || is_fifo(&path));
    File::open(&path).unwrap().read_exact(&mut [0; 100]).unwrap();
    let ended = relay.finish();
    assert_eq!(ended.code(), 6, "{ended:?}");
    let told = format!("sh:yes to fifo:{path}: write(2) to a file: Broken pipe (EPIPE) (fifo:{path}); ");
    assert!(ended.stderr.contains(&told), "{ended:?}");
    let said =
        format!("swb: the call to fifo:{path} was broken off: write(2) to a file: Broken pipe (EPIPE); ");
    assert!(ended.stderr.contains(&said), "{ended:?}");
}

#[test]
fn ask_that_is_interrupted_before_somebody_reads_removes_the_fifo_that_it_made() {
    for signal in [2, 15] {
        let directory = Directory::new();
        let path = directory.file("fifo");
        let asks = Running::start(&mut swb(&["ask", &format!("fifo:{path}"), "hello"]));
        wait_until("the fifo is made", || is_fifo(&path));
        asks.signal(signal);
        let asked = asks.finish();
        assert_eq!(asked.code(), 128 + signal, "{asked:?}");
        assert!(!Path::new(&path).exists());
    }
}
