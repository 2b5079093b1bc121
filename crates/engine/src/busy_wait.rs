//! Waiting without sleeping, as long as that pays: while callers come.
//!
//! Whoever calls, or sends to, a thread that sleeps has to wake it, and on a processor that has gone idle meanwhile that
//! costs more than the call. So a worker to which callers have just come looks for events for about as long as falling
//! asleep and waking up would take, and sleeps then. On calls that stay open messages keep it busy, or come too late for
//! a look. Whether looking pays is learnt: after each time in vain, twice as many waits go without, so
//! that a server with little to do hardly looks at all. Between two looks the processor is offered to whoever else
//! wants it (sched_yield(2)): what is spent here is time that nobody else had a use for.

use std::time::{Duration, Instant};

use socket::trace;

/// Waits that go without a look at the most, after one in vain.
const WITHOUT_MAX: u32 = 256;

/// Waits after a caller that may look: about as many as a short call has.
const WAITS_AFTER_A_CALLER: u32 = 4;

#[derive(Debug)]
pub(crate) struct BusyWait {
    at_most: Duration,
    /// Waits that may still look since the last caller came.
    waits: u32,
    /// Waits that still go without.
    without: u32,
    /// Waits that went without after the last look in vain.
    went_without: u32,
}

impl BusyWait {
    /// Looks for `at_most`; never where that is zero.
    pub(crate) fn new(at_most: Duration) -> BusyWait {
        BusyWait { at_most, waits: 0, without: 0, went_without: 0 }
    }

    /// A caller has come: another may follow, and this one is about to speak.
    pub(crate) fn called(&mut self) {
        self.waits = WAITS_AFTER_A_CALLER;
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
        let Some(waits) = self.waits.checked_sub(1) else { return Ok(false) };
        self.waits = waits;
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
            busy.called();
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
        busy.called();
        while busy.look::<()>(None, || Ok(true)) == Ok(false) {}
        for _ in 0..10 {
            busy.called();
            assert_eq!(busy.look::<()>(None, || Ok(true)), Ok(true));
        }
        assert_eq!(looked(&mut busy, 3), [true, false, true]);
    }

    #[test]
    fn a_few_waits_after_the_last_caller_nobody_looks_any_more() {
        let mut busy = BusyWait::new(AT_MOST);
        assert_eq!(busy.look::<()>(None, || Ok(true)), Ok(false), "nobody has called yet");
        busy.called();
        let looked = (0..10).filter(|_| busy.look::<()>(None, || Ok(true)) == Ok(true)).count();
        assert_eq!(looked, WAITS_AFTER_A_CALLER as usize);
    }

    #[test]
    fn nobody_looks_who_was_told_not_to_or_must_not_wait_so_long() {
        let mut never = BusyWait::new(Duration::ZERO);
        never.called();
        assert_eq!(never.look::<()>(None, || Ok(true)), Ok(false));
        let mut busy = BusyWait::new(AT_MOST);
        busy.called();
        for timeout in [Duration::ZERO, AT_MOST] {
            assert_eq!(busy.look::<()>(Some(timeout), || Ok(true)), Ok(false));
        }
        assert_eq!(busy.look::<()>(Some(2 * AT_MOST), || Ok(true)), Ok(true));
    }

    #[test]
    fn a_failed_look_is_told() {
        let mut busy = BusyWait::new(AT_MOST);
        busy.called();
        assert_eq!(busy.look(None, || Err("no memory")), Err("no memory"));
    }
}
