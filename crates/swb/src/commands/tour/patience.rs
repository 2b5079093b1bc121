//! How a scene waits: for descriptors, for what wakes nobody, and no longer than it may.
//!
//! poll(2). Protected: no wait outlasts the scene's time or the fall of the curtain.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::scene::Missed;

/// How often something that wakes nobody is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How long a scene waits, and what ends the wait before.
#[derive(Clone, Copy)]
pub(super) struct Patience<'a> {
    /// Readable once the tour is to end.
    pub(super) curtain: BorrowedFd<'a>,
    pub(super) until: Instant,
}

impl Patience<'_> {
    /// Waits until one of the descriptors is ready, and says which are.
    pub(super) fn ready(
        &self,
        what: &str,
        wanted: &[(BorrowedFd<'_>, PollFlags)],
    ) -> Result<Vec<bool>, Missed> {
        match self.poll(wanted, self.left())? {
            ready if ready.contains(&true) => Ok(ready),
            _ => Err(self.in_vain(what)),
        }
    }

    /// Whether the descriptor is ready within this time.
    pub(super) fn is_ready_within(
        &self,
        time: Duration,
        fd: BorrowedFd<'_>,
        flags: PollFlags,
    ) -> Result<bool, Missed> {
        Ok(self.poll(&[(fd, flags)], time)? == [true])
    }

    /// Waits until something holds that wakes nobody.
    pub(super) fn until(&self, what: &str, mut holds: impl FnMut() -> bool) -> Result<(), Missed> {
        while !holds() {
            if self.left().is_zero() {
                return Err(self.in_vain(what));
            }
            self.poll(&[], LOOK_EVERY)?;
        }
        Ok(())
    }

    pub(super) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    fn in_vain(&self, what: &str) -> Missed {
        Missed::Differed(format!("waited in vain for {what}"))
    }

    fn poll(&self, wanted: &[(BorrowedFd<'_>, PollFlags)], time: Duration) -> Result<Vec<bool>, Missed> {
        let until = Instant::now() + time;
        loop {
            let mut fds: Vec<_> =
                wanted.iter().map(|(fd, flags)| PollFd::from_borrowed_fd(*fd, *flags)).collect();
            fds.push(PollFd::from_borrowed_fd(self.curtain, PollFlags::IN));
            let left = Timespec::try_from(until.saturating_duration_since(Instant::now())).ok();
            match poll(&mut fds, left.as_ref()) {
                Ok(_) => {}
                Err(rustix::io::Errno::INTR) => continue,
                Err(errno) => return Err(Missed::call("poll(2)", errno)),
            }
            let mut ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
            return if ready.pop() == Some(true) { Err(Missed::Interrupted) } else { Ok(ready) };
        }
    }
}
