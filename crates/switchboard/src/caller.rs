//! A blocking caller: exact reads, full writes, bounded lines and frames.
//!
//! readn, writen and readline of the textbooks: a read that is short is read on, a write that is short is
//! written on, and a line has a bound.

mod layered;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use address::{Address, End, Shape};
use conversation::{Framer, Framing, FramingError};
use engine::OpenCallError;
use layers::Failure;
use rustix::event::{PollFd, PollFlags};
use socket::Connection;
use socket::call::poll;

use layered::Layered;

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
///
/// An address with layers is called through them; each is open when [`Caller::call`] returns, and ends when the caller
/// finishes, or is dropped. Over `ws://` and `wss://` a message is a message:
///
/// ```
/// # use switchboard::{Caller, Server, services::Echo};
/// let server = Server::new(Echo).at("ws://127.0.0.1:0")?.start()?;
/// let mut caller = Caller::call(&server.addresses()[0])?;
/// caller.send(b"one")?;
/// caller.send(b"two")?;
/// assert_eq!(caller.receive()?.as_deref(), Some(&b"one"[..]));
/// assert_eq!(caller.receive()?.as_deref(), Some(&b"two"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Caller {
    line: Line,
    /// Received and not yet handed out: pieces of a stream, or messages.
    ahead: VecDeque<Vec<u8>>,
    /// How long any one wait may last.
    timeout: Option<Duration>,
}

/// What it speaks on.
#[derive(Debug)]
enum Line {
    Bare(Connection),
    Layered(Box<Layered>),
}

impl Caller {
    /// Calls `address`, racing all addresses that its name stands for (RFC 8305).
    ///
    /// # Errors
    ///
    /// Every address tried, and why each failed; why a layer could not be made, or could not go on. `exec:` and `sh:`
    /// are no calls: a program is started by [`std::process::Command`].
    pub fn call(address: &Address) -> Result<Caller, OpenCallError> {
        let layered = Layered::making(address)?;
        let connection = socket::connect(address)?.connection;
        Ok(match layered {
            None => Caller::on(connection),
            Some(making) => Caller::of(Line::Layered(Box::new(making.open(connection, address)?))),
        })
    }

    /// Speaks on a connection that is open already.
    #[must_use]
    pub fn on(connection: Connection) -> Caller {
        Caller::of(Line::Bare(connection))
    }

    fn of(line: Line) -> Caller {
        Caller { line, ahead: VecDeque::new(), timeout: None }
    }

    fn connection(&self) -> &Connection {
        match &self.line {
            Line::Bare(connection) => connection,
            Line::Layered(layered) => layered.connection(),
        }
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
        Ok((self.connection().local_end()?, self.connection().peer_end()?))
    }

    /// Whether the call is a byte stream or keeps message boundaries.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match &self.line {
            Line::Bare(connection) => connection.shape(),
            Line::Layered(layered) => layered.shape(),
        }
    }

    /// Sends all of the bytes; on a message transport, as one message.
    ///
    /// # Errors
    ///
    /// The peer is gone, or the time-out.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        let connection = match &mut self.line {
            Line::Bare(connection) => connection,
            Line::Layered(layered) => return layered.send(bytes, self.timeout),
        };
        let mut rest = bytes;
        loop {
            match connection.send(rest) {
                Ok(sent) if sent >= rest.len() => return Ok(()),
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(connection, PollFlags::OUT, self.timeout)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends no more; the peer sees the end and may go on sending. Over TLS that is a close_notify, over WebSocket a
    /// close frame.
    ///
    /// # Errors
    ///
    /// shutdown(2): the connection is gone.
    pub fn finish(&mut self) -> Result<(), CallError> {
        match &mut self.line {
            Line::Bare(connection) => Ok(connection.finish()?),
            Line::Layered(layered) => layered.finish(self.timeout),
        }
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
    /// The peer is gone, or the time-out; a layer could not go on; a message above 256 KiB (above its `message-max` over
    /// WebSocket), of which nothing is handed out.
    pub fn receive(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        if let Some(ahead) = self.ahead.pop_front() {
            return Ok(Some(ahead));
        }
        let bytes_max = if self.shape().keeps_boundaries() { MESSAGE_BYTES } else { RECEIVE_BYTES };
        let connection = match &mut self.line {
            Line::Bare(connection) => connection,
            Line::Layered(layered) => return layered.receive(&mut self.ahead, self.timeout),
        };
        let mut buffer = vec![0; bytes_max];
        loop {
            match connection.receive(&mut buffer) {
                Ok(received) if received.end => return Ok(None),
                Ok(received) if received.whole > received.length => {
                    return Err(CallError::TooMuch { bytes_max });
                }
                Ok(received) => {
                    buffer.truncate(received.length);
                    return Ok(Some(buffer));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(connection, PollFlags::IN, self.timeout)?;
                }
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
        let rest = read.split_off(bytes);
        self.put_back(rest);
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
                let rest = rest.to_vec();
                self.put_back(rest);
                return Ok(Some(message));
            }
        }
        if framer.unfinished().is_empty() { Ok(None) } else { Err(CallError::Finished.into()) }
    }

    fn put_back(&mut self, rest: Vec<u8>) {
        if !rest.is_empty() {
            self.ahead.push_front(rest);
        }
    }
}

fn wait(connection: &Connection, wanted: PollFlags, timeout: Option<Duration>) -> Result<(), CallError> {
    let due = timeout.map(|timeout| Instant::now() + timeout);
    loop {
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        match poll(&mut [PollFd::new(connection, wanted)], left) {
            Ok(0) => return Err(CallError::TimedOut),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CallError::Failed(error)),
        }
    }
}

/// To wait for it beside other descriptors. Bytes that were received ahead, as [`Caller::read_exactly`] may and layers
/// do, are not seen there.
impl AsFd for Caller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection().as_fd()
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
    /// A layer of the address could not go on: the stream was cut short (TLS), a message was too long (WebSocket).
    Layers(Box<Failure>),
    /// A system call failed: the peer reset the connection, for example.
    Failed(io::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Finished => f.write_str("the peer finished before all had come"),
            CallError::TimedOut => f.write_str("timed out"),
            CallError::TooMuch { bytes_max } => write!(f, "more than {bytes_max} bytes came"),
            CallError::Layers(failure) => failure.fmt(f),
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
