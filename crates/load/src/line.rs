//! What a call is made on: a socket, a socket with layers on it, or the pipes of a program.
//!
//! A load has one kind of line, and its workers are compiled for it: what layers and programs need costs a bare socket
//! neither memory in its slot nor a branch on the way of a message. Nothing here waits.

mod layered;
mod program;

use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::time::Duration;

use address::{Shape, Transport};
use conversation::Moment;
use engine::{Edge, Epoll, Watch};
use socket::{Callee, Connection, Dialling, Pending};

use crate::Trouble;
use crate::clock::Clock;

pub(crate) use layered::{LayeredCallee, LayeredLine};
pub(crate) use program::{ProgramCallee, ProgramLine};

/// A call, from the first byte that may be said on it to the last.
pub(crate) trait Line: Sized {
    /// Whom calls are made to.
    type Callee: Sync;
    /// A call that is not open yet.
    type Opening;
    /// A call on which all has been said, and which is not gone yet.
    type Leaving;

    /// How long connect(2) may take.
    fn connect_timeout(callee: &Self::Callee) -> Duration;

    /// Begins a call.
    fn dial(callee: &Self::Callee) -> Result<Begun<Self>, NotBegun>;

    /// Watches a call that is being opened, for both.
    fn watch_opening(opening: &Self::Opening, epoll: &mut Epoll, token: u64) -> io::Result<()>;

    /// The descriptor of a call that is being opened is ready.
    fn go_on_opening(
        opening: Self::Opening,
        callee: &Self::Callee,
        edge: Edge,
    ) -> Result<Begun<Self>, Trouble>;

    /// When it has taken too long. `connected` is when connect(2) has.
    fn opening_due(opening: &Self::Opening, connected: Moment, clock: Clock) -> Moment;

    /// That moment has come: it goes on, or is given up.
    fn late(opening: Self::Opening) -> Result<Begun<Self>, Trouble>;

    /// Watches a call that was open at once. Returns for what.
    fn watch(&self, epoll: &mut Epoll, token: u64) -> io::Result<Watch>;

    /// Watches it for something else, or anew: what it is ready for is told again.
    fn change(&self, epoll: &Epoll, token: u64, watch: Watch) -> io::Result<()>;

    /// Whether one who waits for room is woken by each message that the peer takes, and not only after there was none.
    fn wakes_for_room(&self) -> bool;

    /// When an open call is to be looked after though no event comes: what its layers hold back goes on then.
    #[inline]
    fn due(&self, _: Clock) -> Option<Moment> {
        None
    }

    /// That moment has come.
    fn look_after(&mut self) {}

    /// Whether something is there to be heard of which no event tells.
    fn has_kept(&self) -> bool;

    /// One receive. `hear` is given what came, and when: each message, or a cut of the stream.
    fn receive(
        &mut self,
        buffer: &mut [u8],
        clock: Clock,
        hear: impl FnMut(&[u8], Moment) -> Result<(), Trouble>,
    ) -> Result<Came, Trouble>;

    /// Whether nothing is left after a receive of so many bytes for which there was so much room. `is_quiet`: no
    /// answer is owed.
    fn is_drained(&self, came: usize, room: usize, is_quiet: bool) -> bool;

    /// Sends some of the bytes, or a message. Returns how many bytes are taken; `None`: there is no room.
    fn send(&mut self, bytes: &[u8]) -> Result<Option<usize>, Trouble>;

    /// Sends what it has taken and not sent yet. Returns whether there was room for it.
    fn flush(&mut self) -> bool;

    /// All has been said, or it cannot go on for this reason. `churn`: there will be many more, one after the other.
    fn leave(
        self,
        why: Option<Trouble>,
        churn: bool,
        clock: Clock,
        epoll: &mut Epoll,
        token: u64,
    ) -> Left<Self>;

    /// The descriptor of a call that is leaving is ready, or its time has come.
    fn go_on_leaving(
        leaving: Self::Leaving,
        buffer: &mut [u8],
        clock: Clock,
        epoll: &mut Epoll,
        token: u64,
    ) -> Left<Self>;

    /// When it is to be looked after.
    fn leaving_due(leaving: &Self::Leaving) -> Moment;
}

/// A call that was begun.
pub(crate) enum Begun<L: Line> {
    Open(L),
    Opening(L::Opening),
}

/// Why no call was begun.
pub(crate) enum NotBegun {
    /// A Unix listener has no room in its backlog now.
    Full,
    Trouble(Trouble),
}

/// What a receive came to.
pub(crate) enum Came {
    /// So many bytes, at that moment.
    Bytes(usize, Moment),
    /// The peer has finished.
    End,
    /// Nothing: an event will tell.
    Nothing,
}

/// What has become of a call that leaves.
pub(crate) enum Left<L: Line> {
    /// It is gone, and this was wrong with it.
    Gone(Option<Trouble>),
    Leaving(L::Leaving),
}

/// What cannot be.
pub(crate) enum Never {}

impl Line for Connection {
    type Callee = Callee;
    /// Boxed, since it is larger than all else in a slot and over in no time: see `flights.rs`.
    type Opening = Box<Pending>;
    type Leaving = Never;

    fn connect_timeout(callee: &Callee) -> Duration {
        callee.connect_timeout()
    }

    fn dial(callee: &Callee) -> Result<Begun<Connection>, NotBegun> {
        Ok(match dial(callee)? {
            Dialling::Connected(connection) => Begun::Open(connection),
            Dialling::Pending(pending) => Begun::Opening(Box::new(pending)),
        })
    }

    fn watch_opening(opening: &Box<Pending>, epoll: &mut Epoll, token: u64) -> io::Result<()> {
        epoll.add(opening.as_fd(), token, Watch::Both)
    }

    fn go_on_opening(opening: Box<Pending>, _: &Callee, edge: Edge) -> Result<Begun<Connection>, Trouble> {
        if !edge.writable {
            return Ok(Begun::Opening(opening));
        }
        Ok(Begun::Open(opening.outcome()?))
    }

    fn opening_due(_: &Box<Pending>, connected: Moment, _: Clock) -> Moment {
        connected
    }

    fn late(_: Box<Pending>) -> Result<Begun<Connection>, Trouble> {
        Err(Trouble::NotOpened)
    }

    fn watch(&self, epoll: &mut Epoll, token: u64) -> io::Result<Watch> {
        epoll.add(self.as_fd(), token, Watch::Read)?;
        Ok(Watch::Read)
    }

    fn change(&self, epoll: &Epoll, token: u64, watch: Watch) -> io::Result<()> {
        epoll.change(self.as_fd(), token, watch)
    }

    #[inline]
    fn wakes_for_room(&self) -> bool {
        self.transport() != Transport::Tcp
    }

    #[inline]
    fn has_kept(&self) -> bool {
        false
    }

    #[inline]
    fn receive(
        &mut self,
        buffer: &mut [u8],
        clock: Clock,
        mut hear: impl FnMut(&[u8], Moment) -> Result<(), Trouble>,
    ) -> Result<Came, Trouble> {
        loop {
            return match Connection::receive(self, buffer) {
                Ok(received) if received.end => Ok(Came::End),
                Ok(received) => {
                    let now = clock.now();
                    hear(&buffer[..received.length], now)?;
                    Ok(Came::Bytes(received.length, now))
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Came::Nothing),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(Trouble::of("recv(2)", &error)),
            };
        }
    }

    #[inline]
    fn is_drained(&self, came: usize, room: usize, is_quiet: bool) -> bool {
        match self.shape() {
            // A stream that gave less than there was room for has no more.
            Shape::Stream => came < room,
            Shape::Datagram | Shape::SeqPacket => is_quiet,
        }
    }

    #[inline]
    fn send(&mut self, bytes: &[u8]) -> Result<Option<usize>, Trouble> {
        loop {
            return match Connection::send(self, bytes) {
                Ok(taken) => Ok(Some(taken)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => Err(Trouble::of("send(2)", &error)),
            };
        }
    }

    #[inline]
    fn flush(&mut self) -> bool {
        true
    }

    fn leave(self, why: Option<Trouble>, churn: bool, _: Clock, _: &mut Epoll, _: u64) -> Left<Connection> {
        close(self, churn && why.is_none());
        Left::Gone(why)
    }

    fn go_on_leaving(leaving: Never, _: &mut [u8], _: Clock, _: &mut Epoll, _: u64) -> Left<Connection> {
        match leaving {}
    }

    fn leaving_due(leaving: &Never) -> Moment {
        match *leaving {}
    }
}

fn dial(callee: &Callee) -> Result<Dialling, NotBegun> {
    callee.dial().map_err(|attempt| {
        let is_full = attempt.error.kind() == ErrorKind::WouldBlock;
        if is_full { NotBegun::Full } else { NotBegun::Trouble(attempt.into()) }
    })
}

/// Closes a socket on which all was answered. Where many follow each other a reset leaves no port in `TIME_WAIT`, of
/// which there are some 28,000, ip(7).
fn close(connection: Connection, is_one_of_many: bool) {
    if is_one_of_many && connection.transport() == Transport::Tcp {
        connection.abort();
    }
}
