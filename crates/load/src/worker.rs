//! One thread of the generator: its calls, and a loop that waits for them by epoll(7).
//!
//! In steady state a message costs one send(2), one recv(2) and a share of an epoll_wait(2), and no allocation. The
//! clock is read at each receive, so that no message pays for those before it in the same batch.
//!
//! Bounds: a call that fails is made again after 100 ms; a turn of one call is 64 sends or receives; a load lasts at
//! most its duration and twice the time for an answer.

mod calls;
mod talk;

use std::io;
use std::time::Duration;

use conversation::Moment;
use engine::{Control, Edge, Epoll, Timers, Watch};

use crate::Offer;
use crate::clock::{Clock, thread_cpu};
use crate::line::Line;
use crate::live::Live;
use crate::rules::Rules;
use crate::schedule::Schedule;
use crate::slot::{Slot, State};
use crate::tally::Tally;

/// What is received at once; the longest message fits.
const RECEIVE_BYTES: usize = 256 * 1024;

/// Moments that are looked after in one turn, so that however late the generator is, it hears of its calls and of its end.
const TIMERS_PER_TURN: usize = 1024;

/// Calls that are heard before the next is said on any of them. A server that had slept is woken by the first message and
/// finds the others there; and few enough that what a call needs is still in the cache when it speaks.
const BATCH: usize = 32;

/// The event of the control that ends the load.
const ENDING: u64 = u64::MAX;

/// What all threads share.
pub(crate) struct Common<'r, L: Line> {
    pub(crate) offer: &'r Offer,
    pub(crate) rules: &'r Rules,
    /// Whom to call; `None`: the first call is the only one.
    pub(crate) callee: Option<&'r L::Callee>,
    pub(crate) control: &'r Control,
    pub(crate) clock: Clock,
    pub(crate) live: &'r [Live],
}

impl<L: Line> Clone for Common<'_, L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L: Line> Copy for Common<'_, L> {}

/// What a thread has counted and used.
pub(crate) struct Outcome {
    pub(crate) tally: Tally,
    pub(crate) cpu: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) interrupted: bool,
}

/// How far the load has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Offering,
    /// Nothing becomes due any more; what was due and is on its way goes on.
    Ending,
    /// Nothing is begun any more.
    Leaving,
}

pub(crate) struct Worker<'r, L: Line> {
    common: Common<'r, L>,
    thread: usize,
    epoll: Epoll,
    slots: Vec<Slot<L>>,
    timers: Timers,
    /// Slots that can go on without waiting for the kernel.
    again: Vec<usize>,
    buffer: Box<[u8]>,
    /// A datagram whose number is written in when it is sent.
    body: Vec<u8>,
    /// Messages that may still be begun.
    quota: Option<u64>,
    tally: Tally,
    /// Calls made so far, for their numbers.
    calls_made: u64,
    calls_open: u64,
    slots_over: usize,
    stage: Stage,
    interrupted: bool,
}

impl<'r, L: Line> Worker<'r, L> {
    /// A thread's worker; the first has the call that was made already.
    pub(crate) fn new(common: Common<'r, L>, thread: usize, first: Option<L>) -> io::Result<Worker<'r, L>> {
        let Offer { calls, threads, .. } = *common.offer;
        let slots = (thread..calls).step_by(threads).map(|index| slot(common.offer, index)).collect();
        let share = |count: u64| {
            let (threads, thread) = (threads as u64, thread as u64);
            count / threads + u64::from(thread < count % threads)
        };
        let mut epoll = Epoll::new()?;
        epoll.add(common.control.ending_fd(), ENDING, Watch::Read)?;
        let body = common.rules.messages.from(0)[..common.rules.message_bytes].to_vec();
        let mut worker = Worker {
            common,
            thread,
            epoll,
            slots,
            timers: Timers::default(),
            again: Vec::new(),
            buffer: vec![0; RECEIVE_BYTES].into_boxed_slice(),
            body,
            quota: common.offer.count.map(share),
            tally: Tally::new(Moment::after(common.offer.warm_up)),
            calls_made: 0,
            calls_open: 0,
            slots_over: 0,
            stage: Stage::Offering,
            interrupted: false,
        };
        for slot in 0..worker.slots.len() {
            worker.plan(slot);
        }
        if let Some(line) = first {
            let now = common.clock.now();
            worker.begin_call(0, now);
            worker.slots[0].dialled = None; // how long it took was not measured
            worker.opened(0, line, None, now);
        }
        Ok(worker)
    }

    /// Runs until the load is over.
    ///
    /// # Errors
    ///
    /// The wait itself failed.
    pub(crate) fn run(mut self) -> io::Result<Outcome> {
        let cpu_before = thread_cpu();
        let (mut edges, mut going_on) = (Vec::new(), Vec::new());
        while self.slots_over < self.slots.len() && !self.interrupted {
            let now = self.common.clock.now();
            self.look_at_the_end(now);
            for _ in 0..TIMERS_PER_TURN {
                let Some((due, slot)) = self.timers.pop_due(now) else { break };
                self.slot_due(slot, due, now);
            }
            self.go_on_queued(&mut going_on);
            self.live().publish(self.tally.answered_ever, self.calls_open, self.tally.failed);
            if self.slots_over == self.slots.len() {
                break;
            }
            let timeout = self.timeout(self.common.clock.now());
            edges.clear();
            self.epoll.wait(timeout, |edge| edges.push(edge))?;
            for edges in edges.chunks(BATCH) {
                edges.iter().for_each(|edge| self.dispatch(*edge));
                self.go_on_queued(&mut going_on);
            }
        }
        let elapsed = self.common.clock.now().since_start();
        self.close_the_books(elapsed);
        let cpu = thread_cpu().saturating_sub(cpu_before);
        Ok(Outcome { tally: self.tally, cpu, elapsed, interrupted: self.interrupted })
    }

    fn live(&self) -> &Live {
        &self.common.live[self.thread]
    }

    fn end(&self) -> Moment {
        Moment::after(self.common.offer.duration)
    }

    /// After this no message is begun, however long it has been due.
    fn last_moment(&self) -> Moment {
        self.end() + self.common.offer.timeout
    }

    fn dispatch(&mut self, edge: Edge) {
        if edge.token == ENDING {
            self.interrupted = true;
            return;
        }
        let slot = (edge.token & u64::from(u32::MAX)) as usize;
        let is_current = self.slots.get(slot).is_some_and(|at| u64::from(at.generation) == edge.token >> 32);
        if is_current {
            self.slot_ready(slot, edge);
            self.call_at_once(slot);
        }
    }

    /// Moves on what is queued. `going_on` is room for that.
    fn go_on_queued(&mut self, going_on: &mut Vec<usize>) {
        std::mem::swap(&mut self.again, going_on);
        for slot in going_on.drain(..) {
            self.slots[slot].is_queued = false;
            // A call takes long to make, and so does a send: none shall pay for those before it.
            self.go_on(slot, self.common.clock.now());
            self.call_at_once(slot);
        }
    }

    /// The next call is made at once, while the cache has what the last one used.
    fn call_at_once(&mut self, slot: usize) {
        let is_to_call = matches!(self.slots[slot].state, State::Waiting(_));
        if is_to_call && self.again.pop_if(|last| *last == slot).is_some() {
            self.slots[slot].is_queued = false;
            self.go_on(slot, self.common.clock.now());
        }
    }

    /// Looks once after all calls at the end of the duration (or when all messages have been sent), and again when
    /// the last moment has come: most of them hear nothing that would tell them.
    fn look_at_the_end(&mut self, now: Moment) {
        let stage = if now >= self.last_moment() {
            Stage::Leaving
        } else if now >= self.end() || self.quota == Some(0) {
            Stage::Ending
        } else {
            Stage::Offering
        };
        if stage > self.stage {
            self.stage = stage;
            for slot in 0..self.slots.len() {
                self.go_on(slot, now);
            }
        }
    }

    /// How long the kernel may be waited for.
    fn timeout(&self, now: Moment) -> Option<Duration> {
        if !self.again.is_empty() || self.quota == Some(0) && self.stage == Stage::Offering {
            return Some(Duration::ZERO);
        }
        let end = match self.stage {
            Stage::Offering => Some(self.end()),
            Stage::Ending => Some(self.last_moment()),
            Stage::Leaving => None,
        };
        [self.timers.next(), end].into_iter().flatten().min().map(|due| due.since(now))
    }

    /// Has the timers ask for a slot at the next moment that concerns it.
    fn plan(&mut self, slot: usize) {
        let Some(due) = self.next_moment(slot) else { return };
        let at = &mut self.slots[slot];
        if at.timer.is_none_or(|timer| due < timer) {
            at.timer = Some(due);
            self.timers.set(due, slot);
            let slots = &self.slots;
            self.timers.tidy(slots.len(), |due, slot| slots[slot].timer == Some(due));
        }
    }

    fn next_moment(&self, slot: usize) -> Option<Moment> {
        let at = &self.slots[slot];
        match &at.state {
            State::Waiting(until) => Some(*until),
            State::Dialling(opening) => at
                .dialled
                .map(|dialled| L::opening_due(opening, dialled + self.connect_timeout(), self.common.clock)),
            State::Leaving(leaving) => Some(L::leaving_due(leaving)),
            State::Open { line, .. } => {
                let rules = self.common.rules;
                // Only what would be begun then: a moment at which nothing happens would come again without end.
                let due = at.schedule.due(Moment::START);
                let is_to_come = matches!(at.schedule, Schedule::Open { .. })
                    && self.stage == Stage::Offering
                    && self.quota != Some(0)
                    && due < self.end();
                let next = (is_to_come && at.exchange.has_room(rules)).then_some(due);
                let due = line.due(self.common.clock);
                [at.exchange.expires(rules), next, due].into_iter().flatten().min()
            }
            State::Over => None,
        }
    }

    fn slot_due(&mut self, slot: usize, due: Moment, now: Moment) {
        if self.slots[slot].timer == Some(due) {
            self.slots[slot].timer = None;
            self.go_on(slot, now);
        }
    }

    /// Counts what was never sent, and what was on its way when the load was ended early.
    fn close_the_books(&mut self, elapsed: Duration) {
        let end = self.end().min(Moment::after(elapsed));
        let is_open_loop = self.common.offer.count.is_none() && !self.common.offer.idle;
        for slot in &mut self.slots {
            slot.exchange.abandon(&mut self.tally);
            self.tally.unsent += if is_open_loop { slot.schedule.overdue(end) } else { 0 };
            self.tally.calls_served += u64::from(slot.is_served);
        }
        self.live().publish(self.tally.answered_ever, 0, self.tally.failed);
    }
}

/// The slot of the call with this index, of all that are open at once.
fn slot<L: Line>(offer: &Offer, index: usize) -> Slot<L> {
    let part = index as f64 / offer.calls as f64;
    let opens = Moment::after(offer.ramp.mul_f64(part));
    match offer.rate {
        None => Slot::new(opens, Schedule::Closed),
        Some(rate) => {
            // Each call has its share of the rate, and none is due together with another.
            let every = offer.calls as f64 / rate;
            let every = every.min(1e9); // a message in 30 years
            let schedule = Schedule::open(opens + Duration::from_secs_f64(every * part), every);
            Slot::new(if offer.churn { schedule.due(opens) } else { opens }, schedule)
        }
    }
}
