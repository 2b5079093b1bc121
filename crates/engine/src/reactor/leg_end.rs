//! One end of a leg: its socket, what that was last seen ready for, and how it is received from and sent to.

use std::io::ErrorKind;

use conversation::{CallFailed, End, Leg, Moment, Now, Shape, Transport};
use socket::{Connection, Destination, FileEnd, PeerAddress, Pipe};

use crate::host::Host;
use crate::selector::Operation;
use crate::{Hears, Session};

use super::arrivals::{Incoming, Kept};
use super::door::DoorState;
use super::layered::Layered;
use super::leg_socket::LegSocket;
use super::put_off::{PutOff, is_final, is_shortage};

/// Bytes taken from a byte stream at once. Messages get the whole receive buffer.
const STREAM_READ_BYTES: usize = 128 * 1024;

/// The call by which bytes go to a file, also where it is splice(2): its failure is not that of our output.
const TO_FILE: &str = "write(2) to a file";

pub(crate) struct LegEnd {
    pub(super) socket: LegSocket,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer has finished or is gone: a short read does not mean that nothing is left.
    pub(super) ended: bool,
    /// Something came, or was announced, since the kernel last said that nothing is there.
    pub(super) is_fresh: bool,
    /// The kernel put off the last send: how long after it is worth another look, even if no event says so.
    pub(super) send_put_off: Option<PutOff>,
    /// It put off the last receive: for want of memory, when no event says that there is some again; or although an
    /// event had announced something, so that no further event would. It is looked at after [`EARLY_LOOK`].
    pub(super) receive_put_off: bool,
    /// How the selector learns what comes.
    pub(super) incoming: Incoming,
    /// What will tell that there is room to send again, where `incoming` does not.
    pub(super) room: Operation,
    /// It is received by calls of our own: so much came at once that it needs a larger buffer, or it broke off.
    pub(super) is_read_by_calls: bool,
    /// The last receive brought so much that the next is worth a splice.
    pub(super) is_bulk: bool,
    /// What is held for it, on its way from the leg that feeds it.
    pub(super) pipe: Option<Box<Pipe>>,
    /// Received by the selector before anybody wanted it.
    pub(super) kept: Option<Box<Kept>>,
}

/// What one try to receive came to.
pub(crate) enum Heard {
    Bytes(usize),
    /// Its layers have something to be [taken](super::layered::take_events).
    Events,
    /// So many bytes went into the pipe of the leg that this one feeds.
    Held(usize),
    /// That pipe may be full.
    Enough,
    /// A message from one of several speakers.
    From {
        from: End,
        to: Option<Destination>,
        bytes: usize,
    },
    /// A message that did not fit the buffer and was dropped.
    Truncated {
        from: Option<End>,
        whole: usize,
    },
    /// A message of a speaker that is not listened to.
    Stranger(End),
    /// A message that was sent before was lost: it is longer than the way to the peer takes.
    Lost,
    Finished,
    /// A terminal has hung up: nothing is taken any more either.
    HungUp,
    Nothing,
    Failed(CallFailed),
}

impl LegEnd {
    pub(super) fn new(socket: LegSocket) -> LegEnd {
        let readable = socket.as_file().is_some_and(FileEnd::is_readable_at_first);
        LegEnd {
            socket,
            readable,
            writable: true,
            ended: false,
            is_fresh: false,
            send_put_off: None,
            receive_put_off: false,
            incoming: Incoming::Polled(Operation::NONE),
            room: Operation::NONE,
            is_read_by_calls: false,
            is_bulk: false,
            pipe: None,
            kept: None,
        }
    }

    /// Nobody has spoken yet who could be answered: that the socket is writable means nothing.
    pub(super) fn waits_for_speaker(&self) -> bool {
        matches!(self.socket, LegSocket::Speakers { latest: None, .. })
    }

    /// Whether a receive is worth a try.
    pub(super) fn may_receive(&self) -> bool {
        match self.socket.as_layered() {
            Some(layered) => layered.may_receive(self.readable),
            None => {
                let is_unasked = || self.socket.as_file().is_some_and(FileEnd::is_readable_unasked);
                self.readable || self.kept.is_some() || is_unasked()
            }
        }
    }

    /// Whether what comes on it is received: its session wants it, or its layers do, to be opened by it.
    pub(super) fn is_read(&self, session: &Session, leg: Leg) -> bool {
        session.wants_read(leg) || self.opens()
    }

    /// Whether something is to be received now, or taken from its layers.
    pub(super) fn is_to_receive(&self, session: &Session, leg: Leg) -> bool {
        self.has_news() || self.may_receive() && self.is_read(session, leg)
    }

    /// Whether its layers have something to tell, or have failed, for which it need not be read.
    pub(super) fn has_news(&self) -> bool {
        self.socket.as_layered().is_some_and(Layered::has_news)
    }

    /// Whether its layers are still to be opened by what comes, which is received whatever the session wants to read:
    /// what it has to send waits for that.
    pub(super) fn opens(&self) -> bool {
        self.socket.as_layered().is_some_and(Layered::opens)
    }

    /// Whether it may be sent on now, after its socket has been found to have room.
    pub(super) fn found_room(&mut self) {
        self.writable = match self.socket.as_layered_mut() {
            Some(layered) => {
                layered.writable();
                self.send_put_off = layered.take_put_off();
                layered.may_send()
            }
            None => !self.has_hung_up(),
        }
    }

    /// Whether what its layers owed has gone, since this was last asked.
    pub(super) fn has_let_go(&mut self) -> bool {
        self.socket.as_layered_mut().is_some_and(Layered::has_let_go)
    }

    /// When its layers want to be asked again.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        self.socket.as_layered()?.next_deadline()
    }

    /// That time has come.
    pub(super) fn deadline(&mut self, doors: &mut [DoorState], host: &Host, now: Now) {
        if let Some(layered) = self.socket.as_layered_mut() {
            layered.deadline(now);
            layered.answer(doors, host, now);
            self.writable = layered.may_send();
            self.send_put_off = layered.take_put_off().or(self.send_put_off);
        }
    }

    /// Whether its layers still owe what they took.
    pub(super) fn holds_back(&self) -> bool {
        self.socket.as_layered().is_some_and(Layered::owes)
    }

    /// One receive. Clears `readable` when there is surely nothing more to be had without another event.
    pub(super) fn receive(&mut self, buffer: &mut [u8], now: Now) -> Heard {
        if let Some(heard) = self.receive_kept(buffer) {
            return heard;
        }
        match &mut self.socket {
            LegSocket::Connection(connection) => {
                let is_stream = connection.shape() == Shape::Stream;
                let room = if is_stream { STREAM_READ_BYTES.min(buffer.len()) } else { buffer.len() };
                match connection.receive(&mut buffer[..room]) {
                    Ok(received) if received.end => Heard::Finished,
                    Ok(received) if received.whole > received.length => {
                        Heard::Truncated { from: None, whole: received.whole }
                    }
                    Ok(received) => {
                        self.is_fresh = true;
                        self.readable = !is_stream || self.ended || received.length == room;
                        self.brought(received.length);
                        Heard::Bytes(received.length)
                    }
                    // ICMP says so of a message that has gone; longer ones are cut from now on, or refused.
                    Err(error) if !is_stream && error.raw_os_error() == Some(libc::EMSGSIZE) => Heard::Lost,
                    Err(error) => self.not_received("recv(2)", &error),
                }
            }
            LegSocket::Layered(layered) => {
                let heard = layered.receive(buffer, now);
                self.writable = layered.may_send();
                self.send_put_off = layered.take_put_off().or(self.send_put_off);
                self.readable &= self.ended || !layered.has_drained();
                match heard {
                    Ok(heard) => {
                        self.is_fresh = true;
                        heard.unwrap_or(Heard::Nothing)
                    }
                    Err(error) => self.not_received("recv(2)", &error),
                }
            }
            LegSocket::Standard(standard) => {
                // The descriptor may block: one read for each time that poll(2) called it readable.
                self.readable = false;
                match standard.receive(&mut buffer[..STREAM_READ_BYTES]) {
                    Ok(received) if received.end => Heard::Finished,
                    Ok(received) => {
                        self.brought(received.length);
                        Heard::Bytes(received.length)
                    }
                    Err(error) => self.not_received("read(2)", &error),
                }
            }
            LegSocket::Program(program) => {
                let room = STREAM_READ_BYTES.min(buffer.len());
                match program.receive(&mut buffer[..room]) {
                    Ok(received) if received.end && program.has_terminal() => Heard::HungUp,
                    Ok(received) if received.end => Heard::Finished,
                    Ok(received) => {
                        self.is_fresh = true;
                        self.readable = self.ended || received.length == room || program.has_terminal();
                        Heard::Bytes(received.length)
                    }
                    Err(error) => self.not_received("read(2)", &error),
                }
            }
            LegSocket::File(file) => {
                let room = STREAM_READ_BYTES.min(buffer.len());
                match file.receive(&mut buffer[..room]) {
                    Ok(received) if received.end && file.has_hung_up() => Heard::HungUp,
                    Ok(received) if received.end => Heard::Finished,
                    Ok(received) => {
                        // A terminal gives a part of what is there: it is read until nothing is left.
                        (self.is_fresh, self.readable) = (true, true);
                        self.brought(received.length);
                        Heard::Bytes(received.length)
                    }
                    Err(error) => self.not_received("read(2)", &error),
                }
            }
            LegSocket::Speakers { .. } => self.hear_speaker(buffer, now),
            LegSocket::Peer(_) | LegSocket::None => {
                self.readable = false;
                Heard::Nothing
            }
        }
    }

    fn hear_speaker(&mut self, buffer: &mut [u8], now: Now) -> Heard {
        let LegSocket::Speakers { socket, latest, hears } = &mut self.socket else {
            return Heard::Nothing;
        };
        let transport = socket.transport();
        let end_of = |from: &Option<PeerAddress>| {
            from.as_ref().map_or(End::Unnamed(transport), |from| from.end(transport))
        };
        let datagram = match socket.receive_from(buffer) {
            Ok(datagram) => datagram,
            Err(error) => return self.not_received("recvmsg(2)", &error),
        };
        let from = end_of(&datagram.from);
        if matches!(**hears, Hears::First(_)) && latest.is_some() && *latest != datagram.from {
            return Heard::Stranger(from);
        }
        if datagram.whole > datagram.length {
            return Heard::Truncated { from: Some(from), whole: datagram.whole };
        }
        if datagram.from.is_some() {
            *latest = datagram.from;
        }
        if let Hears::First(layering) = &mut **hears
            && let Some(layering) = layering.take()
        {
            let laid = self.lay_for_first(&layering, &from, &buffer[..datagram.length], now);
            return match laid {
                Ok(()) => Heard::From { from, to: datagram.to, bytes: datagram.length },
                Err(failed) => Heard::Failed(failed),
            };
        }
        self.writable = true; // what waited for somebody to answer can go now
        Heard::From { from, to: datagram.to, bytes: datagram.length }
    }

    pub(super) fn not_received(&mut self, call: &'static str, error: &std::io::Error) -> Heard {
        if error.kind() == ErrorKind::WouldBlock {
            self.readable = false;
            if std::mem::take(&mut self.is_fresh) {
                self.receive_put_off = true;
            }
            return Heard::Nothing;
        }
        if error.kind() == ErrorKind::Interrupted {
            return Heard::Nothing; // still readable: tried again
        }
        if is_shortage(error) {
            self.readable = false;
            self.receive_put_off = true;
            return Heard::Nothing;
        }
        Heard::Failed(CallFailed::new(call, error))
    }

    /// One send; `Ok(None)` when the kernel takes nothing now.
    pub(super) fn send(
        &mut self,
        bytes: &[u8],
        doors: &mut [DoorState],
        host: &Host,
        now: Now,
    ) -> Result<Option<usize>, CallFailed> {
        let (call, result) = match &mut self.socket {
            LegSocket::Connection(connection) => ("send(2)", connection.send(bytes)),
            LegSocket::Layered(layered) => {
                let sent = layered.send(bytes, now);
                layered.answer(doors, host, now);
                self.writable = layered.may_send();
                self.send_put_off = layered.take_put_off().or(self.send_put_off);
                return sent;
            }
            LegSocket::Standard(standard) => ("write(2)", standard.send(bytes)),
            LegSocket::Program(program) => match program.send(bytes) {
                // It has closed its input, of which an event tells: nothing is broken off.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                    ("write(2)", Err(ErrorKind::WouldBlock.into()))
                }
                result => ("write(2)", result),
            },
            LegSocket::File(file) => ("write(2)", file.send(bytes)),
            LegSocket::Speakers { socket, latest: Some(latest), .. } => {
                ("sendmsg(2)", socket.send_to(bytes, latest))
            }
            LegSocket::Speakers { latest: None, .. } => {
                self.writable = false;
                return Ok(None);
            }
            LegSocket::Peer(peer) => {
                peer.send(bytes, doors, host, now);
                return Ok(Some(bytes.len()));
            }
            LegSocket::None => {
                self.writable = false;
                return Ok(None);
            }
        };
        match result {
            Ok(taken) => Ok(Some(taken)),
            Err(error) => self.not_sent(call, &error).map(|()| None),
        }
    }

    /// What it means that a send failed: the kernel takes nothing now, or never again.
    pub(super) fn not_sent(&mut self, call: &'static str, error: &std::io::Error) -> Result<(), CallFailed> {
        if error.kind() == ErrorKind::Interrupted {
            return Ok(()); // still writable: tried again, a message whole
        }
        if !is_final(error) {
            self.writable = false;
            self.send_put_off = Some(PutOff::send(error));
            return Ok(());
        }
        // It took the socket's error with it, of which a receive that is under way may never hear: what came before is
        // read by calls of our own.
        self.is_read_by_calls = true;
        let call = if self.socket.as_file().is_some() { TO_FILE } else { call };
        Err(CallFailed::new(call, error))
    }

    pub(super) fn finish(&mut self, now: Now) {
        match &mut self.socket {
            LegSocket::Layered(layered) => {
                layered.finish(now);
                self.send_put_off = layered.take_put_off().or(self.send_put_off);
            }
            // A failure means that the peer is gone already; the next receive says so.
            LegSocket::Connection(connection) => drop(connection.finish().ok()),
            // Without /dev/null the reader of our output sees its end when the process ends.
            LegSocket::Standard(standard) => drop(standard.finish().ok()),
            LegSocket::Program(program) => program.finish(),
            LegSocket::File(file) => file.finish(),
            LegSocket::Speakers { .. } | LegSocket::Peer(_) | LegSocket::None => {}
        }
    }

    /// Whether a reset would drop nothing that was sent. Only TCP has one; elsewhere what was sent is there.
    pub(super) fn is_delivered(&self) -> bool {
        let Some(connection) = self.connection().filter(|_| !self.holds_back()) else {
            return !self.holds_back();
        };
        // A peer that is gone (ENOTCONN) acknowledges nothing any more.
        connection.transport() != Transport::Tcp
            || connection.undelivered().map_or(true, |bytes| bytes == 0)
            || connection.peer_end().is_err()
    }

    /// Its connected socket, if it has one.
    pub(super) fn connection(&self) -> Option<&Connection> {
        self.socket.connection()
    }

    /// Resets the leg as it is closed, which comes next: its call is over.
    pub(super) fn abort(&self) {
        if let Some(connection) = self.connection() {
            connection.reset_at_close();
        }
    }
}
