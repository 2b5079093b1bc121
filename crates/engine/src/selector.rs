//! The kernel's wait objects behind one set of verbs: poll(2), epoll(7), io_uring(7).

mod epoll;
mod poll;
mod uring;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use crate::epoll::Watch;
pub(crate) use epoll::EpollSelector;
pub(crate) use poll::PollSelector;
use sys::{Filled, Memory};
pub(crate) use uring::UringSelector;

/// How long it is before a wait for which the kernel had no memory is tried again.
const SHORTAGE_PAUSE: Duration = Duration::from_millis(20);

/// What a reactor needs of the kernel in order to wait for many descriptors.
///
/// Two of them say what is ready; the third also receives and accepts, where it is asked to.
pub(crate) trait Selector: Sized {
    /// Whether it receives what comes on byte streams, accepts callers, and receives datagrams of UDP by itself, once
    /// [`Selector::receive`], [`Selector::accept`] and [`Selector::receive_messages`] have asked for it.
    const RECEIVES: bool = false;

    /// Whether a wait costs the same however many descriptors are watched, so that it may be done often.
    const IS_CHEAP: bool = true;

    fn new() -> io::Result<Self>;

    /// This thread is the one that will wait.
    fn begin(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Watches `fd` from now on, until it is forgotten and closed. Its events carry `token`.
    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<Operation>;

    /// Receives from `fd` until it is stopped, each time with an event that brings what came.
    fn receive(&mut self, _fd: BorrowedFd<'_>, _token: u64) -> Operation {
        Operation::NONE
    }

    /// Accepts callers at `fd` until that is stopped, each with an event that brings the caller.
    fn accept(&mut self, _fd: BorrowedFd<'_>, _token: u64) -> Operation {
        Operation::NONE
    }

    /// Receives messages from `fd` until that is stopped, each with an event that brings one. Where the memory for that is
    /// lent out, it tells once when something has come; and it may end by itself at any time.
    fn receive_messages(&mut self, _fd: BorrowedFd<'_>, _token: u64) -> Operation {
        Operation::NONE
    }

    /// Where the messages lie that events brought.
    fn messages(&self) -> Option<Arc<Memory>> {
        None
    }

    /// Ends an operation that accepts, or receives messages, at once, and hands over what it had brought by then. Not while
    /// events of a wait are still to be looked at: they may be of it.
    fn stop_bringing(&mut self, _operation: Operation, _brought: &mut VecDeque<Arrival>) {}

    /// Tells once when `fd` takes bytes again.
    fn tell_room(&mut self, _fd: BorrowedFd<'_>, _token: u64) -> Operation {
        Operation::NONE
    }

    /// Ends an operation; its last event still comes.
    fn stop(&mut self, _operation: Operation) {}

    /// Ends an operation of which nothing more is to be heard. Comes before its descriptor is closed.
    fn forget(&mut self, _operation: Operation) {}

    /// Ends the watching of a descriptor that lives on and may be watched for something else.
    fn release(&mut self, _fd: BorrowedFd<'_>, operation: Operation) {
        self.forget(operation);
    }

    /// What an event brought.
    fn bytes<'f>(&'f self, _filled: &'f Filled) -> &'f [u8] {
        &[]
    }

    /// Hands the memory back that an event brought its bytes in.
    fn give_back(&mut self, _filled: Filled) {}

    /// Waits until something is ready, the time is up (`None`: never), or a signal came.
    ///
    /// `sources` are the descriptors of this turn and what is wanted of each; a selector that was told
    /// beforehand ([`Selector::add`]) does not look at them. An event may be spurious: try, and expect EAGAIN.
    fn wait<'a>(
        &mut self,
        sources: impl Iterator<Item = Source<'a>>,
        timeout: Option<Duration>,
        events: &mut Vec<Ready>,
    ) -> io::Result<()>;
}

/// Something that a selector was asked to do and that can be ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operation(u32);

impl Operation {
    /// None, or one that lasts as long as its descriptor.
    pub(crate) const NONE: Operation = Operation(u32::MAX);
}

/// A descriptor and what is wanted of it.
pub(crate) struct Source<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) token: u64,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// What a descriptor is ready for, or what was received from it.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    /// What tells it. An event of an operation that its leg does not know any more is of an earlier call.
    pub(crate) operation: Operation,
    /// The operation is over.
    pub(crate) is_last: bool,
    pub(crate) arrival: Option<Arrival>,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has finished or is gone: read to the end even where a read came back short.
    pub(crate) ended: bool,
    /// An error is pending on it, or there is nobody any more who could read what is written to it.
    pub(crate) failed: bool,
}

/// What a selector that receives has received.
#[derive(Debug)]
pub(crate) enum Arrival {
    Bytes(Filled),
    Finished,
    /// Somebody has sent a message.
    Message(Filled),
    /// Somebody has called.
    Caller(OwnedFd),
    /// recv(2), recvmsg(2) or accept(2) failed with this errno, or was stopped.
    Failed(i32),
}

/// What it means that a wait failed: a signal only ended it early, and a shortage of memory passes. That one is
/// slept through, so that nothing spins meanwhile; what is ready stays so.
fn not_waited(error: io::Error) -> io::Result<()> {
    match error.raw_os_error() {
        Some(libc::EINTR) => Ok(()),
        Some(libc::ENOMEM | libc::EAGAIN) => {
            std::thread::sleep(SHORTAGE_PAUSE);
            Ok(())
        }
        Some(_) | None => Err(error),
    }
}
