//! The descriptors of a leg: where its events come from, and what the kernel knows of it.

use std::os::fd::{AsFd, BorrowedFd};

use conversation::Transport;
use socket::{Program, TcpInfo};

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
                None => [layered.connection().map(|socket| (socket.as_fd(), Part::Both)), None],
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

    /// How the network was to it, if it is a TCP call.
    pub(super) fn tcp_info(&self) -> Option<TcpInfo> {
        let connection = self.connection().filter(|connection| connection.transport() == Transport::Tcp)?;
        TcpInfo::of(connection).ok()
    }
}
