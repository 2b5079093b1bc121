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

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use buffers::Buffers;
pub use buffers::{BUFFER_BYTES, Filled};

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

/// How long a ring that is dropped waits for what is under way to end.
const CANCEL_AT_MOST: Duration = Duration::from_secs(1);

/// A submission queue, a completion queue, and buffers to receive into.
pub struct Ring {
    // Dropped before the buffers: closing the ring cancels what is under way.
    ring: IoUring,
    buffers: Buffers,
    /// Asked for, and not handed over yet.
    asked: VecDeque<(u64, squeue::Entry)>,
    is_enabled: bool,
}

/// An operation, or one part of a multishot operation, is done.
#[derive(Debug)]
pub struct Completion {
    /// The number that was given to the operation.
    pub number: u64,
    /// What the system call would have returned.
    pub result: io::Result<u32>,
    /// Received bytes, of an operation that receives.
    pub filled: Option<Filled>,
    /// The caller's socket, of an operation that accepts.
    pub caller: Option<OwnedFd>,
    /// More completions of the same operation will come.
    pub more: bool,
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
        let buffers = Buffers::registered(&ring.submitter())?;
        Ok(Ring { ring, buffers, asked: VecDeque::new(), is_enabled: false })
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

    /// recv(2), again and again, each time into a buffer of [`BUFFER_BYTES`]: a completion each.
    pub fn receive(&mut self, fd: BorrowedFd<'_>, number: u64) {
        let entry = opcode::RecvMulti::new(Fd(fd.as_raw_fd()), Buffers::GROUP).build();
        self.ask(entry, number);
    }

    /// accept4(2), again and again, non-blocking and close-on-exec: each completion brings a caller's socket.
    pub fn accept(&mut self, fd: BorrowedFd<'_>, number: u64) {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let entry = opcode::AcceptMulti::new(Fd(fd.as_raw_fd())).flags(flags).build();
        let number = number | ACCEPTS;
        self.asked.push_back((number, entry.user_data(number)));
    }

    /// poll(2) for these `events`: each time that something happens where `again`, otherwise once. The result is
    /// the events that are there.
    pub fn poll(&mut self, fd: BorrowedFd<'_>, events: u32, again: bool, number: u64) {
        self.ask(opcode::PollAdd::new(Fd(fd.as_raw_fd()), events).multi(again).build(), number);
    }

    /// Ends an operation that receives or polls. If it was begun, a completion with `more` unset still comes (`ECANCELED`, or whatever
    /// was quicker); `false` says that it never began and that none comes.
    #[must_use]
    pub fn cancel(&mut self, number: u64) -> bool {
        self.end(number & !ACCEPTS)
    }

    /// As [`cancel`](Self::cancel), of an operation that accepts. Its last completions may still bring callers.
    #[must_use]
    pub fn stop_accepting(&mut self, number: u64) -> bool {
        self.end(number | ACCEPTS)
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
        let timeout = timeout.map(Timespec::from);
        let mut arguments = SubmitArgs::new();
        if let Some(timeout) = &timeout {
            arguments = arguments.timespec(timeout);
        }
        match self.ring.submitter().submit_with_args(1, &arguments) {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // EBUSY: completions wait that are to be taken first.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// The next completion that is there.
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
    pub fn bytes(&self, filled: &Filled) -> &[u8] {
        self.buffers.bytes(filled)
    }

    /// Hands a buffer back to the kernel.
    pub fn give_back(&mut self, filled: Filled) {
        self.buffers.give_back(filled);
    }

    fn completion(&self, entry: &cqueue::Entry) -> Completion {
        let result = match u32::try_from(entry.result()) {
            Ok(result) => Ok(result),
            Err(_) => Err(io::Error::from_raw_os_error(-entry.result())),
        };
        let length = result.as_ref().copied().unwrap_or(0);
        let buffer = cqueue::buffer_select(entry.flags());
        let filled = buffer.and_then(|buffer| self.buffers.filled(buffer, length));
        let accepts = entry.user_data() & ACCEPTS != 0;
        let caller = (accepts && result.is_ok()).then(|| {
            // SAFETY: only what `accept` asked for has this mark, its result is a descriptor that the kernel made
            // for this completion, and each completion is taken once: nobody else has it.
            unsafe { OwnedFd::from_raw_fd(entry.result()) }
        });
        let number = entry.user_data() & !ACCEPTS;
        Completion { number, result, filled, caller, more: cqueue::more(entry.flags()) }
    }

    fn ask(&mut self, entry: squeue::Entry, number: u64) {
        let number = number & !ACCEPTS;
        self.asked.push_back((number, entry.user_data(number)));
    }

    /// Puts what was asked for into the kernel's queue, as often as it takes.
    fn hand_over(&mut self) -> io::Result<()> {
        while let Some((_, entry)) = self.asked.front() {
            // SAFETY: none of the operations above refers to memory of ours; what they receive goes into the
            // registered buffers, which live until the ring is closed.
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
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// A ring of this thread, or `None` where this kernel or user may not have one.
    fn ring() -> Option<Ring> {
        let mut ring =
            Ring::new().inspect_err(|error| eprintln!("not run: no io_uring here: {error}")).ok()?;
        ring.enable().unwrap();
        Some(ring)
    }

    fn next(ring: &mut Ring) -> Completion {
        loop {
            if let Some(completion) = ring.take() {
                return completion;
            }
            ring.wait(Some(Duration::from_secs(10))).unwrap();
        }
    }

    #[test]
    fn bytes_are_received_piece_by_piece_until_the_peer_finishes() {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ring.receive(ours.as_fd(), 7);
        for round in 0..2_000_u32 {
            theirs.write_all(&round.to_be_bytes()).unwrap();
            let completion = next(&mut ring);
            assert_eq!((completion.number, completion.more), (7, true));
            let filled = completion.filled.unwrap();
            assert_eq!(ring.bytes(&filled), round.to_be_bytes());
            ring.give_back(filled);
        }
        drop(theirs);
        let end = next(&mut ring);
        assert_eq!((end.result.unwrap(), end.more), (0, false));
        assert!(end.filled.is_none());
    }

    #[test]
    fn what_was_cancelled_before_it_began_is_never_done() {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ring.receive(ours.as_fd(), 7);
        assert!(!ring.cancel(7));
        theirs.write_all(b"stay").unwrap();
        ring.wait(Some(Duration::ZERO)).unwrap();
        assert!(ring.take().is_none());
        let mut bytes = [0; 4];
        (&ours).read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"stay");
    }

    #[test]
    fn what_was_begun_completes_once_more_when_it_is_cancelled() {
        let Some(mut ring) = ring() else { return };
        let (ours, _theirs) = UnixStream::pair().unwrap();
        ring.receive(ours.as_fd(), 7);
        ring.wait(Some(Duration::ZERO)).unwrap();
        assert!(ring.cancel(7));
        let last = next(&mut ring);
        assert_eq!((last.number, last.more), (7, false));
        assert_eq!(last.result.unwrap_err().raw_os_error(), Some(libc::ECANCELED));
    }

    /// A listener, and as many callers as are asked for, each connected.
    fn called(count: usize) -> (TcpListener, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let callers = (0..count).map(|_| TcpStream::connect(at).unwrap()).collect();
        (listener, callers)
    }

    #[test]
    fn each_caller_comes_as_a_socket_of_its_own_until_that_is_stopped() {
        let Some(mut ring) = ring() else { return };
        let (listener, early) = called(3);
        ring.accept(listener.as_fd(), 7);
        let late = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        for caller in early.iter().chain([&late]) {
            let completion = next(&mut ring);
            assert_eq!((completion.number, completion.more), (7, true));
            let accepted = TcpStream::from(completion.caller.unwrap());
            assert_eq!(accepted.peer_addr().unwrap(), caller.local_addr().unwrap());
        }
        assert!(ring.stop_accepting(7));
        let last = next(&mut ring);
        assert_eq!((last.number, last.more, last.caller.is_none()), (7, false, true));
        assert_eq!(last.result.unwrap_err().raw_os_error(), Some(libc::ECANCELED));
    }

    #[test]
    fn who_was_accepted_before_it_was_stopped_still_comes() {
        let Some(mut ring) = ring() else { return };
        let (listener, callers) = called(5);
        ring.accept(listener.as_fd(), 7);
        ring.wait(Some(Duration::ZERO)).unwrap();
        assert!(ring.stop_accepting(7));
        ring.wait(Some(Duration::ZERO)).unwrap();
        let mut came = 0;
        loop {
            let completion = next(&mut ring);
            came += usize::from(completion.caller.is_some());
            if !completion.more {
                break;
            }
        }
        assert_eq!(came, callers.len());
    }

    #[test]
    fn a_caller_whom_nobody_took_is_closed_with_the_ring_or_with_its_completion() {
        let Some(mut ring) = ring() else { return };
        let (listener, mut callers) = called(2);
        ring.accept(listener.as_fd(), 7);
        drop(next(&mut ring));
        drop(ring);
        for caller in &mut callers {
            caller.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            assert_eq!(caller.read(&mut [0]).unwrap(), 0, "the caller sees the end");
        }
    }

    #[test]
    fn a_receive_of_the_same_number_is_never_taken_for_a_caller() {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let number = 7 | ACCEPTS;
        ring.receive(ours.as_fd(), number);
        theirs.write_all(b"x").unwrap();
        let completion = next(&mut ring);
        assert_eq!((completion.number, completion.caller.is_none()), (7, true));
        ring.give_back(completion.filled.unwrap());
    }

    #[test]
    fn a_ring_that_is_gone_holds_no_socket_open() {
        for _ in 0..50 {
            let Some(mut ring) = ring() else { return };
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            ring.receive(ours.as_fd(), 7);
            ring.poll(listener.as_fd(), libc::POLLIN as u32, true, 8);
            ring.wait(Some(Duration::ZERO)).unwrap();
            drop((ring, ours, listener));
            assert_eq!(theirs.read(&mut [0]).unwrap(), 0, "the peer sees the end");
            TcpListener::bind(address).unwrap();
        }
    }

    #[test]
    fn more_operations_than_the_queue_holds_are_handed_over_all_the_same() {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        let count = 3 * u64::from(SUBMISSIONS);
        for number in 0..count {
            ring.poll(ours.as_fd(), libc::POLLIN as u32, false, number);
        }
        let mut seen: Vec<u64> = (0..count).map(|_| next(&mut ring).number).collect();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..count));
    }

    #[test]
    fn a_ring_without_free_buffers_says_so_and_receives_again_once_there_are_some() {
        let Some(mut ring) = ring() else { return };
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ring.receive(ours.as_fd(), 7);
        let mut held = Vec::new();
        loop {
            theirs.write_all(b"x").unwrap();
            let completion = next(&mut ring);
            match completion.filled {
                Some(filled) => held.push(filled),
                None => {
                    assert_eq!(completion.result.unwrap_err().raw_os_error(), Some(libc::ENOBUFS));
                    assert!(!completion.more);
                    break;
                }
            }
        }
        held.into_iter().for_each(|filled| ring.give_back(filled));
        ring.receive(ours.as_fd(), 8);
        let filled = next(&mut ring).filled.unwrap();
        assert_eq!(ring.bytes(&filled), b"x");
        ring.give_back(filled);
    }
}
