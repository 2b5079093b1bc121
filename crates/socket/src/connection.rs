//! A connected socket of any shape.
//!
//! recv(2), send(2), shutdown(2), close(2). Nothing here waits, and nothing raises `SIGPIPE`. On a byte stream
//! one [`Connection::receive`] is exactly one system call. Messages are at most 65,507 bytes over UDP (ip(7))
//! and as long as the send buffer over Unix sockets.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use address::{End, Shape, Transport};
use rustix::event::{PollFd, PollFlags};
use rustix::net::RecvFlags;

use crate::call::{self, Value};
use crate::open_socket::OpenSocket;
use crate::owned_path::OwnedPath;
use crate::pipe::Pipe;
use crate::{descriptor, errno};

/// A connected socket: a byte stream, or messages to and from one peer. Dropping it is close(2).
#[derive(Debug)]
pub struct Connection {
    fd: OpenSocket,
    transport: Transport,
    shape: Shape,
    /// Nothing waits on it: it was opened by us. What was passed to us may be in use by others, who would wait.
    is_nonblocking: bool,
    /// Where messages go, if it is not connected: to many hosts, of which any may answer.
    to_many: Option<Box<SocketAddr>>,
    /// Our own path, where this was a bound socket before it was connected.
    #[expect(dead_code, reason = "held to be dropped with the socket")]
    path: Option<Box<OwnedPath>>,
}

/// Reports of errors taken at once: the kernel keeps no more than fit into a receive buffer of usual size.
const REPORTS_MAX: usize = 1_000;

/// What one receive gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Bytes in the buffer.
    pub length: usize,
    /// Bytes that the message had; more than `length` if the buffer was too short and the rest is lost
    /// (`MSG_TRUNC`). On a byte stream nothing is ever lost and it is `length`.
    pub whole: usize,
    /// The peer has finished (FIN): nothing will follow. Never on datagrams, where an empty one is a message.
    pub end: bool,
}

/// Who the peer of a Unix socket was when it connected, as the kernel vouches (`SO_PEERCRED`, unix(7)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Its process; `None` if that is in a process name space we cannot see.
    pub process: Option<u32>,
    /// Its effective user.
    pub user: u32,
    /// Its effective group.
    pub group: u32,
}

impl Connection {
    /// Takes a connected socket. [`Transport::Descriptor`] asks the kernel which transport it is.
    ///
    /// Its file status flags stay as they are, since other processes may share them: the receives and sends
    /// here do not wait in either case.
    ///
    /// # Errors
    ///
    /// `ENOTSOCK` for what is no socket; `EPROTONOSUPPORT` for a socket of a kind that no transport names.
    pub fn from_fd(fd: OwnedFd, transport: Transport) -> io::Result<Connection> {
        Ok(Connection { is_nonblocking: false, ..Connection::on(OpenSocket::from(fd), transport)? })
    }

    /// As [`from_fd`](Self::from_fd), on a socket of ours.
    pub(crate) fn on(fd: OpenSocket, transport: Transport) -> io::Result<Connection> {
        let is_inherited = transport == Transport::Descriptor;
        let transport = if is_inherited { descriptor::transport_of(&fd)? } else { transport };
        let shape = transport.shape().ok_or_else(|| errno::raw(libc::EPROTONOSUPPORT))?;
        Ok(Connection { fd, transport, shape, is_nonblocking: !is_inherited, to_many: None, path: None })
    }

    /// As [`on`](Self::on), keeping the path to which the socket is bound.
    pub(crate) fn with_path(
        fd: OpenSocket,
        transport: Transport,
        path: Option<OwnedPath>,
    ) -> io::Result<Connection> {
        let connection = Connection::on(fd, transport)?;
        Ok(Connection { path: path.map(Box::new), ..connection })
    }

    /// The same socket, bound and not connected: it sends to many hosts, and hears whoever answers.
    pub(crate) fn towards(self, many: SocketAddr) -> Connection {
        Connection { to_many: Some(Box::new(many)), ..self }
    }

    /// Whether it keeps message boundaries.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What carries the bytes.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Our end, getsockname(2).
    ///
    /// # Errors
    ///
    /// What getsockname(2) says.
    pub fn local_end(&self) -> io::Result<End> {
        call::local_end(&self.fd, self.transport)
    }

    /// The peer's end, getpeername(2); the many hosts to which it sends.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` once the connection is gone.
    pub fn peer_end(&self) -> io::Result<End> {
        match &self.to_many {
            Some(many) => Ok(End::Ip { transport: self.transport, address: **many }),
            None => call::peer_end(&self.fd, self.transport),
        }
    }

    /// Who the peer of a Unix socket is; `None` on other transports.
    ///
    /// # Errors
    ///
    /// What getsockopt(2) says; [`io::ErrorKind::InvalidData`] for an answer of another size.
    pub fn peer_credentials(&self) -> io::Result<Option<Credentials>> {
        if !self.transport.is_unix() {
            return Ok(None);
        }
        // struct ucred: pid, uid and gid, each of 4 bytes.
        let mut answer = [0; 12];
        let length = call::get_option_bytes(&self.fd, libc::SOL_SOCKET, libc::SO_PEERCRED, &mut answer)?;
        let ([process, user, group], []) = answer[..length].as_chunks::<4>() else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let process = u32::from_ne_bytes(*process);
        Ok(Some(Credentials {
            process: (process != 0).then_some(process),
            user: u32::from_ne_bytes(*user),
            group: u32::from_ne_bytes(*group),
        }))
    }

    /// recv(2): what has come; on a message transport one message.
    ///
    /// An empty record of `unix-seqpacket` is a message, unless it is the last before the peer's FIN: that one
    /// cannot be told from the FIN.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing has come; `ECONNRESET`; `ECONNREFUSED` on connected datagrams
    /// if nobody listens there.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.receive_with(buffer, RecvFlags::empty())
    }

    /// As [`receive`](Self::receive), but what was received stays to be received again (`MSG_PEEK`).
    ///
    /// # Errors
    ///
    /// As [`receive`](Self::receive).
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<Received> {
        self.receive_with(buffer, RecvFlags::PEEK)
    }

    fn receive_with(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
        let room = !buffer.is_empty();
        match self.shape {
            // MSG_TRUNC on a TCP socket would throw the bytes away, tcp(7).
            Shape::Stream => {
                let (length, _) = call::receive(&self.fd, buffer, flags)?;
                Ok(Received { length, whole: length, end: length == 0 && room })
            }
            Shape::Datagram => {
                let outcome = call::receive(&self.fd, buffer, flags | RecvFlags::TRUNC);
                let (length, whole) = outcome.inspect_err(|error| self.clear_reports(error))?;
                Ok(Received { length, whole, end: false })
            }
            Shape::SeqPacket => {
                let (length, whole) = call::receive(&self.fd, buffer, flags | RecvFlags::TRUNC)?;
                let end = whole == 0 && self.peer_finished_and_all_is_read()?;
                Ok(Received { length, whole, end })
            }
        }
    }

    fn peer_finished_and_all_is_read(&self) -> io::Result<bool> {
        let mut ask = [PollFd::new(&self.fd, PollFlags::RDHUP)];
        call::poll(&mut ask, Some(Duration::ZERO))?;
        let finished = ask[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP);
        Ok(finished && self.unread()? == 0)
    }

    /// Bytes that have come and were not received; of datagrams those of the first (`FIONREAD`, udp(7)).
    ///
    /// # Errors
    ///
    /// What ioctl(2) says.
    pub fn unread(&self) -> io::Result<usize> {
        let bytes = call::fionread(&self.fd)?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// Bytes that were sent and that the peer's host has not acknowledged (`SIOCOUTQ`, tcp(7)).
    ///
    /// # Errors
    ///
    /// What ioctl(2) says.
    pub fn undelivered(&self) -> io::Result<usize> {
        let bytes = call::outq(&self.fd)?;
        Ok(usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// send(2): as much of the bytes as the kernel takes now; a message whole or not at all.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes nothing now; `EPIPE` after the peer has gone or
    /// [`finish`](Self::finish); `ECONNRESET`; `EMSGSIZE` for a message that is too long.
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.to_many {
            Some(many) => {
                let shown = || End::Ip { transport: self.transport, address: **many };
                call::send_to(&self.fd, bytes, &**many, shown)
            }
            None => call::send(&self.fd, bytes).inspect_err(|error| self.clear_reports(error)),
        }
    }

    /// After an error that a router or the peer's host may have reported: takes what the kernel keeps of such reports
    /// (`MSG_ERRQUEUE`, ip(7)), each of which is the error of a call once. While it keeps one, poll(2) says POLLERR.
    #[inline]
    fn clear_reports(&self, error: &io::Error) {
        if self.transport == Transport::Udp && error.kind() != io::ErrorKind::WouldBlock {
            self.take_reports();
        }
    }

    #[cold]
    fn take_reports(&self) {
        let take = || call::receive(&self.fd, &mut [0], RecvFlags::ERRQUEUE);
        let _taken = (0..REPORTS_MAX).take_while(|_| take().is_ok()).count();
    }

    /// Whether bytes can go to and from it through a [`Pipe`].
    #[must_use]
    pub fn can_splice(&self) -> bool {
        self.shape == Shape::Stream && self.is_nonblocking
    }

    /// splice(2): as [`receive`](Self::receive), into a pipe.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] also if the pipe is full.
    pub fn receive_into(&self, pipe: &mut Pipe) -> io::Result<usize> {
        pipe.fill(&self.fd)
    }

    /// splice(2): as [`send`](Self::send), out of a pipe.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_from(&self, pipe: &mut Pipe) -> io::Result<usize> {
        pipe.drain(&self.fd)
    }

    /// Sends one urgent byte (`MSG_OOB`, RFC 6093): a mark in a TCP or Unix byte stream.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` where there is no such thing; otherwise as [`send`](Self::send).
    pub fn send_out_of_band(&self, byte: u8) -> io::Result<()> {
        call::send_urgent(&self.fd, byte).map(drop)
    }

    /// The urgent byte that has come, if one has; with `oobinline` it is among the others and never here.
    ///
    /// # Errors
    ///
    /// `EOPNOTSUPP` where there is no such thing; what recv(2) says.
    pub fn receive_out_of_band(&self) -> io::Result<Option<u8>> {
        match call::receive_urgent(&self.fd) {
            // tcp(7): EINVAL says that there is none, EAGAIN that it is on its way.
            Err(error) if errno::is(&error, libc::EINVAL) || errno::is(&error, libc::EAGAIN) => Ok(None),
            outcome => outcome,
        }
    }

    /// shutdown(2) with `SHUT_WR`: we will send no more (FIN), and may still receive.
    ///
    /// # Errors
    ///
    /// `ENOTCONN` once the connection is gone.
    pub fn finish(&self) -> io::Result<()> {
        call::shutdown(&self.fd)
    }

    /// Closes at once: a TCP peer gets a reset (RST), and what was not sent yet is dropped.
    pub fn abort(self) {
        self.reset_at_close();
    }

    /// As [`abort`](Self::abort), once it is dropped: it can still be asked what it was like.
    pub fn reset_at_close(&self) {
        // SO_LINGER of 0, socket(7). Where it cannot be set, close(2) is as abrupt as it gets.
        let at_once = Value::Linger(Duration::ZERO);
        let _ = call::set_option(&self.fd, libc::SOL_SOCKET, libc::SO_LINGER, &at_once);
    }

    /// The error that is waiting, if one is (`SO_ERROR`); it is cleared.
    ///
    /// # Errors
    ///
    /// What getsockopt(2) itself says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        call::pending_error(&self.fd)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Connection> for OwnedFd {
    /// Gives the descriptor away. A path that the socket is bound to is removed.
    fn from(connection: Connection) -> OwnedFd {
        connection.fd.into()
    }
}
