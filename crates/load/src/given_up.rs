//! Datagrams that were given up as lost, so that an answer that comes all the same is known to be late.

use std::collections::VecDeque;

/// Numbers that one call remembers; answers to earlier ones count as duplicated.
const REMEMBERED_MAX: usize = 1024;

/// The numbers of lost messages of one call, the earliest first.
#[derive(Debug, Default)]
pub(crate) struct GivenUp(VecDeque<u64>);

impl GivenUp {
    /// `number` is above all that were given up before, or near it.
    pub(crate) fn add(&mut self, number: u64) {
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        let place = self.0.partition_point(|earlier| *earlier < number);
        self.0.insert(place, number);
    }

    /// Takes a number out; whether it was there.
    pub(crate) fn take(&mut self, number: u64) -> bool {
        self.0.binary_search(&number).ok().and_then(|place| self.0.remove(place)).is_some()
    }

    /// Takes the earliest out, if there is one: for messages without numbers.
    pub(crate) fn take_any(&mut self) -> bool {
        self.0.pop_front().is_some()
    }
}
