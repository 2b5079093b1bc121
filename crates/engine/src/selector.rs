//! The kernel's wait objects behind one set of verbs: poll(2) and epoll(7).

mod epoll;
mod poll;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

pub(crate) use epoll::EpollSelector;
pub(crate) use poll::PollSelector;

/// What a reactor needs of the kernel in order to wait for many descriptors.
pub(crate) trait Selector: Sized {
    fn new() -> io::Result<Self>;

    /// Watches `fd` from now on, until it is closed. Its events carry `token`.
    fn add(&mut self, fd: BorrowedFd<'_>, token: u64, watch: Watch) -> io::Result<()>;

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

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    /// To be read and to be written.
    Both,
    /// To be read.
    Read,
    /// To be read, by several workers: one of them is woken, not all.
    SharedRead,
}

/// A descriptor and what is wanted of it.
pub(crate) struct Source<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) token: u64,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// The peer has finished or is gone: read to the end even where a read came back short.
    pub(crate) ended: bool,
    /// An error is pending on it, or there is nobody any more who could read what is written to it.
    pub(crate) failed: bool,
}
