//! Answering: accept policy, written once for every engine.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Call, CallFailed, Leg, Moment, Now};
use socket::{AcceptOutcome, Accepted, Connection, accept_outcome};
use sys::Forked;

use crate::doors::Door;
use crate::host::Host;
use crate::layering::LaidFor;
use crate::peer_places::PeerPlace;
use crate::selector::{Arrival, Operation, PollSelector, Selector};
use crate::{Event, Layering, ServeError, call};

use super::door::accepts_by_itself;
use super::layered::Layered;
use super::{DoorState, Left, LegSocket, Placement, Reactor, Token, Under, laid};

/// How long it pauses at the limit of calls, or at least at that of new calls a second. Another worker's call may
/// end without this one being told.
const LIMIT_PAUSE: Duration = Duration::from_millis(20);

/// Callers answered at one turn, so that a flood of them makes no open call wait.
const ACCEPTS_PER_TURN: usize = 64;

/// Callers brought by the selector who may wait for their turn. When there are more it accepts no further ones: those
/// wait in the kernel. One wait may bring as many as its ring has room for (4,096) beyond.
const CALLERS_MAX: usize = 64;

/// Turns of a door that is about to close: who waits in a backlog of the usual length is answered, but a flood that
/// goes on does not keep the door open.
const LAST_TURNS_MAX: usize = 128;

/// The stack of a thread that serves one call; services keep their state on the heap.
const THREAD_STACK_BYTES: usize = 256 * 1024;

impl<S: Selector> Reactor<S> {
    /// Answers whoever waits at any door.
    pub(super) fn answer_all(&mut self, now: Now) {
        self.look_at_lobby(now);
        for index in 0..self.doors.len() {
            let door = &self.doors[index];
            if !door.ready || door.paused_until.is_some() {
                continue;
            }
            if self.newborn.is_some() {
                return;
            }
            self.answer_at(index, now);
        }
    }

    /// Before the doors close: answers whom the selector has brought and who waits in the kernel, as far as the limits
    /// allow.
    #[cold]
    pub(super) fn answer_established(&mut self, now: Now) {
        for index in 0..self.doors.len() {
            if self.doors[index].bringing != Operation::NONE {
                self.stop_bringing(index);
                // A look by accept4(2) takes a place for a moment, which another worker would count as a call.
                let door = &mut self.doors[index];
                door.ready = !matches!(door.door, Some(Door::Listener { .. })) || door.somebody_waits();
            }
            for _ in 0..LAST_TURNS_MAX {
                let DoorState { ready, paused_until, .. } = &self.doors[index];
                if !ready || paused_until.is_some() || self.newborn.is_some() {
                    break;
                }
                self.answer_at(index, now);
            }
        }
        self.answer_all(now);
    }

    fn answer_at(&mut self, index: usize, now: Now) {
        match self.doors[index].door {
            Some(Door::Listener { .. }) => self.answer(index, now),
            Some(Door::Datagrams { .. }) => self.hear(index, now),
            None => {}
        }
    }

    /// Closes a door. Who waits there already is not answered any more.
    pub(super) fn close_door(&mut self, index: usize) {
        self.stop_bringing(index);
        let door = &mut self.doors[index];
        self.selector.forget(door.watched);
        let closed = door.door.take();
        for arrival in std::mem::take(&mut door.brought) {
            match (arrival, &closed) {
                (Arrival::Caller(caller), Some(Door::Listener { listener, .. })) => {
                    listener.turn_away(caller);
                }
                (Arrival::Message(filled), _) => self.selector.give_back(filled),
                _ => {}
            }
        }
    }

    pub(super) fn stop_answering(&mut self) {
        for index in 0..self.doors.len() {
            if matches!(self.doors[index].door, Some(Door::Listener { .. })) {
                self.close_door(index);
            }
            self.doors[index].draining = true;
            self.drop_kept(index);
        }
    }

    /// Gives up the caller who was kept until there is a thread or process for it: answering has ended.
    pub(super) fn drop_kept(&mut self, index: usize) {
        let door = &mut self.doors[index];
        if door.kept.take().is_some() {
            self.host.leave_place();
            let why = "there was no thread or process for a caller before answering ended";
            self.host.tell(&Event::Undelivered { door: &door.end, messages: 1, why });
        }
    }

    /// Ends that the selector accepts or receives at a door: who comes from now on waits in the kernel.
    pub(super) fn stop_bringing(&mut self, index: usize) {
        let state = &mut self.doors[index];
        if state.bringing != Operation::NONE {
            let operation = std::mem::replace(&mut state.bringing, Operation::NONE);
            self.selector.stop_bringing(operation, &mut state.brought);
            state.ready = true;
        }
    }

    /// Nobody waits at a door: from now on callers are announced, or brought.
    fn await_callers(&mut self, index: usize, now: Now) {
        let state = &mut self.doors[index];
        state.quiet(now.moment);
        if state.bringing == Operation::NONE
            && let Some(door) = &state.door
            && accepts_by_itself::<S>(door)
            && let Door::Listener { listener, .. } = door
        {
            state.bringing = self.selector.accept(listener.as_fd(), Token::Door(index).pack());
        }
    }

    /// Nobody is answered at a door until then, or until a call ends: a limit is reached.
    #[cold]
    fn wait_at_limit(&mut self, index: usize, until: Moment) {
        self.doors[index].wait_until(until);
        self.stop_bringing(index);
    }

    /// Not inlined: every turn looks at every door, and few find somebody there.
    #[inline(never)]
    fn answer(&mut self, index: usize, now: Now) {
        if self.doors[index].brought.len() > CALLERS_MAX {
            self.stop_bringing(index);
        }
        for _ in 0..ACCEPTS_PER_TURN {
            if self.host.has_answered_all() {
                return self.stop_answering();
            }
            if !self.lobby.is_empty() && self.host.would_answer_all(self.lobby.len()) {
                return self.wait_at_limit(index, now.moment + LIMIT_PAUSE);
            }
            if let Some(answered) = self.doors[index].kept.take() {
                if !self.place_elsewhere(index, answered, now) {
                    return;
                }
                continue;
            }
            // At the limit it is to accept nobody, before anybody else calls.
            let is_full = self.host.open_calls() >= self.host.plan.limits.calls_max;
            if self.doors[index].has_brought_all() && !is_full {
                return self.await_callers(index, now);
            }
            if !self.host.take_place(self.host.plan.limits.calls_max) {
                return self.wait_at_limit(index, now.moment + LIMIT_PAUSE);
            }
            if let Err(until) = self.host.gate.begin_call(now.moment) {
                self.host.leave_place();
                self.host.say_rate(now.moment);
                return self.wait_at_limit(index, until.max(now.moment + LIMIT_PAUSE));
            }
            match self.doors[index].next_caller() {
                Ok(accepted) => {
                    if !self.accepted(index, accepted, now) {
                        return;
                    }
                }
                Err(error) => {
                    self.not_called();
                    if self.not_accepted(index, "accept(2)", &error, now) {
                        return;
                    }
                }
            }
        }
    }

    /// A caller has come, whose place is taken. Returns whether the next may be answered now.
    fn accepted(&mut self, index: usize, accepted: Accepted, now: Now) -> bool {
        let Accepted { connection, peer } = accepted;
        let layering = self.doors[index].layering();
        if let Some(layering) = layering.as_ref().filter(|layering| layering.names_callers()) {
            self.await_introduction(index, connection, peer, layering, now);
            return self.newborn.is_none();
        }
        let place = match self.host.gate.admit(&connection, &peer) {
            Ok(place) => place,
            Err(why) => {
                connection.abort();
                self.turn_away(index, peer, why);
                return true;
            }
        };
        let Ok(local) = connection.local_end() else {
            self.not_called(); // the caller has gone already
            return true;
        };
        let shape = connection.shape();
        let shape = layering.as_ref().map_or(shape, |layering| layering.shape_over(shape));
        let call = self.host.call(shape, local, peer, now);
        let answered = Answered { call, carried: Carried::Socket(connection, layering), place };
        if self.placement != Placement::Here {
            return self.place_elsewhere(index, Box::new(answered), now);
        }
        self.open_answered(answered, now);
        true
    }

    /// Opens the call of a caller whose place is taken.
    pub(super) fn open_answered(&mut self, answered: Answered, now: Now) {
        let Answered { call, carried, place } = answered;
        self.busy.called();
        let laid = match carried {
            Carried::Socket(connection, layering) => laid(
                Under::Connection(connection),
                layering.as_deref(),
                &LaidFor::of(&call, Leg::CALLER),
                now,
            ),
            Carried::Laid(layered) => Ok(LegSocket::Layered(layered)),
        };
        match laid {
            Ok(socket) => {
                self.open(call, socket, place, now);
            }
            Err(_) => {
                let why = "the layers of its call could not be made";
                self.host.tallies.refused(&call.local, call.peer, why);
                self.not_called();
            }
        }
    }

    /// Gives back what was taken for a call that did not come about.
    pub(super) fn not_called(&self) {
        self.host.leave_place();
        self.host.gate.no_call();
    }

    /// What the error of `call` at a door means: accept(2), or the receiving of a datagram, whose errors are
    /// of the same kinds. Returns whether to leave this door for now.
    pub(super) fn not_accepted(
        &mut self,
        index: usize,
        call: &'static str,
        error: &io::Error,
        now: Now,
    ) -> bool {
        let failed = CallFailed::new(call, error);
        match accept_outcome(failed.errno) {
            AcceptOutcome::Done => {
                self.await_callers(index, now);
                true
            }
            AcceptOutcome::Retry => false,
            AcceptOutcome::Pause => {
                self.doors[index].pause(failed, now.moment, &self.host);
                self.stop_bringing(index);
                true
            }
            AcceptOutcome::Stop => {
                self.close_door(index);
                true
            }
            AcceptOutcome::Fail => {
                self.close_door(index);
                self.host.tell(&Event::DoorFailed { door: &self.doors[index].end, failed });
                if self.doors.iter().all(|door| door.door.is_none()) {
                    self.host.fail(ServeError::NoDoorLeft(failed));
                }
                true
            }
        }
    }

    /// Gives an answered caller, whose place is taken, a thread or a process. One for whom there is none now is
    /// kept for after a pause. Returns whether to go on answering.
    pub(super) fn place_elsewhere(&mut self, index: usize, answered: Box<Answered>, now: Now) -> bool {
        let placed = match self.placement {
            Placement::Child => self.fork(answered),
            Placement::Thread | Placement::Here => self.start_thread(answered),
        };
        match placed {
            Ok(()) => self.newborn.is_none(),
            Err((failed, answered)) => {
                let door = &mut self.doors[index];
                door.kept = Some(answered);
                door.pause(failed, now.moment, &self.host);
                false
            }
        }
    }

    fn start_thread(&mut self, answered: Box<Answered>) -> Result<(), NotPlaced> {
        let failed = |error: &io::Error| CallFailed::new("clone(2)", error);
        let host = Arc::clone(&self.host);
        let wake = match self.wake_fd() {
            Ok(wake) => wake,
            Err(error) => return Err((failed(&error), answered)),
        };
        // The caller is handed over once there is a thread: one that could not be made takes nobody with it.
        let (hand_over, take) = std::sync::mpsc::sync_channel::<Box<Answered>>(1);
        let serve = move || {
            if let Ok(answered) = take.recv() {
                serve_one(&host, *answered);
                crate::control::wake(&wake);
            }
        };
        let thread = std::thread::Builder::new().name("call".into()).stack_size(THREAD_STACK_BYTES);
        match call::thread("call", || thread.spawn(serve)) {
            Ok(_) => {
                let _ = hand_over.send(answered); // the thread waits for it
                Ok(())
            }
            Err(error) => Err((failed(&error), answered)),
        }
    }

    fn fork(&mut self, answered: Box<Answered>) -> Result<(), NotPlaced> {
        match call::fork() {
            Ok(Forked::Parent { child }) => {
                let Answered { call, place, .. } = *answered; // the socket is the child's: ours is closed here
                self.adopt(child, call, place);
                Ok(())
            }
            Ok(Forked::Child) => {
                self.newborn = Some(answered);
                Ok(())
            }
            Err(error) => Err((CallFailed::new("fork(2)", &error), answered)),
        }
    }
}

/// A caller who was accepted and is still to be served.
pub(crate) struct Answered {
    pub(super) call: Call,
    pub(super) carried: Carried,
    pub(super) place: Option<PeerPlace>,
}

/// What a call that is still to be served lies on.
pub(super) enum Carried {
    /// A socket, and what is to be laid on it.
    Socket(Connection, Option<Arc<Layering>>),
    /// A socket with its layers, of which one has said already who calls.
    Laid(Box<Layered>),
}

/// Why a caller could not be placed, and the caller.
type NotPlaced = (CallFailed, Box<Answered>);

/// Serves one call to its end in a loop of its own, in this thread. Its place is given back.
pub(crate) fn serve_one(host: &Arc<Host>, answered: Answered) {
    let now = host.clock.now();
    match Reactor::<PollSelector>::new(Arc::clone(host), Vec::new(), Placement::Here, false) {
        Ok(mut reactor) => {
            reactor.open_answered(answered, now);
            match reactor.run() {
                Ok(Left::Done | Left::Newborn(_)) => {}
                Err(error) => reactor.fail("poll(2)", &error),
            }
        }
        Err(error) => {
            host.leave_place();
            host.fail(ServeError::Engine(CallFailed::new("poll(2)", &error)));
        }
    }
}
