//! fork(2) in a process with one thread, so without a harness.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test program without the harness")]

use std::process::ExitCode;

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Signal, WaitOptions, getpid, kill_process, waitpid};
use sys::{Forked, SignalWatch, exit_now, fork};

const TESTS: [(&str, fn()); 2] = [
    ("the_child_ends_with_its_own_status", the_child_ends_with_its_own_status),
    ("a_signal_to_a_child_does_not_wake_its_parent", a_signal_to_a_child_does_not_wake_its_parent),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let listing = arguments.iter().any(|argument| argument == "--list");
    let ignored_only = arguments.iter().any(|argument| argument == "--ignored");
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-') && *argument != "terse");
    for (name, test) in TESTS {
        if ignored_only || wanted.is_some_and(|wanted| !name.contains(wanted.as_str())) {
            continue;
        }
        if listing {
            println!("{name}: test");
        } else {
            test();
            println!("test {name} ... ok");
        }
    }
    ExitCode::SUCCESS
}

fn the_child_ends_with_its_own_status() {
    match fork().unwrap() {
        Forked::Child => exit_now(42),
        Forked::Parent { child } => {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(42));
        }
    }
}

fn a_signal_to_a_child_does_not_wake_its_parent() {
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let watch = SignalWatch::install(&[libc::SIGTERM], wake).unwrap();
    match fork().unwrap() {
        Forked::Child => {
            let sent = kill_process(getpid(), Signal::TERM).is_ok();
            exit_now(i32::from(!(sent && watch.count(libc::SIGTERM) == 1)));
        }
        Forked::Parent { child } => {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.exit_status(), Some(0), "the child counts it and lives");
            assert_eq!(watch.count(libc::SIGTERM), 0);
            let unread = rustix::io::read(watch.wake(), &mut [0; 8]);
            assert_eq!(unread, Err(rustix::io::Errno::AGAIN), "the parent was woken");
        }
    }
}
