//! The active open: an address becomes a connection.
//!
//! connect(2). TCP races its candidates (`race.rs`); UDP takes the first that it can be connected to, and hears
//! from then on only its peer, a refused port included; who calls a group or a broadcast address hears whoever answers; Unix sockets are `unix_connect.rs`; `fd:N` is taken over.

use std::time::Duration;

use address::{Address, End, Options, Place, Transport};

use crate::open_socket::OpenSocket;
use crate::opening::make_all;
use crate::race::{Race, Won, start};
use crate::unix_connect::connect_unix;
use crate::{
    Attempt, Candidate, ConnectError, ConnectErrorKind, Connection, Granted, OptionError, Role, descriptor,
    interleave, resolve,
};

/// A call that was made.
#[derive(Debug)]
pub struct Connected {
    /// The socket.
    pub connection: Connection,
    /// The address that answered, of those that the name stands for.
    pub end: End,
    /// Options that the kernel granted differently.
    pub notes: Vec<Granted>,
    /// The addresses that failed before that.
    pub failed: Vec<Attempt>,
}

/// Connects to `address`, within its `connect-timeout` (30 s unless given); where proxies are on the way, to the nearest.
///
/// The time for looking up the name comes on top, as resolv.conf(5) has it.
///
/// # Errors
///
/// Each address that was tried, the call that failed and why: see [`ConnectErrorKind`].
pub fn connect(address: &Address) -> Result<Connected, ConnectError> {
    connect_after(address, Duration::ZERO)
}

/// As [`connect`], of whose time so much has gone by already.
///
/// # Errors
///
/// As [`connect`].
pub fn connect_after(address: &Address, gone_by: Duration) -> Result<Connected, ConnectError> {
    check(address)?;
    let within = time_left(address, gone_by)?;
    let transport = address.transport;
    match &address.place {
        Place::Network { .. } => connect_network(address, within),
        Place::Path(path) => connect_local(address, End::Path { transport, path: path.clone() }, within),
        Place::Abstract(name) => {
            connect_local(address, End::Abstract { transport, name: name.clone() }, within)
        }
        Place::Descriptor(number) => adopt(address, *number),
        Place::Standard | Place::Nameless => Err(refuse(address, ConnectErrorKind::Unsupported)),
        Place::Command(_) => Err(refuse(address, ConnectErrorKind::Program)),
    }
}

/// What nobody can connect to.
pub(crate) fn check(address: &Address) -> Result<(), ConnectError> {
    let options = &address.options;
    if let Some(key) = options.not_for_connecting() {
        let error = OptionError::meaningless(key, options, "it has no meaning for one who connects");
        return Err(refuse(address, ConnectErrorKind::Option(Some(Box::new(error)))));
    }
    if address.transport.is_file() {
        return Err(refuse(address, ConnectErrorKind::Unsupported));
    }
    Ok(())
}

/// What is left of the `connect-timeout`.
pub(crate) fn time_left(address: &Address, gone_by: Duration) -> Result<Duration, ConnectError> {
    let within = address.connect_timeout();
    if !gone_by.is_zero() && gone_by >= within {
        return Err(refuse(address, ConnectErrorKind::TimedOut));
    }
    Ok(within.saturating_sub(gone_by))
}

fn connect_network(address: &Address, within: Duration) -> Result<Connected, ConnectError> {
    let candidates = candidates(address)?;
    let won = if address.transport == Transport::Udp {
        first(&candidates, &address.options)
    } else {
        Race::new(candidates).decide(&address.options, within)
    };
    opened(address, won)
}

/// Whom a network address stands for, in the order to try them.
pub(crate) fn candidates(address: &Address) -> Result<Vec<Candidate>, ConnectError> {
    let resolved = resolve(&address.first_hop(), Role::Connect);
    let resolved = resolved.map_err(|error| refuse(address, ConnectErrorKind::Resolve(Box::new(error))))?;
    Ok(interleave(resolved.candidates))
}

/// The first that takes it: over datagrams nobody is waited for.
pub(crate) fn first(candidates: &[Candidate], options: &Options) -> Result<Won, Vec<Attempt>> {
    let mut failed = Vec::new();
    for candidate in candidates {
        match start(*candidate, options) {
            Ok(started) => return Ok(started.won(failed)),
            Err(attempt) => failed.push(attempt),
        }
    }
    Err(failed)
}

/// What was won, or that nobody was reached at `address`.
pub(crate) fn opened(address: &Address, won: Result<Won, Vec<Attempt>>) -> Result<Connected, ConnectError> {
    let fail = |tried| ConnectError::from_attempts(address.shown().to_string(), tried);
    open(won.map_err(fail)?).map_err(|attempt| fail(vec![attempt]))
}

/// The socket that connected, with the options that come after connect(2).
pub(crate) fn open(won: Won) -> Result<Connected, Attempt> {
    let Won { fd, candidate, late, to_many, mut notes, failed } = won;
    let end = End::Ip { transport: candidate.transport, address: candidate.address };
    notes.extend(make_all(&late, &fd).map_err(|failed| failed.into_attempt(end.clone()))?);
    let mut connection = Connection::on(fd, candidate.transport).map_err(|error| Attempt {
        end: end.clone(),
        call: "getsockopt(2)",
        error,
    })?;
    if to_many {
        connection = connection.towards(candidate.address);
    }
    Ok(Connected { connection, end, notes, failed })
}

fn connect_local(address: &Address, end: End, within: Duration) -> Result<Connected, ConnectError> {
    let opened = connect_unix(&end, &address.options, within);
    opened_local(address, end, opened)
}

/// A Unix socket that connected to `end`, or that none did.
pub(crate) fn opened_local(
    address: &Address,
    end: End,
    opened: Result<(OpenSocket, Vec<Granted>), Attempt>,
) -> Result<Connected, ConnectError> {
    let fail = |attempt| ConnectError::from_attempts(address.shown().to_string(), vec![attempt]);
    let (fd, notes) = opened.map_err(fail)?;
    let connection = Connection::on(fd, address.transport)
        .map_err(|error| fail(Attempt { end: end.clone(), call: "getsockopt(2)", error }))?;
    Ok(Connected { connection, end, notes, failed: Vec::new() })
}

/// `fd:N`: a socket that is connected already.
fn adopt(address: &Address, number: u32) -> Result<Connected, ConnectError> {
    let end = End::Descriptor(number);
    let fail = |call, error| {
        ConnectError::from_attempts(
            address.shown().to_string(),
            vec![Attempt { end: end.clone(), call, error }],
        )
    };
    let (fd, transport) = descriptor::adopt(number).map_err(|error| fail("getsockopt(2)", error))?;
    let connection = Connection::on(fd, transport).map_err(|error| fail("getsockopt(2)", error))?;
    connection.peer_end().map_err(|error| fail("getpeername(2)", error))?;
    Ok(Connected { connection, end: End::Descriptor(number), notes: Vec::new(), failed: Vec::new() })
}

fn refuse(address: &Address, kind: ConnectErrorKind) -> ConnectError {
    ConnectError { address: address.shown().to_string(), tried: Vec::new(), kind }
}
