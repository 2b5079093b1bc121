//! Datagrams at a door: each goes to the session of its sender, or is a call of its own.

use conversation::{End, Leg, Now, Shape};
use smallvec::smallvec;
use socket::PeerAddress;

use crate::doors::Door;
use crate::selector::Selector;
use crate::{CallLimits, Event, Session};

use super::Reactor;
use super::door::is_suspicious;
use super::hands::Hands;
use super::leg_end::{LegEnd, LegSocket};

/// Datagrams taken at one turn, so that a flood of them makes no open call wait.
const DATAGRAMS_PER_TURN: usize = 64;

impl<S: Selector> Reactor<S> {
    /// Hears whoever has sent something. Not inlined, as [`Reactor::answer`] is not.
    #[inline(never)]
    pub(super) fn hear(&mut self, index: usize, now: Now) {
        let needs = self.host.plan.service.needs();
        for _ in 0..DATAGRAMS_PER_TURN {
            let door = &mut self.doors[index];
            let Some(Door::Datagrams(socket)) = &door.door else { return };
            let transport = socket.transport();
            let datagram = match socket.receive_from(&mut self.buffer) {
                Ok(datagram) => datagram,
                Err(error) if self.not_accepted(index, "recvmsg(2)", &error, now) => return,
                Err(_) => continue,
            };
            let from = datagram.from.as_ref().map_or(End::Unnamed(transport), |from| from.end(transport));
            let is_known = || datagram.from.as_ref().is_some_and(|peer| door.peers.contains_key(peer));
            if !self.host.gate.hears_anyone()
                && !is_known()
                && let Err(why) = self.host.gate.admit_sender(&from, now.moment)
            {
                door.refused(from, why, &self.host);
                continue;
            }
            let to = datagram.to.map(|to| to.end(&door.end));
            let to = to.as_ref().unwrap_or(&door.end);
            self.host.tell(&Event::Message { from: &from, to, bytes: datagram.whole });
            if datagram.whole > datagram.length {
                let (whole, bytes_max) = (datagram.whole, self.buffer.len());
                self.host.tell(&Event::Truncated { from: &from, whole, bytes_max });
            } else if needs.answers_anyone && is_suspicious(&from, &self.doors) {
                let why = "the sender could be a service, or many hosts";
                self.doors[index].undelivered(why, &self.host);
            } else {
                match datagram.from {
                    Some(peer) if needs.memory_of_peers => {
                        self.hear_known(index, peer, from, datagram.length, now);
                    }
                    peer => self.hear_once(index, peer, from, datagram.length, now),
                }
            }
        }
    }

    /// A message for the session of its sender, which begins with the sender's first.
    fn hear_known(&mut self, index: usize, peer: PeerAddress, from: End, length: usize, now: Now) {
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
                let call = self.host.call(Shape::Datagram, door.end.clone(), from, now);
                let address = Some(peer.clone());
                let socket = LegSocket::Peer { door: index, address, received_bytes: 0, sent_bytes: 0 };
                let Some(slot) = self.open(call, socket, place, now) else { return };
                self.doors[index].peers.insert(peer, slot);
                slot
            }
        };
        if let Some(entry) = self.entries.get_mut(slot)
            && let LegSocket::Peer { received_bytes, .. } = &mut entry.ends[0].socket
        {
            *received_bytes += length as u64;
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.with(slot, now, |session, hands| {
            session.received(now, Leg::CALLER, &buffer[..length], hands);
        });
        self.buffer = buffer;
    }

    /// A message that is a whole call: the service needs no memory of its peer.
    fn hear_once(&mut self, index: usize, peer: Option<PeerAddress>, from: End, length: usize, now: Now) {
        let door = &self.doors[index];
        if door.draining {
            return;
        }
        let call = self.host.call(Shape::Datagram, door.end.clone(), from, now);
        let mut session =
            Session::new(call, self.host.plan.service.conversation(), CallLimits::default(), now);
        let received_bytes = length as u64;
        let socket = LegSocket::Peer { door: index, address: peer, received_bytes, sent_bytes: 0 };
        let mut ends = smallvec![LegEnd::new(socket)];
        let (doors, chores, host) = (&mut self.doors, &mut self.chores, &*self.host);
        let members = &mut self.members;
        let mut hands =
            Hands { slot: usize::MAX, now: now.moment, ends: &mut ends, doors, chores, host, members };
        session.opened(now, &mut hands);
        session.received(now, Leg::CALLER, &self.buffer[..length], &mut hands);
        session.end(now, conversation::CloseReason::Finished, &mut hands);
        self.chores.clear(); // there is no call any more that an answer could be for
    }
}
