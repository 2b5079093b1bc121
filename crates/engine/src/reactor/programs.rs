//! The programs of a reactor's calls: told who called, and seen off when their call is over.
//!
//! A program lives as long as its call. One that got the caller's socket has the call, which is over when it has ended.
//! When that is over its pipes are closed, and it may end by itself; after [`PATIENCE`], or at once where it was cut off in
//! the middle, it is told to end (SIGTERM), and after that time again it is killed. Signals go to its whole process group.
//! The call keeps its place, and its end is told, until the program is reaped: so there are never more programs than calls
//! may be open.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use conversation::{Address, CallFailed, CloseReason, DialFailure, End, Leg, Moment, Now, Place};
use rustix::process::Signal;
use smallvec::SmallVec;
use socket::{Connection, Environment, Program, ProgramProcess, TcpInfo};

use crate::errands::Errand;
use crate::selector::{Operation, Selector, Watch};
use crate::{LINGER, ProgramEnd, call, environment};

use super::calls::Entry;
use super::descriptors::Part;
use super::leg_end::LegEnd;
use super::leg_socket::LegSocket;
use super::waiting::Far;
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

/// The program to which a call was given.
pub(super) enum HandedOver {
    /// Its place among the programs.
    Running(usize),
    Ended(Option<ProgramEnd>),
}

/// Whose a program is.
enum Of {
    /// The call in this slot, which was given to it.
    Open(usize),
    /// A call that is over, and ends with it.
    Over(Box<Over>),
    /// A call that has another program, with which it ends.
    Another,
}

/// A program that is waited for: it has a call, or its call is over.
pub(super) struct Leaving {
    process: ProgramProcess,
    /// Readable once it has ended: pidfd_open(2). `None` where none was to be had: it is looked for.
    pidfd: Option<OwnedFd>,
    operation: Operation,
    of: Of,
    had_socket: bool,
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
    let programs = ends.into_iter().filter_map(|end| end.socket.into_program());
    programs.map(Program::hang_up).collect()
}

impl LegEnd {
    /// Its output is watched no more. A descriptor that is closed is watched on for as long as a program that is being
    /// started has a copy of it, epoll(7), and its events would be taken for those of a later call.
    pub(super) fn watch_no_more<S: Selector>(&mut self, selector: &mut S) {
        let outputs = self.descriptors().into_iter().flatten().filter(|(_, part)| *part == Part::Output);
        outputs.for_each(|(fd, _)| selector.release(fd, self.room));
        self.room = Operation::NONE;
    }

    /// Closes the input of a program that reads no more.
    pub(super) fn close_input_of_program(&mut self) {
        if let Some(program) = self.socket.program_mut() {
            program.finish();
        }
    }
}

impl<S: Selector> Reactor<S> {
    /// What the program for the call in `slot` is told of it.
    pub(super) fn environment(&self, slot: usize) -> Environment {
        let Some(entry) = self.entries.get(slot) else { return Environment::new() };
        let connection = entry.ends.first().and_then(LegEnd::connection);
        let credentials = connection.and_then(|connection| connection.peer_credentials().ok().flatten());
        environment::of(entry.session.call(), credentials)
    }

    /// The call is over: its programs are waited for.
    pub(super) fn see_off(&mut self, programs: Vec<ProgramProcess>, over: Box<Over>, now: Now) {
        // Who was cut off in the middle has nothing left to do.
        let wait = if over.reason.is_clean() { PATIENCE } else { Duration::ZERO };
        let mut over = Some(over);
        for process in programs {
            let of = over.take().map_or(Of::Another, Of::Over);
            let index = self.wait_for(process, of);
            self.leaving[index].next = Some((now.moment + wait, Signal::TERM));
            self.look_at_program(index, now);
            self.watch_program(index);
        }
        self.look_at_programs(now);
    }

    fn wait_for(&mut self, process: ProgramProcess, of: Of) -> usize {
        let (pidfd, operation, next, is_told, look_at) = (None, Operation::NONE, None, false, None);
        let had_socket = matches!(of, Of::Open(_));
        self.leaving.insert(Leaving { process, pidfd, operation, of, had_socket, next, is_told, look_at })
    }

    /// Gives the caller in `slot` to a program.
    pub(super) fn hand_over(&mut self, slot: usize, address: Box<Address>, now: Now) {
        let environment = self.environment(slot);
        let is_announced = self.host.plan.service.needs().hand_over;
        let Some(end) = self.entries.get_mut(slot).and_then(|entry| entry.ends.first_mut()) else { return };
        let socket = std::mem::replace(&mut end.socket, LegSocket::None);
        if is_announced && let LegSocket::Connection(connection) = socket {
            if let (Some(entry), Place::Command(command)) = (self.entries.get_mut(slot), &address.place) {
                let (transport, command) = (address.transport, command.clone());
                entry.far = Some(Box::new(Far::End(End::Command { transport, command })));
            }
            let errand = Errand::HandOver { connection, address, environment };
            return self.send_errand(slot, Leg::CALLER, errand, now);
        }
        // No bare socket; or one that is watched, which would go on behind the program's back.
        let failed = CallFailed { call: "posix_spawn(3)", errno: libc::ENOTSOCK };
        self.with(slot, now, |session, hands| session.end(now, CloseReason::Failed(failed), hands));
    }

    /// The caller in `slot` was given to a program, or is still ours because that could not be started.
    pub(super) fn handed_over(
        &mut self,
        slot: usize,
        given: Result<ProgramProcess, (Connection, DialFailure)>,
        now: Now,
    ) {
        match given {
            Ok(process) => {
                let index = self.wait_for(process, Of::Open(slot));
                self.watch_program(index);
                if let Some(entry) = self.entries.get_mut(slot) {
                    entry.handed_over = Some(Box::new(HandedOver::Running(index)));
                }
                self.look_at_programs(now);
            }
            Err((connection, why)) => {
                connection.abort(); // nobody shall take it for an empty answer
                if let Some(entry) = self.entries.get(slot) {
                    self.host.tallies.not_dialled(&entry.session.call().peer, &why);
                }
                self.with(slot, now, |session, hands| {
                    session.end(now, CloseReason::NotDialled(why.kind), hands);
                });
            }
        }
    }

    /// The call is over, and the program that has it has not ended: it has to.
    pub(super) fn see_off_running(&mut self, index: usize, over: Box<Over>, now: Now) {
        if let Some(leaving) = self.leaving.get_mut(index) {
            leaving.of = Of::Over(over);
            leaving.next = Some((now.moment, Signal::TERM));
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
        let Leaving { process, is_told, had_socket, .. } = &leaving;
        let program = status.ok().map(|status| {
            // As one ends whose terminal is closed; who handles the signal says so in the words of the shell.
            let hang_up = Signal::HUP.as_raw();
            let is_by_hang_up = status.signal() == Some(hang_up) || status.code() == Some(128 + hang_up);
            let is_hung_up = process.has_lost_terminal() && is_by_hang_up;
            ProgramEnd { status, is_told: *is_told || is_hung_up, had_socket: *had_socket }
        });
        match leaving.of {
            Of::Over(over) => self.tell_end(&over, program, now),
            Of::Open(slot) => {
                if let Some(entry) = self.entries.get_mut(slot) {
                    entry.handed_over = Some(Box::new(HandedOver::Ended(program)));
                }
                self.with(slot, now, |session, hands| session.end(now, CloseReason::Finished, hands));
            }
            Of::Another => {}
        }
    }
}
