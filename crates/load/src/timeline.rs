//! What happened when: answers and their latency, interval by interval.
//!
//! Bounds: at most 128 intervals a thread. When a load lasts longer than they cover, each two become one.

use std::ops::Range;
use std::time::Duration;

use conversation::Moment;
use hdrhistogram::Histogram;

use crate::tally::{LATENCY_MAX_NS, nanos};

/// The first width of an interval.
const WIDTH: Duration = Duration::from_millis(25);

const INTERVALS_MAX: usize = 128;

/// One interval of the load.
#[derive(Clone, Copy, Debug)]
pub struct Interval {
    /// When it began, counted from the beginning of the load.
    pub begin: Duration,
    /// How long it is.
    pub width: Duration,
    /// Answers that came in it.
    pub answered: u64,
    /// Their median latency, in nanoseconds, to two digits.
    pub latency_ns_p50: u64,
    /// The latency that 99 % of them did not exceed.
    pub latency_ns_p99: u64,
    /// The longest.
    pub latency_ns_max: u64,
}

#[derive(Debug)]
pub(crate) struct Timeline {
    width: Duration,
    intervals: Vec<Option<Histogram<u32>>>,
    /// The interval of the last answer, in which the next is too as a rule: from when to when, and which.
    latest: (Range<Moment>, usize),
}

impl Timeline {
    pub(crate) fn new() -> Timeline {
        Timeline { width: WIDTH, intervals: Vec::new(), latest: (Moment::START..Moment::START, 0) }
    }

    pub(crate) fn answered(&mut self, at: Moment, latency_ns: u64) {
        if !self.latest.0.contains(&at) {
            self.find(at);
        }
        self.intervals[self.latest.1].get_or_insert_with(histogram).saturating_record(latency_ns);
    }

    /// Makes the interval of that moment the latest.
    fn find(&mut self, at: Moment) {
        let mut index = self.index(at);
        while index >= INTERVALS_MAX {
            self.coarsen();
            index = self.index(at);
        }
        if index >= self.intervals.len() {
            self.intervals.resize_with(index + 1, || None);
        }
        // An index is below INTERVALS_MAX here.
        let begin = Moment::after(self.width * index as u32);
        self.latest = (begin..begin + self.width, index);
    }

    fn index(&self, at: Moment) -> usize {
        let index = nanos(at.since_start()) / nanos(self.width);
        usize::try_from(index).unwrap_or(usize::MAX)
    }

    fn coarsen(&mut self) {
        self.width *= 2;
        self.latest.0 = Moment::START..Moment::START;
        let fine = std::mem::take(&mut self.intervals);
        let mut fine = fine.into_iter();
        while let Some(first) = fine.next() {
            self.intervals.push(joined(first, fine.next().flatten()));
        }
    }

    /// Both together.
    pub(crate) fn merge(&mut self, mut other: Timeline) {
        while self.width < other.width {
            self.coarsen();
        }
        while other.width < self.width {
            other.coarsen();
        }
        let length = self.intervals.len().max(other.intervals.len());
        self.intervals.resize_with(length, || None);
        for (mine, theirs) in self.intervals.iter_mut().zip(other.intervals) {
            *mine = joined(mine.take(), theirs);
        }
    }

    pub(crate) fn intervals(&self) -> Vec<Interval> {
        let intervals = self.intervals.iter().zip(0u32..);
        intervals
            .map(|(interval, index)| {
                let quantile = |q| interval.as_ref().map_or(0, |interval| interval.value_at_quantile(q));
                Interval {
                    begin: self.width * index,
                    width: self.width,
                    answered: interval.as_ref().map_or(0, Histogram::len),
                    latency_ns_p50: quantile(0.5),
                    latency_ns_p99: quantile(0.99),
                    latency_ns_max: interval.as_ref().map_or(0, Histogram::max),
                }
            })
            .collect()
    }
}

#[expect(
    clippy::expect_used,
    reason = "the bounds are constants that Histogram takes: 2 <= 2 * 100 <= max, 2 digits"
)]
fn histogram() -> Histogram<u32> {
    Histogram::new_with_bounds(100, LATENCY_MAX_NS, 2).expect("valid bounds")
}

fn joined(a: Option<Histogram<u32>>, b: Option<Histogram<u32>>) -> Option<Histogram<u32>> {
    match (a, b) {
        (Some(mut a), Some(b)) => {
            // Both have the same bounds, so that nothing of one can be out of the other's.
            let _ = a.add(b);
            Some(a)
        }
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_load_has_few_intervals_and_loses_no_answer() {
        let mut timeline = Timeline::new();
        let mut other = Timeline::new();
        for second in 0..3_600 {
            timeline.answered(Moment::after(Duration::from_secs(second)), (second + 1) * 1_000);
        }
        other.answered(Moment::after(Duration::from_secs(1)), 1_000_000_000);
        timeline.merge(other);
        let intervals = timeline.intervals();
        assert!(intervals.len() <= INTERVALS_MAX, "{}", intervals.len());
        assert_eq!(intervals.iter().map(|interval| interval.answered).sum::<u64>(), 3_601);
        assert!(intervals[0].latency_ns_max >= 1_000_000_000);
    }
}
