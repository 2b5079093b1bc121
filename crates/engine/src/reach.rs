//! A call to an address is made: connect(2), and then through the proxies on the way.
//!
//! What is said with proxies is the layers' ([`layers::Socks5`], [`layers::HttpConnect`]); here it is carried to and fro
//! until the last has called. It blocks, as connecting does, within the same `connect-timeout`. Protected: nothing of
//! what comes behind their last answer is received here (`MSG_PEEK`), so that the socket is then as good as one without
//! proxies: layers lie on it, and splice(2) moves what comes.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use address::{Address, Behind, End, Host, Place, Port, Transport, Via, ViaProtocol};
use conversation::{DialFailure, DialFailureKind, Moment, Now};
use layers::{
    Above, Destination, DestinationHost, Failure, HttpConnect, Layer, ProxyCredentials, Socks5, Stack,
    ViaFailure, ViaProblem,
};
use rustix::event::{PollFd, PollFlags};
use socket::call::poll;
use socket::{Begun, ConnectError, ConnectErrorKind, Connected, Connection, ResolveError, ResolveErrorKind};

/// Bytes that are looked at together: most answers are shorter.
const PEEK_BYTES: usize = 1024;

/// What is said with a proxy has no time of its own.
const TIMELESS: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// Why an address was not reached.
#[derive(Debug)]
pub enum ReachError {
    /// It, or the nearest proxy, could not be connected to.
    Connect(ConnectError),
    /// The port's service, which the proxy is to call by number, is not known.
    Port {
        /// The address.
        address: String,
        /// Why.
        error: ResolveError,
    },
    /// A proxy did not call.
    Via {
        /// The address.
        address: String,
        /// Which proxy, and why.
        failure: ViaFailure,
    },
}

/// Calls `address` within its `connect-timeout`, of which so much has gone by already.
///
/// # Errors
///
/// Nobody was reached: each candidate and why, or which proxy did not call, and why.
pub fn reach(address: &Address, gone_by: Duration) -> Result<Connected, ReachError> {
    let began = Instant::now();
    if address.options.vias().next().is_none() {
        return socket::connect_after(address, gone_by).map_err(ReachError::Connect);
    }
    let hops =
        hops(address).map_err(|error| ReachError::Port { address: address.shown().to_string(), error })?;
    let connected = socket::connect_after(address, gone_by).map_err(ReachError::Connect)?;
    let left = address.connect_timeout().saturating_sub(gone_by);
    through(&connected.connection, &hops, began + left)
        .map_err(|failure| ReachError::Via { address: address.shown().to_string(), failure })?;
    let end = match (&address.place, connected.end.ip(), hops.last()) {
        (Place::Network { host, .. }, Some(proxy), Some((_, last))) => {
            End::Behind(Box::new(Behind { host: host.clone(), port: last.port, proxy }))
        }
        _ => connected.end,
    };
    Ok(Connected { end, ..connected })
}

/// Begins a call to `address`, without waiting; with proxies on the way, nothing is begun.
///
/// # Errors
///
/// As [`reach`].
pub(crate) fn begin(address: &Address) -> Result<Begun, ReachError> {
    if address.options.vias().next().is_some() {
        return Ok(Begun::Not);
    }
    socket::begin(address).map_err(ReachError::Connect)
}

/// Each proxy on the way, from near to far, and whom it is to call.
fn hops(address: &Address) -> Result<Vec<(&Via, Destination)>, ResolveError> {
    let Place::Network { host, port } = &address.place else { return Ok(Vec::new()) };
    let places = address.options.vias().skip(1).map(|via| (&via.host, &via.port)).chain([(host, port)]);
    address
        .options
        .vias()
        .zip(places)
        .map(|(via, (host, port))| Ok((via, destination(host, port)?)))
        .collect()
}

fn destination(host: &Host, port: &Port) -> Result<Destination, ResolveError> {
    let host = match host {
        Host::Any => DestinationHost::Name("localhost".into()), // the proxy's own
        Host::Name(name) => DestinationHost::Name(name.clone()),
        Host::V4(ip) => DestinationHost::Ip(IpAddr::V4(*ip)),
        // A zone is one of ours, and says nothing there.
        Host::V6 { address, .. } => DestinationHost::Ip(IpAddr::V6(*address)),
    };
    Ok(Destination { host, port: socket::port_number(port, Transport::Tcp)? })
}

/// Speaks with the proxies until the last has called.
fn through(
    connection: &Connection,
    hops: &[(&Via, Destination)],
    deadline: Instant,
) -> Result<(), ViaFailure> {
    let mut stack = Stack::new(hops.iter().map(|(via, to)| layer(via, to)).collect());
    let fail = |open: usize, problem| {
        // There is one proxy at least.
        let (via, to) = &hops[open.min(hops.len() - 1)];
        ViaFailure::new(&via.without_credentials().to_string(), to, problem)
    };
    let mut above = Above::default();
    stack.opened(TIMELESS, &mut above);
    let mut buffer = [0; PEEK_BYTES];
    loop {
        if let Some(Failure::Via(failure)) = above.failed() {
            return Err(failure.clone());
        }
        if above.is_open() {
            return Ok(());
        }
        let open = hops.len().saturating_sub(stack.depth());
        above.clear();
        while !stack.outgoing().is_empty() {
            let sent = wait_for(connection, PollFlags::OUT, deadline, || connection.send(stack.outgoing()));
            stack.sent(sent.map_err(|problem| fail(open, problem))?);
        }
        let peek = wait_for(connection, PollFlags::IN, deadline, || connection.peek(&mut buffer));
        let peeked = peek.map_err(|problem| fail(open, problem))?;
        if peeked.end {
            return Err(fail(open, ViaProblem::HungUp));
        }
        stack.received(TIMELESS, &buffer[..peeked.length], &mut above);
        // What is above is not the proxies': it stays on the socket.
        let behind: usize = above.pieces().map(<[u8]>::len).sum();
        let taken = peeked.length.saturating_sub(behind);
        connection.receive(&mut buffer[..taken]).map_err(|_| fail(open, ViaProblem::HungUp))?;
    }
}

fn layer(via: &Via, to: &Destination) -> Box<dyn Layer> {
    let proxy = via.without_credentials().to_string();
    let credentials = via
        .credentials
        .as_ref()
        .map(|known| ProxyCredentials { user: known.user.clone(), password: known.password.clone() });
    match via.protocol {
        ViaProtocol::Socks5 => Box::new(Socks5::new(&proxy, to.clone(), credentials)),
        ViaProtocol::HttpConnect => Box::new(HttpConnect::new(&proxy, to.clone(), credentials)),
    }
}

/// Makes a call, again and again until it need not wait.
fn wait_for<T>(
    connection: &Connection,
    event: PollFlags,
    deadline: Instant,
    mut call: impl FnMut() -> io::Result<T>,
) -> Result<T, ViaProblem> {
    loop {
        match call() {
            Ok(done) => return Ok(done),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return Err(ViaProblem::HungUp),
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ViaProblem::TimedOut);
        }
        // A signal (EINTR) is a wake-up: the call is tried again.
        let _woken = poll(&mut [PollFd::new(connection, event)], Some(left));
    }
}

impl ReachError {
    /// What kind of failure it is.
    #[must_use]
    pub fn kind(&self) -> DialFailureKind {
        match self {
            ReachError::Connect(error) => kind_of(&error.kind),
            ReachError::Port { .. } => DialFailureKind::NameNotFound,
            ReachError::Via { failure, .. } => failure.kind(),
        }
    }

    /// Whether the same may go better later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            ReachError::Connect(error) => may_pass(error),
            ReachError::Port { .. } => false,
            ReachError::Via { failure, .. } => failure.may_pass(),
        }
    }
}

impl From<ReachError> for DialFailure {
    fn from(error: ReachError) -> DialFailure {
        DialFailure { kind: error.kind(), may_pass: error.may_pass(), text: error.to_string() }
    }
}

impl fmt::Display for ReachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReachError::Connect(error) => error.fmt(f),
            ReachError::Port { address, error } => write!(f, "cannot connect to {address}: {error}"),
            ReachError::Via { address, failure } => write!(f, "cannot connect to {address}: {failure}"),
        }
    }
}

impl std::error::Error for ReachError {}

pub(crate) fn kind_of(kind: &ConnectErrorKind) -> DialFailureKind {
    match kind {
        ConnectErrorKind::Resolve(_) => DialFailureKind::NameNotFound,
        ConnectErrorKind::Refused => DialFailureKind::Refused,
        ConnectErrorKind::Unreachable => DialFailureKind::Unreachable,
        ConnectErrorKind::TimedOut => DialFailureKind::TimedOut,
        ConnectErrorKind::Option(_)
        | ConnectErrorKind::NotStarted
        | ConnectErrorKind::Program
        | ConnectErrorKind::NotOpened(_)
        | ConnectErrorKind::Misfit(_)
        | ConnectErrorKind::Unsupported
        | ConnectErrorKind::Other => DialFailureKind::Other,
    }
}

/// What passes by itself: a server that is not there yet, a way that is not there now, a resolver that cannot answer
/// now, and what is short for the moment.
fn may_pass(error: &ConnectError) -> bool {
    match &error.kind {
        ConnectErrorKind::Refused | ConnectErrorKind::Unreachable | ConnectErrorKind::TimedOut => true,
        ConnectErrorKind::Resolve(resolve) => resolve.what == ResolveErrorKind::TryAgain,
        ConnectErrorKind::Other => is_short(error),
        ConnectErrorKind::Option(_)
        | ConnectErrorKind::NotStarted
        | ConnectErrorKind::Program
        | ConnectErrorKind::NotOpened(_)
        | ConnectErrorKind::Misfit(_)
        | ConnectErrorKind::Unsupported => false,
    }
}

/// Whether something was short that others may give back.
pub(crate) fn is_short(error: &ConnectError) -> bool {
    let errno = error.tried.last().and_then(|attempt| attempt.error.raw_os_error());
    matches!(errno, Some(libc::EMFILE | libc::ENFILE | libc::EAGAIN | libc::ENOMEM | libc::ENOBUFS))
}
