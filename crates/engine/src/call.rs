//! The system calls by which engines wait, wake and multiply, each told to the tracer.
//!
//! epoll(7), io_uring(7), eventfd(2), fork(2), clone(2), pidfd_open(2), waitpid(2). The calls on sockets are in the crate `socket`.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{EventfdFlags, Timespec, epoll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, WaitStatus};
use socket::SystemCall;
use socket::call::{list, patience};
use socket::trace::traced;
use sys::{Forked, Ring};

/// epoll_create1(2).
pub(crate) fn epoll_create() -> io::Result<OwnedFd> {
    let make = || epoll::create(epoll::CreateFlags::CLOEXEC);
    traced(SystemCall::EpollCreate1, make, || "EPOLL_CLOEXEC".to_owned(), number)
}

/// epoll_ctl(2) with `EPOLL_CTL_ADD`.
pub(crate) fn epoll_add(
    epoll: impl AsFd,
    fd: BorrowedFd<'_>,
    token: u64,
    flags: epoll::EventFlags,
) -> io::Result<()> {
    traced(
        SystemCall::EpollCtl,
        || epoll::add(&epoll, fd, epoll::EventData::new_u64(token), flags),
        || format!("{}, EPOLL_CTL_ADD, {}, {}", number(&epoll), number(&fd), names(flags)),
        |()| "0".to_owned(),
    )
}

/// epoll_ctl(2) with `EPOLL_CTL_MOD`.
pub(crate) fn epoll_modify(
    epoll: impl AsFd,
    fd: BorrowedFd<'_>,
    token: u64,
    flags: epoll::EventFlags,
) -> io::Result<()> {
    traced(
        SystemCall::EpollCtl,
        || epoll::modify(&epoll, fd, epoll::EventData::new_u64(token), flags),
        || format!("{}, EPOLL_CTL_MOD, {}, {}", number(&epoll), number(&fd), names(flags)),
        |()| "0".to_owned(),
    )
}

/// epoll_ctl(2) with `EPOLL_CTL_DEL`.
pub(crate) fn epoll_delete(epoll: impl AsFd, fd: BorrowedFd<'_>) -> io::Result<()> {
    traced(
        SystemCall::EpollCtl,
        || epoll::delete(&epoll, fd),
        || format!("{}, EPOLL_CTL_DEL, {}", number(&epoll), number(&fd)),
        |()| "0".to_owned(),
    )
}

/// epoll_wait(2). `descriptor_of` gives the number of a token's descriptor, for the tracer.
#[inline]
pub(crate) fn epoll_wait(
    epoll: impl AsFd,
    batch: &mut [MaybeUninit<epoll::Event>],
    timeout: Option<Duration>,
    descriptor_of: impl Fn(u64) -> Option<i32>,
) -> io::Result<&[epoll::Event]> {
    let room = batch.len();
    let limit = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    traced(
        SystemCall::EpollWait,
        || epoll::wait(&epoll, batch, limit.as_ref()).map(|(ready, _)| &*ready),
        || format!("{}, {room}, {}", number(&epoll), patience(timeout)),
        |ready| {
            let shown = list(ready.iter().map(|event| {
                // The kernel's struct is packed: its fields are copied out, not referred to.
                let (flags, data) = (event.flags, event.data);
                let fd = descriptor_of(data.u64()).map_or_else(|| "?".to_owned(), |fd| fd.to_string());
                format!("{fd} {}", names(flags))
            }));
            if shown.is_empty() { "0".to_owned() } else { format!("{}: {shown}", ready.len()) }
        },
    )
}

/// io_uring_setup(2).
pub(crate) fn ring() -> io::Result<Ring> {
    traced(SystemCall::IoUringSetup, Ring::new, String::new, |ring| ring.as_raw_fd().to_string())
}

/// eventfd(2): something that threads, processes and signal handlers can make readable. `purpose` is shown.
pub(crate) fn eventfd(purpose: &'static str) -> io::Result<OwnedFd> {
    traced(
        SystemCall::Eventfd,
        || rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK),
        || format!("0, EFD_CLOEXEC|EFD_NONBLOCK: {purpose}"),
        number,
    )
}

/// fork(2). It answers in both processes.
pub(crate) fn fork() -> io::Result<Forked> {
    traced(SystemCall::Fork, sys::fork, String::new, |forked| match forked {
        Forked::Parent { child } => child.to_string(),
        Forked::Child => "0: this is the child".to_owned(),
    })
}

/// clone(2) by the standard library: a thread of that name, begun by `spawn`.
pub(crate) fn thread<T>(name: &str, spawn: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    traced(SystemCall::Clone, spawn, || format!("thread {name:?}"), |_| "started".to_owned())
}

/// pidfd_open(2).
pub(crate) fn pidfd_open(process: Pid) -> io::Result<OwnedFd> {
    let make = || rustix::process::pidfd_open(process, PidfdFlags::empty());
    traced(SystemCall::PidfdOpen, make, || process.to_string(), number)
}

/// waitpid(2) with `WNOHANG`: how the child ended, if it has.
pub(crate) fn waitpid(process: Pid) -> io::Result<Option<WaitStatus>> {
    traced(
        SystemCall::Waitpid,
        || {
            rustix::process::waitpid(Some(process), WaitOptions::NOHANG)
                .map(|ended| ended.map(|(_, how)| how))
        },
        || format!("{process}, WNOHANG"),
        |how| match how.map(|how| (how.exit_status(), how.terminating_signal())) {
            None => "0".to_owned(),
            Some((_, Some(signal))) => format!("{process}: ended by signal {signal}"),
            Some((status, None)) => format!("{process}: exit status {}", status.unwrap_or_default()),
        },
    )
}

fn number(fd: &impl AsFd) -> String {
    fd.as_fd().as_raw_fd().to_string()
}

fn names(flags: epoll::EventFlags) -> String {
    use epoll::EventFlags as Flags;
    const NAMES: &[(Flags, &str)] = &[
        (Flags::IN, "EPOLLIN"),
        (Flags::OUT, "EPOLLOUT"),
        (Flags::RDHUP, "EPOLLRDHUP"),
        (Flags::HUP, "EPOLLHUP"),
        (Flags::ERR, "EPOLLERR"),
        (Flags::ET, "EPOLLET"),
        (Flags::EXCLUSIVE, "EPOLLEXCLUSIVE"),
    ];
    let set = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
    set.collect::<Vec<_>>().join("|")
}
