//! Bulk between two joined byte streams: splice(2) from one descriptor to the other, through a pipe.
//!
//! What comes in small pieces is received and sent, which costs as many calls and needs no pipe. From a receive on that
//! brings [`BULK_BYTES`] the bytes go from descriptor to descriptor without passing through our memory, until less
//! comes at once. A pipe is lent to a leg as long as it holds something for it; idle calls have none.
//!
//! Protected: what is in a leg's pipe goes out before anything else that is owed to the leg, as the session has it, and a
//! pipe that still holds something is never lent to another.

use std::io::{self, ErrorKind};

use conversation::{CallFailed, Leg};
use smallvec::SmallVec;
use socket::Pipe;

use crate::HeldSent;

use super::leg_end::{Heard, LegEnd};
use super::leg_socket::LegSocket;

/// A receive that brings as much is one of many. A pipe to us is as long as this, or longer.
const BULK_BYTES: usize = 32 * 1024;

/// Empty pipes that a worker keeps for the next.
const KEPT_MAX: usize = 4;

/// Empty pipes.
#[derive(Default)]
pub(super) struct Pipes(Vec<Pipe>);

impl Pipes {
    fn lend(&mut self) -> io::Result<Pipe> {
        self.0.pop().map_or_else(Pipe::new, Ok)
    }

    /// Takes the pipes back that hold nothing any more.
    pub(super) fn take_back(&mut self, ends: &mut [LegEnd]) {
        for end in ends {
            if let Some(pipe) = end.pipe.take_if(|pipe| pipe.held() == 0)
                && self.0.len() < KEPT_MAX
            {
                self.0.push(*pipe);
            }
        }
    }
}

/// Moves what has come on one leg into the pipe of the other, if that seems to pay and both can.
pub(super) fn receive_for(
    ends: &mut SmallVec<[LegEnd; 1]>,
    from: Leg,
    to: Leg,
    pipes: &mut Pipes,
) -> Option<Heard> {
    let end = &ends[from.index()];
    if !end.is_bulk || !end.may_receive() || end.kept.is_some() || !ends[to.index()].can_splice_output() {
        return None;
    }
    // Where there is no descriptor left for a pipe, what comes is copied.
    let mut pipe = match ends[to.index()].pipe.take() {
        Some(pipe) => pipe,
        None => Box::new(pipes.lend().ok()?),
    };
    let heard = ends[from.index()].receive_into(&mut pipe);
    ends[to.index()].pipe = Some(pipe);
    Some(heard)
}

impl LegEnd {
    /// Notes that a receive brought so much.
    pub(super) fn brought(&mut self, length: usize) {
        self.is_bulk = length >= BULK_BYTES && self.can_splice_input();
    }

    fn can_splice_input(&self) -> bool {
        match &self.socket {
            LegSocket::Connection(connection) => connection.can_splice(),
            LegSocket::Standard(standard) => standard.can_splice_input(),
            LegSocket::File(file) => file.can_splice_input(),
            LegSocket::Layered(_)
            | LegSocket::Program(_)
            | LegSocket::Speakers { .. }
            | LegSocket::Peer(_)
            | LegSocket::None => false,
        }
    }

    fn can_splice_output(&self) -> bool {
        match &self.socket {
            LegSocket::Connection(connection) => connection.can_splice(),
            LegSocket::Standard(standard) => standard.can_splice_output(),
            LegSocket::File(file) => file.can_splice_output(),
            LegSocket::Layered(_)
            | LegSocket::Program(_)
            | LegSocket::Speakers { .. }
            | LegSocket::Peer(_)
            | LegSocket::None => false,
        }
    }

    fn receive_into(&mut self, pipe: &mut Pipe) -> Heard {
        let held = pipe.held();
        let outcome = match &mut self.socket {
            LegSocket::Connection(connection) => connection.receive_into(pipe),
            LegSocket::Standard(standard) => {
                self.readable = false; // once for each time that poll(2) called it readable
                standard.receive_into(pipe)
            }
            LegSocket::File(file) => file.receive_into(pipe),
            LegSocket::Layered(_)
            | LegSocket::Program(_)
            | LegSocket::Speakers { .. }
            | LegSocket::Peer(_)
            | LegSocket::None => return Heard::Nothing,
        };
        match outcome {
            Ok(0) => Heard::Finished,
            Ok(length) => {
                self.is_fresh = true;
                self.is_bulk = length >= BULK_BYTES;
                Heard::Held(length)
            }
            // Whether nothing has come or the pipe is full, nobody says; once it is empty, it is the former.
            Err(error) if error.kind() == ErrorKind::WouldBlock && held > 0 => {
                self.readable = true;
                Heard::Enough
            }
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                self.is_bulk = false;
                self.readable = true;
                Heard::Nothing
            }
            Err(error) => self.not_received("splice(2)", &error),
        }
    }

    /// Sends what its pipe holds.
    pub(super) fn send_held(&mut self) -> Result<HeldSent, CallFailed> {
        let Some(pipe) = &mut self.pipe else {
            debug_assert!(false, "nothing is held for this leg");
            return Ok(HeldSent::Instead(Vec::new()));
        };
        let outcome = match &mut self.socket {
            LegSocket::Connection(connection) => connection.send_from(pipe),
            LegSocket::Standard(standard) => standard.send_from(pipe),
            LegSocket::File(file) => file.send_from(pipe),
            LegSocket::Layered(_)
            | LegSocket::Program(_)
            | LegSocket::Speakers { .. }
            | LegSocket::Peer(_)
            | LegSocket::None => return Ok(HeldSent::NotNow),
        };
        match outcome {
            Ok(taken) => Ok(HeldSent::Taken(taken)),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                let bytes = pipe.take().map_err(|error| CallFailed::new("read(2)", &error))?;
                Ok(HeldSent::Instead(bytes))
            }
            Err(error) => self.not_sent("splice(2)", &error).map(|()| HeldSent::NotNow),
        }
    }
}
