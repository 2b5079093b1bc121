//! One worker: a loop that waits for many sockets and reports to their sessions.
//!
//! Every engine is this loop, differently placed: `iterative` runs it with one place for a call, `poll` and
//! `epoll` with many, `thread` and `process` run one that answers and a further one for each call. Which
//! system call it waits by is its [`Selector`].

mod answer;
mod arrivals;
mod calls;
mod census;
mod children;
mod chores;
mod descriptors;
mod door;
mod drain;
mod files;
mod gather;
mod hands;
mod hear;
mod layered;
mod leg_end;
mod leg_socket;
mod lobby;
mod peer;
mod programs;
mod put_off;
mod rooms;
mod splice;
mod token;
mod unreachable;
mod waiting;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use conversation::{CallFailed, Moment, Now};
use slab::Slab;
use socket::Inbox;

use crate::busy_wait::BusyWait;
use crate::call::eventfd;
use crate::doors::Door;
use crate::errands::Errands;
use crate::host::Host;
use crate::selector::{Ready, Selector, Source, Watch};
use crate::timers::{Timers, earlier};
use crate::{Event, Members, ServeError};

pub(crate) use answer::{Answered, serve_one};
use calls::Entry;
pub use census::OPEN_TOLD_MAX;
use children::Child;
pub(crate) use children::{
    CHILD_AT_LIMIT, CHILD_CUT, CHILD_NOT_DIALLED, CHILD_OUTPUT_FAILED, CHILD_UNRECORDED,
};
use door::{DoorState, watch_door};
use hands::Chore;
pub(crate) use layered::{Layered, Under, laid};
pub(crate) use leg_end::Heard;
pub(crate) use leg_socket::LegSocket;
use lobby::Lobby;
use programs::Leaving;
use splice::Pipes;
use token::Token;

/// The longest message that can be received; a UDP datagram is at most 65,507 bytes, one of a Unix socket as
/// long as its sender's buffer (212,992 by default). Pages that no message reaches are never touched.
const RECEIVE_BUFFER_BYTES: usize = 256 * 1024;

/// Where answered callers are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In this loop.
    Here,
    /// In a thread each, with a loop of its own.
    Thread,
    /// In a child process each, with a loop of its own.
    Child,
}

/// Why a loop ended.
pub(crate) enum Left {
    /// Nothing is left to do.
    Done,
    /// This process is a new child: it has to drop the loop and serve this call.
    Newborn(Box<Answered>),
}

/// A worker's loop and all that it looks after.
pub(crate) struct Reactor<S> {
    host: Arc<Host>,
    selector: S,
    placement: Placement,
    /// It speaks for all workers where something is to be said once.
    is_first: bool,
    entries: Slab<Entry>,
    doors: Vec<DoorState>,
    /// Callers who are still to be introduced.
    lobby: Lobby,
    children: Slab<Child>,
    /// Programs whose calls are over.
    leaving: Slab<Leaving>,
    timers: Timers,
    /// Calls that could go on without waiting for the kernel.
    again: Vec<usize>,
    chores: Vec<Chore>,
    errands: Option<Errands>,
    pipes: Pipes,
    busy: BusyWait,
    wake: Option<Arc<OwnedFd>>,
    /// Its part of the rooms; why it has none, where it has none.
    members: Result<Members, CallFailed>,
    buffer: Box<[u8]>,
    /// Room for datagrams of UDP, once some have come.
    inbox: Option<Inbox>,
    /// An event told it to drain, within so long: begun once all events of its batch are looked at.
    drain_asked: Option<Duration>,
    /// Told to stop answering.
    is_draining: bool,
    /// When the calls that are still open are ended.
    drain_until: Option<Moment>,
    ending_seen: bool,
    /// The number of the last census in which it told its calls.
    census: usize,
    newborn: Option<Box<Answered>>,
}

impl<S: Selector> Reactor<S> {
    /// A loop that answers at `doors`.
    ///
    /// # Errors
    ///
    /// The wait object could not be made, or a door not be watched.
    pub(crate) fn new(
        host: Arc<Host>,
        doors: Vec<Door>,
        placement: Placement,
        is_first: bool,
    ) -> io::Result<Self> {
        let mut reactor = Reactor {
            host,
            selector: S::new()?,
            placement,
            is_first,
            entries: Slab::new(),
            doors: Vec::new(),
            lobby: Lobby::default(),
            children: Slab::new(),
            leaving: Slab::new(),
            timers: Timers::default(),
            again: Vec::new(),
            chores: Vec::new(),
            errands: None,
            pipes: Pipes::default(),
            busy: BusyWait::new(Duration::ZERO),
            wake: None,
            members: Err(CallFailed { call: "eventfd(2)", errno: libc::EOPNOTSUPP }),
            buffer: vec![0; RECEIVE_BUFFER_BYTES].into_boxed_slice(),
            inbox: None,
            drain_asked: None,
            is_draining: false,
            drain_until: None,
            ending_seen: false,
            census: 0,
            newborn: None,
        };
        if S::IS_CHEAP {
            reactor.busy = BusyWait::new(reactor.host.plan.limits.busy_wait);
        }
        reactor.watch_control()?;
        reactor.watch_doors(doors)?;
        if placement == Placement::Thread {
            reactor.wake_fd()?;
        }
        if reactor.host.plan.service.needs().rooms {
            reactor.enter_rooms()?;
        }
        Ok(reactor)
    }

    /// Has the selector say what it is told from outside.
    fn watch_control(&mut self) -> io::Result<()> {
        let control = &self.host.plan.control;
        let mut watch = |fd, token: Token| self.selector.add(fd, token.pack(), Watch::Read).map(drop);
        watch(control.draining_fd(), Token::Draining)?;
        watch(control.ending_fd(), Token::Ending)?;
        if self.is_first {
            watch(control.bell_fd(), Token::Bell)?;
            control.ticks_fd().map_or(Ok(()), |ticks| watch(ticks, Token::Ticks))?;
        }
        self.census = control.censuses();
        (0..2).try_for_each(|turn| watch(control.census_fd(turn), Token::Census(turn)))
    }

    fn watch_doors(&mut self, doors: Vec<Door>) -> io::Result<()> {
        let needs = self.host.plan.service.needs();
        for (index, mut door) in doors.into_iter().enumerate() {
            // Calls that need further descriptors would find them held by callers who were brought too early: those are
            // accepted one by one, as where several workers share a listener.
            if (needs.dial || needs.hand_over)
                && let Door::Listener { shared, .. } = &mut door
            {
                *shared = true;
            }
            if needs.answers_anyone
                && let Door::Datagrams { socket, .. } = &door
            {
                socket.forbid_broadcast()?; // no answer goes to many, whatever a sender calls itself
            }
            let watched = watch_door(&mut self.selector, &door, index)?;
            self.doors.push(DoorState::new(door, watched));
        }
        Ok(())
    }

    /// Runs until every call is over and no more can come.
    ///
    /// # Errors
    ///
    /// The wait itself failed.
    pub(crate) fn run(&mut self) -> io::Result<Left> {
        self.selector.begin()?;
        let mut events = Vec::new();
        let mut now = self.host.clock.now();
        loop {
            self.go_on(now);
            self.deliver_mail(now);
            self.answer_all(now);
            if let Some(newborn) = self.newborn.take() {
                return Ok(Left::Newborn(newborn));
            }
            if self.is_done() {
                return Ok(Left::Done);
            }
            let timeout = self.timeout(now.moment);
            self.wait(timeout, &mut events)?;
            // Once a turn: what the events of a turn cost is too little to matter to any deadline.
            now = self.host.clock.now();
            for ready in events.drain(..) {
                if self.newborn.is_none() {
                    self.dispatch(ready, now)?;
                }
            }
            if let Some(at_most) = self.drain_asked.take() {
                self.begin_drain(now, at_most);
            }
            // Never before the kernel was asked what has come: this process may have been stopped meanwhile.
            self.fire_timers(now);
        }
    }

    fn dispatch(&mut self, mut ready: Ready, now: Now) -> io::Result<()> {
        let token = Token::unpack(ready.token);
        match token {
            Some(Token::Leg(slot, leg)) => match ready.arrival.take() {
                Some(arrival) => self.arrived(slot, leg, &ready, arrival, now),
                None => self.leg_ready(slot, leg, &ready, now),
            },
            Some(Token::Output(slot, leg)) => self.output_ready(slot, leg, &ready, now),
            Some(Token::Door(index)) => {
                if let Some(door) = self.doors.get_mut(index) {
                    door.announced(&mut ready);
                }
            }
            Some(Token::Lobby(index)) => self.lobby.announced(index, &ready),
            Some(Token::Child(index)) => self.reap(index),
            Some(Token::Program(index)) => self.look_at_program(index, now),
            Some(Token::Draining) => self.drain_asked = Some(self.host.plan.limits.drain),
            Some(Token::Ending) => {
                self.ending_seen = true;
                self.drain_asked = Some(Duration::ZERO);
            }
            Some(Token::Wake) => self.woken(now),
            Some(Token::Bell | Token::Ticks) => self.bell(),
            Some(Token::Census(turn)) => self.count_me(turn, now),
            None => debug_assert!(false, "a token that was never given out"),
        }
        match token {
            Some(token) if ready.is_last => self.watch_again(token),
            Some(_) | None => Ok(()),
        }
    }

    /// Watches anew what a selector has ceased to watch.
    fn watch_again(&mut self, token: Token) -> io::Result<()> {
        let control = &self.host.plan.control;
        let fd = match token {
            Token::Door(index) => {
                if let Some(state) = self.doors.get_mut(index)
                    && let Some(door) = &state.door
                {
                    let watched = watch_door(&mut self.selector, door, index)?;
                    state.watched_anew(watched);
                }
                return Ok(());
            }
            Token::Lobby(index) => return self.watch_lobby_again(index),
            Token::Draining => control.draining_fd(),
            Token::Ending => control.ending_fd(),
            Token::Bell => control.bell_fd(),
            Token::Ticks => match control.ticks_fd() {
                Some(fd) => fd,
                None => return Ok(()),
            },
            Token::Census(turn) => control.census_fd(turn),
            Token::Wake => match &self.wake {
                Some(wake) => wake.as_fd(),
                None => return Ok(()),
            },
            Token::Child(index) => match self.children.get(index).and_then(Child::fd) {
                Some(fd) => fd,
                None => return Ok(()),
            },
            Token::Program(index) => match self.leaving.get(index).and_then(Leaving::fd) {
                Some(fd) => fd,
                None => return Ok(()),
            },
            // Legs are watched anew when their call is settled.
            Token::Leg(..) | Token::Output(..) => return Ok(()),
        };
        self.selector.add(fd, token.pack(), Watch::Read).map(drop)
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Ready>) -> io::Result<()> {
        let mut busy = std::mem::replace(&mut self.busy, BusyWait::new(Duration::ZERO));
        let found = busy.look(timeout, || {
            self.select(Some(Duration::ZERO), events)?;
            Ok::<_, io::Error>(!events.is_empty())
        });
        self.busy = busy;
        if found? { Ok(()) } else { self.select(timeout, events) }
    }

    fn select(&mut self, timeout: Option<Duration>, events: &mut Vec<Ready>) -> io::Result<()> {
        let control = &self.host.plan.control;
        let draining = (!self.is_draining).then(|| (control.draining_fd(), Token::Draining));
        let ending = (!self.ending_seen).then(|| (control.ending_fd(), Token::Ending));
        let bell = self.is_first.then(|| (control.bell_fd(), Token::Bell));
        let ticks = control.ticks_fd().filter(|_| self.is_first).map(|fd| (fd, Token::Ticks));
        let next = self.census + 1;
        let census = [(control.census_fd(next), Token::Census(next % 2))];
        let wake = self.wake.as_ref().map(|wake| (wake.as_fd(), Token::Wake));
        let children =
            self.children.iter().filter_map(|(index, child)| Some((child.fd()?, Token::Child(index))));
        let leaving = self.leaving.iter().filter_map(|(index, one)| Some((one.fd()?, Token::Program(index))));
        let doors = self.doors.iter().enumerate().filter(|(_, door)| door.paused_until.is_none());
        let doors = doors.filter_map(|(index, door)| match door.door.as_ref()? {
            Door::Listener { listener, .. } => Some((listener.as_fd(), Token::Door(index))),
            Door::Datagrams { socket, .. } => Some((socket.as_fd(), Token::Door(index))),
        });
        let readers = draining
            .into_iter()
            .chain(ending)
            .chain(bell)
            .chain(ticks)
            .chain(census)
            .chain(wake)
            .chain(children)
            .chain(leaving)
            .chain(doors);
        let readers = readers.map(|(fd, token)| Source { fd, token: token.pack(), read: true, write: false });
        let legs = self.entries.iter().flat_map(|(slot, entry)| entry.sources(slot));
        self.selector.wait(readers.chain(self.lobby.sources()).chain(legs), timeout, events)
    }

    /// How long the kernel may be waited for: not at all while calls can go on without it.
    fn timeout(&self, now: Moment) -> Option<Duration> {
        let waiting_doors =
            self.doors.iter().any(|door| door.ready && door.door.is_some() && door.paused_until.is_none());
        if !self.again.is_empty() || waiting_doors || self.has_mail() || self.lobby.is_ready(&self.doors) {
            return Some(Duration::ZERO);
        }
        let mut next = earlier(earlier(self.timers.next(), self.drain_until), self.say_missed_at());
        next = earlier(earlier(next, self.next_look_at_programs()), self.lobby.next_deadline());
        for door in &self.doors {
            next = earlier(next, door.next_deadline());
        }
        if self.speaks() {
            next = earlier(next, self.host.tallies.next_deadline());
        }
        let children = self.has_unwatched_children().then_some(children::LOOK_EVERY);
        [next.map(|due| due.since(now)), children].into_iter().flatten().min()
    }

    fn fire_timers(&mut self, now: Now) {
        // Taken first: a call that sets its next timer for this very moment has its turn after the others.
        let mut all_due = Vec::new();
        while let Some(due) = self.timers.pop_due(now.moment) {
            all_due.push(due);
        }
        for (due, slot) in all_due {
            self.call_due(slot, due, now);
        }
        for door in &mut self.doors {
            door.fire(now.moment);
        }
        if self.speaks() {
            self.host.say_tallies(Some(now.moment));
        }
        if self.drain_until.is_some_and(|until| now.moment >= until) {
            self.end_drain(now);
        }
        self.say_missed(now);
        self.reap_unwatched();
        self.look_at_programs(now);
    }

    /// Turns of the calls that have work left from the last turn.
    fn go_on(&mut self, now: Now) {
        for slot in std::mem::take(&mut self.again) {
            if let Some(entry) = self.entries.get_mut(slot) {
                entry.is_queued = false;
                self.turn(slot, now);
            }
        }
    }

    fn begin_drain(&mut self, now: Now, at_most: Duration) {
        let until = now.moment + at_most;
        if self.is_draining && self.drain_until.is_none_or(|earlier| earlier <= until) {
            return;
        }
        if !self.is_draining {
            // Callers whose connection the kernel has established already are ours: they are still answered.
            self.answer_established(now);
            if self.newborn.is_some() {
                return;
            }
            self.is_draining = true;
            self.stop_answering();
            self.end_idle_peers(now);
            self.give_up_all_waiting(now);
        }
        self.drain_until = Some(until);
        if self.is_first {
            self.host.tell(&Event::Draining { calls: self.host.open_calls(), at_most });
        }
    }

    fn is_done(&self) -> bool {
        let may_come = self.doors.iter().any(|door| door.door.is_some() && !door.draining);
        let elsewhere = self.placement != Placement::Here && self.host.open_calls() > 0;
        !may_come
            && self.entries.is_empty()
            && self.lobby.is_empty()
            && self.children.is_empty()
            && self.leaving.is_empty()
            && !elsewhere
    }

    /// Whether it has to say what is counted for the whole run: not in a loop that serves one call for another.
    fn speaks(&self) -> bool {
        self.host.tallies.is_waiting() && !self.doors.is_empty()
    }

    /// The eventfd by which other threads wake this loop.
    fn wake_fd(&mut self) -> io::Result<Arc<OwnedFd>> {
        if let Some(wake) = &self.wake {
            return Ok(Arc::clone(wake));
        }
        let wake = Arc::new(eventfd("to wake this loop")?);
        self.selector.add(wake.as_fd(), Token::Wake.pack(), Watch::Read)?;
        self.wake = Some(Arc::clone(&wake));
        Ok(wake)
    }

    fn woken(&mut self, now: Now) {
        if let Some(wake) = &self.wake {
            // EAGAIN only: another wake-up was read together with this one.
            let _ = rustix::io::read(wake, &mut [0u8; 8]);
        }
        self.doors_may_answer();
        self.release_publishers(now);
        while let Some((ticket, done)) = self.errands.as_mut().and_then(Errands::finished) {
            self.errand_done(ticket, done, now);
        }
    }

    /// A place is free again: doors that paused for want of one need not wait any longer.
    fn doors_may_answer(&mut self) {
        for door in &mut self.doors {
            if door.paused_until.is_some() && !door.is_short {
                door.paused_until = None;
                door.ready = true;
            }
        }
    }

    fn fail(&self, call: &'static str, error: &io::Error) {
        self.host.fail(ServeError::Engine(CallFailed::new(call, error)));
    }
}
