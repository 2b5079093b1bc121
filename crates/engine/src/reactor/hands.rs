//! The carrier of a reactor's calls: does on real sockets what a session asks.

use std::sync::Arc;

use conversation::{Address, CallFailed, CloseReason, Dialling, Leg, Notice, Now, Topic};
use smallvec::SmallVec;

use crate::host::Host;
use crate::{Carrier, Event, HeldSent, Members, ServeError};

use super::door::DoorState;
use super::leg_end::LegEnd;
use super::leg_socket::LegSocket;

/// What a session asked for and only the reactor can do, once the session's event is over.
pub(super) enum Chore {
    Dial { slot: usize, leg: Leg, dialling: Box<Dialling> },
    HandOver { slot: usize, address: Box<Address> },
    NamePeer { slot: usize },
}

pub(super) struct Hands<'r> {
    pub(super) slot: usize,
    pub(super) now: Now,
    pub(super) ends: &'r mut SmallVec<[LegEnd; 1]>,
    pub(super) doors: &'r mut [DoorState],
    pub(super) chores: &'r mut Vec<Chore>,
    pub(super) host: &'r Host,
    /// Why there are none, where there are none.
    pub(super) members: &'r mut Result<Members, CallFailed>,
}

impl Carrier for Hands<'_> {
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
        let Some(end) = self.ends.get_mut(leg.index()) else { return Ok(None) };
        let sent = end.send(bytes, self.doors, self.host, self.now);
        match sent.inspect_err(|failed| fail_output(end, *failed, self.host)) {
            Err(failed) if self.has_lost(leg, failed) => Ok(Some(bytes.len())),
            sent => sent,
        }
    }

    fn send_held(&mut self, leg: Leg, _held: usize) -> Result<HeldSent, CallFailed> {
        let Some(end) = self.ends.get_mut(leg.index()) else { return Ok(HeldSent::NotNow) };
        end.send_held().inspect_err(|failed| fail_output(end, *failed, self.host))
    }

    fn finish(&mut self, leg: Leg) {
        if let Some(end) = self.ends.get_mut(leg.index()) {
            end.finish(self.now);
        }
    }

    fn holds_back(&mut self, leg: Leg) -> bool {
        self.ends.get(leg.index()).is_some_and(LegEnd::holds_back)
    }

    fn is_delivered(&mut self, leg: Leg) -> bool {
        self.ends.get(leg.index()).is_none_or(LegEnd::is_delivered)
    }

    fn abort(&mut self, leg: Leg) {
        if let Some(end) = self.ends.get(leg.index()) {
            end.abort();
        }
    }

    fn dial(&mut self, leg: Leg, dialling: Dialling) {
        if leg.index() == self.ends.len() {
            self.ends.push(LegEnd::new(LegSocket::None));
        }
        self.chores.push(Chore::Dial { slot: self.slot, leg, dialling: Box::new(dialling) });
    }

    fn tell(&mut self, notice: &Notice) {
        self.host.tell(&Event::Notice(notice));
    }

    fn hand_over(&mut self, address: Address) {
        self.chores.push(Chore::HandOver { slot: self.slot, address: Box::new(address) });
    }

    fn name_peer(&mut self) {
        self.chores.push(Chore::NamePeer { slot: self.slot });
    }

    fn output(&mut self, bytes: &[u8]) -> Result<(), CallFailed> {
        self.host.write_output(bytes)
    }

    fn subscribe(&mut self, topic: &Topic, others: usize) -> Result<(), CloseReason> {
        if others >= self.host.plan.limits.topics_max {
            return Err(CloseReason::Limit("rooms of one call"));
        }
        let members = self.members.as_mut().map_err(|failed| CloseReason::Failed(*failed))?;
        members.subscribe(topic, self.slot);
        Ok(())
    }

    fn unsubscribe(&mut self, topic: &Topic) {
        if let Ok(members) = self.members {
            members.unsubscribe(topic, self.slot);
        }
    }

    fn publish(&mut self, topic: &Topic, bytes: &Arc<[u8]>) -> bool {
        let Ok(members) = self.members else { return true };
        members.publish(topic, bytes, self.slot)
    }
}

/// What cannot be sent to the standard output fails the run: it is every call's output.
fn fail_output(end: &LegEnd, failed: CallFailed, host: &Host) {
    if end.socket.is_standard() {
        host.fail(ServeError::Output(failed));
    }
}
