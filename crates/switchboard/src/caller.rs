//! A blocking caller: exact reads, full writes, bounded lines and frames.
//!
//! readn, writen and readline of the textbooks: a read that is short is read on, a write that is short is
//! written on, and a line has a bound.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use address::{Address, End, Shape};
use conversation::{Framer, Framing, FramingError};
use rustix::event::{PollFd, PollFlags};
use socket::call::poll;
use socket::{ConnectError, Connection};

/// Bytes of a stream received at once.
const RECEIVE_BYTES: usize = 64 * 1024;

/// The longest message that can be received.
const MESSAGE_BYTES: usize = 256 * 1024;

/// A call to somebody, for programs that have nothing else to do while they wait.
///
/// ```
/// use std::time::Duration;
/// use switchboard::{Caller, Framing, Server, services::Echo};
///
/// let server = Server::new(Echo).at("tcp://127.0.0.1:0")?.start()?;
/// let mut caller = Caller::call(&server.addresses()[0])?.with_timeout(Duration::from_secs(10));
///
/// let line = Framing::Line { bytes_max: 80 };
/// caller.send(b"one\ntwo\nthree")?;
/// assert_eq!(caller.receive_frame(line)?.as_deref(), Some(&b"one"[..]));
/// assert_eq!(caller.receive_frame(line)?.as_deref(), Some(&b"two"[..]));
/// assert_eq!(caller.read_exactly(5)?, b"three");
/// caller.finish()?;
/// assert_eq!(caller.receive()?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Caller {
    connection: Connection,
    /// Received and not yet handed out.
    ahead: Vec<u8>,
    /// How long any one wait may last.
    timeout: Option<Duration>,
}

impl Caller {
    /// Calls `address`, racing all addresses that its name stands for (RFC 8305).
    ///
    /// # Errors
    ///
    /// Every address tried, and why each failed.
    pub fn call(address: &Address) -> Result<Caller, ConnectError> {
        Ok(Caller::on(socket::connect_bare(address)?.connection))
    }

    /// Speaks on a connection that is open already.
    #[must_use]
    pub fn on(connection: Connection) -> Caller {
        Caller { connection, ahead: Vec::new(), timeout: None }
    }

    /// Ends any single wait after this long, as [`CallError::TimedOut`].
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Caller {
        self.timeout = Some(timeout);
        self
    }

    /// Our end and the peer's.
    ///
    /// # Errors
    ///
    /// getsockname(2) or getpeername(2): the connection is gone.
    pub fn ends(&self) -> io::Result<(End, End)> {
        Ok((self.connection.local_end()?, self.connection.peer_end()?))
    }

    /// Whether the call is a byte stream or keeps message boundaries.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.connection.shape()
    }

    /// Sends all of the bytes; on a message transport, as one message.
    ///
    /// # Errors
    ///
    /// The peer is gone, or the time-out.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        let mut rest = bytes;
        loop {
            match self.connection.send(rest) {
                Ok(sent) if sent >= rest.len() => return Ok(()),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::OUT)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends no more; the peer sees the end and may go on sending.
    ///
    /// # Errors
    ///
    /// shutdown(2): the connection is gone.
    pub fn finish(&mut self) -> Result<(), CallError> {
        Ok(self.connection.finish()?)
    }

    /// Sends one message, marked by `framing`.
    ///
    /// # Errors
    ///
    /// As [`Caller::send`]; or the message does not fit the framing, and nothing is sent.
    pub fn send_frame(&mut self, framing: Framing, message: &[u8]) -> Result<(), FrameError> {
        let mut frame = Vec::new();
        framing.encode(message, &mut frame)?;
        Ok(self.send(&frame)?)
    }

    /// The next bytes of a stream, at least one, or the next message; `None` once the peer has finished.
    ///
    /// # Errors
    ///
    /// The peer is gone, or the time-out; a message above 256 KiB, of which nothing is handed out.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        if !self.ahead.is_empty() {
            return Ok(Some(std::mem::take(&mut self.ahead)));
        }
        let bytes_max = if self.shape().keeps_boundaries() { MESSAGE_BYTES } else { RECEIVE_BYTES };
        let mut buffer = vec![0; bytes_max];
        loop {
            match self.connection.receive(&mut buffer) {
                Ok(received) if received.end => return Ok(None),
                Ok(received) if received.whole > received.length => {
                    return Err(CallError::TooMuch { bytes_max });
                }
                Ok(received) => {
                    buffer.truncate(received.length);
                    return Ok(Some(buffer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait(PollFlags::IN)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Exactly so many bytes of a stream.
    ///
    /// # Errors
    ///
    /// As [`Caller::receive`]; the peer finished before.
    pub fn read_exactly(&mut self, bytes: usize) -> Result<Vec<u8>, CallError> {
        let mut read = Vec::new();
        while read.len() < bytes {
            match self.receive()? {
                Some(more) => read.extend(more),
                None => return Err(CallError::Finished),
            }
        }
        self.ahead = read.split_off(bytes);
        Ok(read)
    }

    /// All bytes of a stream up to the peer's finish.
    ///
    /// # Errors
    ///
    /// As [`Caller::receive`]; more than `bytes_max` came.
    pub fn read_to_end(&mut self, bytes_max: usize) -> Result<Vec<u8>, CallError> {
        let mut read = Vec::new();
        while let Some(more) = self.receive()? {
            read.extend(more);
            if read.len() > bytes_max {
                return Err(CallError::TooMuch { bytes_max });
            }
        }
        Ok(read)
    }

    /// The next message of a stream, without its mark; `None` once the peer has finished between messages.
    ///
    /// # Errors
    ///
    /// As [`Caller::receive`]; a message above the framing's bound, or cut off by the peer's finish.
    pub fn receive_frame(&mut self, framing: Framing) -> Result<Option<Vec<u8>>, FrameError> {
        let mut framer = Framer::new(framing);
        while let Some(bytes) = self.receive()? {
            let mut rest = &bytes[..];
            if let Some(message) = framer.next(&mut rest)? {
                let message = message.into_owned();
                self.ahead = rest.to_vec();
                return Ok(Some(message));
            }
        }
        if framer.unfinished().is_empty() { Ok(None) } else { Err(CallError::Finished.into()) }
    }

    fn wait(&self, wanted: PollFlags) -> Result<(), CallError> {
        let due = self.timeout.map(|timeout| Instant::now() + timeout);
        loop {
            let left = due.map(|due| due.saturating_duration_since(Instant::now()));
            match poll(&mut [PollFd::new(&self.connection.as_fd(), wanted)], left) {
                Ok(0) => return Err(CallError::TimedOut),
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CallError::Failed(error)),
            }
        }
    }
}

/// To wait for it beside other descriptors. Bytes that were received ahead, as [`Caller::read_exactly`] may, are
/// not seen there.
impl AsFd for Caller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.as_fd()
    }
}

/// Why a call could not go on.
#[derive(Debug)]
pub enum CallError {
    /// The peer finished before all was there.
    Finished,
    /// Nothing came, or nothing could be sent, within the time-out.
    TimedOut,
    /// More came than was allowed.
    TooMuch {
        /// What was allowed.
        bytes_max: usize,
    },
    /// A system call failed: the peer reset the connection, for example.
    Failed(io::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Finished => f.write_str("the peer finished before all had come"),
            CallError::TimedOut => f.write_str("timed out"),
            CallError::TooMuch { bytes_max } => write!(f, "more than {bytes_max} bytes came"),
            CallError::Failed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

impl From<io::Error> for CallError {
    fn from(error: io::Error) -> Self {
        CallError::Failed(error)
    }
}

/// Why a message could not be sent or received.
#[derive(Debug)]
pub enum FrameError {
    /// The call cannot go on.
    Call(CallError),
    /// The message does not fit the framing.
    Framing(FramingError),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Call(error) => error.fmt(f),
            FrameError::Framing(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FrameError {}

impl From<CallError> for FrameError {
    fn from(error: CallError) -> Self {
        FrameError::Call(error)
    }
}

impl From<FramingError> for FrameError {
    fn from(error: FramingError) -> Self {
        FrameError::Framing(error)
    }
}
