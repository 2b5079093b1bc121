//! A carrier that takes so many bytes and writes down what it was asked to do: for tests of a session by itself.

use std::sync::Arc;

use conversation::{Address, CallFailed, CloseReason, Dialling, Leg, Topic};
use engine::{Carrier, HeldSent};

/// Takes as many bytes as there is room for, on all legs but the caller's together; there it takes all.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Bytes that it still takes.
    pub room: usize,
    /// What is held can only go by being sent.
    pub cannot_splice: bool,
    /// What was done, in order: `send 3 on 1`, `splice 7 on 1`, `finish 1`, `abort 0`.
    pub done: Vec<String>,
}

impl Ledger {
    /// With this room.
    #[must_use]
    pub fn with_room(room: usize) -> Ledger {
        Ledger { room, ..Ledger::default() }
    }

    /// How legs were ended, in order.
    #[must_use]
    pub fn ends(&self) -> Vec<&str> {
        let is_end = |done: &&str| done.starts_with("finish") || done.starts_with("abort");
        self.done.iter().map(String::as_str).filter(is_end).collect()
    }

    fn take(&mut self, leg: Leg, bytes: usize, how: &str) -> Option<usize> {
        let taken = if leg == Leg::CALLER { bytes } else { self.room.min(bytes) };
        self.room -= if leg == Leg::CALLER { 0 } else { taken };
        if taken > 0 {
            self.done.push(format!("{how} {taken} on {}", leg.index()));
        }
        (taken > 0).then_some(taken)
    }
}

impl Carrier for Ledger {
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
        Ok(self.take(leg, bytes.len(), "send"))
    }

    fn send_held(&mut self, leg: Leg, held: usize) -> Result<HeldSent, CallFailed> {
        if self.cannot_splice {
            return Ok(HeldSent::Instead(vec![b'h'; held]));
        }
        Ok(self.take(leg, held, "splice").map_or(HeldSent::NotNow, HeldSent::Taken))
    }

    fn finish(&mut self, leg: Leg) {
        self.done.push(format!("finish {}", leg.index()));
    }

    fn is_delivered(&mut self, _: Leg) -> bool {
        true
    }

    fn abort(&mut self, leg: Leg) {
        self.done.push(format!("abort {}", leg.index()));
    }

    fn dial(&mut self, _: Leg, _: Dialling) {}

    fn hand_over(&mut self, _: Address) {}

    fn name_peer(&mut self) {}

    fn output(&mut self, _: &[u8]) -> Result<(), CallFailed> {
        Ok(())
    }

    fn subscribe(&mut self, _: &Topic, _: usize) -> Result<(), CloseReason> {
        Ok(())
    }

    fn unsubscribe(&mut self, _: &Topic) {}

    fn publish(&mut self, _: &Topic, _: &Arc<[u8]>) -> bool {
        true
    }
}
