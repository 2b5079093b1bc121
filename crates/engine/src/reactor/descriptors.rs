//! The descriptors of a leg: where its events come from, and what the kernel knows of it.

use std::os::fd::{AsFd, BorrowedFd};

use conversation::{Leg, Transport};
use socket::{Program, TcpInfo};

use crate::Session;
use crate::selector::{Operation, Selector, Watch};

use super::Token;
use super::arrivals::Incoming;
use super::leg_end::LegEnd;
use super::leg_socket::LegSocket;

/// Those of the pipes to a program, or of its terminal.
fn of_program(program: &Program) -> [Option<(BorrowedFd<'_>, Part)>; 2] {
    match program.has_terminal() {
        true => [Some((program.input(), Part::Both)), None],
        false => [Some((program.input(), Part::Input)), program.output().map(|fd| (fd, Part::Output))],
    }
}

/// What a descriptor of a leg is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Both,
    Input,
    Output,
}

impl LegEnd {
    /// The descriptors that its events come from.
    pub(super) fn descriptors(&self) -> [Option<(BorrowedFd<'_>, Part)>; 2] {
        match &self.socket {
            LegSocket::Connection(connection) => [Some((connection.as_fd(), Part::Both)), None],
            LegSocket::Layered(layered) => match layered.program() {
                Some(program) => of_program(program),
                None => [layered.socket().map(|fd| (fd, Part::Both)), None],
            },
            LegSocket::Speakers { socket, .. } => [Some((socket.as_fd(), Part::Both)), None],
            LegSocket::Standard(standard) => {
                [Some((standard.input(), Part::Input)), standard.output().map(|fd| (fd, Part::Output))]
            }
            LegSocket::File(file) => [file.watched().map(|fd| (fd, Part::Both)), None],
            LegSocket::Program(program) => of_program(program),
            LegSocket::Peer(_) | LegSocket::None => [None, None],
        }
    }

    /// Whether it is waited for that something comes, and whether for room.
    pub(super) fn waits_for(&self, session: &Session, leg: Leg) -> (bool, bool) {
        let read = self.is_read(session, leg) && !self.may_receive() && !self.readable;
        let may_write = !self.writable && !self.waits_for_speaker() && !self.has_hung_up();
        let write = match self.socket.as_layered() {
            Some(layered) => layered.waits_for_room(),
            None => may_write && session.wants_write(leg),
        };
        (read, write)
    }

    /// For a selector that names its operations: of a file or a program, one that is over is begun again where it is
    /// needed, and one whose descriptor was closed is forgotten, because it would keep the pipe open.
    pub(super) fn keep_watching<S: Selector>(
        &mut self,
        selector: &mut S,
        slot: usize,
        leg: Leg,
        session: &Session,
    ) {
        let (read, write) = self.waits_for(session, leg);
        let (incoming, room) = (self.incoming.operation(), self.room);
        let (mut begun, mut output) = (Operation::NONE, Operation::NONE);
        let mut add =
            |fd, token: Token| selector.add(fd, token.pack(), Watch::Both).unwrap_or(Operation::NONE);
        for (fd, part) in self.descriptors().into_iter().flatten() {
            let is_wanted = read || write && part == Part::Both;
            match part {
                Part::Both | Part::Input if incoming == Operation::NONE && is_wanted => {
                    begun = add(fd, Token::Leg(slot, leg));
                }
                Part::Both | Part::Input => {}
                // Watched even where nothing is owed: its reader may go away.
                Part::Output if room == Operation::NONE => output = add(fd, Token::Output(slot, leg)),
                Part::Output => output = room,
            }
        }
        if output != room {
            selector.forget(room);
            self.room = output;
        }
        if begun != Operation::NONE {
            self.incoming = Incoming::Polled(begun);
        }
    }

    /// How the network was to it, if it is a TCP call.
    pub(super) fn tcp_info(&self) -> Option<TcpInfo> {
        let connection = self.connection().filter(|connection| connection.transport() == Transport::Tcp)?;
        TcpInfo::of(connection).ok()
    }
}
