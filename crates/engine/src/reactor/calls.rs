//! The calls of a reactor: opened, moved on by turns, ended.

use std::time::Duration;

use conversation::{Call, CallFailed, CloseReason, End, Leg, Moment, Now};
use smallvec::{SmallVec, smallvec};

use crate::peer_places::PeerPlace;
use crate::selector::{Operation, Ready, Selector, Source, Watch};
use crate::{CallLimits, Event, ProgramEnd, ServeError, Session};

use super::arrivals::Incoming;
use super::descriptors::Part;
use super::files::{SAY_END_EVERY, is_never_watched};
use super::hands::Hands;
use super::layered::take_events;
use super::leg_end::{Heard, LegEnd};
use super::leg_socket::LegSocket;
use super::peer::Peer;
use super::programs::{HandedOver, Over, PATIENCE, hung_up};
use super::put_off::{EARLY_LOOK, PutOff};
use super::splice::receive_for;
use super::unreachable::{TOO_LONG_FOR_THE_WAY, unreachable};
use super::waiting::{Far, Waiting};
use super::{Reactor, Token};

/// Receives that one leg may have in one turn, so that a caller who sends without end makes nobody wait.
pub(super) const RECEIVES_PER_TURN: usize = 8;

/// A call in a reactor.
pub(super) struct Entry {
    pub(super) session: Session,
    pub(super) ends: SmallVec<[LegEnd; 1]>,
    /// When the timers will ask for it; they do not hear of every new deadline.
    timer: Option<Moment>,
    /// When to look again at what the kernel put off.
    look_at: Option<Moment>,
    pub(super) is_queued: bool,
    /// Whom it dialled, or what program it was given to; before that, whom it waits to dial.
    pub(super) far: Option<Box<Far>>,
    /// The program that has the caller's socket.
    pub(super) handed_over: Option<Box<HandedOver>>,
    #[expect(dead_code, reason = "held to be given back when the call ends")]
    place: Option<Box<PeerPlace>>,
}

/// An idle call holds this, an operation of the selector, and what its conversation keeps.
const _: () = assert!(size_of::<Entry>() <= 440);

impl Entry {
    /// Who is at the other end, once that is known.
    pub(super) fn far_end(&self) -> Option<&End> {
        if let Some(Far::End(end)) = self.far.as_deref() { Some(end) } else { None }
    }

    /// The dial that it waits for.
    pub(super) fn waiting(&mut self) -> Option<&mut Waiting> {
        if let Some(Far::Waiting(waiting)) = self.far.as_deref_mut() { Some(waiting) } else { None }
    }

    /// Sets when to look again, as long as something is put off that is still wanted.
    fn plan_look(&mut self, now: Moment) {
        let is_put_off = |end: &LegEnd| end.send_put_off.is_some() || end.receive_put_off;
        if !self.ends.iter().any(|end| is_put_off(end) || end.says_end_again()) {
            self.look_at = None;
            return;
        }
        let after = self.ends.iter().enumerate().filter_map(|(index, end)| {
            let leg = Leg::new(index)?;
            let send = end.send_put_off.filter(|_| self.session.wants_write(leg) || end.holds_back());
            let receive = end.receive_put_off && end.is_read(&self.session, leg);
            send.map(PutOff::look_after).into_iter().chain(receive.then_some(EARLY_LOOK)).min()
        });
        let ends = self.ends.iter().any(LegEnd::says_end_again).then_some(SAY_END_EVERY);
        self.look_at = after.chain(ends).min().map(|after| self.look_at.unwrap_or(now + after));
    }

    /// Takes what was put off for ready: the next try says whether it is.
    fn look_again(&mut self, now: Now) {
        self.look_at = None;
        for end in &mut self.ends {
            if end.says_end_again() {
                end.finish(now);
            }
            if end.send_put_off.take().is_some() {
                end.found_room();
            }
            end.readable |= std::mem::take(&mut end.receive_put_off);
        }
    }

    /// The descriptors of its legs and what is wanted of each.
    pub(super) fn sources(&self, slot: usize) -> impl Iterator<Item = Source<'_>> {
        self.ends.iter().enumerate().flat_map(move |(index, end)| {
            let leg = Leg::new(index);
            let (read, write) = leg.map_or((false, false), |leg| end.waits_for(&self.session, leg));
            end.descriptors().into_iter().flatten().filter_map(move |(fd, part)| {
                let leg = leg?;
                let (token, read, write) = match part {
                    Part::Both => (Token::Leg(slot, leg), read, write),
                    Part::Input => (Token::Leg(slot, leg), read, false),
                    Part::Output => (Token::Output(slot, leg), false, write),
                };
                // An output is watched even where nothing is owed: its reader may go away.
                let watched = read || write || part == Part::Output;
                watched.then(|| Source { fd, token: token.pack(), read, write })
            })
        })
    }
}

impl<S: Selector> Reactor<S> {
    /// Opens a call whose place is taken, on this first leg. Returns its slot, unless it is over already.
    pub(crate) fn open(
        &mut self,
        call: Call,
        socket: LegSocket,
        place: Option<PeerPlace>,
        now: Now,
    ) -> Option<usize> {
        let of_a_call = self.host.plan.limits.of_a_call();
        let peer_idle_timeout = Some(self.host.plan.limits.peer_idle_timeout);
        let end = LegEnd::new(socket);
        let limits = match end.socket.peer().is_some() {
            true => CallLimits { idle_timeout: of_a_call.idle_timeout.or(peer_idle_timeout), ..of_a_call },
            false => of_a_call,
        };
        let session = Session::new(call, self.host.plan.service.conversation(), limits, now);
        if !end.socket.is_speakers() {
            self.host.tell(&Event::Answered(session.call())); // of speakers nobody has called yet
        }
        let ends = smallvec![end];
        let place = place.map(Box::new);
        let (timer, look_at, is_queued, far, handed_over) = (None, None, false, None, None);
        let entry = Entry { session, ends, timer, look_at, is_queued, far, handed_over, place };
        let slot = self.entries.insert(entry);
        // A program that gets the socket gets it unwatched: what it hears is nothing to us.
        let is_watched = !self.host.plan.service.needs().hand_over;
        if is_watched && let Err(failed) = self.watch(slot, Leg::CALLER) {
            self.with(slot, now, |session, hands| session.leg_failed(now, Leg::CALLER, failed, hands));
            return None;
        }
        self.with(slot, now, |session, hands| session.opened(now, hands));
        self.entries.contains(slot).then_some(slot)
    }

    /// Reports one event to the session of `slot`, and does what follows from it.
    pub(super) fn with(&mut self, slot: usize, now: Now, event: impl FnOnce(&mut Session, &mut Hands<'_>)) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let mut hands = Hands {
            slot,
            now,
            ends: &mut entry.ends,
            doors: &mut self.doors,
            chores: &mut self.chores,
            host: &self.host,
            members: &mut self.members,
        };
        event(&mut entry.session, &mut hands);
        self.settle(slot, now);
    }

    pub(super) fn leg_ready(&mut self, slot: usize, leg: Leg, ready: &Ready, now: Now) {
        let Some(end) = self.entries.get_mut(slot).and_then(|entry| entry.ends.get_mut(leg.index())) else {
            return; // of a call that ended in this same batch
        };
        // What is received by the selector must not be received past it: that would overtake what it brings next.
        let is_polled = matches!(end.incoming, Incoming::Polled(_));
        if !end.is_told_by(ready) {
            return; // of an earlier call in this slot
        }
        if is_polled {
            end.readable |= ready.readable;
            end.is_fresh |= ready.readable;
            end.ended |= ready.ended;
        }
        if ready.writable && !end.has_output_apart() {
            end.found_room();
        }
        self.turn(slot, now);
    }

    pub(super) fn output_ready(&mut self, slot: usize, leg: Leg, ready: &Ready, now: Now) {
        let Some(end) = self.entries.get_mut(slot).and_then(|entry| entry.ends.get_mut(leg.index())) else {
            return;
        };
        if end.room != ready.operation {
            return; // of an earlier call in this slot
        }
        if ready.is_last {
            end.room = Operation::NONE;
        }
        if ready.writable {
            end.found_room();
        }
        if ready.failed && end.socket.program().is_some() {
            end.watch_no_more(&mut self.selector);
            end.close_input_of_program();
            return self.with(slot, now, |session, hands| session.peer_deaf(now, leg, hands));
        }
        if ready.failed && end.socket.is_standard() {
            // The reader of our output is gone: nothing that could still come would be seen by anyone.
            let failed = CallFailed { call: "write(2)", errno: libc::EPIPE };
            self.host.fail(ServeError::Output(failed));
            return self.with(slot, now, |session, hands| session.leg_failed(now, leg, failed, hands));
        }
        self.turn(slot, now);
    }

    /// Moves a call on: sends what is owed and receives what is there, within bounds.
    pub(super) fn turn(&mut self, slot: usize, now: Now) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let Entry { session, ends, .. } = entry;
        let mut legs = 0;
        while legs < ends.len() {
            let Some(leg) = Leg::new(legs) else { break };
            legs += 1;
            for _ in 0..RECEIVES_PER_TURN {
                let end = &mut ends[leg.index()];
                if end.has_let_go() {
                    let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
                    let members = &mut self.members;
                    session.gone(now, &mut Hands { slot, now, ends, doors, chores, host, members });
                    continue;
                }
                if end.writable && session.wants_write(leg) {
                    let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
                    let members = &mut self.members;
                    session.writable(now, leg, &mut Hands { slot, now, ends, doors, chores, host, members });
                    continue;
                }
                if !end.is_to_receive(session, leg) {
                    break;
                }
                let by_splice = match end.is_bulk {
                    true => session.feeds(leg).and_then(|to| receive_for(ends, leg, to, &mut self.pipes)),
                    false => None,
                };
                let heard = by_splice.unwrap_or_else(|| ends[leg.index()].receive(&mut self.buffer, now));
                let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
                let members = &mut self.members;
                let mut hands = Hands { slot, now, ends, doors, chores, host, members };
                match heard {
                    Heard::Bytes(length) => session.received(now, leg, &self.buffer[..length], &mut hands),
                    Heard::Events => take_events(session, leg, now, &mut hands),
                    Heard::Held(length) => session.held(now, leg, length, &mut hands),
                    Heard::Enough => session.feeds(leg).map_or((), |to| session.held_enough(to)),
                    Heard::From { from, to, bytes } => {
                        let bound = &session.call().local;
                        let to = to.map(|to| to.end(bound));
                        host.tell(&Event::Message { from: &from, to: to.as_ref().unwrap_or(bound), bytes });
                        match hands.ends[leg.index()].socket.as_layered().is_some() {
                            true => take_events(session, leg, now, &mut hands),
                            false => session.received(now, leg, &self.buffer[..bytes], &mut hands),
                        }
                    }
                    Heard::Truncated { from, whole } => {
                        let from = from.as_ref().unwrap_or(&session.call().peer);
                        host.tell(&Event::Truncated { from, whole, bytes_max: self.buffer.len() });
                    }
                    Heard::Stranger(from) => {
                        let why = "another caller spoke first, and one is answered";
                        host.tell(&Event::Undelivered { door: &from, messages: 1, why });
                    }
                    Heard::Lost => {
                        let door = &session.call().local;
                        host.tell(&Event::Undelivered { door, messages: 1, why: TOO_LONG_FOR_THE_WAY });
                    }
                    Heard::Finished => session.peer_finished(now, leg, &mut hands),
                    Heard::HungUp => {
                        // What a program leaves unread nobody misses. Anywhere else what is owed is lost, and told first.
                        match hands.ends[leg.index()].socket.program() {
                            Some(_) => session.peer_deaf(now, leg, &mut hands),
                            None => session.writable(now, leg, &mut hands),
                        }
                        session.peer_finished(now, leg, &mut hands);
                    }
                    Heard::Nothing => {}
                    Heard::Failed(failed) => session.leg_failed(now, leg, failed, &mut hands),
                }
            }
        }
        if ends.len() > 1 {
            self.pipes.take_back(ends);
        }
        self.settle(slot, now);
    }

    /// After any event of a call: does its chores, and ends it, or sees to it that it goes on.
    pub(super) fn settle(&mut self, slot: usize, now: Now) {
        while let Some(chore) = self.chores.pop() {
            self.do_chore(chore, now);
        }
        let Some(entry) = self.entries.get_mut(slot) else { return };
        if let Some(reason) = entry.session.over() {
            return self.close(slot, reason, now);
        }
        let drained = self.is_draining.then(|| entry.peer_lasts_until()).flatten();
        if drained.is_some_and(|until| until <= now.moment) {
            return self.with(slot, now, |session, hands| session.end(now, CloseReason::Finished, hands));
        }
        if entry.session.is_ending() && entry.waiting().is_some() {
            return self.give_up_waiting(slot, now);
        }
        entry.plan_look(now.moment);
        let of_layers = entry.ends.iter().filter_map(LegEnd::next_deadline).min();
        let dial = entry.waiting().map(|waiting| waiting.due);
        let dues = [entry.session.next_deadline(), entry.look_at, of_layers, dial, drained];
        if let Some(due) = dues.into_iter().flatten().min()
            && entry.timer.is_none_or(|timer| due < timer)
        {
            entry.timer = Some(due);
            self.timers.set(due, slot);
            let entries = &self.entries;
            self.timers.tidy(entries.len(), |due, slot| {
                entries.get(slot).is_some_and(|entry| entry.timer == Some(due))
            });
        }
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let can_go_on =
            entry.ends.iter().enumerate().filter_map(|(index, end)| Some((Leg::new(index)?, end)));
        let can_go_on = can_go_on.into_iter().any(|(leg, end)| {
            end.is_to_receive(&entry.session, leg) || end.writable && entry.session.wants_write(leg)
        });
        if can_go_on && !std::mem::replace(&mut entry.is_queued, true) {
            self.again.push(slot);
        }
        if S::RECEIVES {
            self.keep_receiving(slot);
        }
    }

    fn close(&mut self, slot: usize, reason: CloseReason, now: Now) {
        let mut entry = self.entries.remove(slot);
        let broken = entry.session.broken_leg();
        for (index, end) in entry.ends.iter_mut().enumerate() {
            end.closed(broken.is_some_and(|leg| leg.index() == index), now);
            if end.socket.program().is_some() {
                end.watch_no_more(&mut self.selector);
            }
            self.selector.forget(end.incoming.operation());
            self.selector.forget(end.room);
        }
        if let Some(Peer { door, address: Some(address), latest_bytes, .. }) = entry.ends[0].socket.peer()
            && let Some(door) = self.doors.get_mut(door.get())
        {
            door.peers.remove(address);
            if let (Some(bytes), Some(what)) = (*latest_bytes, unreachable(&entry.session, reason)) {
                door.tell_unreachable(address, bytes, what, &self.host, now);
            }
        }
        for (index, end) in entry.ends.iter_mut().enumerate() {
            let Some(layered) = end.socket.as_layered_mut() else { continue };
            let Some(leg) = Leg::new(index) else { continue };
            for told in layered.last_told() {
                self.host.tell(&Event::Layer { call: entry.session.call(), leg, told: &told });
            }
        }
        let wants_tcp_info = self.host.plan.observer.wants_tcp_info();
        let tcp = entry.ends.first().filter(|_| wants_tcp_info).and_then(LegEnd::tcp_info);
        let programs = hung_up(std::mem::take(&mut entry.ends));
        let handed_over = entry.handed_over.take();
        let over = Over { entry, reason, tcp };
        match handed_over.map(|program| *program) {
            Some(HandedOver::Running(index)) => self.see_off_running(index, Box::new(over), now),
            Some(HandedOver::Ended(program)) => self.tell_end(&over, program, now),
            None if programs.is_empty() => self.tell_end(&over, None, now),
            None => self.see_off(programs, Box::new(over), now),
        }
    }

    /// A call is over, and so is the program that was started for it, if one was.
    pub(super) fn tell_end(&mut self, over: &Over, program: Option<ProgramEnd>, now: Now) {
        let Over { entry, reason, tcp } = over;
        self.host.ended(&entry.session, entry.far_end(), *reason, *tcp, program, now);
        self.host.leave_place();
        self.doors_may_answer();
    }

    /// The timer of `slot` that was set for `due` has come up.
    pub(super) fn call_due(&mut self, slot: usize, due: Moment, now: Now) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        if entry.timer != Some(due) {
            return; // of an earlier call in this slot
        }
        entry.timer = None;
        let looks = entry.look_at.is_some_and(|at| at <= now.moment);
        if looks {
            entry.look_again(now);
            self.turn(slot, now);
        }
        self.dial_due(slot, now);
        if self.layers_due(slot, now) {
            self.turn(slot, now);
        }
        self.with(slot, now, |session, hands| {
            if session.next_deadline().is_some_and(|deadline| deadline <= now.moment) {
                session.deadline(now, hands);
            }
        });
    }

    /// Tells the layers of a call that their time has come, where it has.
    fn layers_due(&mut self, slot: usize, now: Now) -> bool {
        let Some(entry) = self.entries.get_mut(slot) else { return false };
        let due = |end: &&mut LegEnd| end.next_deadline().is_some_and(|due| due <= now.moment);
        let due = entry.ends.iter_mut().filter(due);
        due.map(|end| end.deadline(&mut self.doors, &self.host, now)).count() > 0
    }

    /// The time for a drain is up: ends every call.
    pub(super) fn end_drain(&mut self, now: Now) {
        self.stop_answering();
        self.close_lobby();
        let slots: Vec<usize> = self.entries.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.with(slot, now, |session, hands| session.end(now, CloseReason::Drained, hands));
        }
        self.hurry_programs(now);
        // Children end by themselves at the same time, or once their programs have; those that cannot are ended a
        // second later.
        let needs = self.host.plan.service.needs();
        let for_programs = if needs.dial || needs.hand_over { PATIENCE } else { Duration::ZERO };
        let wait = for_programs + Duration::from_secs(1);
        self.drain_until = (!self.children.is_empty()).then(|| now.moment + wait);
        self.kill_overdue_children();
    }

    pub(super) fn connect_leg(&mut self, slot: usize, leg: Leg, socket: LegSocket, now: Now) {
        let Some(entry) = self.entries.get_mut(slot) else { return };
        let end = LegEnd::new(socket);
        let (shape, is_socket) = (end.socket.shape(), !end.socket.is_standard());
        entry.ends[leg.index()] = end;
        let watched = self.watch(slot, leg);
        self.with(slot, now, |session, hands| match (watched, shape) {
            (Err(failed), _) => session.leg_failed(now, leg, failed, hands),
            (Ok(()), Some(shape)) => session.connected(now, leg, shape, is_socket, hands),
            (Ok(()), None) => {}
        });
    }

    /// Has the selector watch the descriptors of a leg.
    fn watch(&mut self, slot: usize, leg: Leg) -> Result<(), CallFailed> {
        let Some(entry) = self.entries.get_mut(slot) else { return Ok(()) };
        let end = &mut entry.ends[leg.index()];
        if S::RECEIVES && end.comes_by_itself() {
            end.incoming = Incoming::None; // it is received from once the call is settled
            return Ok(());
        }
        let (mut incoming, mut room, mut is_always_ready) = (Operation::NONE, Operation::NONE, false);
        for (fd, part) in end.descriptors().into_iter().flatten() {
            let (token, operation) = match part {
                Part::Both | Part::Input => (Token::Leg(slot, leg), &mut incoming),
                Part::Output => (Token::Output(slot, leg), &mut room),
            };
            *operation = match self.selector.add(fd, token.pack(), Watch::Both) {
                Err(error) if is_never_watched(&error) => {
                    is_always_ready = true;
                    continue;
                }
                outcome => outcome.map_err(|error| CallFailed::new("epoll_ctl(2)", &error))?,
            };
        }
        (end.incoming, end.room) = (Incoming::Polled(incoming), room);
        if is_always_ready {
            end.take_for_ready();
        }
        Ok(())
    }
}
