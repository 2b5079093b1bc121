//! Which engines run here, and the kernel's io_uring and Landlock.
//!
//! Each engine's kernel facility is used once: fork(2), a thread, poll(2), epoll(7).

use std::io;

use rustix::event::{Timespec, epoll, poll};
use rustix::process::{PidfdFlags, WaitOptions, pidfd_open, waitpid};
use switchboard::Engine;
use sys::{Forked, describe, exit_now, fork};

use super::facts::sysctl_number;
use super::finding::{Finding, State};

pub(super) fn findings() -> Vec<Finding> {
    // To fork, the process must have one thread: no thread may have been started before.
    let forked = finding(Engine::Process, "fork(2), pidfd_open(2), waitpid(2)", try_fork());
    let mut findings: Vec<Finding> = Engine::ALL
        .into_iter()
        .filter(|engine| *engine != Engine::Process)
        .map(|engine| match engine {
            Engine::Thread => finding(engine, "clone(2) of a thread, poll(2)", try_thread()),
            Engine::Epoll => finding(engine, "epoll_create1(2)", try_epoll()),
            Engine::Uring => finding(engine, "io_uring_setup(2)", try_uring()),
            Engine::Iterative | Engine::Poll | Engine::Process => finding(engine, "poll(2)", try_poll()),
        })
        .collect();
    findings.insert(1, forked);
    findings.push(io_uring());
    findings.push(landlock());
    findings
}

fn finding(engine: Engine, calls: &str, tried: io::Result<()>) -> Finding {
    let auto = if engine == Engine::auto() { "; it is what auto stands for" } else { "" };
    let (state, says, change) = match tried {
        Ok(()) => (State::Yes, format!("{}{auto}", engine.capabilities().help), None),
        Err(error) => (
            State::No,
            format!("cannot run: {}", describe(&error)),
            Some(match error.raw_os_error() {
                Some(libc::EAGAIN) => "more processes and threads: see tasks below".to_owned(),
                Some(libc::EMFILE | libc::ENFILE) => "more descriptors: see descriptors below".to_owned(),
                Some(_) | None => {
                    "a sandbox (seccomp, container) that allows these calls; or another engine".to_owned()
                }
            }),
        ),
    };
    Finding {
        name: engine.capabilities().name,
        state,
        says,
        values: vec![("auto", (engine == Engine::auto()).into())],
        found_by: calls.to_owned(),
        change,
    }
}

/// A child that ends at once, and is waited for.
fn try_fork() -> io::Result<()> {
    match fork()? {
        Forked::Child => exit_now(0),
        Forked::Parent { child } => {
            let watched = pidfd_open(child, PidfdFlags::empty());
            waitpid(Some(child), WaitOptions::empty())?;
            watched?;
            Ok(())
        }
    }
}

fn try_thread() -> io::Result<()> {
    let thread = std::thread::Builder::new().spawn(|| ())?;
    thread.join().map_err(|_| io::Error::other("the thread panicked"))?;
    try_poll()
}

fn try_poll() -> io::Result<()> {
    poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    Ok(())
}

fn try_epoll() -> io::Result<()> {
    epoll::create(epoll::CreateFlags::CLOEXEC)?;
    Ok(())
}

fn try_uring() -> io::Result<()> {
    sys::Ring::new().map(drop)
}

/// The kernel's facility itself, of which the engine needs a part that younger kernels have.
fn io_uring() -> Finding {
    let switch = sysctl_number("kernel.io_uring_disabled");
    let (state, says, features, change) = match sys::io_uring_features() {
        Ok(features) => (State::Yes, format!("can be had, features {features:#x}"), Some(features), None),
        Err(error) => {
            let change = match (error.raw_os_error(), switch) {
                (Some(libc::ENOSYS), _) => "a kernel with CONFIG_IO_URING, and a sandbox that allows it",
                (_, Some(2)) => "`sysctl -w kernel.io_uring_disabled=0` as root; it is 2: for nobody",
                (_, Some(1)) => {
                    "`sysctl -w kernel.io_uring_disabled=0` as root, or membership of the group in kernel.io_uring_group"
                }
                (_, Some(_) | None) => "a sandbox (seccomp, container) that allows io_uring_setup(2)",
            };
            (State::No, format!("cannot be had: {}", describe(&error)), None, Some(change.to_owned()))
        }
    };
    Finding {
        name: "io_uring",
        state,
        says,
        values: vec![("features", features.map(u64::from).into()), ("io_uring_disabled", switch.into())],
        found_by: "io_uring_setup(2), sysctl kernel.io_uring_disabled".to_owned(),
        change,
    }
}

/// The version of its interface that restricts bind(2) and connect(2) by TCP port: landlock(7).
const LANDLOCK_NETWORK: u32 = 4;

fn landlock() -> Finding {
    let (state, says, version, change) = match sys::landlock_version() {
        Ok(version) if version >= LANDLOCK_NETWORK => (
            State::Yes,
            format!("version {version}: files and TCP ports can be given up"),
            Some(version),
            None,
        ),
        Ok(version) => (
            State::Limited,
            format!("version {version}: files can be given up, TCP ports cannot"),
            Some(version),
            Some("Linux 6.7 or later, whose version is 4".to_owned()),
        ),
        Err(error) => (
            State::No,
            format!("cannot be had: {}", describe(&error)),
            None,
            Some(
                "a kernel with CONFIG_SECURITY_LANDLOCK, and landlock in lsm= on its command line".to_owned(),
            ),
        ),
    };
    Finding {
        name: "landlock",
        state,
        says,
        values: vec![("version", version.map(u64::from).into())],
        found_by: "landlock_create_ruleset(2), asked for its version".to_owned(),
        change,
    }
}
