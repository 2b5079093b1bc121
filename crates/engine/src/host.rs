//! What all workers of one run share.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use conversation::{Call, CallFailed, CloseReason, End, Leg, Moment, Now, Service, Shape};
use socket::TcpInfo;

use crate::child_words::ChildWords;
use crate::clock::Clock;
use crate::gate::Gate;
use crate::layering::Layerings;
use crate::rooms::Rooms;
use crate::session::Session;
use crate::tallies::Tallies;
use crate::{Access, CallLimit, Control, Event, Limits, Observer, Output, ProgramEnd, Report, ServeError};

/// How often at most it is said that new calls come faster than they may.
const SAY_RATE_EVERY: Duration = Duration::from_secs(10);

/// What a run is made of.
pub struct Plan {
    /// What is offered.
    pub service: Arc<dyn Service>,
    /// The bounds.
    pub limits: Limits,
    /// Who may call.
    pub access: Arc<Access>,
    /// Who is told of events.
    pub observer: Arc<dyn Observer>,
    /// Where calls' output goes.
    pub output: Output,
    /// How it is told to stop.
    pub control: Arc<Control>,
    /// What lies on the calls that it makes: who makes it knows what was made of an address before the first call.
    pub layerings: Arc<Layerings>,
}

/// A plan in motion: the plan, the clock, the gate, and the counts.
pub(crate) struct Host {
    pub(crate) plan: Plan,
    pub(crate) clock: Clock,
    pub(crate) gate: Gate,
    pub(crate) tallies: Tallies,
    pub(crate) rooms: Arc<Rooms>,
    /// Where callers are served by children that may have something to tell.
    pub(crate) child_words: OnceLock<ChildWords>,
    open: AtomicUsize,
    numbered: AtomicU64,
    answered: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    limit_said: AtomicBool,
    rate_said: Mutex<Option<Moment>>,
    failure: Mutex<Option<ServeError>>,
}

impl Host {
    pub(crate) fn new(plan: Plan) -> Arc<Host> {
        let gate = Gate::new(&plan.access, &plan.limits, plan.service.needs().answers_anyone);
        Arc::new(Host {
            rooms: Rooms::new(plan.limits.mailbox_bytes_max),
            plan,
            gate,
            tallies: Tallies::default(),
            child_words: OnceLock::new(),
            clock: Clock::start(),
            open: AtomicUsize::new(0),
            numbered: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            limit_said: AtomicBool::new(false),
            rate_said: Mutex::default(),
            failure: Mutex::new(None),
        })
    }

    pub(crate) fn tell(&self, event: &Event<'_>) {
        self.plan.observer.event(event);
    }

    /// Takes a place for one more call, if fewer than `calls_max` are open. Says once when none is free.
    pub(crate) fn take_place(&self, calls_max: usize) -> bool {
        let one_more = |open| (open < calls_max).then_some(open + 1);
        let taken = self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok();
        if !taken && !self.limit_said.swap(true, Ordering::Relaxed) {
            self.tell(&Event::LimitReached { calls_max });
        }
        taken
    }

    /// Gives a place back, whether or not its call was ever open.
    pub(crate) fn leave_place(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn open_calls(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether as many calls were answered as the run may answer in all.
    pub(crate) fn has_answered_all(&self) -> bool {
        let answered = self.answered.load(Ordering::Relaxed);
        self.plan.limits.calls_total.is_some_and(|total| answered >= total)
    }

    /// Whether it will have answered as many once so many more are.
    pub(crate) fn would_answer_all(&self, more: usize) -> bool {
        let answered = self.answered.load(Ordering::Relaxed) + more as u64;
        self.plan.limits.calls_total.is_some_and(|total| answered >= total)
    }

    /// The next number of a call.
    pub(crate) fn number(&self) -> u64 {
        self.numbered.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A call that is about to be answered, with the next number.
    pub(crate) fn call(&self, shape: Shape, local: End, peer: End, now: Now) -> Call {
        self.call_numbered(self.number(), shape, local, peer, now)
    }

    /// The same with a number that it has already.
    pub(crate) fn call_numbered(&self, number: u64, shape: Shape, local: End, peer: End, now: Now) -> Call {
        self.answered.fetch_add(1, Ordering::Relaxed);
        Call { number, shape, local, peer, opened: now.wall }
    }

    /// Says that the call is over. The caller still has to give its place back.
    pub(crate) fn ended(
        &self,
        session: &Session,
        far: Option<&End>,
        reason: CloseReason,
        tcp: Option<TcpInfo>,
        program: Option<ProgramEnd>,
        now: Now,
    ) {
        if reason == CloseReason::Drained {
            self.count_cut();
        }
        // Not at the first call that ends: at the limit one always ends and another begins.
        if self.open_calls() <= self.plan.limits.calls_max / 4 * 3 {
            self.limit_said.store(false, Ordering::Relaxed);
        }
        let (received_bytes, sent_bytes) = session.moved_bytes();
        let call = session.call();
        if let Some(limit) = CallLimit::of(reason) {
            self.tallies.ended_at(limit, &call.peer);
        }
        let lasted = now.wall.duration_since(call.opened).unwrap_or_default();
        let end_of = |leg| if leg == Leg::CALLER { far.map(|_| &call.peer) } else { far };
        let broken_by = session.broken_leg().and_then(end_of);
        self.tell(&Event::Ended {
            call,
            far,
            reason,
            broken_by,
            received_bytes,
            sent_bytes,
            lasted,
            tcp,
            program,
        });
    }

    pub(crate) fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Says what was counted and is due; at the end of the run (`None`) all that is left.
    pub(crate) fn say_tallies(&self, now: Option<Moment>) {
        self.tallies.say(now, |event| self.tell(event));
    }

    /// Says that new calls come faster than they may.
    pub(crate) fn say_rate(&self, now: Moment) {
        let mut said = lock(&self.rate_said);
        if let Some(calls_per_second) = self.plan.limits.calls_per_second
            && said.is_none_or(|said| now.since(said) >= SAY_RATE_EVERY)
        {
            *said = Some(now);
            drop(said);
            self.tell(&Event::RateReached { calls_per_second: calls_per_second.get() });
        }
    }

    pub(crate) fn write_output(&self, bytes: &[u8]) -> Result<(), CallFailed> {
        self.plan.output.write(bytes).map_err(|error| {
            let failed = CallFailed::new("write(2)", &error);
            self.fail(ServeError::Output(failed));
            failed
        })
    }

    /// The run cannot go on: ends all calls. The first failure is the one reported.
    pub(crate) fn fail(&self, failure: ServeError) {
        lock(&self.failure).get_or_insert(failure);
        self.plan.control.end();
    }

    pub(crate) fn report(&self) -> Result<Report, ServeError> {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (answered, refused, cut) = (count(&self.answered), count(&self.refused), count(&self.cut));
        lock(&self.failure).map_or(Ok(Report { answered, refused, cut }), Err)
    }
}

/// Whoever panicked while holding one of these had at most stored a whole value.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
