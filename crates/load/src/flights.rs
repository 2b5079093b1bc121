//! The messages of one call that are on their way, in the order of their numbers.
//!
//! Most calls have one at a time. It lies here and not behind a pointer: of a thousand calls, each piece of memory that
//! an echo needs has left the cache since the last.

use std::collections::VecDeque;

use conversation::Moment;

/// A message on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    pub(crate) number: u64,
    pub(crate) due: Moment,
    pub(crate) begun: Moment,
}

#[derive(Debug, Default)]
pub(crate) struct Flights {
    first: Option<Flight>,
    /// Nothing where there is no first.
    later: VecDeque<Flight>,
}

impl Flights {
    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.later.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(crate) fn first(&self) -> Option<Flight> {
        self.first
    }

    /// `flight` has a higher number than all others.
    pub(crate) fn add(&mut self, flight: Flight) {
        if self.first.is_none() {
            self.first = Some(flight);
        } else {
            self.later.push_back(flight);
        }
    }

    pub(crate) fn take_first(&mut self) -> Option<Flight> {
        std::mem::replace(&mut self.first, self.later.pop_front())
    }

    /// The one with that number, if it is on its way.
    pub(crate) fn take(&mut self, number: u64) -> Option<Flight> {
        if self.first?.number == number {
            return self.take_first();
        }
        let place = self.later.binary_search_by_key(&number, |flight| flight.number).ok()?;
        self.later.remove(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flights_are_taken_in_their_order_or_by_number_and_each_once() {
        let mut flights = Flights::default();
        for number in 0..5 {
            flights.add(Flight { number, due: Moment::START, begun: Moment::START });
        }
        let number = |flight: Option<Flight>| flight.map(|flight| flight.number);
        assert_eq!(number(flights.take(3)), Some(3));
        assert_eq!(number(flights.take(3)), None);
        assert_eq!(number(flights.take(0)), Some(0));
        assert_eq!((number(flights.first()), flights.len()), (Some(1), 3));
        let rest: Vec<_> = std::iter::from_fn(|| number(flights.take_first())).collect();
        assert_eq!(rest, [1, 2, 4]);
        assert!(flights.is_empty());
    }
}
