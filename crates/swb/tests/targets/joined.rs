//! A relay whose first end is called, started or opened: two servers are joined, and once more after each call.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::Shutdown;

use crate::support::peer::{refusing_tcp_port, uninterrupted};
use crate::support::{Directory, Running, run_swb, swb};
use crate::{answer, far};

const SOON: &str = "?retry-wait=20ms&retry-wait-max=50ms";

#[test]
fn two_servers_are_joined_and_each_end_of_a_direction_goes_through() {
    let ((near, from), (behind, to)) = (far(""), far(""));
    let relay = Running::start(&mut swb(&["relay", "--dial", &from, &to, "-v"]));
    let (mut one, mut other) = (answer(&near), answer(&behind));
    one.write_all(b"from one").unwrap();
    one.shutdown(Shutdown::Write).unwrap();
    let mut heard = String::new();
    other.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "from one", "and its end");
    other.write_all(b"from the other").unwrap();
    drop(other);
    heard.clear();
    one.read_to_string(&mut heard).unwrap();
    let said = relay.finish();
    assert_eq!((heard.as_str(), said.code()), ("from the other", 0), "{}", said.stderr);
}

#[test]
fn forever_calls_both_again_when_a_call_has_ended_or_one_is_away() {
    let (near, from) = far(SOON);
    let (held, port) = refusing_tcp_port();
    let to = format!("tcp://127.0.0.1:{port}");
    let mut relay = Running::start(&mut swb(&["relay", "--dial", &from, &to, "--forever", "-v"]));
    let mut first = answer(&near);
    assert_eq!(uninterrupted(|| first.read(&mut [0; 9])).unwrap_or(0), 0, "the other end is down");
    let told = relay.wait_for_line("nobody listens there; it is tried again in ");
    assert!(told.contains("was not joined to the other end"), "{told}");
    let behind = crate::listen(held);
    let mut other = answer(&behind);
    other.write_all(b"back").unwrap();
    drop(other);
    // Those who were called while the other end was down come first, and hear nothing.
    let mut heard = String::new();
    while heard.is_empty() {
        let _is_reset = answer(&near).read_to_string(&mut heard);
    }
    assert_eq!(heard, "back");
    drop((answer(&behind), answer(&near)));
    relay.signal(15);
    assert_eq!(relay.finish().code(), 143);
}

#[test]
fn a_program_is_started_again_for_ever() {
    let (behind, to) = far("");
    let relay = Running::start(&mut swb(&["relay", "exec:echo again", &to, "--forever"]));
    for _ in 0..3 {
        let (mut other, mut heard) = (answer(&behind), String::new());
        other.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "again\n");
    }
    relay.signal(15);
    assert_eq!(relay.finish().code(), 143);
}

#[test]
fn a_terminal_is_made_again_when_whoever_opened_it_has_gone() {
    let folder = Directory::new();
    let link = folder.file("modem");
    let (behind, to) = far("");
    let from = format!("pty:?link={link}");
    let mut relay = Running::start(&mut swb(&["relay", &from, &to, "--forever"]));
    for said in ["first", "second"] {
        relay.take_line("listening pty:");
        let mut modem = OpenOptions::new().read(true).write(true).open(&link).unwrap();
        let mut other = answer(&behind);
        modem.write_all(said.as_bytes()).unwrap();
        let mut heard = vec![0; said.len()];
        other.read_exact(&mut heard).unwrap();
        assert_eq!(heard, said.as_bytes());
        drop(modem);
        assert_eq!(uninterrupted(|| other.read(&mut heard)).unwrap(), 0);
    }
    relay.signal(15);
    assert_eq!(relay.finish().code(), 143);
}

#[test]
fn what_cannot_be_called_again_is_refused_at_once() {
    let table: &[(&[&str], &str)] = &[
        (&["relay", "tcp://127.0.0.1:0", "tcp://127.0.0.1:1", "--forever"], "with --dial it is called"),
        (&["relay", "--dial", "-", "tcp://127.0.0.1:1"], "- is open already"),
        (&["relay", "--dial", "fd:0", "tcp://127.0.0.1:1"], "fd:0 is open already"),
        (
            &["relay", "--dial", "tcp://127.0.0.1:1", "tcp://127.0.0.1:1", "--control", "/tmp/x"],
            "--control is for addresses at which callers come",
        ),
        (&["relay", "exec:cat", "tcp://127.0.0.1:1", "--allow", "::1"], "--allow, --deny"),
        (&["relay", "--dial", "tcp://127.0.0.1:1?backlog=3", "tcp://127.0.0.1:1"], "leave it out to connect"),
    ];
    for (arguments, why) in table {
        let said = run_swb(arguments, b"");
        assert!(
            said.code() == 2 && said.stderr.contains(why),
            "{arguments:?}: {} {}",
            said.code(),
            said.stderr
        );
    }
}
