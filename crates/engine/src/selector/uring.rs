//! io_uring(7): receives are begun once, and what came is handed over with the wake-up.
//!
//! A call that is open costs one operation; from then on its bytes arrive without a system call of their own. So
//! does a listener, whose callers arrive as open sockets, and a server's UDP socket, whose datagrams and bursts do.
//! Listeners that workers share are watched by poll operations, and so are all other sockets that carry messages: no
//! provided buffer is as long as their longest.
//!
//! Protected: an event names its operation, and the number of an operation is given out again only after the
//! batch with its last event, so that nothing that came for one call is taken for another's.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;
use socket::SystemCall;
use socket::call::{data, list, message_received, patience};
use socket::trace::{self, Begun};
use sys::{Brought, Completion, Filled, Memory, Ring};

use crate::call;

use super::{Arrival, Operation, Ready, Selector, Source, Watch, not_waited};

/// Events taken from the ring at once.
const BATCH: usize = 512;

/// How long one wait for the end of an operation that is stopped lasts, and how many there are: it comes at once, but a
/// signal may end a wait, or memory be short. An operation that does not end is forgotten.
const STOPPED_WITHIN: Duration = Duration::from_millis(20);
const STOP_WAITS_MAX: usize = 50;

const READ: u32 = (libc::POLLIN | libc::POLLRDHUP) as u32;
const WRITE: u32 = libc::POLLOUT as u32;

pub(crate) struct UringSelector {
    ring: Ring,
    operations: Slab<Underway>,
    /// Over since the batch before; their numbers are free with the next.
    over: Vec<usize>,
    /// Stopped before the kernel began them: their last event is ours to make.
    stopped: Vec<Operation>,
    /// Taken from the ring while the end of another operation was waited for: the first events of the next batch.
    held: VecDeque<Completion>,
    /// What the ring was asked for since the wait before, for the tracer; empty without one.
    traced: Vec<String>,
}

/// The token of an operation that is forgotten. No token of the reactor's is that large.
const FORGOTTEN: u64 = u64::MAX;

/// An operation that the kernel may still complete. An idle call holds one.
struct Underway {
    token: u64,
    kind: Kind,
    /// For the tracer: it may be closed, and be another's, by the time of the last event.
    descriptor: RawFd,
}

/// What an operation does, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Poll,
    Receive,
    Messages,
    Accept,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Poll => "poll",
            Kind::Receive => "recv",
            Kind::Messages => "recvmsg",
            Kind::Accept => "accept",
        }
    }
}

impl UringSelector {
    fn begin_operation(&mut self, fd: BorrowedFd<'_>, token: u64, kind: Kind) -> Operation {
        let descriptor = fd.as_raw_fd();
        if trace::is_on() {
            self.traced.push(format!("{}({descriptor})", kind.name()));
        }
        let number = self.operations.insert(Underway { token, kind, descriptor });
        // As many operations as descriptors, twice: far below 2^32.
        Operation(u32::try_from(number).unwrap_or(u32::MAX))
    }

    fn poll(&mut self, fd: BorrowedFd<'_>, token: u64, events: u32, again: bool) -> Operation {
        let operation = self.begin_operation(fd, token, Kind::Poll);
        self.ring.poll(fd, events, again, operation.0.into());
        operation
    }

    /// Asks the kernel to end an operation. Returns whether it had begun.
    fn cancel(&mut self, number: usize, kind: Kind) -> bool {
        let number = number as u64;
        match kind {
            Kind::Poll | Kind::Receive => self.ring.cancel(number),
            Kind::Messages => self.ring.cancel_messages(number),
            Kind::Accept => self.ring.cancel_accepting(number),
        }
    }

    /// What a wait brought, for the tracer.
    fn shows(&self, events: &[Ready]) -> String {
        let shown = events.iter().map(|ready| {
            let underway = self.operations.get(ready.operation.0 as usize);
            let fd = underway.map_or_else(|| "?".to_owned(), |underway| underway.descriptor.to_string());
            let kind = underway.map_or(Kind::Poll, |underway| underway.kind);
            if let Some(arrival) = &ready.arrival {
                return format!("{fd} {}", self.shown(arrival, kind));
            }
            let parts = [(ready.readable, "POLLIN"), (ready.writable, "POLLOUT"), (ready.failed, "POLLERR")];
            let set = parts.iter().filter(|(is, _)| *is).map(|(_, name)| *name);
            format!("{fd} {}", set.collect::<Vec<_>>().join("|"))
        });
        counted(shown.collect())
    }

    /// What one operation brought, for the tracer.
    fn shown(&self, arrival: &Arrival, kind: Kind) -> String {
        let name = kind.name();
        match arrival {
            Arrival::Bytes(filled) => {
                let bytes = self.ring.bytes(filled);
                format!("{name} {} {}", bytes.len(), data(bytes))
            }
            Arrival::Message(filled) => {
                let message = self.ring.messages().and_then(|memory| memory.message(filled));
                format!("{name} {}", message.as_ref().map_or_else(String::new, message_received))
            }
            Arrival::Finished => format!("{name} 0"),
            Arrival::Caller(caller) => format!("{name} = {}", caller.as_raw_fd()),
            Arrival::Failed(errno) => {
                format!("{name} {}", sys::describe(&io::Error::from_raw_os_error(*errno)))
            }
        }
    }

    /// Waits for the last completion of an operation, and keeps those of others.
    fn reap(&mut self, number: usize, brought: &mut VecDeque<Arrival>) -> io::Result<()> {
        for _ in 0..STOP_WAITS_MAX {
            self.ring.wait(Some(STOPPED_WITHIN)).or_else(not_waited)?;
            while let Some(completion) = self.ring.take() {
                self.sort(completion, number, brought);
            }
            if self.over.contains(&number) {
                break;
            }
        }
        Ok(())
    }

    /// Hands over what a completion of an operation that is stopped brought; keeps one of any other operation.
    fn sort(&mut self, completion: Completion, number: usize, brought: &mut VecDeque<Arrival>) {
        if completion.number != number as u64 {
            return self.held.push_back(completion);
        }
        if !completion.more {
            self.over.push(number);
        }
        let Some(kind) = self.operations.get(number).map(|underway| underway.kind) else { return };
        match self.arrival(kind, completion.result, completion.brought) {
            None | Some(Arrival::Failed(libc::ECANCELED)) => {}
            Some(arrival) => brought.push_back(arrival),
        }
    }

    /// What a completion of such an operation brings; nothing if it only polls.
    #[inline]
    fn arrival(&mut self, kind: Kind, result: Result<u32, i32>, brought: Brought) -> Option<Arrival> {
        Some(match brought {
            Brought::Bytes(filled) if !filled.is_empty() => Arrival::Bytes(filled),
            Brought::Bytes(empty) => {
                self.ring.give_back(empty);
                Arrival::Finished
            }
            Brought::Message(filled) => Arrival::Message(filled),
            Brought::Caller(caller) => Arrival::Caller(caller),
            Brought::Nothing => match (kind, result) {
                (Kind::Poll, _) => return None,
                (Kind::Receive, Ok(0)) => Arrival::Finished,
                // All buffers are with us: it has ended, and what waits is asked for by calls.
                (Kind::Messages, Err(libc::ENOBUFS)) => Arrival::Failed(libc::ECANCELED),
                (_, Err(errno)) => Arrival::Failed(errno),
                (_, Ok(_)) => Arrival::Failed(libc::EIO),
            },
        })
    }

    /// Tells the tracer of a wait.
    fn tell(
        &mut self,
        begun: Begun,
        waited: &io::Result<()>,
        timeout: Option<Duration>,
        brought: impl FnOnce(&Self) -> String,
    ) {
        let ring = self.ring.as_raw_fd();
        let asked = || format!("{ring}, [{}], {}", list(self.traced.iter().cloned()), patience(timeout));
        begun.end(SystemCall::IoUringEnter, waited, asked, |()| brought(self));
        self.traced.clear();
    }

    /// The event that a completion means, if anybody still wants to know.
    fn ready(&mut self, completion: Completion) -> Option<Ready> {
        let Completion { number, result, brought, more } = completion;
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
            if let Brought::Bytes(filled) | Brought::Message(filled) = brought {
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
        let kind = underway.kind;
        if kind != Kind::Poll {
            ready.arrival = self.arrival(kind, result, brought);
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

/// What came, as the tracer tells it.
fn counted(shown: Vec<String>) -> String {
    if shown.is_empty() { "0".to_owned() } else { format!("{}: {}", shown.len(), list(shown.into_iter())) }
}

impl Selector for UringSelector {
    const RECEIVES: bool = true;

    fn new() -> io::Result<Self> {
        Ok(UringSelector {
            ring: call::ring()?,
            operations: Slab::new(),
            over: Vec::new(),
            stopped: Vec::new(),
            held: VecDeque::new(),
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
        let operation = self.begin_operation(fd, token, Kind::Receive);
        self.ring.receive(fd, operation.0.into());
        operation
    }

    fn accept(&mut self, fd: BorrowedFd<'_>, token: u64) -> Operation {
        let operation = self.begin_operation(fd, token, Kind::Accept);
        self.ring.accept(fd, operation.0.into());
        operation
    }

    fn receive_messages(&mut self, fd: BorrowedFd<'_>, token: u64) -> Operation {
        let operation = self.begin_operation(fd, token, Kind::Messages);
        let number = operation.0 as usize;
        if self.ring.receive_messages(fd, number as u64).is_err() {
            self.operations.remove(number);
            self.traced.pop();
            return self.poll(fd, token, READ, false);
        }
        operation
    }

    fn messages(&self) -> Option<Arc<Memory>> {
        self.ring.messages().map(Arc::clone)
    }

    fn stop_bringing(&mut self, operation: Operation, brought: &mut VecDeque<Arrival>) {
        let number = operation.0 as usize;
        let Some(underway) = self.operations.get_mut(number) else { return };
        // Whatever it brings after its end was waited for in vain is closed, or given back.
        underway.token = FORGOTTEN;
        let (kind, descriptor) = (underway.kind, underway.descriptor);
        // An earlier stop may have taken some of it from the ring, even its end.
        let held = std::mem::take(&mut self.held);
        held.into_iter().for_each(|completion| self.sort(completion, number, brought));
        if self.over.contains(&number) {
            return;
        }
        if !self.cancel(number, kind) {
            return self.over.push(number);
        }
        if trace::is_on() {
            self.traced.push(format!("cancel({descriptor})"));
        }
        let before = brought.len();
        let begun = trace::begin();
        let waited = self.reap(number, brought);
        self.tell(begun, &waited, Some(STOPPED_WITHIN), |selector| {
            let brought = brought.iter().skip(before);
            counted(
                brought.map(|arrival| format!("{descriptor} {}", selector.shown(arrival, kind))).collect(),
            )
        });
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
        let kind = underway.kind;
        if self.stopped.contains(&operation) || self.over.contains(&number) {
            return;
        }
        if !self.cancel(number, kind) {
            self.over.push(number);
        }
    }

    fn bytes<'f>(&'f self, filled: &'f Filled) -> &'f [u8] {
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
        let has_some = !self.stopped.is_empty() || !self.held.is_empty();
        let timeout = if has_some { Some(Duration::ZERO) } else { timeout };
        let begun = trace::begin();
        let waited = self.ring.wait(timeout);
        for operation in std::mem::take(&mut self.stopped) {
            let last = Completion {
                number: operation.0.into(),
                result: Err(libc::ECANCELED),
                brought: Brought::Nothing,
                more: false,
            };
            events.extend(self.ready(last));
        }
        while events.len() < BATCH
            && let Some(completion) = self.held.pop_front().or_else(|| self.ring.take())
        {
            events.extend(self.ready(completion));
        }
        self.tell(begun, &waited, timeout, |selector| selector.shows(events));
        waited.or_else(not_waited)
    }
}

#[cfg(test)]
mod tests;
