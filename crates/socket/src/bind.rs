//! bind(2): an address becomes a bound socket.
//!
//! A port has one owner: the first socket binds without `SO_REUSEPORT`, so that a second server hears
//! `EADDRINUSE`; only then the option is set on it, for siblings of our own that share the port (socket(7)).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::BorrowedFd;

use address::{Address, End, Host, OptionKey, Place};

use crate::born::Family;
use crate::open_socket::OpenSocket;
use crate::opening::{Failed, Opening, Sharing, Step, make_all};
use crate::owned_path::OwnedPath;
use crate::unix_path::bind_path;
use crate::{BindError, Granted, OptionError, Role, errno, resolve};

/// A bound socket, with every option of its life up to listen(2) set.
pub(crate) struct Bound {
    pub(crate) fd: OpenSocket,
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
    if address.transport.is_file() {
        return Err(BindError::unsupported(address, "it is opened, and nobody calls there"));
    }
    match &address.place {
        Place::Network { host, .. } => bind_network(address, host),
        Place::Path(path) => bind_path(address, path),
        Place::Abstract(name) => bind_abstract(address, name),
        Place::Standard => Err(BindError::unsupported(address, "nobody calls standard input and output")),
        Place::Command(_) | Place::Nameless => {
            Err(BindError::unsupported(address, "nobody can call what is started or made"))
        }
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
    make_all(&[Step::share_port()], first).map_err(|failed| failed.into_bind_error(address))?;
    bind_candidate(address, local, family, Sharing::WithSiblings)
}

fn bind_network(address: &Address, host: &Host) -> Result<Bound, BindError> {
    let resolved = resolve(address, Role::Listen).map_err(|error| BindError::resolve(address, error))?;
    let mut first_failure = None;
    for candidate in resolved.candidates {
        let local = candidate.address;
        let family = Family::to_listen(&local, &address.options);
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
    let opening = Opening::bound(address, local, family, sharing);
    bind_as(address, opening.map_err(|error| BindError::option(address, error))?)
}

/// Makes the calls of an opening that needs nothing between them.
fn bind_as(address: &Address, opening: Opening) -> Result<Bound, BindError> {
    let refused = |failed: Failed| failed.into_bind_error(address);
    let (fd, mut notes) = opening.begin().map_err(refused)?;
    opening.name_end(&fd).map_err(|error| BindError::new(address, "bind(2)", error))?;
    notes.extend(opening.finish(&fd).map_err(refused)?);
    Ok(Bound { fd, family: opening.birth.family, path: None, notes })
}

fn bind_abstract(address: &Address, name: &[u8]) -> Result<Bound, BindError> {
    for key in [OptionKey::Mode, OptionKey::User, OptionKey::Group] {
        if address.options.get(key).is_some() {
            let why = "an abstract name has no owner and no permissions";
            let error = OptionError::meaningless(key, &address.options, why);
            return Err(BindError::option(address, error));
        }
    }
    let local = End::Abstract { transport: address.transport, name: name.into() };
    let opening = Opening::bound_unix(address, local);
    bind_as(address, opening.map_err(|error| BindError::option(address, error))?)
}
