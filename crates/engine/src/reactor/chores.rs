//! What a session asks for that the reactor does once the event is over: dialling, starting programs, looking names up.
//!
//! What may block is an errand for a helper thread; its answer comes back as an event of the call, if that is still there.
//! An address in numbers is dialled here as far as that goes without waiting: within one host, to the end.

use std::sync::Arc;
use std::time::Instant;

use conversation::{CallFailed, DialFailure, DialFailureKind, Dialling, End, Leg, Now, Transport};
use socket::{Begun, Standard};

use crate::Layering;
use crate::errands::{Done, Errand, Errands, Ticket};
use crate::layering::LaidFor;
use crate::reach::begin;
use crate::selector::Selector;

use super::Reactor;
use super::hands::Chore;
use super::layered::{Under, laid};
use super::leg_socket::LegSocket;
use super::waiting::Far;

impl<S: Selector> Reactor<S> {
    pub(super) fn do_chore(&mut self, chore: Chore, now: Now) {
        match chore {
            Chore::Dial { slot, leg, dialling }
                if dialling.not_before.is_some_and(|due| due > now.moment) =>
            {
                let due = dialling.not_before.unwrap_or(now.moment);
                self.dial_later(slot, leg, due, dialling);
            }
            Chore::Dial { slot, leg, dialling } if dialling.address.transport == Transport::Standard => {
                match Standard::open() {
                    Ok(standard) => self.connect_leg(slot, leg, LegSocket::Standard(standard), now),
                    Err(error) => {
                        let text = format!("cannot use {}: {error}", dialling.address);
                        let why = DialFailure { kind: DialFailureKind::Other, may_pass: false, text };
                        self.with(slot, now, |session, hands| session.dial_failed(now, leg, &why, hands));
                    }
                }
            }
            Chore::Dial { slot, leg, dialling } if dialling.address.transport.is_program() => {
                let address = Box::new(dialling.address);
                let environment = self.environment(slot);
                let layerings = Arc::clone(&self.host.plan.layerings);
                self.send_errand(slot, leg, Errand::Start { address, environment, layerings }, now);
            }
            Chore::Dial { slot, leg, dialling } if dialling.address.transport.is_file() => {
                self.send_errand(slot, leg, Errand::Open(Box::new(dialling.address)), now);
            }
            Chore::Dial { slot, leg, dialling } => self.dial(slot, leg, dialling, now),
            Chore::HandOver { slot, address } => self.hand_over(slot, address, now),
            Chore::NamePeer { slot } => {
                match self.entries.get(slot).and_then(|entry| entry.session.call().peer.ip()) {
                    Some(address) => self.send_errand(slot, Leg::CALLER, Errand::Name(address), now),
                    None => self.with(slot, now, |session, hands| session.peer_named(now, None, hands)),
                }
            }
        }
    }

    fn dial(&mut self, slot: usize, leg: Leg, dialling: Box<Dialling>, now: Now) {
        let (layerings, asked) = (Arc::clone(&self.host.plan.layerings), Instant::now());
        let begun = match layerings.made(&dialling.address) {
            Some(Ok(layering)) => begin(&dialling.address).map(|begun| (begun, layering)),
            // They are made by a helper the first time: certificates are read.
            Some(Err(_)) | None => Ok((Begun::Not, None)),
        };
        let underway = match begun {
            Ok((Begun::Connected(connected), layering)) => {
                let under = Under::Connection(connected.connection);
                return self.lay(slot, leg, under, connected.end, layering, now);
            }
            Ok((Begun::Underway(underway), _)) => Some(underway),
            Ok((Begun::Not, _)) => None,
            // Not told at once: who dials again whenever it fails would have the worker for ever.
            Err(error) => {
                let done = Done::Dialled(Err(error.into()));
                return self.errand(slot, leg, now, |errands, ticket| errands.report(ticket, done));
            }
        };
        self.send_errand(slot, leg, Errand::Dial { dialling, layerings, asked, underway }, now);
    }

    pub(super) fn send_errand(&mut self, slot: usize, leg: Leg, errand: Errand, now: Now) {
        self.errand(slot, leg, now, |errands, ticket| errands.send(ticket, errand));
    }

    fn errand(&mut self, slot: usize, leg: Leg, now: Now, with: impl FnOnce(&mut Errands, Ticket)) {
        let Some(entry) = self.entries.get(slot) else { return };
        let ticket = Ticket { slot, call_number: entry.session.call().number, leg };
        match self.wake_fd() {
            Ok(wake) => with(self.errands.get_or_insert_with(|| Errands::new(wake)), ticket),
            Err(error) => {
                let failed = CallFailed::new("eventfd(2)", &error);
                self.with(slot, now, |session, hands| session.leg_failed(now, leg, failed, hands));
            }
        }
    }

    /// Tells the session, which may dial again; nobody is dialled again while it is drained.
    fn dial_failed(&mut self, slot: usize, leg: Leg, why: DialFailure, now: Now) {
        let why = DialFailure { may_pass: why.may_pass && !self.is_draining, ..why };
        let Some(peer) = self.entries.get(slot).map(|entry| entry.session.call().peer.clone()) else {
            return;
        };
        self.with(slot, now, |session, hands| session.dial_failed(now, leg, &why, hands));
        match self.entries.get(slot) {
            Some(entry) if entry.session.is_dialling(leg) => self.waits_after(slot, why.kind),
            Some(_) | None => self.host.tallies.not_dialled(&peer, &why),
        }
    }

    pub(super) fn errand_done(&mut self, ticket: Ticket, done: Done, now: Now) {
        let Ticket { slot, call_number, leg } = ticket;
        if self.entries.get(slot).is_none_or(|entry| entry.session.call().number != call_number) {
            return; // the call ended meanwhile
        }
        match done {
            Done::Dialled(Ok((connected, layering))) => {
                self.lay(slot, leg, Under::Connection(connected.connection), connected.end, layering, now);
            }
            Done::Started(Ok((program, layering))) => {
                let far = program.end().clone();
                self.lay(slot, leg, Under::Program(Box::new(program)), far, layering, now);
            }
            Done::Opened(Ok(file)) => {
                if let Some(entry) = self.entries.get_mut(slot) {
                    entry.far = Some(Box::new(Far::End(file.end().clone())));
                }
                self.connect_leg(slot, leg, LegSocket::File(Box::new(file)), now);
            }
            Done::Dialled(Err(why)) | Done::Started(Err(why)) | Done::Opened(Err(why)) => {
                self.dial_failed(slot, leg, why, now);
            }
            Done::HandedOver(given) => self.handed_over(slot, given, now),
            Done::Named(name) => {
                self.with(slot, now, |session, hands| session.peer_named(now, name.as_deref(), hands));
            }
        }
    }

    /// The other end of a call is there: its layers are laid on it.
    fn lay(
        &mut self,
        slot: usize,
        leg: Leg,
        under: Under,
        far: End,
        layering: Option<Arc<Layering>>,
        now: Now,
    ) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        entry.far = Some(Box::new(Far::End(far)));
        match laid(under, layering.as_deref(), &LaidFor::of(entry.session.call(), leg), now) {
            Ok(socket) => self.connect_leg(slot, leg, socket, now),
            Err(text) => {
                let why = DialFailure { kind: DialFailureKind::Other, may_pass: false, text };
                self.with(slot, now, |session, hands| session.dial_failed(now, leg, &why, hands));
            }
        }
    }
}
