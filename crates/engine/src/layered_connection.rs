//! A call of our own making on an address with layers, for whoever drives it without a reactor: the load generator,
//! and a caller that waits.
//!
//! It is the reactor's leg with layers, one event at a time. Protected: nothing waits but [`open`](LayeredConnection::open);
//! what one event had for above is taken before the next receive. Bounds: those of the stack
//! ([`HIGH_MARK_BYTES`](layers::HIGH_MARK_BYTES)); each handshake has its time.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use address::{Address, End, Shape};
use conversation::{CallFailed, Leg, Moment, Now};
use layers::Above;
use rustix::event::{PollFd, PollFlags};
use socket::Connection;
use socket::call::poll;

use crate::layering::LaidFor;
use crate::reactor::{Heard, Layered, Under};
use crate::{Layering, OpenCallError};

/// What is received at once is not more than this.
const RECEIVE_BYTES: usize = 64 * 1024;

/// Calls of this process, by which taps and impairments tell them apart.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// A connected byte stream with layers on it.
pub struct LayeredConnection {
    layered: Box<Layered>,
}

/// What a receive came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrived {
    /// There is something to be [taken](LayeredConnection::next_event).
    Event,
    /// What came was for the layers alone.
    Nothing,
    /// The peer has finished on the socket.
    Finished,
}

impl LayeredConnection {
    /// Lays the layers on a socket that is connected. Their first bytes are on their way then.
    ///
    /// # Errors
    ///
    /// There is no randomness (`EAGAIN`); our own end is not known.
    pub fn begin(connection: Connection, layering: &Layering, now: Now) -> io::Result<LayeredConnection> {
        let local = connection.local_end()?;
        let peer = connection.peer_end().unwrap_or(End::Unnamed(connection.transport()));
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let call = LaidFor { caller: &local, called: &peer, number, leg: Leg::CALLER };
        let (shape, ends) = (connection.shape(), || (local.clone(), peer.clone()));
        let stack = layering.stack(shape, &call, ends, now).map_err(|_| io::ErrorKind::WouldBlock)?;
        let layered = Box::new(Layered::opened(Under::Connection(connection), stack, now));
        Ok(LayeredConnection { layered })
    }

    /// The same for a call to `address`, and waits until they are open: as long as each of them allows.
    ///
    /// # Errors
    ///
    /// A layer could not go on, or the socket.
    pub fn open(
        connection: Connection,
        layering: &Layering,
        address: &Address,
        now: impl Fn() -> Now,
    ) -> Result<LayeredConnection, OpenCallError> {
        let broken = |call| move |error: io::Error| OpenCallError::broken(address, call, &error);
        let call = LayeredConnection::begin(connection, layering, now());
        let mut call = call.map_err(broken("getrandom(2)"))?;
        let mut buffer = vec![0; RECEIVE_BYTES];
        loop {
            if let Some(failure) = call.layered.events().find_map(Above::failed) {
                return Err(OpenCallError::layers(address, failure));
            }
            if call.is_open() {
                return Ok(call);
            }
            call.drop_what_is_only_told();
            match call.receive(&mut buffer, now()) {
                Ok(Arrived::Event | Arrived::Nothing) => {}
                Ok(Arrived::Finished) => {
                    return Err(broken("recv(2)")(io::Error::from_raw_os_error(libc::ECONNRESET)));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let left = call.next_deadline().map(|due| due.since(now().moment));
                    call.wait(true, left).map_err(broken("poll(2)"))?;
                    call.flush();
                    call.deadline(now());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken("recv(2)")(error)),
            }
        }
    }

    /// The socket underneath.
    #[must_use]
    #[expect(clippy::expect_used, reason = "`begin` lays them on a socket, and on that they stay")]
    pub fn connection(&self) -> &Connection {
        self.layered.connection().expect("a call that was made has a socket")
    }

    /// The shape of what is above the layers.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.layered.shape()
    }

    /// Whether it may be sent on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.layered.is_open()
    }

    /// One receive on the socket, unless there is something to be taken.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing has come, or the layers hold as much of it as they may until their
    /// [deadline](Self::next_deadline); `ECONNRESET`; what a send has failed with.
    pub fn receive(&mut self, buffer: &mut [u8], now: Now) -> io::Result<Arrived> {
        if !self.layered.may_receive(true) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(match self.layered.receive(buffer, now)? {
            Some(Heard::Failed(failed)) => return Err(failed.error()),
            Some(Heard::Finished) => Arrived::Finished,
            Some(_) => Arrived::Event,
            None => Arrived::Nothing,
        })
    }

    /// Whether the last receive left something on the socket, so that no event will tell of it.
    #[must_use]
    pub fn may_have_more(&self) -> bool {
        self.layered.has_filled()
    }

    /// Whether there is something to be taken.
    #[must_use]
    pub fn has_events(&self) -> bool {
        self.layered.events().next().is_some()
    }

    /// What the next of the events had for above.
    pub fn next_event(&mut self) -> Option<Above> {
        self.layered.next_event()
    }

    /// Any cut of a stream, or exactly one message: all of it is taken, or nothing as long as the socket has not taken
    /// what was sent before, or the layers hold as much as they may until their [deadline](Self::next_deadline).
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] where nothing is taken; what send(2) says.
    pub fn send(&mut self, bytes: &[u8], now: Now) -> io::Result<()> {
        self.flush();
        if self.waits_for_room() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self.layered.send(bytes, now).map_err(CallFailed::error)? {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Sends what the layers still owe, as much as the socket takes.
    pub fn flush(&mut self) {
        self.layered.writable();
    }

    /// Whether they owe something for which the socket has no room: an event tells when it has.
    #[must_use]
    pub fn waits_for_room(&self) -> bool {
        self.layered.waits_for_room()
    }

    /// Whether they owe something that the socket has not taken, or hold something back for it.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.layered.owes()
    }

    /// Nothing more is to be sent.
    pub fn finish(&mut self, now: Now) {
        self.layered.finish(now);
    }

    /// When [`deadline`](Self::deadline) is due, if ever.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.layered.next_deadline()
    }

    /// The time of a layer may be up.
    pub fn deadline(&mut self, now: Now) {
        self.layered.deadline(now);
    }

    /// Waits for room where something is owed, and with `for_more` for something to receive; not longer than `within`.
    /// Returns whether there is. Where neither could be used now, only the time passes.
    ///
    /// # Errors
    ///
    /// What poll(2) says.
    pub fn wait(&self, for_more: bool, within: Option<Duration>) -> io::Result<bool> {
        let mut wanted = PollFlags::empty();
        wanted.set(PollFlags::IN, for_more && self.layered.takes_more());
        wanted.set(PollFlags::OUT, self.waits_for_room());
        let fds = &mut [PollFd::new(self.connection(), wanted)][..usize::from(!wanted.is_empty())];
        match poll(fds, within) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            ready => Ok(ready? > 0),
        }
    }

    /// Before they are open, nothing else comes but an end.
    fn drop_what_is_only_told(&mut self) {
        while self.layered.events().next().is_some_and(|above| !above.is_finished()) {
            self.layered.next_event();
        }
    }
}

impl AsFd for LayeredConnection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection().as_fd()
    }
}

impl fmt::Debug for LayeredConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LayeredConnection").field("connection", self.connection()).finish_non_exhaustive()
    }
}
