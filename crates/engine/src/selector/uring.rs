//! io_uring(7): receives are begun once, and what came is handed over with the wake-up.
//!
//! A call that is open costs one operation; from then on its bytes arrive without a system call of their own. So
//! does a listener, whose callers arrive as open sockets. Listeners that workers share are watched by poll
//! operations, and so are sockets that carry messages: a provided buffer is shorter than the longest message.
//!
//! Protected: an event names its operation, and the number of an operation is given out again only after the
//! batch with its last event, so that nothing that came for one call is taken for another's.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use slab::Slab;
use socket::SystemCall;
use socket::call::{data, list, patience};
use socket::trace::{self, Begun};
use sys::{Completion, Filled, Ring};

use crate::call;

use super::{Arrival, Operation, Ready, Selector, Source, Watch, not_waited};

/// Events taken from the ring at once.
const BATCH: usize = 512;

/// How long one wait for the end of an operation that accepts lasts, and how many there are: it comes at once, but a
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
    Accept,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Poll => "poll",
            Kind::Receive => "recv",
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

    /// What a wait brought, for the tracer.
    fn shows(&self, events: &[Ready]) -> String {
        let shown = events.iter().map(|ready| {
            let underway = self.operations.get(ready.operation.0 as usize);
            let fd = underway.map_or_else(|| "?".to_owned(), |underway| underway.descriptor.to_string());
            match &ready.arrival {
                Some(Arrival::Bytes(filled)) => {
                    let bytes = self.ring.bytes(filled);
                    format!("{fd} recv {} {}", bytes.len(), data(bytes))
                }
                Some(Arrival::Finished) => format!("{fd} recv 0"),
                Some(Arrival::Caller(caller)) => format!("{fd} accept = {}", caller.as_raw_fd()),
                Some(Arrival::Failed(errno)) => {
                    let what = underway.map_or("?", |underway| underway.kind.name());
                    format!("{fd} {what} {}", sys::describe(&io::Error::from_raw_os_error(*errno)))
                }
                None => {
                    let parts =
                        [(ready.readable, "POLLIN"), (ready.writable, "POLLOUT"), (ready.failed, "POLLERR")];
                    let set = parts.iter().filter(|(is, _)| *is).map(|(_, name)| *name);
                    format!("{fd} {}", set.collect::<Vec<_>>().join("|"))
                }
            }
        });
        counted(shown.collect())
    }

    /// Waits for the last completion of an operation that accepts, and keeps those of others.
    fn reap(&mut self, number: usize, callers: &mut VecDeque<io::Result<OwnedFd>>) -> io::Result<()> {
        for _ in 0..STOP_WAITS_MAX {
            self.ring.wait(Some(STOPPED_WITHIN)).or_else(not_waited)?;
            while let Some(completion) = self.ring.take() {
                self.sort(completion, number, callers);
            }
            if self.over.contains(&number) {
                break;
            }
        }
        Ok(())
    }

    /// Takes the caller out of a completion of an operation that is stopped; keeps one of any other operation.
    fn sort(&mut self, completion: Completion, number: usize, callers: &mut VecDeque<io::Result<OwnedFd>>) {
        if completion.number != number as u64 {
            return self.held.push_back(completion);
        }
        callers.extend(completion.caller.map(Ok));
        if !completion.more {
            self.over.push(number);
        }
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
        let Completion { number, result, filled, caller, more } = completion;
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
        let failed = |error: io::Error| Arrival::Failed(error.raw_os_error().unwrap_or(libc::EIO));
        if underway.kind == Kind::Accept {
            ready.arrival = Some(match (caller, result) {
                (Some(caller), _) => Arrival::Caller(caller),
                (None, Ok(_)) => Arrival::Failed(libc::EIO),
                (None, Err(error)) => failed(error),
            });
            return Some(ready);
        }
        if underway.kind == Kind::Receive {
            ready.arrival = Some(match (filled, result) {
                (Some(filled), Ok(1..)) => Arrival::Bytes(filled),
                (None, Ok(0)) => Arrival::Finished,
                (Some(empty), _) => {
                    self.ring.give_back(empty);
                    Arrival::Finished
                }
                (None, Ok(_)) => Arrival::Failed(libc::EIO),
                (None, Err(error)) => failed(error),
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

    fn stop_accepting(&mut self, operation: Operation, callers: &mut VecDeque<io::Result<OwnedFd>>) {
        let number = operation.0 as usize;
        let Some(underway) = self.operations.get_mut(number) else { return };
        // Whatever it brings after its end was waited for in vain is closed.
        underway.token = FORGOTTEN;
        let descriptor = underway.descriptor;
        // An earlier stop may have taken some of it from the ring, even its end.
        let held = std::mem::take(&mut self.held);
        held.into_iter().for_each(|completion| self.sort(completion, number, callers));
        if self.over.contains(&number) {
            return;
        }
        if !self.ring.stop_accepting(number as u64) {
            return self.over.push(number);
        }
        if trace::is_on() {
            self.traced.push(format!("cancel({descriptor})"));
        }
        let before = callers.len();
        let begun = trace::begin();
        let waited = self.reap(number, callers);
        self.tell(begun, &waited, Some(STOPPED_WITHIN), |_| {
            let brought = callers.iter().skip(before).flatten();
            counted(brought.map(|caller| format!("{descriptor} accept = {}", caller.as_raw_fd())).collect())
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
        let has_some = !self.stopped.is_empty() || !self.held.is_empty();
        let timeout = if has_some { Some(Duration::ZERO) } else { timeout };
        let begun = trace::begin();
        let waited = self.ring.wait(timeout);
        for operation in std::mem::take(&mut self.stopped) {
            let result = Err(io::Error::from_raw_os_error(libc::ECANCELED));
            let last =
                Completion { number: operation.0.into(), result, filled: None, caller: None, more: false };
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
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    const DOOR: u64 = 1;
    const LEG: u64 = 2;

    /// A selector of this thread, or `None` where this kernel or user may not have a ring.
    fn selector() -> Option<UringSelector> {
        let not_run = |error: &io::Error| println!("not run: no io_uring here: {error}");
        let mut selector = UringSelector::new().inspect_err(not_run).ok()?;
        selector.begin().unwrap();
        Some(selector)
    }

    fn listener() -> TcpListener {
        TcpListener::bind("127.0.0.1:0").unwrap()
    }

    fn call(listener: &TcpListener) -> TcpStream {
        TcpStream::connect(listener.local_addr().unwrap()).unwrap()
    }

    fn wait(selector: &mut UringSelector) -> Vec<Ready> {
        let mut events = Vec::new();
        selector.wait(std::iter::empty(), Some(Duration::from_secs(10)), &mut events).unwrap();
        events
    }

    #[test]
    fn accepting_that_is_stopped_hands_over_who_came_and_loses_no_other_event() {
        let Some(mut selector) = selector() else { return };
        let (listener, (ours, mut theirs)) = (listener(), UnixStream::pair().unwrap());
        let accepting = selector.accept(listener.as_fd(), DOOR);
        let receiving = selector.receive(ours.as_fd(), LEG);
        let first = call(&listener);
        let events = wait(&mut selector);
        assert!(matches!(&events[..], [Ready { token: DOOR, arrival: Some(Arrival::Caller(_)), .. }]));
        // Both come while the end is waited for.
        let (second, third) = (call(&listener), call(&listener));
        theirs.write_all(b"x").unwrap();
        let mut callers = VecDeque::new();
        selector.stop_accepting(accepting, &mut callers);
        let backlog: Vec<TcpStream> = {
            listener.set_nonblocking(true).unwrap();
            std::iter::from_fn(|| listener.accept().ok()).map(|(caller, _)| caller).collect()
        };
        let brought = callers.into_iter().map(|caller| TcpStream::from(caller.unwrap())).chain(backlog);
        let peers: Vec<_> = brought.map(|caller| caller.peer_addr().unwrap()).collect();
        assert_eq!(peers, [second.local_addr().unwrap(), third.local_addr().unwrap()], "beside {first:?}");
        let events = wait(&mut selector);
        let [Ready { token: LEG, operation, arrival: Some(Arrival::Bytes(_)), .. }] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(*operation, receiving);
    }

    #[test]
    fn two_that_are_stopped_one_after_the_other_each_hand_over_their_own_callers() {
        let Some(mut selector) = selector() else { return };
        let listeners = [listener(), listener()];
        let accepting = listeners.each_ref().map(|listener| selector.accept(listener.as_fd(), DOOR));
        let ours: Vec<TcpStream> = listeners.iter().map(call).collect();
        for (operation, caller) in accepting.into_iter().zip(&ours) {
            // The first takes the second's caller from the ring as well.
            let mut callers = VecDeque::new();
            selector.ring.wait(Some(Duration::ZERO)).unwrap();
            selector.stop_accepting(operation, &mut callers);
            let brought = callers.into_iter().map(|caller| TcpStream::from(caller.unwrap()));
            let peers: Vec<_> = brought.map(|caller| caller.peer_addr().unwrap()).collect();
            assert_eq!(peers, [caller.local_addr().unwrap()]);
        }
        let mut events = Vec::new();
        selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut events).unwrap();
        assert!(events.is_empty(), "{events:?}");
    }

    #[test]
    fn accepting_that_never_began_is_stopped_at_once_and_its_number_is_free_again() {
        let Some(mut selector) = selector() else { return };
        let listener = listener();
        for _ in 0..100 {
            let accepting = selector.accept(listener.as_fd(), DOOR);
            let mut callers = VecDeque::new();
            selector.stop_accepting(accepting, &mut callers);
            selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut Vec::new()).unwrap();
            assert!(callers.is_empty());
        }
        assert!(selector.operations.len() <= 1, "{}", selector.operations.len());
    }

    #[test]
    fn a_caller_of_accepting_that_is_forgotten_is_closed() {
        let Some(mut selector) = selector() else { return };
        let listener = listener();
        let accepting = selector.accept(listener.as_fd(), DOOR);
        selector.wait(std::iter::empty(), Some(Duration::ZERO), &mut Vec::new()).unwrap();
        selector.operations[accepting.0 as usize].token = FORGOTTEN;
        let mut caller = call(&listener);
        caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let events = wait(&mut selector);
        assert!(events.is_empty(), "{events:?}");
        assert_eq!(io::Read::read(&mut caller, &mut [0]).unwrap(), 0);
    }
}
