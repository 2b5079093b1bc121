//! bind(2): an address becomes a bound socket.
//!
//! A port has one owner: the first socket binds without `SO_REUSEPORT`, so that a second server hears
//! `EADDRINUSE`; only then the option is set on it, for siblings of our own that share the port (socket(7)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use address::{Address, Host, OptionKey, Place, Transport};
use rustix::net::sockopt;

use crate::born::{self, Family};
use crate::option_rule::Moment;
use crate::options::{self, Target};
use crate::owned_path::OwnedPath;
use crate::unix_path::bind_path;
use crate::{BindError, Granted, OptionError, Role, errno, resolve, sockaddr};

/// A bound socket, with every option of its life up to listen(2) set.
pub(crate) struct Bound {
    pub(crate) fd: OwnedFd,
    pub(crate) family: Family,
    pub(crate) path: Option<OwnedPath>,
    pub(crate) notes: Vec<Granted>,
}

/// Binds to the first candidate that can be bound, or to the Unix name.
pub(crate) fn bind(address: &Address) -> Result<Bound, BindError> {
    if let Some(key) = address.options.not_for_listening() {
        let error = OptionError::meaningless(key, &address.options, "it has no meaning for one who listens");
        return Err(BindError::option(address, error));
    }
    match &address.place {
        Place::Network { host, .. } => bind_network(address, host),
        Place::Path(path) => bind_path(address, path),
        Place::Abstract(name) => bind_abstract(address, name),
        Place::Standard => Err(BindError::unsupported(address, "nobody calls standard input and output")),
        Place::Descriptor(_) => {
            Err(BindError::unsupported(address, "a descriptor is bound by who passed it"))
        }
    }
}

/// One more socket bound to `local`, where `first` of this process is bound already.
///
/// The kernel lets sockets share a port only if all of them have the same effective user.
pub(crate) fn bind_beside(
    first: BorrowedFd<'_>,
    local: SocketAddr,
    family: Family,
    address: &Address,
) -> Result<Bound, BindError> {
    let failed = |call, error: rustix::io::Errno| BindError::new(address, call, error.into());
    sockopt::set_socket_reuseport(first, true).map_err(|error| failed("setsockopt(2)", error))?;
    bind_candidate(address, local, family, Sharing::WithSiblings)
}

/// Whether `SO_REUSEPORT` is set before bind(2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sharing {
    Exclusive,
    WithSiblings,
}

fn bind_network(address: &Address, host: &Host) -> Result<Bound, BindError> {
    let resolved = resolve(address, Role::Listen).map_err(|error| BindError::resolve(address, error))?;
    let only_v6 = address.options.flag(OptionKey::V6) == Some(true);
    let mut first_failure = None;
    for candidate in resolved.candidates {
        let local = candidate.address;
        let family = match local {
            SocketAddr::V4(_) => Family::V4,
            SocketAddr::V6(v6) => Family::V6 { dual: v6.ip().is_unspecified() && !only_v6 },
        };
        let mut outcome = bind_candidate(address, local, family, Sharing::Exclusive);
        if *host == Host::Any && family == (Family::V6 { dual: true }) && has_no_family(&outcome) {
            let v4 = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), local.port());
            outcome = bind_candidate(address, v4, Family::V4, Sharing::Exclusive);
        }
        match outcome {
            Ok(bound) => return Ok(bound),
            // The first address is the one that was meant most, so its failure is the one to tell.
            Err(error) => first_failure = first_failure.or(Some(error)),
        }
    }
    Err(first_failure.unwrap_or_else(|| BindError::unsupported(address, "the host has no address")))
}

/// Whether the host has no IPv6 at all.
fn has_no_family(outcome: &Result<Bound, BindError>) -> bool {
    let Err(BindError { error: Some(error), .. }) = outcome else { return false };
    errno::is(error, libc::EAFNOSUPPORT) || errno::is(error, libc::EADDRNOTAVAIL)
}

fn bind_candidate(
    address: &Address,
    local: SocketAddr,
    family: Family,
    sharing: Sharing,
) -> Result<Bound, BindError> {
    let transport = address.transport;
    let failed = |call, error| BindError::new(address, call, error);
    let refused = |error| BindError::option(address, error);

    let fd = born::socket(family, transport, &address.options).map_err(|error| failed("socket(2)", error))?;
    let target = Target { fd: fd.as_fd(), transport, family };
    if transport == Transport::Tcp && address.options.get(OptionKey::Reuseaddr).is_none() {
        // Old calls in TIME_WAIT do not keep a server from starting again; a listener still does, socket(7).
        let set = sockopt::set_socket_reuseaddr(&fd, true);
        set.map_err(|error| failed("setsockopt(2)", error.into()))?;
    }
    let mut notes = options::apply(target, &address.options, Moment::BeforeBind).map_err(refused)?;
    if sharing == Sharing::WithSiblings {
        let set = sockopt::set_socket_reuseport(&fd, true);
        set.map_err(|error| failed("setsockopt(2)", error.into()))?;
    }
    rustix::net::bind(&fd, &local).map_err(|error| failed("bind(2)", error.into()))?;
    notes.extend(options::apply(target, &address.options, Moment::BeforeListen).map_err(refused)?);
    Ok(Bound { fd, family, path: None, notes })
}

fn bind_abstract(address: &Address, name: &[u8]) -> Result<Bound, BindError> {
    let transport = address.transport;
    let failed = |call, error| BindError::new(address, call, error);
    for key in [OptionKey::Mode, OptionKey::User, OptionKey::Group] {
        if address.options.get(key).is_some() {
            let why = "an abstract name has no owner and no permissions";
            let error = OptionError::meaningless(key, &address.options, why);
            return Err(BindError::option(address, error));
        }
    }
    let local = sockaddr::from_abstract(name).map_err(|error| failed("bind(2)", error))?;
    let (fd, notes) = born_for_unix(address)?;
    rustix::net::bind(&fd, &local).map_err(|error| failed("bind(2)", error.into()))?;
    let late = before_listen(&fd, address, transport)?;
    Ok(Bound { fd, family: Family::Unix, path: None, notes: [notes, late].concat() })
}

/// A Unix socket with the options that are set before bind(2).
pub(crate) fn born_for_unix(address: &Address) -> Result<(OwnedFd, Vec<Granted>), BindError> {
    let transport = address.transport;
    let fd = born::socket(Family::Unix, transport, &address.options)
        .map_err(|error| BindError::new(address, "socket(2)", error))?;
    let target = Target { fd: fd.as_fd(), transport, family: Family::Unix };
    let notes = options::apply(target, &address.options, Moment::BeforeBind)
        .map_err(|error| BindError::option(address, error))?;
    Ok((fd, notes))
}

/// The options of a Unix socket that are set between bind(2) and listen(2).
pub(crate) fn before_listen(
    fd: &OwnedFd,
    address: &Address,
    transport: Transport,
) -> Result<Vec<Granted>, BindError> {
    let target = Target { fd: fd.as_fd(), transport, family: Family::Unix };
    options::apply(target, &address.options, Moment::BeforeListen)
        .map_err(|error| BindError::option(address, error))
}
