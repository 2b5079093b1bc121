//! Counts signals and wakes a poller for each.
//!
//! sigaction(2), signal-safety(7), eventfd(2). The handler does only what is async-signal-safe: it adds to
//! atomic counters in a static table and writes 8 bytes to an eventfd. Signals 1 to 64; one watch at a time in
//! a process, because dispositions belong to the process.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

/// Signals are 1 to 64; the place 0 of the tables stays unused.
const PLACES: usize = 65;

static COUNTS: [AtomicU32; PLACES] = [const { AtomicU32::new(0) }; PLACES];
static END_AT_SECOND: [AtomicBool; PLACES] = [const { AtomicBool::new(false) }; PLACES];
static LAST: AtomicI32 = AtomicI32::new(0);
/// The eventfd that each signal writes to, or -1 while nothing watches it.
static WAKES: [AtomicI32; PLACES] = [const { AtomicI32::new(-1) }; PLACES];
/// Handlers between their first and last line: the eventfd stays open until there is none.
static HANDLING: AtomicU32 = AtomicU32::new(0);
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Signals being counted; dropping it gives them back the dispositions they had.
#[derive(Debug)]
pub struct SignalWatch {
    before: Vec<(i32, Disposition)>,
    wake: OwnedFd,
    /// Those of signals that have one of their own.
    further_wakes: Vec<OwnedFd>,
}

impl SignalWatch {
    /// Counts each of `signals` from now on; every delivery adds 1 to the eventfd `wake`.
    ///
    /// `wake` should be non-blocking: a full counter is then passed over, as its reader is awake anyway.
    /// System calls that a signal interrupts go on by themselves where they can (`SA_RESTART`); poll(2) and
    /// epoll_wait(2) cannot, and give `EINTR`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] while another watch lives; `EINVAL` for a number that is no signal, or
    /// is one that cannot be caught (`SIGKILL`, `SIGSTOP`).
    pub fn install(signals: &[i32], wake: OwnedFd) -> io::Result<SignalWatch> {
        if signals.iter().any(|signal| place(*signal).is_none()) {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        if INSTALLED.swap(true, SeqCst) {
            let sentence = "signals are being watched already, and a process has one watch";
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, sentence));
        }
        for (count, ends) in COUNTS.iter().zip(&END_AT_SECOND) {
            count.store(0, SeqCst);
            ends.store(false, SeqCst);
        }
        LAST.store(0, SeqCst);
        for place in signals.iter().filter_map(|signal| place(*signal)) {
            WAKES[place].store(wake.as_raw_fd(), SeqCst);
        }
        // Made before the first handler is in place, so that an error takes back those that are.
        let before = Vec::with_capacity(signals.len());
        let mut watch = SignalWatch { before, wake, further_wakes: Vec::new() };
        for signal in signals {
            let before = Disposition::counting().put(*signal)?;
            watch.before.push((*signal, before));
        }
        Ok(watch)
    }

    /// Counts `signal` too, and adds to the eventfd `wake` of its own for it.
    ///
    /// # Errors
    ///
    /// `EINVAL` as for [`install`](Self::install), and for a signal that is watched already.
    pub fn add(&mut self, signal: i32, wake: OwnedFd) -> io::Result<()> {
        let is_new = !self.before.iter().any(|(watched, _)| *watched == signal);
        let Some(place) = place(signal).filter(|_| is_new) else {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        };
        WAKES[place].store(wake.as_raw_fd(), SeqCst);
        self.further_wakes.push(wake);
        self.before.push((signal, Disposition::counting().put(signal)?));
        Ok(())
    }

    /// Whether the second delivery of `signal` ends the process in the handler, with status 128+N.
    ///
    /// It cannot be held up by a write that blocks or a loop that does not come round. Off until it is asked for.
    ///
    /// # Errors
    ///
    /// `EINVAL` if `signal` is not one that is watched.
    pub fn end_at_second(&self, signal: i32, ends: bool) -> io::Result<()> {
        let watched = self.before.iter().any(|(watched, _)| *watched == signal);
        match place(signal) {
            Some(place) if watched => {
                END_AT_SECOND[place].store(ends, SeqCst);
                Ok(())
            }
            Some(_) | None => Err(io::Error::from_raw_os_error(libc::EINVAL)),
        }
    }

    /// How often `signal` was delivered since [`install`](Self::install); 0 for one that is not watched.
    #[must_use]
    pub fn count(&self, signal: i32) -> u32 {
        place(signal).map_or(0, |place| COUNTS[place].load(SeqCst))
    }

    /// The signal that was delivered last.
    #[must_use]
    pub fn last(&self) -> Option<i32> {
        match LAST.load(SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }

    /// The eventfd: readable when a signal was delivered since it was read last.
    #[must_use]
    pub fn wake(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl Drop for SignalWatch {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            // It was in place before, so the kernel takes it again.
            let _ = before.put(*signal);
        }
        leave_wakes_to_parent();
        // A handler that saw an eventfd counted itself first. It is a few instructions long, and this thread
        // is not in one; after a fork no other thread is there, and the copied count is this thread's own 0.
        while HANDLING.load(SeqCst) != 0 {
            std::hint::spin_loop();
        }
        INSTALLED.store(false, SeqCst);
    }
}

/// In the child of a fork: its signals are counted, but the eventfds are the parent's.
pub(crate) fn leave_wakes_to_parent() {
    WAKES.iter().for_each(|wake| wake.store(-1, SeqCst));
}

/// What a signal does, as sigaction(2) takes and gives it.
struct Disposition(libc::sigaction);

impl Disposition {
    fn counting() -> Disposition {
        let mut disposition = Disposition::default_action();
        let handler: extern "C" fn(i32) = count_and_wake;
        disposition.0.sa_sigaction = handler as *const () as libc::sighandler_t;
        disposition.0.sa_flags = libc::SA_RESTART;
        disposition
    }

    fn default_action() -> Disposition {
        // SAFETY: all zeroes is a sigaction: SIG_DFL is 0, no flag, an empty mask, no restorer.
        Disposition(unsafe { std::mem::zeroed() })
    }

    /// Sets it for `signal` and answers what it replaces.
    fn put(&self, signal: i32) -> io::Result<Disposition> {
        let mut before = Disposition::default_action();
        // SAFETY: both pointers are to whole sigactions. The handler is SIG_DFL, what the kernel gave us
        // before, or `count_and_wake`, which is async-signal-safe and of the type for no SA_SIGINFO.
        let answer = unsafe { libc::sigaction(signal, &raw const self.0, &raw mut before.0) };
        if answer == 0 { Ok(before) } else { Err(io::Error::last_os_error()) }
    }
}

impl std::fmt::Debug for Disposition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Disposition({:#x})", self.0.sa_sigaction)
    }
}

/// The handler. Atomics, write(2) and _exit(2) only; errno is left as it was found.
extern "C" fn count_and_wake(signal: i32) {
    let Some(place) = place(signal) else { return };
    HANDLING.fetch_add(1, SeqCst);
    // Before the count: whoever sees the count sees it too.
    LAST.store(signal, SeqCst);
    let earlier = COUNTS[place].fetch_add(1, SeqCst);
    if earlier >= 1 && END_AT_SECOND[place].load(SeqCst) {
        crate::exit_now(128 + signal);
    }
    let wake = WAKES[place].load(SeqCst);
    if wake >= 0 {
        write_one(wake);
    }
    HANDLING.fetch_sub(1, SeqCst);
}

/// Adds 1 to the eventfd, and puts errno back.
fn write_one(wake: i32) {
    // SAFETY: answers the address of this thread's errno, which lives as long as the thread.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above; nobody else writes it while this thread is here.
    let before = unsafe { errno.read() };
    let one = 1_u64.to_ne_bytes();
    // SAFETY: 8 bytes are read from `one`. The descriptor is open: `HANDLING` holds up the drop that closes it.
    let _full_or_done = unsafe { libc::write(wake, one.as_ptr().cast(), one.len()) };
    // SAFETY: as the read above.
    unsafe { errno.write(before) };
}

/// The place of a signal in the tables; `None` for a number that is no signal.
fn place(signal: i32) -> Option<usize> {
    usize::try_from(signal).ok().filter(|place| (1..PLACES).contains(place))
}
