//! A load from its first call to its report.

use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use address::Address;
use conversation::Moment;
use engine::Control;
use socket::{Callee, ConnectError, Connection, Granted};

use crate::clock::Clock;
use crate::live::{Live, Progress};
use crate::report::{Generator, Report};
use crate::rules::Rules;
use crate::tally::Tally;
use crate::worker::{Common, Outcome, Worker};
use crate::{Offer, OfferError};

/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(250);

/// A load whose first call is open.
#[derive(Debug)]
pub struct Load {
    offer: Offer,
    rules: Rules,
    first: Connection,
    callee: Option<Callee>,
    end: address::End,
    notes: Vec<Granted>,
}

impl Load {
    /// Makes the first call: a server that is not there is found before anything is offered to it. All other calls go
    /// to the same end, so that a name is looked up once.
    ///
    /// # Errors
    ///
    /// Nobody answered, or the offer does not go with the transport.
    pub fn begin(mut offer: Offer, address: &Address) -> Result<Load, BeginError> {
        if let Some(shape) = address.shape() {
            offer.check(shape)?; // before anybody is called
        }
        let connected = socket::connect_bare(address)?;
        let shape = connected.connection.shape();
        offer.check(shape)?;
        let callee = Callee::again(&connected, address)?;
        if callee.is_none() && (offer.calls > 1 || offer.churn) {
            return Err(OfferError::OneCallOnly.into());
        }
        offer.threads = offer.threads.min(offer.calls);
        let rules = Rules::of(&offer, shape);
        let socket::Connected { connection, end, notes, .. } = connected;
        Ok(Load { offer, rules, first: connection, callee, end, notes })
    }

    /// Whom it calls.
    #[must_use]
    pub fn end(&self) -> &address::End {
        &self.end
    }

    /// What is offered, its threads bounded by its calls.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Whether lost, late, duplicated and reordered messages are told apart: on a datagram transport, where messages
    /// have numbers.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.rules.numbered
    }

    /// Options of the first call that the kernel granted differently.
    #[must_use]
    pub fn notes(&self) -> &[Granted] {
        &self.notes
    }

    /// Offers the load until it is over or `control` is told to end. `tell` hears of the progress four times a second,
    /// while threads of its own offer the load; where there is but one and nobody to tell, it is the caller's thread.
    ///
    /// # Errors
    ///
    /// There are no descriptors to wait with, or no threads. A failure of a call is none.
    pub fn run(self, control: &Control, tell: Option<&mut dyn FnMut(&Progress)>) -> io::Result<Report> {
        let Load { offer, rules, first, callee, .. } = self;
        let live: Vec<Live> = (0..offer.threads).map(|_| Live::default()).collect();
        let clock = Clock::start();
        let (offer, live) = (&offer, &live[..]);
        let common = Common { offer, rules: &rules, callee: callee.as_ref(), control, clock, live };
        let outcomes = match tell {
            None if offer.threads == 1 => vec![precisely(|| Worker::new(common, 0, Some(first))?.run())?],
            tell => in_threads(common, first, tell.unwrap_or(&mut |_| {}))?,
        };
        Ok(report(offer, outcomes))
    }
}

/// Runs each worker in a thread of its own, and tells of their progress meanwhile.
fn in_threads(
    common: Common<'_>,
    first: Connection,
    tell: &mut dyn FnMut(&Progress),
) -> io::Result<Vec<Outcome>> {
    let Common { offer, control, clock, live, .. } = common;
    let mut first = Some(first);
    std::thread::scope(|scope| {
        let (done, wait) = channel();
        for thread in 0..offer.threads {
            let (done, first) = (done.clone(), first.take());
            let run = move || {
                let outcome = precisely(|| Worker::new(common, thread, first)?.run());
                let _ = done.send(outcome); // the other side waits for it
            };
            let name = format!("load {}", thread + 1);
            if let Err(error) = std::thread::Builder::new().name(name).spawn_scoped(scope, run) {
                control.end(); // those that run already
                return Err(error);
            }
        }
        drop(done);
        let mut outcomes = Vec::new();
        while outcomes.len() < offer.threads {
            match wait.recv_timeout(TELL_EVERY) {
                Ok(outcome) => outcomes.push(outcome.inspect_err(|_| control.end())?),
                Err(RecvTimeoutError::Timeout) => tell(&Progress::of(live, clock.now().since_start())),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(outcomes)
    })
}

/// A timer may come up to 50 µs late unless a thread asks for better, prctl(2) `PR_SET_TIMERSLACK`; while this runs it
/// has.
fn precisely<T>(run: impl FnOnce() -> T) -> T {
    // Where it is refused, messages of an open loop are sent that much later; their latency counts it.
    let before = rustix::thread::current_timer_slack().ok().and_then(NonZeroU64::new);
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let outcome = run();
    let _ = rustix::thread::set_current_timer_slack(before);
    outcome
}

fn report(offer: &Offer, outcomes: Vec<Outcome>) -> Report {
    let mut tally = Tally::new(Moment::START);
    let mut generator = Generator { threads: offer.threads, cpu: Duration::ZERO, busy_percent_max: 0.0 };
    let (mut interrupted, mut elapsed) = (false, Duration::ZERO);
    for outcome in outcomes {
        let busy = 100.0 * outcome.cpu.as_secs_f64() / outcome.elapsed.as_secs_f64().max(1e-9);
        generator.cpu += outcome.cpu;
        generator.busy_percent_max = generator.busy_percent_max.max(busy);
        interrupted |= outcome.interrupted;
        elapsed = elapsed.max(outcome.elapsed);
        tally.merge(outcome.tally);
    }
    let last = tally.last_event.since_start();
    let end = if offer.count.is_some() { last } else { last.max(offer.duration) };
    let measured = end.min(elapsed).saturating_sub(offer.warm_up);
    Report::of(tally, measured, interrupted, generator)
}

/// Why a load could not begin.
#[derive(Debug)]
pub enum BeginError {
    /// What was asked for does not go together.
    Offer(OfferError),
    /// The first call failed.
    Connect(ConnectError),
}

impl From<OfferError> for BeginError {
    fn from(error: OfferError) -> BeginError {
        BeginError::Offer(error)
    }
}

impl From<ConnectError> for BeginError {
    fn from(error: ConnectError) -> BeginError {
        BeginError::Connect(error)
    }
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BeginError::Offer(error) => error.fmt(f),
            BeginError::Connect(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BeginError {}
