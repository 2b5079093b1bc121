//! The programs of a reactor's calls: told who called, and seen off when their call is over.
//!
//! A program lives as long as its call. When that is over its pipes are closed, and it may end by itself; after
//! [`PATIENCE`], or at once where it was cut off in the middle, it is told to end (SIGTERM), and after that time again
//! it is killed. Signals go to its whole process group. The call keeps its place, and its end is told, until the
//! program is reaped: so there are never more programs than calls may be open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use conversation::{CloseReason, Leg, Moment, Now};
use rustix::process::Signal;
use smallvec::SmallVec;
use socket::{Environment, ProgramProcess, TcpInfo};

use crate::selector::{Operation, Selector, Watch};
use crate::{LINGER, ProgramEnd, Session, call, environment};

use super::calls::Entry;
use super::leg_end::{LegEnd, LegSocket};
use super::{Reactor, Token};

/// How long a program may take to end: once its call is over, and again once it has been told to.
pub(super) const PATIENCE: Duration = LINGER;

/// How often a program without a pidfd is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A call that is over, of which that is still to be told.
pub(super) struct Over {
    pub(super) entry: Entry,
    pub(super) reason: CloseReason,
    pub(super) tcp: Option<TcpInfo>,
}

/// A program whose call is over.
pub(super) struct Leaving {
    process: ProgramProcess,
    /// Readable once it has ended: pidfd_open(2). `None` where none was to be had: it is looked for.
    pidfd: Option<OwnedFd>,
    operation: Operation,
    /// The call that ends with it; a further program of the same call has none.
    over: Option<Box<Over>>,
    /// What it will be sent, and when.
    next: Option<(Moment, Signal)>,
    is_told: bool,
    /// When it is looked for, where nothing watches it.
    look_at: Option<Moment>,
}

impl Leaving {
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }
}

/// Closes the legs of a call that is over. Its programs are left.
pub(super) fn hung_up(ends: SmallVec<[LegEnd; 1]>) -> Vec<ProgramProcess> {
    let programs = ends.into_iter().filter_map(|end| match end.socket {
        LegSocket::Program(program) => Some(program.hang_up()),
        LegSocket::Connection(_)
        | LegSocket::Standard(_)
        | LegSocket::Speakers { .. }
        | LegSocket::Peer { .. }
        | LegSocket::None => None,
    });
    programs.collect()
}

impl LegEnd {
    /// Closes the input of a program that reads no more. Returns whether it is a program.
    pub(super) fn close_input_of_program(&mut self) -> bool {
        let is_program = matches!(self.socket, LegSocket::Program(_));
        if is_program {
            self.finish();
        }
        is_program
    }

    /// For a selector that names its operations: one whose descriptor was closed is forgotten, because it would keep
    /// the pipe open; one that is over is begun again.
    pub(super) fn keep_watching_program<S: Selector>(
        &mut self,
        selector: &mut S,
        slot: usize,
        index: usize,
        session: &Session,
    ) {
        let (Some(leg), LegSocket::Program(program)) = (Leg::new(index), &self.socket) else { return };
        let add = |selector: &mut S, fd, token: Token| {
            selector.add(fd, token.pack(), Watch::Both).unwrap_or(Operation::NONE)
        };
        match program.output() {
            None => {
                selector.forget(self.room);
                self.room = Operation::NONE;
            }
            Some(output) if self.room == Operation::NONE => {
                self.room = add(selector, output, Token::Output(slot, leg));
            }
            Some(_) => {}
        }
        if self.incoming.operation() == Operation::NONE && session.wants_read(leg) {
            let operation = add(selector, program.input(), Token::Leg(slot, leg));
            self.incoming = super::arrivals::Incoming::Polled(operation);
        }
    }
}

impl<S: Selector> Reactor<S> {
    /// What the program for the call in `slot` is told of it.
    pub(super) fn environment(&self, slot: usize) -> Environment {
        let Some(entry) = self.entries.get(slot) else { return Environment::new() };
        let credentials = match entry.ends.first().map(|end| &end.socket) {
            Some(LegSocket::Connection(connection)) => connection.peer_credentials().ok().flatten(),
            Some(_) | None => None,
        };
        environment::of(entry.session.call(), credentials)
    }

    /// The call is over: its programs are waited for.
    pub(super) fn see_off(&mut self, programs: Vec<ProgramProcess>, over: Box<Over>, now: Now) {
        // Who was cut off in the middle has nothing left to do.
        let wait = if over.reason.is_clean() { PATIENCE } else { Duration::ZERO };
        let mut over = Some(over);
        for process in programs {
            let entry = self.leaving.vacant_entry();
            let index = entry.key();
            let next = Some((now.moment + wait, Signal::TERM));
            let (pidfd, operation, look_at) = (None, Operation::NONE, None);
            let over = over.take();
            entry.insert(Leaving { process, pidfd, operation, over, next, is_told: false, look_at });
            self.look_at_program(index, now);
            self.watch_program(index);
        }
        self.look_at_programs(now);
    }

    /// Has the selector say when it ends, if it has not yet.
    fn watch_program(&mut self, index: usize) {
        let Some(leaving) = self.leaving.get_mut(index) else { return };
        let Ok(pidfd) = call::pidfd_open(leaving.process.id()) else { return };
        if let Ok(operation) = self.selector.add(pidfd.as_fd(), Token::Program(index).pack(), Watch::Read) {
            (leaving.pidfd, leaving.operation) = (Some(pidfd), operation);
        }
    }

    /// When the first of them is to be sent a signal, or looked for.
    pub(super) fn next_look_at_programs(&self) -> Option<Moment> {
        let times = |leaving: &Leaving| [leaving.next.map(|(due, _)| due), leaving.look_at];
        self.leaving.iter().flat_map(|(_, leaving)| times(leaving)).flatten().min()
    }

    /// Sends the signals that are due, and looks for the ends of those that cannot be watched.
    pub(super) fn look_at_programs(&mut self, now: Now) {
        if self.leaving.is_empty() {
            return;
        }
        for index in self.leaving.iter().map(|(index, _)| index).collect::<Vec<_>>() {
            let leaving = &mut self.leaving[index];
            if let Some((due, signal)) = leaving.next
                && due <= now.moment
            {
                leaving.process.signal(signal);
                leaving.is_told = true;
                leaving.next = (signal == Signal::TERM).then(|| (now.moment + PATIENCE, Signal::KILL));
            }
            if leaving.pidfd.is_none() {
                leaving.look_at = Some(now.moment + LOOK_EVERY);
                self.look_at_program(index, now);
            }
        }
    }

    /// Tells all whose calls are over to end now.
    pub(super) fn hurry_programs(&mut self, now: Now) {
        for (_, leaving) in &mut self.leaving {
            if let Some((due, Signal::TERM)) = &mut leaving.next {
                *due = now.moment;
            }
        }
        self.look_at_programs(now);
    }

    /// A program may have ended: if so, it is reaped, and with it its call is.
    pub(super) fn look_at_program(&mut self, index: usize, now: Now) {
        let Some(leaving) = self.leaving.get_mut(index) else { return };
        // An error would be that somebody else has reaped it: nobody knows how it ended.
        let Some(status) = leaving.process.ended().transpose() else { return };
        let leaving = self.leaving.remove(index);
        self.selector.forget(leaving.operation);
        let program = status.ok().map(|status| ProgramEnd { status, is_told: leaving.is_told });
        if let Some(over) = leaving.over {
            self.tell_end(&over, program, now);
        }
    }
}
