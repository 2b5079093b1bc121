//! Counts what can happen often, so that it is said at most once a second, with the last of it.

use std::time::Duration;

use conversation::Moment;

/// How often at most it is said.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// A count since it was last said, and the last thing that was counted.
#[derive(Debug)]
pub(crate) struct Tally<T> {
    count: u64,
    last: Option<T>,
    said: Option<Moment>,
}

impl<T> Default for Tally<T> {
    fn default() -> Tally<T> {
        Tally { count: 0, last: None, said: None }
    }
}

impl<T> Tally<T> {
    pub(crate) fn add(&mut self, last: T) {
        self.count += 1;
        self.last = Some(last);
    }

    /// What is to be said now: how many, and the last.
    pub(crate) fn due(&mut self, now: Moment) -> Option<(u64, T)> {
        if self.next_deadline()? > now {
            return None;
        }
        self.said = Some(now);
        self.rest()
    }

    /// What was not said yet.
    pub(crate) fn rest(&mut self) -> Option<(u64, T)> {
        self.last.take().map(|last| (std::mem::take(&mut self.count), last))
    }

    /// When there will be something to say, if nothing more happens.
    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        self.last.as_ref().map(|_| self.said.map_or(Moment::START, |said| said + SAY_EVERY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_said_at_once_and_the_others_together_a_second_later() {
        let at = |milliseconds| Moment::after(Duration::from_millis(milliseconds));
        let mut tally = Tally::default();
        assert_eq!(tally.next_deadline(), None);
        tally.add('a');
        assert_eq!(tally.due(at(5_000)), Some((1, 'a')));
        tally.add('b');
        tally.add('c');
        assert_eq!(tally.due(at(5_999)), None);
        assert_eq!(tally.next_deadline(), Some(at(6_000)));
        assert_eq!(tally.due(at(6_000)), Some((2, 'c')));
        assert_eq!(tally.due(at(9_000)), None);
        tally.add('d');
        assert_eq!(tally.rest(), Some((1, 'd')));
    }
}
