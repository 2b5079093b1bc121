//! What one thread counts, and how the counts of several become one.

use std::collections::BTreeMap;
use std::time::Duration;

use conversation::Moment;
use hdrhistogram::Histogram;

use crate::Trouble;
use crate::timeline::Timeline;

/// Answers that are noted before they are entered in the histograms: those of one go find them in the cache.
const NOTED_MAX: usize = 256;

/// Latencies above an hour are counted as an hour.
pub(crate) const LATENCY_MAX_NS: u64 = 3_600_000_000_000;

#[derive(Debug)]
pub(crate) struct Tally {
    /// Messages that were due earlier are not counted (warm-up).
    since: Moment,
    pub(crate) sent: u64,
    pub(crate) answered: u64,
    pub(crate) wrong: u64,
    pub(crate) unanswered: u64,
    pub(crate) lost: u64,
    pub(crate) late: u64,
    pub(crate) duplicated: u64,
    pub(crate) reordered: u64,
    pub(crate) unsent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    /// Those of the warm-up included.
    pub(crate) answered_ever: u64,
    /// From when a message was due until its answer was whole, in nanoseconds; whole after [`Tally::enter`].
    pub(crate) latency: Histogram<u64>,
    /// From connect(2) until the call was open, in nanoseconds.
    pub(crate) connect: Histogram<u64>,
    pub(crate) timeline: Timeline,
    /// When an answer came and its latency in nanoseconds, where neither has it yet.
    noted: Vec<(Moment, u64)>,
    pub(crate) calls_dialled: u64,
    pub(crate) calls_opened: u64,
    /// Of the calls that are open at once, those that got an answer before the load ended.
    pub(crate) calls_served: u64,
    pub(crate) failures: BTreeMap<Trouble, u64>,
    pub(crate) failed: u64,
    pub(crate) last_event: Moment,
}

impl Tally {
    pub(crate) fn new(since: Moment) -> Tally {
        Tally {
            since,
            sent: 0,
            answered: 0,
            wrong: 0,
            unanswered: 0,
            lost: 0,
            late: 0,
            duplicated: 0,
            reordered: 0,
            unsent: 0,
            sent_bytes: 0,
            received_bytes: 0,
            answered_ever: 0,
            latency: histogram(),
            connect: histogram(),
            timeline: Timeline::new(),
            noted: Vec::with_capacity(NOTED_MAX),
            calls_dialled: 0,
            calls_opened: 0,
            calls_served: 0,
            failures: BTreeMap::new(),
            failed: 0,
            last_event: Moment::START,
        }
    }

    /// Whether what belongs to that moment is counted.
    pub(crate) fn counts(&self, moment: Moment) -> bool {
        moment >= self.since
    }

    pub(crate) fn answered(&mut self, due: Moment, now: Moment) {
        self.answered_ever += 1;
        self.last_event = now;
        if self.counts(due) {
            self.answered += 1;
            self.noted.push((now, nanos(now.since(due))));
            if self.noted.len() == NOTED_MAX {
                self.enter();
            }
        }
    }

    /// Enters what is noted.
    pub(crate) fn enter(&mut self) {
        for (now, latency_ns) in self.noted.drain(..) {
            self.latency.saturating_record(latency_ns);
            self.timeline.answered(now, latency_ns);
        }
    }

    pub(crate) fn connected(&mut self, dialled: Moment, now: Moment) {
        if self.counts(dialled) {
            self.connect.saturating_record(nanos(now.since(dialled)));
        }
    }

    pub(crate) fn failed(&mut self, trouble: Trouble) {
        self.failed += 1;
        *self.failures.entry(trouble).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, mut other: Tally) {
        other.enter();
        let sums = [
            (&mut self.sent, other.sent),
            (&mut self.answered, other.answered),
            (&mut self.wrong, other.wrong),
            (&mut self.unanswered, other.unanswered),
            (&mut self.lost, other.lost),
            (&mut self.late, other.late),
            (&mut self.duplicated, other.duplicated),
            (&mut self.reordered, other.reordered),
            (&mut self.unsent, other.unsent),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.answered_ever, other.answered_ever),
            (&mut self.calls_dialled, other.calls_dialled),
            (&mut self.calls_opened, other.calls_opened),
            (&mut self.calls_served, other.calls_served),
            (&mut self.failed, other.failed),
        ];
        sums.into_iter().for_each(|(sum, more)| *sum += more);
        // All histograms have the same bounds, so that nothing of one can be out of the other's.
        let _ = self.latency.add(other.latency);
        let _ = self.connect.add(other.connect);
        self.timeline.merge(other.timeline);
        for (trouble, calls) in other.failures {
            *self.failures.entry(trouble).or_default() += calls;
        }
        self.last_event = self.last_event.max(other.last_event);
    }
}

/// A span as a histogram takes it; at least 1.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX).max(1)
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants that Histogram takes: 2 * 1 <= max, 3 digits"
)]
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_MAX_NS, 3).expect("valid bounds")
}
