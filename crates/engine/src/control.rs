//! How a running engine is told to stop, first a drain, then the end; a bell for its observer; and orders for one call.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::call::eventfd;

/// Two switches that an engine watches, and a bell. All may be used from any thread; the switches stay thrown.
///
/// Each switch is an eventfd(2) that is written once and never read, so that every worker sees it in its own
/// time, the children of a forking engine included. The bell is one that the first worker alone reads. The census
/// has two that take turns, so that every worker and child sees each census once: one is read when the other is
/// written.
#[derive(Debug)]
pub struct Control {
    draining: OwnedFd,
    ending: OwnedFd,
    bell: OwnedFd,
    /// A timer that rings it too.
    ticks: OnceLock<OwnedFd>,
    census: [OwnedFd; 2],
    /// Censuses taken, as this process knows.
    taken: AtomicUsize,
    /// The last of them that is for the order alone: nobody tells its calls.
    silent: AtomicUsize,
    /// What is asked of one call, until it is done.
    order: Mutex<Option<(u64, Order)>>,
    done: Condvar,
}

/// What is asked of an open call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// To be closed in order: what is owed is delivered.
    Close,
    /// To be reset at once.
    Reset,
}

impl Control {
    /// Two switches, neither thrown, and a silent bell.
    ///
    /// # Errors
    ///
    /// eventfd(2), when descriptors or memory are short.
    pub fn new() -> io::Result<Control> {
        Ok(Control {
            draining: eventfd("to drain")?,
            ending: eventfd("to end")?,
            bell: eventfd("the bell")?,
            census: [eventfd("to tell")?, eventfd("to tell")?],
            taken: AtomicUsize::new(0),
            silent: AtomicUsize::new(0),
            order: Mutex::default(),
            done: Condvar::new(),
            ticks: OnceLock::new(),
        })
    }

    /// Stop answering; let the open calls finish, for as long as the drain limit allows.
    pub fn drain(&self) {
        wake(&self.draining);
    }

    /// End the open calls too, now.
    pub fn end(&self) {
        wake(&self.ending);
    }

    /// Tells the observer [`Event::Bell`](crate::Event::Bell), soon and from the first worker.
    pub fn ring(&self) {
        wake(&self.bell);
    }

    /// From when the engine begins, the bell rings by itself too, once in each `period`: what follows on it shows
    /// that the first worker's loop goes round. Comes before the engine; a second time it does nothing.
    ///
    /// # Errors
    ///
    /// timerfd_create(2), when descriptors or memory are short.
    pub fn ring_every(&self, period: Duration) -> io::Result<()> {
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let period = Timespec::try_from(period).map_err(|_| io::ErrorKind::InvalidInput)?;
        let times = Itimerspec { it_interval: period, it_value: period };
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &times)?;
        let _ = self.ticks.set(timer);
        Ok(())
    }

    /// The eventfd behind [`Control::drain`]: writing eight bytes to it, as a signal handler may, drains.
    #[must_use]
    pub fn draining_fd(&self) -> BorrowedFd<'_> {
        self.draining.as_fd()
    }

    /// The eventfd behind [`Control::end`].
    #[must_use]
    pub fn ending_fd(&self) -> BorrowedFd<'_> {
        self.ending.as_fd()
    }

    /// Whether [`Control::end`] was told.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        let mut ask = [PollFd::new(&self.ending, PollFlags::IN)];
        socket::call::poll(&mut ask, Some(Duration::ZERO)).is_ok_and(|ready| ready > 0)
    }

    /// The eventfd behind [`Control::ring`].
    #[must_use]
    pub fn bell_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// The timerfd of [`Control::ring_every`].
    pub(crate) fn ticks_fd(&self) -> Option<BorrowedFd<'_>> {
        self.ticks.get().map(AsFd::as_fd)
    }

    /// Has the call of this number closed or reset, and waits at most so long until whoever serves it has heard of that.
    /// Returns whether it was open. A call in a child process never hears. One thread at a time asks.
    pub fn order(&self, call: u64, order: Order, within: Duration) -> bool {
        *self.lock_order() = Some((call, order));
        self.silent.store(self.taken.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        self.take_census();
        let is_open = |order: &mut Option<_>| order.is_some();
        let waited = self.done.wait_timeout_while(self.lock_order(), within, is_open);
        let (mut order, _) = waited.unwrap_or_else(PoisonError::into_inner);
        order.take().is_none()
    }

    /// What is asked of the call that `has` knows, which is done with this.
    pub(crate) fn take_order(&self, has: impl Fn(u64) -> bool) -> Option<(u64, Order)> {
        let mut order = self.lock_order();
        let taken = order.take_if(|(call, _)| has(*call));
        if taken.is_some() {
            self.done.notify_all();
        }
        taken
    }

    fn lock_order(&self) -> MutexGuard<'_, Option<(u64, Order)>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody is to tell its calls, who last told them in the census of this number.
    pub(crate) fn is_silent_after(&self, number: usize) -> bool {
        let taken = self.censuses();
        taken == number + 1 && self.silent.load(Ordering::Relaxed) == taken
    }

    /// Has every worker and child tell its open calls: [`Event::Open`](crate::Event::Open).
    pub(crate) fn take_census(&self) {
        let number = self.taken.fetch_add(1, Ordering::Relaxed) + 1;
        // EAGAIN: this is the first.
        let _ = rustix::io::read(self.census_fd(number - 1), &mut [0u8; 8]);
        wake(&self.census[number % 2]);
    }

    /// How many censuses were taken. A child knows of those before its birth.
    pub(crate) fn censuses(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// What is readable once the census of this number is taken, until the next but one.
    pub(crate) fn census_fd(&self, number: usize) -> BorrowedFd<'_> {
        self.census[number % 2].as_fd()
    }

    /// Whether the bell was rung since this was asked last.
    pub(crate) fn has_rung(&self) -> bool {
        rustix::io::read(&self.bell, &mut [0u8; 8]).is_ok()
    }

    /// Whether the timer rang it since this was asked last.
    pub(crate) fn has_ticked(&self) -> bool {
        self.ticks.get().is_some_and(|ticks| rustix::io::read(ticks, &mut [0u8; 8]).is_ok())
    }
}

/// Makes an eventfd readable.
pub(crate) fn wake(eventfd: &OwnedFd) {
    // The only failure of this write is a counter at its maximum: it is readable then.
    let _ = rustix::io::write(eventfd, &1u64.to_ne_bytes());
}
