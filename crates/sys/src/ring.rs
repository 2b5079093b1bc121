//! io_uring(7): operations are handed to the kernel, completions come back.
//!
//! A [`Ring`] belongs to one thread once it is [enabled](Ring::enable): the kernel then runs what completes in
//! that thread's own waits (`SINGLE_ISSUER`, `DEFER_TASKRUN`), and nothing interrupts it elsewhere. What is
//! asked for waits on our side until [`Ring::wait`] hands all of it over at once; so an operation that is
//! cancelled before that was never begun, and the number of a descriptor that was closed meanwhile names
//! nothing to the kernel.
//!
//! Protected: memory that the kernel may write to is reachable by nobody. Received bytes lie in [`Buffers`] and
//! are read through a [`Filled`], which is made by a completion and given up to hand the buffer back. An accepted
//! descriptor belongs to its completion from the moment that it is taken: one that nobody wants is closed.

mod buffers;
mod message;

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use buffers::{Buffers, Group};
pub use buffers::{Filled, Memory};
use message::Layout;

/// The buffers for byte streams: enough bytes for what people and protocols say at once, and little memory in all. A wait
/// brings a few dozen completions at the most, and all buffers are given back before the next.
const BYTES: Group = Group { number: 0, bytes_each: 1024, count: 128 };

const _: () = assert!(BYTES.is_sound());

/// Operations handed over by one system call at the most.
const SUBMISSIONS: u32 = 1024;

/// Operations for which room is kept between two waits.
const KEPT: usize = 64;

/// Completions that wait for us; the kernel keeps further ones until there is room (`IORING_FEAT_NODROP`).
const COMPLETIONS: u32 = 4096;

/// The number of cancellations, whose own completions concern nobody.
const CANCELLATION: u64 = u64::MAX;

/// Marks the number of an operation that accepts. No other has it, so that no other's result is ever taken for
/// a descriptor.
const ACCEPTS: u64 = 1 << 63;

/// Marks the number of an operation that receives messages, whose buffers are others.
const MESSAGES: u64 = 1 << 62;

/// What marks an operation.
const MARKS: u64 = ACCEPTS | MESSAGES;

/// How long a ring that is dropped waits for what is under way to end.
const CANCEL_AT_MOST: Duration = Duration::from_secs(1);

/// A submission queue, a completion queue, and buffers to receive into.
pub struct Ring {
    // Dropped before all memory: closing the ring cancels what is under way.
    ring: IoUring,
    buffers: Buffers,
    /// Those for messages, once some are received.
    messages: Option<Buffers>,
    layout: Layout,
    /// Asked for, and not handed over yet.
    asked: VecDeque<(u64, squeue::Entry)>,
    is_enabled: bool,
}

/// An operation, or one part of a multishot operation, is done.
#[derive(Debug)]
pub struct Completion {
    /// The number that was given to the operation.
    pub number: u64,
    /// What the system call would have returned: how much, or an errno.
    pub result: Result<u32, i32>,
    /// What came with it.
    pub brought: Brought,
    /// More completions of the same operation will come.
    pub more: bool,
}

/// What comes with a completion.
#[derive(Debug)]
pub enum Brought {
    /// No more than its result.
    Nothing,
    /// Received bytes, to be given back.
    Bytes(Filled),
    /// A received message, to be given back.
    Message(Filled),
    /// The socket of a caller who was accepted.
    Caller(OwnedFd),
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.ring.as_raw_fd()
    }
}

impl Ring {
    /// A ring that no thread owns yet, with its buffers.
    ///
    /// # Errors
    ///
    /// `ENOSYS`, `EPERM` or `EINVAL` where the kernel has no such ring, or does not allow one: io_uring_setup(2).
    /// `ENOMEM` beyond the limit of locked memory of old kernels.
    pub fn new() -> io::Result<Ring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_r_disabled()
            .setup_cqsize(COMPLETIONS)
            .build(SUBMISSIONS)?;
        let buffers = Buffers::registered(&ring.submitter(), BYTES)?;
        let (messages, layout, asked) = (None, Layout::new(), VecDeque::new());
        Ok(Ring { ring, buffers, messages, layout, asked, is_enabled: false })
    }

    /// Makes this thread the one that the ring belongs to. Before that nothing is handed over.
    ///
    /// # Errors
    ///
    /// What io_uring_register(2) says.
    pub fn enable(&mut self) -> io::Result<()> {
        self.ring.submitter().register_enable_rings()?;
        self.is_enabled = true;
        Ok(())
    }

    /// recv(2), again and again, each time into a buffer of a KiB: a completion each.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, number: u64) {
        let entry = opcode::RecvMulti::new(Fd(fd.as_raw_fd()), BYTES.number).build();
        self.ask(entry, number);
    }

    /// recvmsg(2), again and again, each time into a buffer that holds a datagram of UDP or a burst of them. An empty
    /// message ends it: its completion has `more` unset.
    ///
    /// # Errors
    ///
    /// There is no memory for the buffers; or all of them are with us ([`io::ErrorKind::WouldBlock`]), and the kernel
    /// would say no more than that. Nothing was begun.
    pub fn receive_messages(&mut self, fd: BorrowedFd<'_>, number: u64) -> io::Result<()> {
        let buffers = match &self.messages {
            Some(buffers) => buffers,
            None => {
                let buffers = Buffers::registered(&self.ring.submitter(), message::GROUP)?;
                self.messages.insert(buffers)
            }
        };
        if buffers.is_exhausted() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let flags = libc::MSG_TRUNC as u32; // tells how long each was
        let header = self.layout.pointer();
        let entry = opcode::RecvMsgMulti::new(Fd(fd.as_raw_fd()), header, message::GROUP.number).flags(flags);
        self.ask_marked(entry.build(), number, MESSAGES);
        Ok(())
    }

    /// accept4(2), again and again, non-blocking and close-on-exec: each completion brings a caller's socket.
    pub fn accept(&mut self, fd: BorrowedFd<'_>, number: u64) {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let entry = opcode::AcceptMulti::new(Fd(fd.as_raw_fd())).flags(flags).build();
        self.ask_marked(entry, number, ACCEPTS);
    }

    /// poll(2) for these `events`: each time that something happens where `again`, otherwise once. The result is
    /// the events that are there.
    pub fn poll(&mut self, fd: BorrowedFd<'_>, events: u32, again: bool, number: u64) {
        self.ask(opcode::PollAdd::new(Fd(fd.as_raw_fd()), events).multi(again).build(), number);
    }

    /// Ends an operation that receives bytes or polls. If it was begun, a completion with `more` unset still comes (`ECANCELED`, or whatever
    /// was quicker); `false` says that it never began and that none comes.
    #[must_use]
    pub fn cancel(&mut self, number: u64) -> bool {
        self.end(number & !MARKS)
    }

    /// As [`cancel`](Self::cancel), of an operation that receives messages.
    #[must_use]
    pub fn cancel_messages(&mut self, number: u64) -> bool {
        self.end(number & !MARKS | MESSAGES)
    }

    /// As [`cancel`](Self::cancel), of an operation that accepts. Its last completions may still bring callers.
    #[must_use]
    pub fn cancel_accepting(&mut self, number: u64) -> bool {
        self.end(number & !MARKS | ACCEPTS)
    }

    fn end(&mut self, number: u64) -> bool {
        if let Some(at) = self.asked.iter().position(|(asked, _)| *asked == number) {
            self.asked.remove(at);
            return false;
        }
        let entry = opcode::AsyncCancel::new(number).build();
        let entry = entry.flags(squeue::Flags::SKIP_SUCCESS).user_data(CANCELLATION);
        self.asked.push_back((CANCELLATION, entry));
        true
    }

    /// Hands over what was asked for and waits for a completion, at most for `timeout` (`None`: for ever).
    ///
    /// # Errors
    ///
    /// What io_uring_enter(2) says; that the time is up or a signal came is none.
    pub fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        self.hand_over()?;
        if !self.enter(timeout)? && timeout != Some(Duration::ZERO) {
            // Who was stopped has been so for any time, signal(7), and looks at the clock next: what came meanwhile is
            // completed before that, which takes another call.
            self.enter(Some(Duration::ZERO))?;
        }
        Ok(())
    }

    /// io_uring_enter(2). Returns whether it waited as long as it should have.
    fn enter(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout = timeout.map(Timespec::from);
        let mut arguments = SubmitArgs::new();
        if let Some(timeout) = &timeout {
            arguments = arguments.timespec(timeout);
        }
        match self.ring.submitter().submit_with_args(1, &arguments) {
            // Where it had handed something over it says so, and not that it was interrupted.
            Ok(_) => Ok(!self.ring.completion().is_empty()),
            Err(error) => match error.raw_os_error() {
                Some(libc::EINTR) => Ok(false),
                // EBUSY: completions wait that are to be taken first.
                Some(libc::ETIME | libc::EBUSY) => Ok(true),
                _ => Err(error),
            },
        }
    }

    /// The next completion that is there.
    #[inline]
    pub fn take(&mut self) -> Option<Completion> {
        loop {
            let entry = self.ring.completion().next()?;
            if entry.user_data() != CANCELLATION {
                return Some(self.completion(&entry));
            }
        }
    }

    /// What was received.
    #[must_use]
    pub fn bytes<'f>(&'f self, filled: &'f Filled) -> &'f [u8] {
        self.buffers.memory().bytes(filled)
    }

    /// The memory that [messages](Memory::message) lie in, once some are received.
    #[must_use]
    pub fn messages(&self) -> Option<&Arc<Memory>> {
        self.messages.as_ref().map(Buffers::memory)
    }

    /// Hands a buffer back to the kernel.
    pub fn give_back(&mut self, filled: Filled) {
        match &mut self.messages {
            Some(messages) if messages.has(&filled) => messages.give_back(filled),
            Some(_) | None => self.buffers.give_back(filled),
        }
    }

    #[inline]
    fn completion(&mut self, entry: &cqueue::Entry) -> Completion {
        let result = u32::try_from(entry.result()).map_err(|_| -entry.result());
        let length = result.unwrap_or(0);
        let marks = entry.user_data() & MARKS;
        let brought = match cqueue::buffer_select(entry.flags()) {
            Some(buffer) if marks == MESSAGES => {
                let filled = self.messages.as_mut().and_then(|buffers| buffers.filled(buffer, length));
                filled.map_or(Brought::Nothing, Brought::Message)
            }
            Some(buffer) => self.buffers.filled(buffer, length).map_or(Brought::Nothing, Brought::Bytes),
            None if marks == ACCEPTS && result.is_ok() => {
                // SAFETY: only what `accept` asked for has this mark, its result is a descriptor that the kernel made
                // for this completion, and each completion is taken once: nobody else has it.
                Brought::Caller(unsafe { OwnedFd::from_raw_fd(entry.result()) })
            }
            None => Brought::Nothing,
        };
        let number = entry.user_data() & !MARKS;
        Completion { number, result, brought, more: cqueue::more(entry.flags()) }
    }

    fn ask(&mut self, entry: squeue::Entry, number: u64) {
        self.ask_marked(entry, number, 0);
    }

    fn ask_marked(&mut self, entry: squeue::Entry, number: u64, mark: u64) {
        let number = number & !MARKS | mark;
        self.asked.push_back((number, entry.user_data(number)));
    }

    /// Puts what was asked for into the kernel's queue, as often as it takes.
    fn hand_over(&mut self) -> io::Result<()> {
        while let Some((_, entry)) = self.asked.front() {
            // SAFETY: of the operations above one refers to memory of ours, the layout of messages, which nobody writes to
            // and which lives as long as the ring. What they receive goes into the registered buffers, which live until
            // the ring is closed.
            if unsafe { self.ring.submission().push(entry) }.is_ok() {
                self.asked.pop_front();
            } else {
                self.ring.submit()?;
            }
        }
        // Thousands of calls that opened together are no reason to hold room for as many for ever.
        self.asked.shrink_to(KEPT);
        Ok(())
    }
}

impl Drop for Ring {
    /// Ends what is under way, and waits for it: the kernel takes a closed ring apart in its own time, and would
    /// hold sockets open meanwhile that the program has closed.
    fn drop(&mut self) {
        if self.is_enabled {
            let timeout = Timespec::from(CANCEL_AT_MOST);
            // ENOENT: there was nothing. Whatever else it says, the ring is closed next.
            let _ = self.ring.submitter().register_sync_cancel(Some(timeout), CancelBuilder::any());
            // What was cancelled lets go of its files where completions are run: in a wait.
            self.asked.clear();
            let _ = self.wait(Some(Duration::ZERO));
            // Callers whom nobody took: their descriptors are closed with their completions.
            while self.take().is_some() {}
        }
    }
}

impl std::fmt::Debug for Ring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ring").field("asked", &self.asked.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
