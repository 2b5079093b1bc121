//! Waiting without sleeping, as long as that pays.
//!
//! Whoever sends to a thread that sleeps has to wake it, and on a processor that has gone idle meanwhile that costs the
//! sender more than the sending. So a worker looks for events for about as long as falling asleep and waking up would
//! take, and sleeps then. Whether looking pays is learnt: after each time in vain, twice as many waits go without, so
//! that a server with little to do hardly looks at all. Between two looks the processor is offered to whoever else
//! wants it (sched_yield(2)): what is spent here is time that nobody else had a use for.

use std::time::{Duration, Instant};

use socket::trace;

/// Waits that go without a look at the most, after one in vain.
const WITHOUT_MAX: u32 = 256;

#[derive(Debug)]
pub(crate) struct BusyWait {
    at_most: Duration,
    /// Waits that still go without.
    without: u32,
    /// Waits that went without after the last look in vain.
    went_without: u32,
}

impl BusyWait {
    /// Looks for `at_most`; never where that is zero.
    pub(crate) fn new(at_most: Duration) -> BusyWait {
        BusyWait { at_most, without: 0, went_without: 0 }
    }

    /// Looks by `look`, which says whether there was something, for a while if it seems to pay. Returns whether
    /// there was. Not under a tracer: each look would be a line.
    pub(crate) fn look<E>(
        &mut self,
        timeout: Option<Duration>,
        mut look: impl FnMut() -> Result<bool, E>,
    ) -> Result<bool, E> {
        if self.at_most.is_zero() || timeout.is_some_and(|timeout| timeout <= self.at_most) || trace::is_on()
        {
            return Ok(false);
        }
        if let Some(fewer) = self.without.checked_sub(1) {
            self.without = fewer;
            return Ok(false);
        }
        let begun = Instant::now();
        loop {
            if look()? {
                self.went_without = 0;
                return Ok(true);
            }
            if begun.elapsed() >= self.at_most {
                self.went_without = (self.went_without * 2).clamp(1, WITHOUT_MAX);
                self.without = self.went_without;
                return Ok(false);
            }
            rustix::thread::sched_yield();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_MOST: Duration = Duration::from_micros(1);

    /// Whether each of so many waits looked at all, where nothing is ever there.
    fn looked(busy: &mut BusyWait, waits: usize) -> Vec<bool> {
        let wait = |_| {
            let mut has_looked = false;
            let found = busy.look::<()>(None, || {
                has_looked = true;
                Ok(false)
            });
            assert_eq!(found, Ok(false));
            has_looked
        };
        (0..waits).map(wait).collect()
    }

    #[test]
    fn after_each_time_in_vain_twice_as_many_waits_go_without() {
        let mut busy = BusyWait::new(AT_MOST);
        let at: Vec<_> = (0..).zip(looked(&mut busy, 2_000)).filter(|(_, looked)| *looked).collect();
        let at: Vec<_> = at.into_iter().map(|(wait, _)| wait).collect();
        assert_eq!(at, [0, 2, 5, 10, 19, 36, 69, 134, 263, 520, 777, 1034, 1291, 1548, 1805]);
    }

    #[test]
    fn once_there_was_something_every_wait_looks() {
        let mut busy = BusyWait::new(AT_MOST);
        looked(&mut busy, 5);
        while busy.look::<()>(None, || Ok(true)) == Ok(false) {}
        for _ in 0..10 {
            assert_eq!(busy.look::<()>(None, || Ok(true)), Ok(true));
        }
        assert_eq!(looked(&mut busy, 3), [true, false, true]);
    }

    #[test]
    fn nobody_looks_who_was_told_not_to_or_must_not_wait_so_long() {
        assert_eq!(BusyWait::new(Duration::ZERO).look::<()>(None, || Ok(true)), Ok(false));
        let mut busy = BusyWait::new(AT_MOST);
        for timeout in [Duration::ZERO, AT_MOST] {
            assert_eq!(busy.look::<()>(Some(timeout), || Ok(true)), Ok(false));
        }
        assert_eq!(busy.look::<()>(Some(2 * AT_MOST), || Ok(true)), Ok(true));
    }

    #[test]
    fn a_failed_look_is_told() {
        assert_eq!(BusyWait::new(AT_MOST).look(None, || Err("no memory")), Err("no memory"));
    }
}
