//! Answering: accept policy, written once for every engine.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use conversation::{Call, CallFailed, Now};
use socket::{AcceptOutcome, Accepted, Connection, accept_outcome};
use sys::Forked;

use crate::doors::Door;
use crate::host::Host;
use crate::selector::{PollSelector, Selector};
use crate::{Event, ServeError};

use super::{Left, LegSocket, Placement, Reactor};

/// How long it pauses at the limit of calls. Another worker's call may end without this one being told.
const LIMIT_PAUSE: Duration = Duration::from_millis(20);

/// Callers answered at one turn, so that a flood of them makes no open call wait.
const ACCEPTS_PER_TURN: usize = 64;

/// The stack of a thread that serves one call; services keep their state on the heap.
const THREAD_STACK_BYTES: usize = 256 * 1024;

impl<S: Selector> Reactor<S> {
    /// Answers whoever waits at any door.
    pub(super) fn answer_all(&mut self, now: Now) {
        for index in 0..self.doors.len() {
            let door = &self.doors[index];
            if !door.ready || door.paused_until.is_some() {
                continue;
            }
            if self.newborn.is_some() {
                return;
            }
            match door.door {
                Some(Door::Listener { .. }) => self.answer(index, now),
                Some(Door::Datagrams(_)) => self.hear(index, now),
                None => {}
            }
        }
    }

    fn answer(&mut self, index: usize, now: Now) {
        for _ in 0..ACCEPTS_PER_TURN {
            if self.host.has_answered_all() {
                return self.stop_answering();
            }
            if !self.host.take_place(self.host.plan.limits.calls_max) {
                let door = &mut self.doors[index];
                door.paused_until = Some(now.moment + LIMIT_PAUSE);
                door.is_short = false;
                return;
            }
            let Some(Door::Listener { listener, .. }) = &self.doors[index].door else {
                return self.host.leave_place();
            };
            match listener.accept() {
                Ok(accepted) => {
                    if let Err(failed) = self.place(accepted, now) {
                        self.host.leave_place();
                        self.doors[index].pause(failed, now.moment, &self.host);
                        return;
                    }
                    if self.newborn.is_some() {
                        return;
                    }
                }
                Err(error) => {
                    self.host.leave_place();
                    if self.not_accepted(index, "accept(2)", &error, now) {
                        return;
                    }
                }
            }
        }
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
                self.doors[index].ready = false;
                true
            }
            AcceptOutcome::Retry => false,
            AcceptOutcome::Pause => {
                self.doors[index].pause(failed, now.moment, &self.host);
                true
            }
            AcceptOutcome::Stop => {
                self.doors[index].door = None;
                true
            }
            AcceptOutcome::Fail => {
                let door = &mut self.doors[index];
                door.door = None;
                self.host.tell(&Event::DoorFailed { door: &door.end, failed });
                if self.doors.iter().all(|door| door.door.is_none()) {
                    self.host.fail(ServeError::NoDoorLeft(failed));
                }
                true
            }
        }
    }

    /// Puts an answered caller where this engine serves callers. On an error the caller is turned away.
    fn place(&mut self, accepted: Accepted, now: Now) -> Result<(), CallFailed> {
        let Accepted { connection, peer } = accepted;
        let local = connection.local_end().map_err(|error| CallFailed::new("getsockname(2)", &error))?;
        let call = self.host.call(connection.shape(), local, peer, now);
        match self.placement {
            Placement::Here => {
                self.open(call, LegSocket::Connection(connection), now);
                Ok(())
            }
            Placement::Thread => self.start_thread(call, connection),
            Placement::Child => self.fork(call, connection),
        }
    }

    fn start_thread(&mut self, call: Call, connection: Connection) -> Result<(), CallFailed> {
        let failed = |error: &io::Error| CallFailed::new("clone(2)", error);
        let host = Arc::clone(&self.host);
        let wake = self.wake_fd().map_err(|error| failed(&error))?;
        let serve = move || {
            serve_one(&host, call, connection);
            crate::control::wake(&wake);
        };
        let thread = std::thread::Builder::new().name("call".into()).stack_size(THREAD_STACK_BYTES);
        thread.spawn(serve).map(drop).map_err(|error| failed(&error))
    }

    fn fork(&mut self, call: Call, connection: Connection) -> Result<(), CallFailed> {
        match sys::fork().map_err(|error| CallFailed::new("fork(2)", &error))? {
            Forked::Parent { child } => {
                drop(connection); // the child's now
                self.adopt(child, call.number);
                Ok(())
            }
            Forked::Child => {
                self.newborn = Some(Box::new((call, connection)));
                Ok(())
            }
        }
    }
}

/// Serves one call to its end in a loop of its own, in this thread. Its place is given back.
pub(crate) fn serve_one(host: &Arc<Host>, call: Call, connection: Connection) {
    let now = host.clock.now();
    match Reactor::<PollSelector>::new(Arc::clone(host), Vec::new(), Placement::Here, false) {
        Ok(mut reactor) => {
            reactor.open(call, LegSocket::Connection(connection), now);
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
