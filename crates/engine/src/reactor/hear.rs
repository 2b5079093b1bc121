//! Datagrams at a door: each goes to the session of its sender, or is a call of its own.
//!
//! Over UDP they come many by one call, recvmmsg(2). A selector that receives is asked for them once the kernel says that
//! there are no more; from then on they arrive with its wake-ups, in the queue of their door, and are heard from there.
//! When that ends, what is in the queue is heard before the kernel is asked again, so that nothing is overtaken.
//!
//! Protected: who sends many at once is served, counted and limited a message, as who sends them one by one.

use std::io;
use std::iter::repeat_n;
use std::os::fd::AsFd;

use conversation::{CloseReason, End, Leg, Now, Shape, Transport};
use smallvec::smallvec;
use socket::{Burst, Inbox, PeerAddress};

use crate::doors::Door;
use crate::layering::LaidFor;
use crate::selector::{Arrival, Operation, Selector};
use crate::{CallLimits, Event, Session};

use super::door::{is_suspicious, receives_by_itself};
use super::hands::Hands;
use super::layered::{Under, laid};
use super::leg_end::LegEnd;
use super::leg_socket::LegSocket;
use super::peer::Peer;
use super::{RECEIVE_BUFFER_BYTES, Reactor, Token};

/// Datagrams taken at one turn (a burst is taken whole), so that a flood of them makes no open call wait.
const DATAGRAMS_PER_TURN: usize = 64;

const TAKES_LESS: &str = "the other end takes less than comes";

/// Who sent a message.
#[derive(Clone)]
struct Sender {
    /// Where an answer goes, if it can be answered.
    peer: Option<PeerAddress>,
    end: End,
    /// The message came to this host alone.
    is_to_one: bool,
}

impl<S: Selector> Reactor<S> {
    /// Hears whoever has sent something. Not inlined, as [`Reactor::answer`] is not.
    #[inline(never)]
    pub(super) fn hear(&mut self, index: usize, now: Now) {
        let Some(Door::Datagrams { socket, .. }) = &self.doors[index].door else { return };
        if socket.transport() == Transport::Udp {
            let taken = self.hear_brought(index, now);
            return self.hear_many(index, taken, now);
        }
        let mut taken = 0;
        while taken < DATAGRAMS_PER_TURN {
            let Some(Door::Datagrams { socket, .. }) = &self.doors[index].door else { return };
            match socket.receive(&mut self.buffer) {
                Ok(burst) => {
                    taken += burst.count();
                    let buffer = std::mem::take(&mut self.buffer);
                    self.hear_burst(index, burst, &buffer, now);
                    self.buffer = buffer;
                }
                Err(error) if self.not_accepted(index, "recvmsg(2)", &error, now) => return,
                Err(_) => taken += 1,
            }
        }
    }

    /// What the selector has received over UDP. Returns how many datagrams it was.
    fn hear_brought(&mut self, index: usize, now: Now) -> usize {
        let mut taken = 0;
        if self.doors[index].brought.is_empty() {
            return taken;
        }
        let Some(memory) = self.selector.messages() else { return taken };
        if self.doors[index].brought.len() > 1 {
            self.doors[index].gather();
        }
        while taken < DATAGRAMS_PER_TURN
            && let Some(arrival) = self.doors[index].brought.pop_front()
        {
            match arrival {
                Arrival::Message(filled) => {
                    if let Some(message) = memory.message(&filled) {
                        taken += self.hear_received(index, &message, now);
                    }
                    self.selector.give_back(filled);
                }
                Arrival::Failed(errno) => {
                    let error = io::Error::from_raw_os_error(errno);
                    if self.not_accepted(index, "recvmsg(2)", &error, now) {
                        break;
                    }
                    taken += 1;
                }
                Arrival::Bytes(_) | Arrival::Finished | Arrival::Caller(_) => {
                    debug_assert!(false, "these come elsewhere");
                }
            }
        }
        self.doors[index].stop_gathering(&self.host);
        taken
    }

    /// The kernel says that no more has come: from now on a selector that can brings it.
    fn await_messages(&mut self, index: usize) {
        let state = &mut self.doors[index];
        if state.bringing == Operation::NONE
            && let Some(door) = &state.door
            && receives_by_itself::<S>(door)
            && let Door::Datagrams { socket, .. } = door
        {
            state.bringing = self.selector.receive_messages(socket.as_fd(), Token::Door(index).pack());
        }
    }

    /// What waits in the kernel, with few system calls: many datagrams by one, and many answers. `taken` were heard in
    /// this turn already.
    fn hear_many(&mut self, index: usize, mut taken: usize, now: Now) {
        let door = &mut self.doors[index];
        if !door.brought.is_empty() || door.paused_until.is_some() {
            return;
        }
        if door.bringing != Operation::NONE {
            door.ready = false;
            return;
        }
        let mut inbox = self.inbox.take().unwrap_or_default();
        while taken < DATAGRAMS_PER_TURN {
            let Some(Door::Datagrams { socket, .. }) = &self.doors[index].door else { break };
            let most = self.doors[index].batch;
            match socket.receive_into(&mut inbox, most) {
                Ok(came) => {
                    self.doors[index].came(came, now.moment);
                    taken += self.hear_inbox(index, &inbox, came, now);
                    if came < most {
                        break;
                    }
                }
                Err(error) if self.not_accepted(index, "recvmmsg(2)", &error, now) => break,
                Err(_) => taken += 1,
            }
        }
        self.inbox = Some(inbox);
        let door = &self.doors[index];
        if !door.ready && door.paused_until.is_none() {
            self.await_messages(index);
        }
    }

    /// What one receive brought; the answers go together. Returns how many datagrams it was.
    fn hear_inbox(&mut self, index: usize, inbox: &Inbox, came: usize, now: Now) -> usize {
        let mut count = 0;
        for number in 0..came {
            let Some(message) = inbox.message(number) else { break };
            if came > 1 {
                self.doors[index].gather();
            }
            count += self.hear_received(index, &message, now);
        }
        self.doors[index].stop_gathering(&self.host);
        count
    }

    /// A datagram or a burst. Returns how many datagrams it was.
    fn hear_received(&mut self, index: usize, message: &sys::Message<'_>, now: Now) -> usize {
        let Some(Door::Datagrams { socket, .. }) = &self.doors[index].door else { return 0 };
        let burst = socket.burst_of(message);
        let count = burst.count();
        if count > 1 {
            self.doors[index].gather();
        }
        self.hear_burst(index, burst, message.bytes, now);
        count
    }

    /// Each message of it by itself, as if it had come alone.
    fn hear_burst(&mut self, index: usize, burst: Burst, buffer: &[u8], now: Now) {
        let door = &self.doors[index];
        let (count, messages) = (burst.count(), burst.messages());
        let Some(Door::Datagrams { socket, .. }) = &door.door else { return };
        let transport = socket.transport();
        let end = burst.from.as_ref().map_or(End::Unnamed(transport), |from| from.end(transport));
        let to = burst.to.map(|to| to.end(&door.end));
        let is_to_one = !socket.hears_many() && is_to_one(burst.from.as_ref(), to.as_ref());
        // The sockets of all workers get what is sent to many: the first takes it.
        if !is_to_one && !self.is_first {
            return;
        }
        let sender = Sender { peer: burst.from, end, is_to_one };
        for (message, sender) in messages.zip(repeat_n(sender, count)) {
            let bytes = &buffer[message.place];
            self.hear_message(index, sender, to.as_ref(), message.whole, bytes, now);
        }
    }

    /// `whole` is how long the message was, of which `bytes` were received.
    fn hear_message(
        &mut self,
        index: usize,
        Sender { peer, end: from, is_to_one }: Sender,
        to: Option<&End>,
        whole: usize,
        bytes: &[u8],
        now: Now,
    ) {
        let door = &mut self.doors[index];
        let is_known = || peer.as_ref().is_some_and(|peer| door.peers.contains_key(peer));
        if !self.host.gate.hears_anyone()
            && !is_known()
            && let Err(why) = self.host.gate.admit_sender(&from, now.moment)
        {
            return door.refused(from, why, &self.host);
        }
        let needs = self.host.plan.service.needs();
        // Layers have a memory of who speaks.
        let has_layers = door.has_layers();
        self.host.tell(&Event::Message { from: &from, to: to.unwrap_or(&door.end), bytes: whole });
        if whole > bytes.len() {
            self.host.tell(&Event::Truncated { from: &from, whole, bytes_max: RECEIVE_BUFFER_BYTES });
        } else if needs.answers_anyone && is_suspicious(&from, &self.doors) {
            let why = "the sender could be a service, or many hosts";
            self.doors[index].undelivered(why, &self.host);
        } else {
            match peer {
                Some(peer) if needs.memory_of_peers || has_layers => {
                    self.hear_known(index, peer, from, is_to_one, bytes, now);
                }
                None if needs.dial || has_layers => {
                    let why = "its sender has no address, and so no call of its own";
                    self.doors[index].undelivered(why, &self.host);
                }
                peer => self.hear_once(index, peer, from, bytes, now),
            }
        }
    }

    /// A message for the session of its sender, which begins with the sender's first.
    fn hear_known(
        &mut self,
        index: usize,
        peer: PeerAddress,
        from: End,
        is_to_one: bool,
        bytes: &[u8],
        now: Now,
    ) {
        let door = &mut self.doors[index];
        let known = door.peers.get(&peer).copied();
        let slot = match known {
            Some(slot) => slot,
            None if door.draining => {
                return door.undelivered("no new callers are answered any more", &self.host);
            }
            None => {
                let place = match self.host.gate.place_of_sender(&from) {
                    Ok(place) => place,
                    Err(why) => return door.refused(from, why, &self.host),
                };
                if !self.host.take_place(self.host.plan.limits.peers_max) {
                    return door.undelivered("the table of peers is full", &self.host);
                }
                let layering = door.layering();
                let call = self.host.call(Shape::Datagram, door.end.clone(), from, now);
                let under = Under::Peer(Peer::new(index, Some(peer.clone())));
                let Ok(socket) = laid(under, layering.as_deref(), &LaidFor::of(&call, Leg::CALLER), now)
                else {
                    self.host.leave_place();
                    let why = "the layers of its call could not be made";
                    return self.doors[index].undelivered(why, &self.host);
                };
                let Some(slot) = self.open(call, socket, place, now) else { return };
                self.doors[index].peers.insert(peer, slot);
                slot
            }
        };
        let Some(entry) = self.entries.get_mut(slot) else { return };
        if entry.session.is_full(Leg::CALLER) {
            return self.doors[index].undelivered(TAKES_LESS, &self.host);
        }
        if let Some(peer) = entry.ends[0].socket.peer_mut() {
            peer.heard(bytes.len(), is_to_one);
        }
        let Some(layered) = entry.ends[0].socket.as_layered_mut() else {
            return self.with(slot, now, |session, hands| session.received(now, Leg::CALLER, bytes, hands));
        };
        if !layered.heard(bytes, now) {
            return self.doors[index].undelivered(TAKES_LESS, &self.host);
        }
        layered.answer(&mut self.doors, &self.host, now);
        self.turn(slot, now);
    }

    /// A message that is a whole call: the service needs no memory of its peer.
    fn hear_once(&mut self, index: usize, peer: Option<PeerAddress>, from: End, bytes: &[u8], now: Now) {
        let door = &self.doors[index];
        if door.draining {
            return;
        }
        let call = self.host.call(Shape::Datagram, door.end.clone(), from, now);
        let mut session =
            Session::new(call, self.host.plan.service.conversation(), CallLimits::default(), now);
        let mut peer = Peer::new(index, peer);
        peer.heard(bytes.len(), false);
        let mut ends = smallvec![LegEnd::new(LegSocket::Peer(peer))];
        let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
        let members = &mut self.members;
        let mut hands = Hands { slot: usize::MAX, now, ends: &mut ends, doors, chores, host, members };
        session.opened(now, &mut hands);
        session.received(now, Leg::CALLER, bytes, &mut hands);
        session.end(now, CloseReason::Finished, &mut hands);
        self.chores.clear(); // there is no call any more that an answer could be for
    }
}

/// Whether a message to this address came to this host alone, as far as the kernel tells: not to a group, and not to the
/// broadcast address of a network.
fn is_to_one(from: Option<&PeerAddress>, to: Option<&End>) -> bool {
    let Some(to) = to.and_then(End::ip).map(|to| to.ip()) else { return true };
    let ours = from.and_then(PeerAddress::answer_from);
    !to.is_multicast() && ours.is_none_or(|ours| ours == to)
}
