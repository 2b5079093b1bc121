//! A blocking caller through layers.
//!
//! Protected: what is said is on the socket when a send returns, however long layers hold it back (impair), and a caller
//! that is dropped ends as its layers have it (close_notify, a close frame), as far as the socket takes that at once.
//! Bounds: those of [`LayeredConnection`]; of a stream at most 64 KiB are given to the layers at once.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use address::{Address, Shape};
use conversation::{Moment, Now};
use engine::{Arrived, LayeredConnection, Layering, LayeringError, OpenCallError};
use layers::Failure;
use socket::Connection;

use super::{CallError, RECEIVE_BYTES};

#[derive(Debug)]
pub(super) struct Layered {
    call: LayeredConnection,
    began: Instant,
    buffer: Vec<u8>,
    /// The peer has finished, which is told once all that came before is taken.
    has_ended: bool,
    /// Why it cannot go on, told in the same way.
    failed: Option<Failure>,
}

/// Layers that are made, before anybody is called.
pub(super) struct Making(Arc<Layering>);

impl Making {
    /// Lays them on a socket, and waits until they are open.
    pub(super) fn open(self, connection: Connection, address: &Address) -> Result<Layered, OpenCallError> {
        let began = Instant::now();
        let call = LayeredConnection::open(connection, &self.0, address, || now(began))?;
        Ok(Layered { call, began, buffer: vec![0; RECEIVE_BYTES], has_ended: false, failed: None })
    }
}

impl Layered {
    /// Reads what the options of the address name; `None`: it has no layers.
    pub(super) fn making(address: &Address) -> Result<Option<Making>, LayeringError> {
        Ok(Layering::calling(address)?.map(Making))
    }

    pub(super) fn connection(&self) -> &Connection {
        self.call.connection()
    }

    pub(super) fn shape(&self) -> Shape {
        self.call.shape()
    }

    pub(super) fn send(&mut self, bytes: &[u8], timeout: Option<Duration>) -> Result<(), CallError> {
        if self.shape().keeps_boundaries() {
            return self.send_piece(bytes, timeout);
        }
        bytes.chunks(RECEIVE_BYTES).try_for_each(|piece| self.send_piece(piece, timeout))
    }

    fn send_piece(&mut self, piece: &[u8], timeout: Option<Duration>) -> Result<(), CallError> {
        match self.call.send(piece, now(self.began)) {
            Ok(()) => self.flush(timeout),
            // What is owed has gone each time: it is the peer who is gone.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::Error::from_raw_os_error(libc::EPIPE).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn finish(&mut self, timeout: Option<Duration>) -> Result<(), CallError> {
        self.call.finish(now(self.began));
        self.flush(timeout)
    }

    /// Waits until the socket has taken all that is owed.
    fn flush(&mut self, timeout: Option<Duration>) -> Result<(), CallError> {
        while self.call.owes() {
            self.wait(false, timeout)?;
        }
        Ok(())
    }

    /// Waits for room where something is owed, or for more, or until the layers let go of what they hold back.
    fn wait(&mut self, for_more: bool, timeout: Option<Duration>) -> Result<(), CallError> {
        let due = self.call.next_deadline().map(|due| due.since(now(self.began).moment));
        let is_ready = self.call.wait(for_more, due.into_iter().chain(timeout).min())?;
        if !is_ready && due.is_none_or(|due| timeout.is_some_and(|timeout| timeout < due)) {
            return Err(CallError::TimedOut);
        }
        self.call.flush();
        self.call.deadline(now(self.began));
        Ok(())
    }

    /// The next piece of a stream, or message; further ones that came with it go to `ahead`.
    pub(super) fn receive(
        &mut self,
        ahead: &mut VecDeque<Vec<u8>>,
        timeout: Option<Duration>,
    ) -> Result<Option<Vec<u8>>, CallError> {
        loop {
            while let Some(above) = self.call.next_event() {
                ahead.extend(above.pieces().map(<[u8]>::to_vec));
                self.has_ended |= above.is_finished();
                self.failed = self.failed.take().or_else(|| above.failed().cloned());
            }
            if let Some(piece) = ahead.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(failure) = &self.failed {
                return Err(CallError::Layers(Box::new(failure.clone())));
            }
            if self.has_ended {
                return Ok(None);
            }
            match self.call.receive(&mut self.buffer, now(self.began)) {
                Ok(Arrived::Event | Arrived::Nothing) => {}
                Ok(Arrived::Finished) => self.has_ended = true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // What layers answer by themselves may wait for room.
                    self.wait(true, timeout)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Layered {
    fn drop(&mut self) {
        self.call.finish(now(self.began)); // once more does no harm
    }
}

fn now(began: Instant) -> Now {
    Now { moment: Moment::after(began.elapsed()), wall: SystemTime::now() }
}
