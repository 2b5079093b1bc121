//! epoll(7), edge-triggered: a descriptor is added once and never changed.
//!
//! An edge comes when something becomes ready, not while it is; the reactor remembers what is ready until a
//! call says EAGAIN. So back-pressure costs no system call, and an idle call costs nothing at any turn.

use std::collections::HashMap;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use rustix::event::epoll;
use socket::trace;

use crate::call;

use super::{Operation, Ready, Selector, Source, Watch, not_waited};

/// Events taken from the kernel at once.
const BATCH: usize = 512;

pub(crate) struct EpollSelector {
    epoll: OwnedFd,
    /// Each token's descriptor, for the tracer; empty without one.
    traced: HashMap<u64, RawFd>,
}

impl Selector for EpollSelector {
    fn new() -> io::Result<Self> {
        Ok(EpollSelector { epoll: call::epoll_create()?, traced: HashMap::new() })
    }

    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<Operation> {
        use epoll::EventFlags as Flags;
        let flags = match watch {
            Watch::Both => Flags::IN | Flags::OUT | Flags::RDHUP | Flags::ET,
            Watch::Read => Flags::IN | Flags::ET,
            Watch::SharedRead => Flags::IN | Flags::ET | Flags::EXCLUSIVE,
        };
        if trace::is_on() {
            self.traced.insert(token, fd.as_raw_fd());
        }
        call::epoll_add(&self.epoll, fd, token, flags)?;
        Ok(Operation::NONE)
    }

    fn wait<'a>(
        &mut self,
        _sources: impl Iterator<Item = Source<'a>>,
        timeout: Option<Duration>,
        events: &mut Vec<Ready>,
    ) -> io::Result<()> {
        events.clear();
        let mut batch = [const { MaybeUninit::<epoll::Event>::uninit() }; BATCH];
        let descriptor_of = |token| self.traced.get(&token).copied();
        let ready = match call::epoll_wait(&self.epoll, &mut batch, timeout, descriptor_of) {
            Ok(ready) => ready,
            Err(error) => return not_waited(error),
        };
        events.extend(ready.iter().map(|event| {
            use epoll::EventFlags as Flags;
            // The kernel's struct is packed: its fields are copied out, not referred to.
            let (flags, data) = (event.flags, event.data);
            let ended = flags.intersects(Flags::RDHUP | Flags::HUP | Flags::ERR);
            Ready {
                token: data.u64(),
                operation: Operation::NONE,
                is_last: false,
                arrival: None,
                readable: flags.contains(Flags::IN) || ended,
                writable: flags.intersects(Flags::OUT | Flags::HUP | Flags::ERR),
                ended,
                failed: flags.intersects(Flags::ERR | Flags::HUP),
            }
        }));
        Ok(())
    }
}
