//! connect(2) to a Unix socket, by path or abstract name.
//!
//! unix(7). A listener whose backlog is full gives `EAGAIN` to who does not wait; then we wait in the kernel,
//! for at most `SO_SNDTIMEO`, so that neither a loop nor a sleep is needed.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use address::{End, Options, Shape, Transport};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::net::{SocketAddrUnix, connect, sockopt};

use crate::born::{self, Family};
use crate::option_rule::Moment;
use crate::options::{self, Target};
use crate::{Attempt, Granted, errno};

/// A socket connected to that address. `end` is it again, for the error.
pub(crate) fn connect_unix(
    transport: Transport,
    address: io::Result<SocketAddrUnix>,
    end: &End,
    options: &Options,
    within: Duration,
) -> Result<(OwnedFd, Vec<Granted>), Attempt> {
    let failed = |call, error| Attempt { end: end.clone(), call, error };
    let refused = |error| Attempt::option(end.clone(), error);
    let address = address.map_err(|error| failed("connect(2)", error))?;

    let fd = born::socket(Family::Unix, transport, options).map_err(|error| failed("socket(2)", error))?;
    let target = Target { fd: fd.as_fd(), transport, family: Family::Unix };
    let mut notes = options::apply(target, options, Moment::BeforeBind).map_err(refused)?;
    if transport.shape() == Some(Shape::Datagram) {
        // Autobind, unix(7): with a name of its own, a datagram can be answered.
        let autobind = rustix::net::bind(&fd, &SocketAddrUnix::new_unnamed());
        autobind.map_err(|error| failed("bind(2)", error.into()))?;
    }
    notes.extend(options::apply(target, options, Moment::BeforeConnect).map_err(refused)?);
    match connect(&fd, &address) {
        Ok(()) => {}
        Err(Errno::AGAIN) => wait(&fd, &address, within).map_err(|error| failed("connect(2)", error))?,
        Err(error) => return Err(failed("connect(2)", error.into())),
    }
    Ok((fd, notes))
}

/// Connects, waiting for a place in the listener's backlog; the socket does not wait before nor after.
fn wait(fd: &OwnedFd, address: &SocketAddrUnix, within: Duration) -> io::Result<()> {
    let deadline = Instant::now() + within;
    ioctl_fionbio(fd, false)?;
    let outcome = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break Err(errno::no_answer(within));
        }
        sockopt::set_socket_timeout(fd, sockopt::Timeout::Send, Some(left))?;
        match connect(fd, address) {
            Ok(()) => break Ok(()),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => break Err(errno::no_answer(within)),
            Err(error) => break Err(error.into()),
        }
    };
    sockopt::set_socket_timeout(fd, sockopt::Timeout::Send, None)?;
    ioctl_fionbio(fd, true)?;
    outcome
}
