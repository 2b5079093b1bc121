//! Callers who are still to be introduced: the proxy before us has not said yet who they are.
//!
//! At an address with the layer `proxy` the caller is whom the header names that comes first, and everything that goes by
//! who calls goes by that: rules, the calls of one peer, the log, the environment of programs, a header of our own. So
//! there is no call before it has come, and no thread or child either. Protected: until then nothing reaches a
//! conversation, and who is then refused has been told nothing; what came behind the header waits in the stack. Bound:
//! whoever waits here has a place among the open calls, for as long as the layers give it.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;

use conversation::{Call, CallFailed, End, Leg, Moment, Now};
use layers::{Failure, ProxyHeader, Told};
use slab::Slab;
use socket::Connection;

use crate::gate::{Why, who};
use crate::layering::LaidFor;
use crate::selector::{Operation, Ready, Selector, Source, Watch};
use crate::timers::earlier;
use crate::{Event, Layering};

use super::answer::{Answered, Carried};
use super::calls::RECEIVES_PER_TURN;
use super::door::DoorState;
use super::layered::{Layered, Under, laid};
use super::put_off::is_final;
use super::{LegSocket, Placement, Reactor, Token};

#[derive(Default)]
pub(super) struct Lobby {
    waiting: Slab<Waiting>,
    /// Of whom something has come.
    ready: VecDeque<usize>,
    /// Nobody's time is up before.
    due: Option<Moment>,
}

struct Waiting {
    door: usize,
    /// Of its call: its layers know it already.
    number: u64,
    local: End,
    /// The proxy.
    peer: End,
    layered: Box<Layered>,
    watched: Operation,
}

/// What a look at one of them came to.
enum Look {
    NotYet,
    /// There is more to be received.
    Unfinished,
    Introduced(ProxyHeader),
    Failed,
}

impl Lobby {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    /// Whether somebody may be looked at now: not one who came at a door whose latest caller waits for a thread or a
    /// process, which a timer has tried again.
    #[inline]
    pub(super) fn is_ready(&self, doors: &[DoorState]) -> bool {
        if self.ready.is_empty() {
            return false;
        }
        let is_kept =
            |index: &usize| self.waiting.get(*index).is_some_and(|one| doors[one.door].kept.is_some());
        self.ready.iter().any(|index| !is_kept(index))
    }

    /// What is wanted of each of their sockets.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source<'_>> {
        self.waiting.iter().map(|(index, waiting)| Source {
            fd: waiting.socket().as_fd(),
            token: Token::Lobby(index).pack(),
            read: true,
            write: waiting.layered.waits_for_room(),
        })
    }

    /// Something has come for one of them. It is looked at when callers are answered.
    pub(super) fn announced(&mut self, index: usize, ready: &Ready) {
        if let Some(waiting) = self.waiting.get_mut(index).filter(|one| one.watched == ready.operation) {
            if ready.writable {
                waiting.layered.writable();
            }
            self.ready.push_back(index);
        }
    }
}

impl Waiting {
    #[expect(clippy::expect_used, reason = "made in `await_introduction`, on the socket that was accepted")]
    fn socket(&self) -> &Connection {
        self.layered.connection().expect("a caller has a socket")
    }

    fn look(&mut self, buffer: &mut [u8], now: Now) -> Look {
        for _ in 0..RECEIVES_PER_TURN {
            if let Some(header) = self.layered.take_introduction() {
                return Look::Introduced(header);
            }
            if self.layered.is_over() || self.layered.is_spent() {
                return Look::Failed;
            }
            if !self.layered.takes_more() {
                return Look::NotYet; // its layers hold enough, and let it go in their time
            }
            match self.layered.receive_below(buffer, now) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Look::NotYet,
                Err(error) if is_final(&error) => self.layered.lose(CallFailed::new("recv(2)", &error)),
                Err(_) => {}
            }
        }
        Look::Unfinished
    }
}

impl<S: Selector> Reactor<S> {
    /// A caller whose place is taken has come to a door where headers are believed: here is who brings them.
    pub(super) fn await_introduction(
        &mut self,
        door: usize,
        connection: Connection,
        peer: End,
        layering: &Arc<Layering>,
        now: Now,
    ) {
        if !layering.trusts(who(&connection, &peer)) {
            connection.abort();
            return self.turn_away(door, peer, "it is not among the proxies that are trusted (?trust)");
        }
        let Ok(local) = connection.local_end() else { return self.not_called() }; // it has gone already
        let number = self.host.number();
        let call = LaidFor { caller: &peer, called: &local, number, leg: Leg::CALLER };
        let under = Under::Connection(connection);
        let Ok(LegSocket::Layered(layered)) = laid(under, Some(layering), &call, now) else {
            return self.turn_away(door, peer, "the layers of its call could not be made");
        };
        let mut waiting = Waiting { door, number, local, peer, layered, watched: Operation::NONE };
        match waiting.look(&mut self.buffer, now) {
            Look::NotYet => self.wait_in_lobby(waiting, false),
            Look::Unfinished => self.wait_in_lobby(waiting, true),
            Look::Introduced(header) => self.introduced(waiting, header, now),
            Look::Failed => self.not_introduced(waiting, now),
        }
    }

    fn wait_in_lobby(&mut self, mut waiting: Waiting, is_ready: bool) {
        let entry = self.lobby.waiting.vacant_entry();
        match self.selector.add(waiting.socket().as_fd(), Token::Lobby(entry.key()).pack(), Watch::Both) {
            Ok(watched) => {
                waiting.watched = watched;
                self.lobby.due = earlier(self.lobby.due, waiting.layered.next_deadline());
                self.lobby.ready.extend(is_ready.then_some(entry.key()));
                entry.insert(waiting);
            }
            Err(_) => self.turn_away(waiting.door, waiting.peer, "there is no memory to watch its socket"),
        }
    }

    /// Watches anew, where the selector has ceased to.
    pub(super) fn watch_lobby_again(&mut self, index: usize) -> std::io::Result<()> {
        if let Some(waiting) = self.lobby.waiting.get_mut(index) {
            let token = Token::Lobby(index).pack();
            waiting.watched = self.selector.add(waiting.socket().as_fd(), token, Watch::Both)?;
        }
        Ok(())
    }

    /// Lets in who has been introduced, and sends away whose time is up.
    #[inline]
    pub(super) fn look_at_lobby(&mut self, now: Now) {
        if self.lobby.ready.is_empty() && self.lobby.due.is_none() {
            return;
        }
        self.look_at_each(now);
    }

    #[cold]
    fn look_at_each(&mut self, now: Now) {
        if self.lobby.due.is_some_and(|due| due <= now.moment) {
            self.lobby.due = None;
            for (index, waiting) in &mut self.lobby.waiting {
                if waiting.layered.next_deadline().is_some_and(|due| due <= now.moment) {
                    waiting.layered.deadline(now);
                    self.lobby.ready.push_back(index);
                }
                self.lobby.due = earlier(self.lobby.due, waiting.layered.next_deadline());
            }
        }
        for _ in 0..self.lobby.ready.len() {
            let Some(index) = self.lobby.ready.pop_front() else { return };
            let Some(waiting) = self.lobby.waiting.get_mut(index) else { continue };
            if self.doors[waiting.door].kept.is_some() {
                self.lobby.ready.push_back(index); // there is no thread or process to be had
                continue;
            }
            let looked = waiting.look(&mut self.buffer, now);
            self.lobby.due = earlier(self.lobby.due, waiting.layered.next_deadline());
            match looked {
                Look::NotYet => {}
                Look::Unfinished => self.lobby.ready.push_back(index),
                Look::Introduced(header) => {
                    let waiting = self.leave_lobby(index);
                    self.introduced(waiting, header, now);
                    if self.newborn.is_some() {
                        return; // a child, which has a call to serve
                    }
                }
                Look::Failed => {
                    let waiting = self.leave_lobby(index);
                    self.not_introduced(waiting, now);
                }
            }
        }
    }

    /// Answering is over: nobody is let in any more.
    pub(super) fn close_lobby(&mut self) {
        let all: Vec<usize> = self.lobby.waiting.iter().map(|(index, _)| index).collect();
        for index in all {
            let waiting = self.leave_lobby(index);
            waiting.socket().reset_at_close();
            self.turn_away(waiting.door, waiting.peer, "answering ended before its proxy said who it is");
        }
    }

    fn leave_lobby(&mut self, index: usize) -> Waiting {
        let waiting = self.lobby.waiting.remove(index);
        self.selector.release(waiting.socket().as_fd(), waiting.watched);
        waiting
    }

    /// The header has come: now it is known who calls, and the gate can decide.
    fn introduced(&mut self, waiting: Waiting, header: ProxyHeader, now: Now) {
        let (proxy, here) = (waiting.peer.clone(), waiting.local.clone());
        let (peer, local) = match header.clone() {
            ProxyHeader::Proxied { source, destination } => (source, destination),
            ProxyHeader::Local => (proxy.clone(), here.clone()),
        };
        let door = waiting.door;
        let place = match self.host.gate.admit(waiting.socket(), &peer) {
            Ok(place) => place,
            Err(why) => {
                waiting.socket().reset_at_close();
                return self.turn_away(door, peer, why);
            }
        };
        let layered = waiting.layered;
        let call = self.host.call_numbered(waiting.number, layered.shape(), local, peer, now);
        // Of the call it is told who called; here, by whom it was brought.
        let brought = Call { local: here, peer: proxy, ..call.clone() };
        self.host.tell(&Event::Layer { call: &brought, leg: Leg::CALLER, told: &Told::Proxy(header) });
        let answered = Answered { call, carried: Carried::Laid(layered), place };
        if self.placement == Placement::Here {
            return self.open_answered(answered, now);
        }
        self.place_elsewhere(door, Box::new(answered), now);
        if self.doors[door].draining {
            self.drop_kept(door);
        }
    }

    fn not_introduced(&mut self, waiting: Waiting, now: Now) {
        waiting.socket().reset_at_close();
        let Waiting { door, number, local, peer, layered, .. } = waiting;
        let why = match layered.failure() {
            Some(failure) => {
                let shape = layered.shape();
                let call = Call { number, shape, local, peer: peer.clone(), opened: now.wall };
                self.host.tell(&Event::LayerFailed { call: &call, leg: Leg::CALLER, failure });
                Failure::name(failure)
            }
            None => "it hung up before its proxy said who it is",
        };
        self.turn_away(door, peer, why);
    }

    /// Counts one who has no call, and gives back what was taken for it.
    pub(super) fn turn_away(&mut self, door: usize, peer: End, why: Why) {
        self.doors[door].refused(peer, why, &self.host);
        self.not_called();
    }
}
