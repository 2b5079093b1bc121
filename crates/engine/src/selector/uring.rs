//! io_uring(7): receives are begun once, and what came is handed over with the wake-up.
//!
//! A call that is open costs one operation; from then on its bytes arrive without a system call of their own.
//! Doors, and sockets that carry messages, are watched by poll operations: a provided buffer is shorter than
//! the longest message.
//!
//! Protected: an event names its operation, and the number of an operation is given out again only after the
//! batch with its last event, so that nothing that came for one call is taken for another's.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use slab::Slab;
use socket::call::{data, list, patience};
use socket::{SystemCall, trace};
use sys::{Completion, Filled, Ring};

use crate::call;

use super::{Arrival, Operation, Ready, Selector, Source, Watch, not_waited};

/// Events taken from the ring at once.
const BATCH: usize = 512;

const READ: u32 = (libc::POLLIN | libc::POLLRDHUP) as u32;
const WRITE: u32 = libc::POLLOUT as u32;

pub(crate) struct UringSelector {
    ring: Ring,
    operations: Slab<Underway>,
    /// Over since the batch before; their numbers are free with the next.
    over: Vec<usize>,
    /// Stopped before the kernel began them: their last event is ours to make.
    stopped: Vec<Operation>,
    /// What the ring was asked for since the wait before, for the tracer; empty without one.
    traced: Vec<String>,
}

/// The token of an operation that is forgotten. No token of the reactor's is that large.
const FORGOTTEN: u64 = u64::MAX;

/// An operation that the kernel may still complete. An idle call holds one.
struct Underway {
    token: u64,
    receives: bool,
    /// For the tracer: it may be closed, and be another's, by the time of the last event.
    descriptor: RawFd,
}

impl UringSelector {
    fn begin_operation(&mut self, fd: BorrowedFd<'_>, token: u64, receives: bool) -> Operation {
        let descriptor = fd.as_raw_fd();
        if trace::is_on() {
            self.traced.push(format!("{}({descriptor})", if receives { "recv" } else { "poll" }));
        }
        let number = self.operations.insert(Underway { token, receives, descriptor });
        // As many operations as descriptors, twice: far below 2^32.
        Operation(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn poll(&mut self, fd: BorrowedFd<'_>, token: u64, events: u32, again: bool) -> Operation {
        let operation = self.begin_operation(fd, token, false);
        self.ring.poll(fd, events, again, operation.0.into());
        operation
    }

    /// What a wait brought, for the tracer.
    fn shows(&self, events: &[Ready]) -> String {
        let shown = list(events.iter().map(|ready| {
            let underway = self.operations.get(ready.operation.0 as usize);
            let fd = underway.map_or_else(|| "?".to_owned(), |underway| underway.descriptor.to_string());
            match &ready.arrival {
                Some(Arrival::Bytes(filled)) => {
                    let bytes = self.ring.bytes(filled);
                    format!("{fd} recv {} {}", bytes.len(), data(bytes))
                }
                Some(Arrival::Finished) => format!("{fd} recv 0"),
                Some(Arrival::Failed(errno)) => {
                    format!("{fd} recv {}", sys::describe(&io::Error::from_raw_os_error(*errno)))
                }
                None => {
                    let parts =
                        [(ready.readable, "POLLIN"), (ready.writable, "POLLOUT"), (ready.failed, "POLLERR")];
                    let set = parts.iter().filter(|(is, _)| *is).map(|(_, name)| *name);
                    format!("{fd} {}", set.collect::<Vec<_>>().join("|"))
                }
            }
        }));
        if shown.is_empty() { "0".to_owned() } else { format!("{}: {shown}", events.len()) }
    }

    /// The event that a completion means, if anybody still wants to know.
    fn ready(&mut self, completion: Completion) -> Option<Ready> {
        let Completion { number, result, filled, more } = completion;
        let number = usize::try_from(number).ok()?;
        let Some(underway) = self.operations.get(number) else {
            debug_assert!(false, "a completion of no operation");
            return None;
        };
        if !more {
            self.over.push(number);
        }
        let token = underway.token;
        if token == FORGOTTEN {
            if let Some(filled) = filled {
                self.ring.give_back(filled);
            }
            return None;
        }
        let mut ready = Ready {
            token,
            operation: Operation(u32::try_from(number).unwrap_or(u32::MAX)),
            is_last: !more,
            arrival: None,
            readable: false,
            writable: false,
            ended: false,
            failed: false,
        };
        if underway.receives {
            ready.arrival = Some(match (filled, result) {
                (Some(filled), Ok(1..)) => Arrival::Bytes(filled),
                (None, Ok(0)) => Arrival::Finished,
                (Some(empty), _) => {
                    self.ring.give_back(empty);
                    Arrival::Finished
                }
                (None, Ok(_)) => Arrival::Failed(libc::EIO),
                (None, Err(error)) => Arrival::Failed(error.raw_os_error().unwrap_or(libc::EIO)),
            });
            return Some(ready);
        }
        // A poll that was refused leaves it to the next call to say what is wrong with the socket.
        let events = result.unwrap_or((libc::POLLIN | libc::POLLOUT) as u32);
        let any = |flags: libc::c_short| events & flags as u32 != 0;
        ready.failed = any(libc::POLLERR | libc::POLLHUP | libc::POLLNVAL);
        ready.ended = ready.failed || any(libc::POLLRDHUP);
        ready.readable = ready.ended || any(libc::POLLIN);
        ready.writable = ready.failed || any(libc::POLLOUT);
        Some(ready)
    }
}

impl Selector for UringSelector {
    const RECEIVES: bool = true;

    fn new() -> io::Result<Self> {
        Ok(UringSelector {
            ring: call::ring()?,
            operations: Slab::new(),
            over: Vec::new(),
            stopped: Vec::new(),
            traced: Vec::new(),
        })
    }

    fn begin(&mut self) -> io::Result<()> {
        self.ring.enable()
    }

    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<Operation> {
        Ok(match watch {
            Watch::Both => self.poll(fd, token, READ | WRITE, true),
            Watch::Read => self.poll(fd, token, READ, true),
            Watch::SharedRead => self.poll(fd, token, READ | libc::EPOLLEXCLUSIVE as u32, true),
        })
    }

    fn receive(&mut self, fd: BorrowedFd<'_>, token: u64) -> Operation {
        let operation = self.begin_operation(fd, token, true);
        self.ring.receive(fd, operation.0.into());
        operation
    }

    fn tell_room(&mut self, fd: BorrowedFd<'_>, token: u64) -> Operation {
        self.poll(fd, token, WRITE, false)
    }

    fn stop(&mut self, operation: Operation) {
        let is_underway = self.operations.contains(operation.0 as usize);
        if is_underway && !self.ring.cancel(operation.0.into()) {
            self.stopped.push(operation);
        }
    }

    fn forget(&mut self, operation: Operation) {
        let number = operation.0 as usize;
        let Some(underway) = self.operations.get_mut(number) else { return };
        underway.token = FORGOTTEN;
        let is_stopped = self.stopped.contains(&operation);
        if !is_stopped && !self.over.contains(&number) && !self.ring.cancel(number as u64) {
            self.over.push(number);
        }
    }

    fn bytes(&self, filled: &Filled) -> &[u8] {
        self.ring.bytes(filled)
    }

    fn give_back(&mut self, filled: Filled) {
        self.ring.give_back(filled);
    }

    fn wait<'a>(
        &mut self,
        _sources: impl Iterator<Item = Source<'a>>,
        timeout: Option<Duration>,
        events: &mut Vec<Ready>,
    ) -> io::Result<()> {
        for number in self.over.drain(..) {
            self.operations.remove(number);
        }
        let timeout = if self.stopped.is_empty() { timeout } else { Some(Duration::ZERO) };
        let begun = trace::begin();
        let waited = self.ring.wait(timeout);
        for operation in std::mem::take(&mut self.stopped) {
            let result = Err(io::Error::from_raw_os_error(libc::ECANCELED));
            let last = Completion { number: operation.0.into(), result, filled: None, more: false };
            events.extend(self.ready(last));
        }
        while events.len() < BATCH
            && let Some(completion) = self.ring.take()
        {
            events.extend(self.ready(completion));
        }
        let ring = self.ring.as_raw_fd();
        begun.end(
            SystemCall::IoUringEnter,
            &waited,
            || format!("{ring}, [{}], {}", list(self.traced.iter().cloned()), patience(timeout)),
            |()| self.shows(events),
        );
        self.traced.clear();
        waited.or_else(not_waited)
    }
}
