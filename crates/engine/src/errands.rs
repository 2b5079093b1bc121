//! Errands: what can only be done by blocking, done by a few helper threads.
//!
//! Resolving a name and connecting to it can take seconds. A call that wants it waits; the worker that serves
//! it, and all other calls, do not.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex};

use conversation::{Address, DialFailure, Leg};
use socket::Connection;
use std::net::SocketAddr;

/// Helper threads of one worker at the most; the first errand starts the first.
const THREADS_MAX: usize = 4;

/// Errands that wait for a helper; more are answered as failed.
const WAITING_MAX: usize = 1024;

/// Which call an errand is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) slot: usize,
    /// A slot is used again; a call's number is not.
    pub(crate) call_number: u64,
    pub(crate) leg: Leg,
}

pub(crate) enum Errand {
    Dial(Box<Address>),
    Name(SocketAddr),
}

pub(crate) enum Done {
    Dialled(Result<Connection, DialFailure>),
    Named(Option<String>),
}

pub(crate) struct Errands {
    waiting: SyncSender<(Ticket, Errand)>,
    next: Arc<Mutex<Receiver<(Ticket, Errand)>>>,
    finished: Receiver<(Ticket, Done)>,
    report: Sender<(Ticket, Done)>,
    /// Written after each errand, so that the worker looks at `finished`.
    wake: Arc<OwnedFd>,
    threads: usize,
}

impl Errands {
    pub(crate) fn new(wake: Arc<OwnedFd>) -> Errands {
        let (waiting, next) = sync_channel(WAITING_MAX);
        let (report, finished) = channel();
        Errands { waiting, next: Arc::new(Mutex::new(next)), finished, report, wake, threads: 0 }
    }

    /// Sends a helper. The answer comes by [`Errands::finished`].
    pub(crate) fn send(&mut self, ticket: Ticket, errand: Errand) {
        if self.threads < THREADS_MAX && self.start_thread() {
            self.threads += 1;
        }
        let refused = match self.waiting.try_send((ticket, errand)) {
            Ok(()) if self.threads > 0 => return,
            Ok(()) => self.next.lock().ok().and_then(|next| next.try_recv().ok()),
            Err(
                std::sync::mpsc::TrySendError::Full(back) | std::sync::mpsc::TrySendError::Disconnected(back),
            ) => Some(back),
        };
        if let Some((ticket, errand)) = refused {
            let _ = self.report.send((ticket, errand.refuse())); // we hold the receiver
            crate::control::wake(&self.wake);
        }
    }

    /// The next answer, if one is there.
    pub(crate) fn finished(&mut self) -> Option<(Ticket, Done)> {
        self.finished.try_recv().ok()
    }

    fn start_thread(&self) -> bool {
        let (next, report, wake) = (Arc::clone(&self.next), self.report.clone(), Arc::clone(&self.wake));
        let work = move || {
            loop {
                // The lock is held while waiting: helpers take turns, each runs its errand without it.
                let Ok((ticket, errand)) = next.lock().map_or(Err(()), |next| next.recv().map_err(|_| ()))
                else {
                    return;
                };
                if report.send((ticket, errand.run())).is_err() {
                    return;
                }
                crate::control::wake(&wake);
            }
        };
        let thread = std::thread::Builder::new().name("errand".into());
        crate::call::thread("errand", || thread.spawn(work)).is_ok()
    }
}

impl Errand {
    fn run(self) -> Done {
        match self {
            Errand::Dial(address) => Done::Dialled(match socket::connect(&address) {
                Ok(connected) => Ok(connected.connection),
                Err(error) => Err(DialFailure { text: error.to_string() }),
            }),
            Errand::Name(address) => Done::Named(socket::reverse_name(address).ok().flatten()),
        }
    }

    fn refuse(self) -> Done {
        match self {
            Errand::Dial(address) => Done::Dialled(Err(DialFailure {
                text: format!("cannot call {address}: {WAITING_MAX} calls wait to be dialled already"),
            })),
            Errand::Name(_) => Done::Named(None),
        }
    }
}
