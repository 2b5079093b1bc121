//! poll(2): the whole list of descriptors goes to the kernel at every turn.
//!
//! Simple, everywhere, and good for a few descriptors; with many callers most of the time goes into the list.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use smallvec::SmallVec;

use super::{Operation, Ready, Selector, Source, Watch, not_waited};

pub(crate) struct PollSelector;

impl Selector for PollSelector {
    const IS_CHEAP: bool = false;

    fn new() -> io::Result<Self> {
        Ok(PollSelector)
    }

    fn add(&mut self, _fd: BorrowedFd<'_>, _token: u64, _watch: Watch) -> io::Result<Operation> {
        Ok(Operation::NONE)
    }

    fn wait<'a>(
        &mut self,
        sources: impl Iterator<Item = Source<'a>>,
        timeout: Option<Duration>,
        events: &mut Vec<Ready>,
    ) -> io::Result<()> {
        events.clear();
        let mut tokens = SmallVec::<[u64; 8]>::new();
        let mut list = SmallVec::<[PollFd<'a>; 8]>::new();
        for source in sources {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN | PollFlags::RDHUP, source.read);
            wanted.set(PollFlags::OUT, source.write);
            tokens.push(source.token);
            list.push(PollFd::from_borrowed_fd(source.fd, wanted));
        }
        if let Err(error) = socket::call::poll(&mut list, timeout) {
            return not_waited(error);
        }
        for (entry, token) in list.iter().zip(tokens) {
            let flags = entry.revents();
            if flags.is_empty() {
                continue;
            }
            let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
            let ended = flags.intersects(gone | PollFlags::RDHUP);
            events.push(Ready {
                token,
                operation: Operation::NONE,
                is_last: false,
                arrival: None,
                readable: flags.contains(PollFlags::IN) || ended,
                writable: flags.intersects(gone | PollFlags::OUT),
                ended,
                failed: flags.intersects(gone),
            });
        }
        Ok(())
    }
}
