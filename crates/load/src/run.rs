//! A load from its first call to its report.

use std::fmt;
use std::io;
use std::num::NonZeroU64;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use address::{Address, Shape};
use conversation::{Moment, Way};
use engine::{Control, Impaired, LayeredConnection, Layering, LayeringError, OpenCallError};
use socket::{Callee, Connection, Granted, Program};

use crate::clock::Clock;
use crate::line::{LayeredCallee, LayeredLine, Line, ProgramCallee, ProgramLine};
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
    calls: Calls,
    target: String,
    granted: Vec<Granted>,
    notes: Vec<String>,
    /// The faults of its address, if it is impaired.
    impaired: Option<Impaired>,
}

/// The first call, and whom to call again, if that can be done.
#[derive(Debug)]
enum Calls {
    Bare(Connection, Option<Callee>),
    Layered(LayeredLine, Option<LayeredCallee>),
    Program(ProgramLine, ProgramCallee),
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
        offer.threads = offer.threads.min(offer.calls);
        if address.transport.is_program() {
            let program = Program::start(address, &Vec::new()).map_err(OpenCallError::from)?;
            let target = program.end().to_string();
            let calls = Calls::Program(ProgramLine::of(program), ProgramCallee(address.clone()));
            let rules = Rules::of(&offer, Shape::Stream);
            let (granted, notes) = (Vec::new(), Vec::new());
            return Ok(Load { offer, rules, calls, target, granted, notes, impaired: None });
        }
        let layering = Layering::calling(address)?;
        let connected = socket::connect(address).map_err(OpenCallError::from)?;
        let shape = connected.connection.shape();
        let shape = layering.as_ref().map_or(shape, |layering| layering.shape_over(shape));
        offer.check(shape)?;
        let callee = Callee::again(&connected, address).map_err(OpenCallError::from)?;
        if callee.is_none() && (offer.calls > 1 || offer.churn) {
            return Err(OfferError::OneCallOnly.into());
        }
        let impaired = layering.as_ref().and_then(|layering| layering.impaired().cloned());
        let is_lossy = shape.keeps_boundaries() && impaired.as_ref().is_some_and(Impaired::is_lossy);
        let rules = Rules::of(&offer, if is_lossy { Shape::Datagram } else { shape });
        let socket::Connected { connection, end, notes: granted, .. } = connected;
        let target = end.under(address.layers).to_string();
        let (calls, notes) = match layering {
            None => (Calls::Bare(connection, callee), Vec::new()),
            Some(layering) => {
                let clock = Clock::start();
                let call = LayeredConnection::open(connection, &layering, address, || clock.by_both())?;
                let notes = layering.notes().to_vec();
                let callee = callee.map(|callee| LayeredCallee { callee, layering, clock });
                (Calls::Layered(LayeredLine::of(call, clock), callee), notes)
            }
        };
        Ok(Load { offer, rules, calls, target, granted, notes, impaired })
    }

    /// Whom it calls: `tls://127.0.0.1:7777`.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
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
    pub fn granted(&self) -> &[Granted] {
        &self.granted
    }

    /// What whoever runs it should know of its layers: a key that others may read.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Offers the load until it is over or `control` is told to end. `tell` hears of the progress four times a second,
    /// while threads of its own offer the load; where there is but one and nobody to tell, it is the caller's thread.
    ///
    /// # Errors
    ///
    /// There are no descriptors to wait with, or no threads. A failure of a call is none.
    pub fn run(self, control: &Control, tell: Option<&mut dyn FnMut(&Progress)>) -> io::Result<Report> {
        let Load { offer, rules, calls, impaired, .. } = self;
        let (offer, rules) = (&offer, &rules);
        let outcomes = match calls {
            Calls::Bare(first, callee) => on_lines(offer, rules, first, callee.as_ref(), control, tell),
            Calls::Layered(first, callee) => on_lines(offer, rules, first, callee.as_ref(), control, tell),
            Calls::Program(first, callee) => on_lines(offer, rules, first, Some(&callee), control, tell),
        };
        Ok(report(offer, outcomes?, impaired.as_ref()))
    }
}

/// Offers a load on lines of one kind.
fn on_lines<L: Line + Send>(
    offer: &Offer,
    rules: &Rules,
    first: L,
    callee: Option<&L::Callee>,
    control: &Control,
    tell: Option<&mut dyn FnMut(&Progress)>,
) -> io::Result<Vec<Outcome>> {
    let live: Vec<Live> = (0..offer.threads).map(|_| Live::default()).collect();
    let common = Common { offer, rules, callee, control, clock: Clock::start(), live: &live };
    match tell {
        None if offer.threads == 1 => {
            let outcome = precisely(|| Worker::new(common, 0, Some(first))?.run())?;
            Ok(vec![outcome])
        }
        tell => in_threads(common, first, tell.unwrap_or(&mut |_| {})),
    }
}

/// Runs each worker in a thread of its own, and tells of their progress meanwhile.
fn in_threads<L: Line + Send>(
    common: Common<'_, L>,
    first: L,
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

fn report(offer: &Offer, outcomes: Vec<Outcome>, impaired: Option<&Impaired>) -> Report {
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
    let ways = [Way::Out, Way::In].into_iter();
    let impaired = impaired.map(|impaired| ways.map(|way| (way, impaired.total(way))).collect());
    Report::of(tally, measured, interrupted, impaired.unwrap_or_default(), generator)
}

/// Why a load could not begin.
#[derive(Debug)]
pub enum BeginError {
    /// What was asked for does not go together.
    Offer(OfferError),
    /// The first call failed.
    Call(OpenCallError),
}

impl From<OfferError> for BeginError {
    fn from(error: OfferError) -> BeginError {
        BeginError::Offer(error)
    }
}

impl From<OpenCallError> for BeginError {
    fn from(error: OpenCallError) -> BeginError {
        BeginError::Call(error)
    }
}

impl From<LayeringError> for BeginError {
    fn from(error: LayeringError) -> BeginError {
        BeginError::Call(error.into())
    }
}

impl fmt::Display for BeginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BeginError::Offer(error) => error.fmt(f),
            BeginError::Call(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BeginError {}
