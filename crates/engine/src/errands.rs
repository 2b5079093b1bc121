//! Errands: what can only be done by blocking, done by a few helper threads.
//!
//! Resolving a name and connecting to it can take seconds. A call that wants it waits; the worker that serves
//! it, and all other calls, do not.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conversation::{Address, DialFailure, DialFailureKind, Dialling, Leg};
use socket::{ConnectError, Connected, Connection, Environment, FileEnd, Program, ProgramProcess, Underway};
use std::net::SocketAddr;

use crate::layering::Layerings;
use crate::reach::{ReachError, is_short, kind_of, reach};
use crate::{Layering, LayeringError};

/// Helper threads of one worker at the most: so many may wait for addresses that do not answer before others wait for
/// them. One is started where none is free.
const THREADS_MAX: usize = 64;

/// Errands under way or waiting for a helper; more are answered as failed.
const OPEN_MAX: usize = 16 * 1024;

/// Below this it is not noticed that a dial had to wait for a helper.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long a program may wait for what is short (descriptors, processes, memory), and how often it is tried.
const SHORTAGE_PATIENCE: Duration = Duration::from_secs(5);
const SHORTAGE_PAUSE: Duration = Duration::from_millis(50);

/// Which call an errand is for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) slot: usize,
    /// A slot is used again; a call's number is not.
    pub(crate) call_number: u64,
    pub(crate) leg: Leg,
}

pub(crate) enum Errand {
    Dial {
        dialling: Box<Dialling>,
        layerings: Arc<Layerings>,
        /// Its `connect-timeout` runs from here, also while it waits for a helper.
        asked: Instant,
        /// It was begun then.
        underway: Option<Underway>,
    },
    /// To start the program of an `exec:` or `sh:` address.
    Start {
        address: Box<Address>,
        environment: Environment,
        layerings: Arc<Layerings>,
    },
    /// To open the file of a `file:`, `fifo:`, `pty:` or `serial:` address.
    Open(Box<Address>),
    /// The same as to start, with a caller's socket.
    HandOver {
        connection: Connection,
        address: Box<Address>,
        environment: Environment,
    },
    Name(SocketAddr),
}

pub(crate) enum Done {
    /// With what is to lie on its socket.
    Dialled(Result<(Connected, Option<Arc<Layering>>), DialFailure>),
    /// With what is to lie on its pipes.
    Started(Result<(Program, Option<Arc<Layering>>), DialFailure>),
    Opened(Result<FileEnd, DialFailure>),
    /// Of a program that could not be started the caller is still ours.
    HandedOver(Result<ProgramProcess, (Connection, DialFailure)>),
    Named(Option<String>),
}

pub(crate) struct Errands {
    waiting: Sender<(Ticket, Errand)>,
    next: Arc<Mutex<Receiver<(Ticket, Errand)>>>,
    finished: Receiver<(Ticket, Done)>,
    report: Sender<(Ticket, Done)>,
    /// Written after each errand, so that the worker looks at `finished`.
    wake: Arc<OwnedFd>,
    threads: usize,
    /// Errands that are not answered yet.
    open: usize,
}

impl Errands {
    pub(crate) fn new(wake: Arc<OwnedFd>) -> Errands {
        let (waiting, next) = channel();
        let (report, finished) = channel();
        let next = Arc::new(Mutex::new(next));
        Errands { waiting, next, finished, report, wake, threads: 0, open: 0 }
    }

    /// Sends a helper. The answer comes by [`Errands::finished`].
    pub(crate) fn send(&mut self, ticket: Ticket, errand: Errand) {
        let open = self.open + 1;
        if open > self.threads && self.threads < THREADS_MAX && self.start_thread() {
            self.threads += 1;
        }
        if self.threads == 0 || open > OPEN_MAX {
            return self.report(ticket, errand.refuse());
        }
        self.open = open;
        // Its receiver is ours: sending does not fail.
        let _ = self.waiting.send((ticket, errand));
    }

    /// Tells what came of an errand that was done without a helper, after the events of this turn.
    pub(crate) fn report(&mut self, ticket: Ticket, done: Done) {
        self.open += 1;
        // Its receiver is ours: sending does not fail.
        let _ = self.report.send((ticket, done));
        crate::control::wake(&self.wake);
    }

    /// The next answer, if one is there.
    pub(crate) fn finished(&mut self) -> Option<(Ticket, Done)> {
        let finished = self.finished.try_recv().ok()?;
        self.open -= 1;
        Some(finished)
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
            Errand::Dial { dialling, layerings, asked, underway } => {
                Done::Dialled(dial(&dialling, &layerings, asked, underway))
            }
            Errand::Start { address, environment, layerings } => {
                let start = || Program::start(&address, &environment);
                let layering = layerings.calling(&address).map_err(unusable);
                Done::Started(
                    layering.and_then(|layering| Ok((patiently(start).map_err(failure)?, layering))),
                )
            }
            Errand::Open(address) => Done::Opened(patiently(|| FileEnd::open(&address)).map_err(failure)),
            Errand::HandOver { connection, address, environment } => {
                let start = || ProgramProcess::hand_over(&connection, &address, &environment);
                Done::HandedOver(patiently(start).map_err(|error| (connection, failure(error))))
            }
            Errand::Name(address) => Done::Named(socket::reverse_name(address).ok().flatten()),
        }
    }

    fn refuse(self) -> Done {
        match self {
            Errand::Dial { dialling, .. } => Done::Dialled(Err(no_helper(&dialling.address))),
            Errand::Start { address, .. } => Done::Started(Err(no_helper(&address))),
            Errand::Open(address) => Done::Opened(Err(no_helper(&address))),
            Errand::HandOver { connection, address, .. } => {
                Done::HandedOver(Err((connection, no_helper(&address))))
            }
            Errand::Name(_) => Done::Named(None),
        }
    }
}

fn dial(
    dialling: &Dialling,
    layerings: &Layerings,
    asked: Instant,
    underway: Option<Underway>,
) -> Result<(Connected, Option<Arc<Layering>>), DialFailure> {
    let Dialling { address, within, .. } = dialling;
    let layering = layerings.calling(address).map_err(unusable)?;
    let waited = Some(asked.elapsed()).filter(|waited| *waited >= AT_ONCE).unwrap_or_default();
    let elsewhere = within.map_or(Duration::ZERO, |within| address.connect_timeout().saturating_sub(within));
    let gone_by = waited + elsewhere;
    let connected = match underway {
        Some(underway) => underway.wait(address, gone_by).map_err(ReachError::Connect)?,
        None => reach(address, gone_by)?,
    };
    Ok((connected, layering))
}

/// Starts or opens something, again and again while something is short that others may give back.
fn patiently<T>(start: impl Fn() -> Result<T, ConnectError>) -> Result<T, ConnectError> {
    let began = Instant::now();
    loop {
        match start() {
            Err(error) if is_short(&error) && began.elapsed() < SHORTAGE_PATIENCE => {
                std::thread::sleep(SHORTAGE_PAUSE);
            }
            outcome => return outcome,
        }
    }
}

/// The layers of an address cannot be made.
#[expect(clippy::needless_pass_by_value, reason = "given to map_err")]
fn unusable(error: LayeringError) -> DialFailure {
    DialFailure { kind: DialFailureKind::Other, may_pass: false, text: error.to_string() }
}

fn no_helper(address: &Address) -> DialFailure {
    let text = format!("cannot call {}: no thread for it, or {OPEN_MAX} calls wait already", address.shown());
    DialFailure { kind: DialFailureKind::Other, may_pass: true, text }
}

fn failure(error: ConnectError) -> DialFailure {
    DialFailure { kind: kind_of(&error.kind), may_pass: false, text: error.to_string() }
}
