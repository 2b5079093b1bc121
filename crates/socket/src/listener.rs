//! The passive open: a bound socket that listens, and answers callers.
//!
//! bind(2), listen(2), accept4(2). An accepted TCP socket has the options of its listener, which the kernel
//! copies; `quickack`, and buffers on Unix sockets, it does not, so they are set again.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use address::{Address, End, OptionKey, Place, Shape, Transport};

use crate::bind::{Bound, bind, bind_beside};
use crate::born::Family;
use crate::open_socket::OpenSocket;
use crate::options::{backlog, complete_accepted};
use crate::owned_path::OwnedPath;
use crate::{BindError, Connection, Granted, call, descriptor, errno, sockaddr};

/// A listening socket: tcp, unix or unix-seqpacket. Dropping it is close(2), and removes its Unix path.
#[derive(Debug)]
pub struct Listener {
    fd: OpenSocket,
    transport: Transport,
    family: Family,
    address: Arc<Address>,
    /// Whether an accepted socket lacks something that its listener has.
    completes: bool,
    path: Option<Arc<OwnedPath>>,
}

/// A caller that was answered.
#[derive(Debug)]
pub struct Accepted {
    /// The call.
    pub connection: Connection,
    /// Who called.
    pub peer: End,
}

impl Listener {
    /// Binds to the first address of `address` that can be bound, and listens there.
    ///
    /// `:PORT` and `[::]:PORT` answer both families. Port 0 lets the kernel choose: ask [`local_end`](Self::local_end).
    /// The backlog is 4096 unless given (`net.core.somaxconn` caps it).
    ///
    /// # Errors
    ///
    /// See [`BindErrorKind`](crate::BindErrorKind).
    pub fn bind(address: &Address) -> Result<(Listener, Vec<Granted>), BindError> {
        let (listener, notes) = Listener::bound(address)?;
        listener.listen()?;
        Ok((listener, notes))
    }

    /// As [`bind`](Self::bind), for `workers` listeners that share the port: the kernel spreads callers over them.
    ///
    /// All are bound before the first listens, so each gets its share from the first caller on. Of Unix sockets
    /// the listeners share one queue. 0 workers are taken for 1.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind).
    pub fn bind_group(address: &Address, workers: usize) -> Result<(Vec<Listener>, Vec<Granted>), BindError> {
        let (first, notes) = Listener::bound(address)?;
        let mut listeners = Vec::with_capacity(workers.max(1));
        for _ in 1..workers {
            listeners.push(first.sibling()?);
        }
        listeners.insert(0, first);
        listeners.iter().try_for_each(Listener::listen)?;
        Ok((listeners, notes))
    }

    /// One more listener on the same port for another worker (`SO_REUSEPORT`); of a Unix socket a duplicate that
    /// shares its queue.
    ///
    /// The effective user must be the one who bound the first.
    ///
    /// # Errors
    ///
    /// What [`bind`](Self::bind) would say, as an [`io::Error`] with the same text.
    pub fn another(&self) -> io::Result<Listener> {
        let listener = self.sibling().map_err(into_io)?;
        listener.listen().map_err(into_io)?;
        Ok(listener)
    }

    /// accept4(2): the caller that has waited longest.
    ///
    /// # Errors
    ///
    /// What to do about one is [`AcceptOutcome::of`](crate::AcceptOutcome::of).
    #[inline]
    pub fn accept(&self) -> io::Result<Accepted> {
        let (fd, peer) = call::accept(&self.fd, self.transport)?;
        Ok(Accepted { connection: self.connection(fd)?, peer })
    }

    /// A caller that the kernel was asked to accept here beforehand (`IORING_OP_ACCEPT`), non-blocking and
    /// close-on-exec; getpeername(2) says who it is, or who it was if it has reset the call meanwhile.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept) without `EAGAIN`; `ECONNABORTED` if nobody knows any more who it was.
    #[inline]
    pub fn accepted(&self, caller: OwnedFd) -> io::Result<Accepted> {
        let fd = OpenSocket::from(caller);
        let peer = match call::peer_end(&fd, self.transport) {
            Err(error) if errno::is(&error, libc::ENOTCONN) => self.end_of_the_gone(&fd)?,
            peer => peer?,
        };
        Ok(Accepted { connection: self.connection(fd)?, peer })
    }

    /// Resets a caller that was accepted and is not to be answered, as close(2) does to those in the backlog.
    pub fn turn_away(&self, caller: OwnedFd) {
        // A descriptor that is no connection is closed all the same.
        let _ = Connection::on(OpenSocket::from(caller), self.transport).map(Connection::abort);
    }

    /// Who has called and reset the call: what it sent before is still to be read.
    #[cold]
    fn end_of_the_gone(&self, fd: &OpenSocket) -> io::Result<End> {
        // EINVAL to who asks for more than the address has.
        let address = [size_of::<libc::sockaddr_in6>(), size_of::<libc::sockaddr_in>()].into_iter().find_map(
            |length| {
                let mut answer = [0; size_of::<libc::sockaddr_in6>()];
                let asked = &mut answer[..length];
                call::get_option_bytes(fd, libc::SOL_SOCKET, libc::SO_PEERNAME, asked).ok()?;
                sockaddr::from_raw(asked)
            },
        );
        let address = address.ok_or_else(|| errno::raw(libc::ECONNABORTED))?;
        Ok(End::Ip { transport: self.transport, address })
    }

    #[inline]
    fn connection(&self, fd: OpenSocket) -> io::Result<Connection> {
        if self.completes {
            complete_accepted(&fd, self.family, self.transport, &self.address.options);
        }
        Connection::on(fd, self.transport)
    }

    /// Where it listens, with the port that the kernel chose, getsockname(2).
    ///
    /// # Errors
    ///
    /// What getsockname(2) says.
    pub fn local_end(&self) -> io::Result<End> {
        call::local_end(&self.fd, self.transport)
    }

    /// What carries the bytes.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// Bound, and not listening yet.
    fn bound(address: &Address) -> Result<(Listener, Vec<Granted>), BindError> {
        if let Place::Descriptor(number) = address.place {
            return Ok((Listener::adopt(address, number)?, Vec::new()));
        }
        if address.transport.shape() == Some(Shape::Datagram) {
            return Err(BindError::unsupported(address, "datagrams come without a call to accept"));
        }
        let Bound { fd, family, path, notes } = bind(address)?;
        Ok((Listener::from_bound(fd, family, path.map(Arc::new), Arc::new(address.clone())), notes))
    }

    fn from_bound(
        fd: OpenSocket,
        family: Family,
        path: Option<Arc<OwnedPath>>,
        address: Arc<Address>,
    ) -> Listener {
        let asked = |key| address.options.get(key).is_some();
        let buffers = asked(OptionKey::Rcvbuf) || asked(OptionKey::Sndbuf);
        let completes = asked(OptionKey::Quickack) || (family == Family::Unix && buffers);
        Listener { fd, transport: address.transport, family, address, completes, path }
    }

    fn sibling(&self) -> Result<Listener, BindError> {
        let failed = |call, error| BindError::new(&self.address, call, error);
        let local = self.local_end().map_err(|error| failed("getsockname(2)", error))?;
        let of_our_own = self.address.transport != Transport::Descriptor;
        let fd = match local {
            End::Ip { address: local, .. } if of_our_own => {
                bind_beside(self.fd.as_fd(), local, self.family, &self.address)?.fd
            }
            End::Ip { .. }
            | End::Path { .. }
            | End::Abstract { .. }
            | End::Unnamed(_)
            | End::Standard
            | End::Descriptor(_)
            | End::Command { .. }
            | End::Behind(_) => call::duplicate(&self.fd).map_err(|error| failed("fcntl(2)", error))?,
        };
        let path = self.path.clone();
        let (address, completes) = (Arc::clone(&self.address), self.completes);
        Ok(Listener { fd, transport: self.transport, family: self.family, address, completes, path })
    }

    fn listen(&self) -> Result<(), BindError> {
        // One that was passed listens already, with the backlog that its owner chose.
        if self.address.transport == Transport::Descriptor {
            return Ok(());
        }
        call::listen(&self.fd, backlog(&self.address.options))
            .map_err(|error| BindError::new(&self.address, "listen(2)", error))
    }

    /// `fd:N`: a socket that listens already. It is set not to wait, as socket activation expects.
    fn adopt(address: &Address, number: u32) -> Result<Listener, BindError> {
        let failed = |call, error| BindError::new(address, call, error);
        let (fd, transport) = descriptor::adopt(number).map_err(|error| failed("getsockopt(2)", error))?;
        if !descriptor::is_listening(&fd).map_err(|error| failed("getsockopt(2)", error))? {
            return Err(failed("getsockopt(2)", errno::raw(libc::EINVAL)));
        }
        call::fionbio(&fd, true).map_err(|error| failed("ioctl(2)", error))?;
        let family = if transport.is_ip() { Family::V6 { dual: true } } else { Family::Unix };
        let listener = Listener::from_bound(fd, family, None, Arc::new(address.clone()));
        Ok(Listener { transport, ..listener })
    }
}

fn into_io(error: BindError) -> io::Error {
    let kind = error.error.as_ref().map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(kind, error)
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
