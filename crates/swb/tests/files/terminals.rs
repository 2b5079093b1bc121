//! `pty:`: a terminal for any program, raw, with a link, over when nobody has it open.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::time::Duration;

use crate::support::peer::{installed, uninterrupted, wait_until};
use crate::support::proc::ticks_at_rest;
use crate::support::{Directory, Running, Server, run, run_swb, swb};
use crate::{both_ways, call, comes, open_terminal, relay};

under! { bytes_go_both_ways_through_a_raw_terminal_as_they_are: iterative process thread poll epoll uring }
under! { an_answer_that_comes_after_the_callers_end_is_delivered: iterative process thread poll epoll uring }
under! { who_is_owed_something_and_leaves_a_terminal_breaks_the_call_off: iterative process thread poll epoll uring }

fn bytes_go_both_ways_through_a_raw_terminal_as_they_are(engine: &str) {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let mut server = relay(&format!("pty:?link={link}"), engine);
    let caller = call(&server);
    wait_until("the link is there", || Path::new(&link).exists());
    let terminal = open_terminal(&link);
    both_ways(&caller, &caller, &terminal, &terminal);
    let ticks = ticks_at_rest(server.pid(), Duration::from_millis(200));
    assert!(ticks <= 2, "{ticks} ticks while nobody spoke");
    drop(terminal);
    assert_eq!(uninterrupted(|| (&caller).read(&mut [0])).unwrap(), 0);
    drop(caller);
    let line = server.running.wait_for_line(": finished; 16777216 bytes in, 16777216 out, ");
    assert!(line.contains(" to pty:/dev/pts/"), "{line}");
    wait_until("the link is removed", || Path::new(&link).symlink_metadata().is_err());
}

fn an_answer_that_comes_after_the_callers_end_is_delivered(engine: &str) {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let server = relay(&format!("pty:?link={link}"), engine);
    let mut caller = call(&server);
    caller.write_all(b"question").unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    wait_until("the link is there", || Path::new(&link).exists());
    let mut terminal = open_terminal(&link);
    assert!(comes(&terminal, b"question"));
    std::thread::sleep(Duration::from_millis(300)); // the answer is late
    terminal.write_all(b"answer").unwrap();
    drop(terminal);
    assert_eq!(crate::read_all(caller), b"answer");
}

fn who_is_owed_something_and_leaves_a_terminal_breaks_the_call_off(engine: &str) {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let mut server = relay(&format!("pty:?link={link}"), engine);
    let mut caller = call(&server);
    let mut says = caller.try_clone().unwrap();
    let saying = std::thread::spawn(move || says.write_all(&[b'x'; 20_000_000]).unwrap_err());
    wait_until("the link is there", || Path::new(&link).exists());
    let terminal = open_terminal(&link);
    assert!(comes(&terminal, &[b'x'; 1000]));
    drop(terminal);
    let error = saying.join().unwrap();
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    assert!(!matches!(uninterrupted(|| caller.read(&mut [0])), Ok(1..)));
    server.running.wait_for_line(": write(2) to a file: Broken pipe (EPIPE) (pty:");
    wait_until("the link is removed", || Path::new(&link).symlink_metadata().is_err());
}

#[test]
fn a_terminal_that_is_left_and_a_line_that_is_pulled_end_a_call_that_still_owes_something() {
    let directory = Directory::new();
    let link = directory.file("terminal");
    for command in ["connect", "listen"] {
        let mut caller = Running::start(&mut swb(&[command, &format!("pty:?link={link}")]));
        wait_until("the link is there", || Path::new(&link).exists());
        let terminal = open_terminal(&link);
        let mut says = caller.child.stdin.take().unwrap();
        let saying = std::thread::spawn(move || says.write_all(&[b'x'; 4_000_000]));
        assert!(comes(&terminal, &[b'x'; 1000]));
        drop(terminal);
        let ended = caller.finish();
        assert_eq!(ended.code(), 6, "{command}: {ended:?}");
        assert!(saying.join().unwrap().is_err());
    }
    let theirs = directory.file("theirs");
    let socat =
        Running::start(&mut installed("socat", &[&format!("PTY,link={theirs},raw"), "EXEC:sleep 60"]));
    wait_until("the link is there", || Path::new(&theirs).exists());
    let mut caller = Running::start(&mut swb(&["connect", &format!("serial:{theirs}"), "--trace"]));
    let mut says = caller.child.stdin.take().unwrap();
    let saying = std::thread::spawn(move || says.write_all(&[b'x'; 4_000_000]));
    caller.wait_for_line("write(");
    drop(socat);
    let ended = caller.finish();
    assert_eq!(ended.code(), 6, "{ended:?}");
    assert!(saying.join().unwrap().is_err());
}

#[test]
fn a_relay_from_a_terminal_has_one_caller_and_ends_with_it() {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let far = format!("tcp://{}", listener.local_addr().unwrap());
    let server = Server::start(&["relay", &format!("pty:?link={link}"), &far]);
    assert_eq!(
        Path::new(&link).read_link().unwrap().to_str().unwrap(),
        server.address().trim_start_matches("pty:")
    );
    let (far, _) = listener.accept().unwrap();
    let terminal = open_terminal(&link);
    both_ways(&terminal, &terminal, &far, &far);
    drop(terminal);
    assert_eq!((&far).read(&mut [0]).unwrap(), 0);
    drop(far);
    let ended = server.running.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
    assert!(Path::new(&link).symlink_metadata().is_err());
}

#[test]
fn stty_sees_the_settings_and_follow_keeps_the_terminal_for_the_next() {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let address = format!("pty:?link={link}&follow&rows=30&columns=100&permissions=600");
    let server = Server::start(&["relay", &address, "exec:cat"]);
    let shown = || run(installed("stty", &["-a", "-F", &link]), b"").text();
    let seen = shown();
    for wanted in ["rows 30; columns 100;", "-icanon", "-echo ", "-isig", "-opost", "cs8"] {
        assert!(seen.contains(wanted), "{wanted} is not in {seen}");
    }
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&link).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    // The terminal is still there for who comes next.
    for text in [&b"\x00\x03\x04\x11\x13\xff"[..], b"again"] {
        let mut terminal = open_terminal(&link);
        terminal.write_all(text).unwrap();
        assert!(comes(&terminal, text));
    }
    let ended = server.terminate();
    assert_eq!(ended.code(), 143);
    assert!(Path::new(&link).symlink_metadata().is_err(), "a signal leaves no link behind");
}

#[test]
fn a_terminal_that_is_not_raw_reads_an_end_when_the_other_side_has_finished() {
    let directory = Directory::new();
    let link = directory.file("terminal");
    let address = format!("pty:?link={link}&raw=off&echo=off");
    let relay =
        Running::start(&mut swb(&["relay", "sh:echo one; printf two; exec cat >/dev/null", &address]));
    wait_until("the link is there", || Path::new(&link).exists());
    let read = run(installed("cat", &[&link]), b"");
    assert_eq!((read.code(), read.text().as_str()), (0, "one\ntwo"));
    let ended = relay.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
}

#[test]
fn what_lies_at_the_path_of_the_link_stays() {
    let directory = Directory::new();
    let link = directory.file("terminal");
    std::fs::write(&link, "a file").unwrap();
    let refused = run_swb(&["relay", &format!("pty:?link={link}"), "exec:cat"], b"");
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("something is at the path of link= already"), "{refused:?}");
    assert_eq!(std::fs::read(&link).unwrap(), b"a file");
    // A link to a terminal that is gone is what a killed program leaves behind.
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink("/dev/pts/999999", &link).unwrap();
    let server = Server::start(&["relay", &format!("pty:?link={link}"), "exec:cat"]);
    assert!(Path::new(&link).exists());
    // Somebody else has put something else there: it is not ours to remove.
    std::fs::remove_file(&link).unwrap();
    std::fs::write(&link, "another file").unwrap();
    assert_eq!(server.terminate().code(), 143);
    assert_eq!(std::fs::read(&link).unwrap(), b"another file");
}

#[test]
fn socat_speaks_through_our_terminal_and_we_through_its() {
    let directory = Directory::new();
    let (ours, theirs) = (directory.file("ours"), directory.file("theirs"));
    let server = Server::start(&["relay", &format!("pty:?link={ours}"), "exec:cat"]);
    let mut socat = Running::start(&mut installed("socat", &["-", &format!("OPEN:{ours}")]));
    socat.write(b"hello\n");
    socat.wait_for_text("hello\n");
    drop(socat);
    assert_eq!(server.running.finish().code(), 0);
    let socat =
        Running::start(&mut installed("socat", &[&format!("PTY,link={theirs},raw,echo=0"), "EXEC:cat"]));
    wait_until("the link is there", || Path::new(&theirs).exists());
    let mut caller = Running::start(&mut swb(&["connect", &format!("serial:{theirs}")]));
    caller.write(b"there and back\n");
    caller.wait_for_text("there and back\n");
    drop(socat);
    assert_eq!(caller.finish().code(), 0);
}
