//! Signals are counted, wake a poller, and are given back.

#![expect(clippy::unwrap_used, reason = "a panic in a helper is the failure that is wanted")]

use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::event::{EventfdFlags, eventfd};
use rustix::process::{Signal, getpid, kill_process};
use sys::SignalWatch;

const USR1: i32 = libc::SIGUSR1;
const USR2: i32 = libc::SIGUSR2;

/// A process has one watch, and these tests share a process.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wake() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).unwrap()
}

/// Sends it to ourselves and waits for the handler to have counted it.
fn raise_and_wait(watch: &SignalWatch, signal: Signal) {
    let before = watch.count(signal.as_raw());
    kill_process(getpid(), signal).unwrap();
    while watch.count(signal.as_raw()) == before {
        std::thread::yield_now();
    }
}

#[test]
fn each_delivery_is_counted_and_the_last_is_known() {
    let _alone = one_at_a_time();
    let watch = SignalWatch::install(&[USR1, USR2], wake()).unwrap();
    assert_eq!((watch.count(USR1), watch.last()), (0, None));
    raise_and_wait(&watch, Signal::USR1);
    raise_and_wait(&watch, Signal::USR1);
    raise_and_wait(&watch, Signal::USR2);
    assert_eq!((watch.count(USR1), watch.count(USR2), watch.last()), (2, 1, Some(USR2)));
}

#[test]
fn a_delivery_wakes_the_poller() {
    let _alone = one_at_a_time();
    let watch = SignalWatch::install(&[USR1], wake()).unwrap();
    kill_process(getpid(), Signal::USR1).unwrap();
    let mut fds = [rustix::event::PollFd::from_borrowed_fd(watch.wake(), rustix::event::PollFlags::IN)];
    while rustix::event::poll(&mut fds, None) == Err(rustix::io::Errno::INTR) {}
    let mut total = [0; 8];
    rustix::io::read(watch.wake(), &mut total).unwrap();
    assert_eq!(u64::from_ne_bytes(total), 1);
}

#[test]
fn a_signal_with_a_wake_of_its_own_does_not_wake_the_others() {
    let _alone = one_at_a_time();
    let mut watch = SignalWatch::install(&[USR1], wake()).unwrap();
    let own = wake();
    watch.add(USR2, own.try_clone().unwrap()).unwrap();
    assert_eq!(watch.add(USR1, wake()).unwrap_err().raw_os_error(), Some(libc::EINVAL));
    raise_and_wait(&watch, Signal::USR2);
    let mut fds = [rustix::event::PollFd::new(&own, rustix::event::PollFlags::IN)];
    while rustix::event::poll(&mut fds, None) == Err(rustix::io::Errno::INTR) {}
    assert_eq!(rustix::io::read(&own, &mut [0; 8]), Ok(8));
    assert_eq!(rustix::io::read(watch.wake(), &mut [0; 8]), Err(rustix::io::Errno::AGAIN));
}

#[test]
fn a_second_watch_is_refused_while_one_lives() {
    let _alone = one_at_a_time();
    let first = SignalWatch::install(&[USR1], wake()).unwrap();
    let error = SignalWatch::install(&[USR2], wake()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    drop(first);
    SignalWatch::install(&[USR2], wake()).unwrap();
}

#[test]
fn a_signal_that_cannot_be_caught_is_refused() {
    let _alone = one_at_a_time();
    for signal in [libc::SIGKILL, 0, -1, 65] {
        let error = SignalWatch::install(&[USR1, signal], wake()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{signal}");
    }
    SignalWatch::install(&[USR1], wake()).unwrap();
}

#[test]
fn only_a_watched_signal_can_end_at_its_second_delivery() {
    let _alone = one_at_a_time();
    let watch = SignalWatch::install(&[USR1], wake()).unwrap();
    watch.end_at_second(USR1, true).unwrap();
    watch.end_at_second(USR1, false).unwrap();
    assert_eq!(watch.end_at_second(USR2, true).unwrap_err().raw_os_error(), Some(libc::EINVAL));
}

/// Runs this test program once more, on the one test `name`, as a process that may die.
fn run_again(name: &str) -> std::process::ExitStatus {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env("SWITCHBOARD_TEST_CHILD", name)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap()
}

fn is_child(name: &str) -> bool {
    std::env::var("SWITCHBOARD_TEST_CHILD").is_ok_and(|child| child == name)
}

#[test]
fn the_second_terminating_signal_ends_the_process_with_128_and_its_number() {
    let name = "the_second_terminating_signal_ends_the_process_with_128_and_its_number";
    if is_child(name) {
        let watch = SignalWatch::install(&[libc::SIGTERM], wake()).unwrap();
        watch.end_at_second(libc::SIGTERM, true).unwrap();
        raise_and_wait(&watch, Signal::TERM);
        kill_process(getpid(), Signal::TERM).unwrap();
        loop {
            std::thread::park();
        }
    }
    assert_eq!(run_again(name).code(), Some(128 + libc::SIGTERM));
}

#[test]
fn a_dropped_watch_gives_back_the_default_action() {
    let name = "a_dropped_watch_gives_back_the_default_action";
    if is_child(name) {
        let watch = SignalWatch::install(&[libc::SIGTERM], wake()).unwrap();
        raise_and_wait(&watch, Signal::TERM);
        drop(watch);
        kill_process(getpid(), Signal::TERM).unwrap();
        loop {
            std::thread::park();
        }
    }
    assert_eq!(run_again(name).signal(), Some(libc::SIGTERM));
}
