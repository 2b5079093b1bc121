//! The selector of the epoll engine: a descriptor is added once and never changed.
//!
//! The reactor remembers what is ready until a call says EAGAIN. So back-pressure costs no system call, and an idle
//! call costs nothing at any turn.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use super::{Operation, Ready, Selector, Source, Watch, not_waited};
use crate::epoll::Epoll;

pub(crate) struct EpollSelector {
    epoll: Epoll,
}

impl Selector for EpollSelector {
    fn new() -> io::Result<Self> {
        Ok(EpollSelector { epoll: Epoll::new()? })
    }

    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<Operation> {
        self.epoll.add(fd, token, watch)?;
        Ok(Operation::NONE)
    }

    fn release(&mut self, fd: BorrowedFd<'_>, _operation: Operation) {
        self.epoll.remove(fd);
    }

    fn wait<'a>(
        &mut self,
        _sources: impl Iterator<Item = Source<'a>>,
        timeout: Option<Duration>,
        events: &mut Vec<Ready>,
    ) -> io::Result<()> {
        events.clear();
        let waited = self.epoll.wait(timeout, |edge| {
            events.push(Ready {
                token: edge.token,
                operation: Operation::NONE,
                is_last: false,
                arrival: None,
                readable: edge.readable,
                writable: edge.writable,
                ended: edge.ended,
                failed: edge.failed,
            });
        });
        waited.or_else(not_waited)
    }
}
