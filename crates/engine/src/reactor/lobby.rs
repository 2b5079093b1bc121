//! Callers who are still to be introduced: the proxy before us has not said yet who they are.
//!
//! At an address with the layer `proxy` the caller is whom the header names that comes first, and everything that goes by
//! who calls goes by that: rules, the calls of one peer, the log, the environment of programs, a header of our own. So
//! there is no call before it has come, and no thread or child either. Protected: until then nothing reaches a
//! conversation, and who is then refused has been told nothing; what came behind the header waits in the stack. Bound:
//! whoever waits here has a place among the open calls, for as long as the layers give it.

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;

use conversation::{Call, End, Leg, Moment, Now};
use layers::{Failure, ProxyHeader, Told};
use slab::Slab;
use socket::Connection;

use crate::gate::{Why, who};
use crate::layering::LaidFor;
use crate::selector::{Operation, Ready, Selector, Source, Watch};
use crate::timers::earlier;
use crate::{Event, Layering};

use super::answer::{Answered, Carried};
use super::layered::{Below, Layered, Under, laid};
use super::{LegSocket, Placement, Reactor, Token};

#[derive(Default)]
pub(super) struct Lobby {
    waiting: Slab<Waiting>,
    /// Of whom something has come.
    ready: Vec<usize>,
    /// Nobody's time is up before.
    due: Option<Moment>,
}

struct Waiting {
    door: usize,
    local: End,
    /// The proxy.
    peer: End,
    layered: Box<Layered>,
    watched: Operation,
}

/// What a look at one of them came to.
enum Look {
    NotYet,
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
            self.ready.push(index);
        }
    }
}

impl Waiting {
    #[expect(clippy::expect_used, reason = "made in `await_introduction`, on the socket that was accepted")]
    fn socket(&self) -> &Connection {
        self.layered.connection().expect("a caller has a socket")
    }

    fn look(&mut self, buffer: &mut [u8], now: Now) -> Look {
        let mut is_ended = false;
        loop {
            if let Some(header) = self.layered.take_introduction() {
                return Look::Introduced(header);
            }
            if is_ended || self.layered.is_over() {
                return Look::Failed;
            }
            match self.layered.receive_below(buffer, now) {
                Ok(below) => is_ended = below == Below::Finished,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Look::NotYet,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => is_ended = true,
            }
        }
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
        let call = LaidFor { caller: &peer, called: &local, number: self.host.number(), leg: Leg::CALLER };
        let under = Under::Connection(connection);
        let Ok(LegSocket::Layered(layered)) = laid(under, Some(layering), &call, now) else {
            return self.turn_away(door, peer, "the layers of its call could not be made");
        };
        let mut waiting = Waiting { door, local, peer, layered, watched: Operation::NONE };
        match waiting.look(&mut self.buffer, now) {
            Look::NotYet => self.wait_in_lobby(waiting),
            Look::Introduced(header) => self.introduced(waiting, header, now),
            Look::Failed => self.not_introduced(waiting, now),
        }
    }

    fn wait_in_lobby(&mut self, mut waiting: Waiting) {
        let entry = self.lobby.waiting.vacant_entry();
        match self.selector.add(waiting.socket().as_fd(), Token::Lobby(entry.key()).pack(), Watch::Both) {
            Ok(watched) => {
                waiting.watched = watched;
                self.lobby.due = earlier(self.lobby.due, waiting.layered.next_deadline());
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
    pub(super) fn look_at_lobby(&mut self, now: Now) {
        if self.lobby.is_empty() {
            return;
        }
        if self.lobby.due.is_some_and(|due| due <= now.moment) {
            self.lobby.due = None;
            for (index, waiting) in &mut self.lobby.waiting {
                if waiting.layered.next_deadline().is_some_and(|due| due <= now.moment) {
                    waiting.layered.deadline(now);
                    self.lobby.ready.push(index);
                }
                self.lobby.due = earlier(self.lobby.due, waiting.layered.next_deadline());
            }
        }
        for index in std::mem::take(&mut self.lobby.ready) {
            if self.newborn.is_some() {
                return; // a child, which has a call to serve
            }
            let Some(waiting) = self.lobby.waiting.get_mut(index) else { continue };
            match waiting.look(&mut self.buffer, now) {
                Look::NotYet => {}
                Look::Introduced(header) => {
                    let waiting = self.leave_lobby(index);
                    self.introduced(waiting, header, now);
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
        let call = self.host.call(layered.shape(), local, peer, now);
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
        let Waiting { door, local, peer, layered, .. } = waiting;
        let why = match layered.failure() {
            Some(failure) => {
                let (number, shape) = (self.host.number(), layered.shape());
                let call = Call { number, shape, local, peer: peer.clone(), opened: now.wall };
                self.host.tell(&Event::LayerFailed { call: &call, leg: Leg::CALLER, failure });
                Failure::name(failure)
            }
            None => "it hung up before its proxy said who it is",
        };
        self.turn_away(door, peer, why);
    }

    /// Counts one who has no call, and gives back what was taken for it.
    fn turn_away(&mut self, door: usize, peer: End, why: Why) {
        self.doors[door].refused(peer, why, &self.host);
        self.not_called();
    }
}
