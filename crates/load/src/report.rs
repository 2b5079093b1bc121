//! What a load has shown.

use std::time::Duration;

use conversation::Way;
use hdrhistogram::Histogram;
use layers::Counts;

use crate::tally::Tally;
use crate::{Interval, Trouble};

/// A generator thread that was busy for this part of the time may have been what limited the load.
pub const SATURATED_PERCENT: f64 = 90.0;

/// The result of a load. Messages of the warm-up are in none of its counts.
#[derive(Clone, Debug)]
pub struct Report {
    /// From the end of the warm-up to the last answer, or the end of the duration where there was none later.
    pub elapsed: Duration,
    /// It was ended early.
    pub interrupted: bool,
    /// Messages that were begun.
    pub sent: u64,
    /// Right answers; without answers: messages that the kernel took.
    pub answered: u64,
    /// Wrong answers.
    pub wrong: u64,
    /// Messages that were on their way when their call failed, or when the load was ended early.
    pub unanswered: u64,
    /// Datagrams that were not answered in time; the late ones among them.
    pub lost: u64,
    /// Answers that came after their message had been given up as lost.
    pub late: u64,
    /// Answers that had come already.
    pub duplicated: u64,
    /// Answers that came after that of a later message (RFC 4737).
    pub reordered: u64,
    /// Messages of an open loop that were due and never sent, since the calls were full.
    pub unsent: u64,
    /// Bytes that the kernel took.
    pub sent_bytes: u64,
    /// Bytes that came.
    pub received_bytes: u64,
    /// All answers, those of the warm-up included.
    pub answered_ever: u64,
    /// From when a message was due (closed loop: sent) until its answer was whole, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From connect(2) until a call was open, in nanoseconds; the first call is not among them.
    pub connect: Histogram<u64>,
    /// What happened when.
    pub intervals: Vec<Interval>,
    /// Calls that were made.
    pub calls_dialled: u64,
    /// Calls that were opened.
    pub calls_opened: u64,
    /// Of the calls that are open at once: those that got an answer before the load ended.
    pub calls_served: u64,
    /// Calls that failed.
    pub calls_failed: u64,
    /// The same by reason, the commonest first.
    pub failures: Vec<(Trouble, u64)>,
    /// Of an address that is impaired: what became of all that was to pass in each direction, the warm-up included.
    pub impaired: Vec<(Way, Counts)>,
    /// What it cost the generator.
    pub generator: Generator,
}

/// What a load cost its generator.
#[derive(Clone, Copy, Debug)]
pub struct Generator {
    /// Threads that generated it.
    pub threads: usize,
    /// CPU time of all of them.
    pub cpu: Duration,
    /// The part of the time that the busiest thread used a CPU.
    pub busy_percent_max: f64,
}

impl Generator {
    /// The generator may have been what limited the load, rather than the server.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.busy_percent_max >= SATURATED_PERCENT
    }
}

impl Report {
    pub(crate) fn of(
        tally: Tally,
        elapsed: Duration,
        interrupted: bool,
        impaired: Vec<(Way, Counts)>,
        generator: Generator,
    ) -> Report {
        let mut failures: Vec<_> = tally.failures.into_iter().collect();
        failures.sort_by_key(|(_, calls)| std::cmp::Reverse(*calls));
        Report {
            elapsed,
            interrupted,
            sent: tally.sent,
            answered: tally.answered,
            wrong: tally.wrong,
            unanswered: tally.unanswered,
            lost: tally.lost,
            late: tally.late,
            duplicated: tally.duplicated,
            reordered: tally.reordered,
            unsent: tally.unsent,
            sent_bytes: tally.sent_bytes,
            received_bytes: tally.received_bytes,
            answered_ever: tally.answered_ever,
            latency: tally.latency,
            connect: tally.connect,
            intervals: tally.timeline.intervals(),
            calls_dialled: tally.calls_dialled,
            calls_opened: tally.calls_opened,
            calls_served: tally.calls_served,
            calls_failed: tally.failed,
            failures,
            impaired,
            generator,
        }
    }

    /// Answers a second.
    #[must_use]
    pub fn messages_per_s(&self) -> f64 {
        self.per_s(self.answered)
    }

    /// Bytes that the kernel took, a second.
    #[must_use]
    pub fn sent_bytes_per_s(&self) -> f64 {
        self.per_s(self.sent_bytes)
    }

    /// Bytes that came, a second.
    #[must_use]
    pub fn received_bytes_per_s(&self) -> f64 {
        self.per_s(self.received_bytes)
    }

    fn per_s(&self, count: u64) -> f64 {
        let seconds = self.elapsed.as_secs_f64();
        if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
    }
}
