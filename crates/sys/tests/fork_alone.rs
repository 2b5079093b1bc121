//! fork(2) in a process with one thread, so without a harness.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test program without the harness")]

use std::process::ExitCode;

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Signal, WaitOptions, getpid, kill_process, waitpid};
use sys::{Forked, SignalWatch, exit_now, fork};

const TESTS: [(&str, fn()); 2] = [
    ("the_child_ends_with_its_own_status", the_child_ends_with_its_own_status),
    ("a_child_that_reset_its_signals_dies_of_them", a_child_that_reset_its_signals_dies_of_them),
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

fn a_child_that_reset_its_signals_dies_of_them() {
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap();
    let watch = SignalWatch::install(&[libc::SIGTERM], wake).unwrap();
    match fork().unwrap() {
        Forked::Child => {
            let status = match watch.reset_in_child() {
                Ok(()) => i32::from(kill_process(getpid(), Signal::TERM).is_err()),
                Err(_) => 1,
            };
            exit_now(status);
        }
        Forked::Parent { child } => {
            let (_, status) = waitpid(Some(child), WaitOptions::empty()).unwrap().unwrap();
            assert_eq!(status.terminating_signal(), Some(libc::SIGTERM));
            assert_eq!(watch.count(libc::SIGTERM), 0, "the parent must not hear of it");
        }
    }
}
