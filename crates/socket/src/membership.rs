//! Multicast: which groups a socket joins, and whom it hears in them.
//!
//! ip(7), ipv6(7); RFC 3678 section 5.1: `MCAST_JOIN_SOURCE_GROUP` joins a group for what one host sends to it (RFC
//! 4607). A socket that is bound to a group joins it, and shares the port with whoever else hears that group here
//! (`SO_REUSEADDR`): each gets a copy. Protected: a socket that has joined groups hears those and no others;
//! by default Linux hands it what any process of the host has joined (`IP_MULTICAST_ALL`).

use std::io;
use std::net::{IpAddr, SocketAddr};

use address::{OptionKey, OptionValue, Options, Transport};

use crate::born::Family;
use crate::call::Value;
use crate::opening::{Asked, Step};
use crate::options::ip_names;
use crate::{OptionError, errno};

/// linux/in6.h, since Linux 4.20; libc has no name for it.
pub(crate) const IPV6_MULTICAST_ALL: i32 = 29;

/// Whether a datagram to this peer goes to many hosts: who sends it cannot know who will answer.
pub(crate) fn is_to_many(transport: Transport, peer: SocketAddr, options: &Options) -> bool {
    let may_broadcast = options.flag(OptionKey::Broadcast) == Some(true);
    transport == Transport::Udp && (peer.ip().is_multicast() || may_broadcast)
}

/// Whether the options go together, on a socket that is bound to this address or joins what they name.
///
/// # Errors
///
/// Sources without a group.
pub(crate) fn check(local: Option<IpAddr>, options: &Options) -> Result<(), OptionError> {
    let has_group = local.is_some_and(|local| local.is_multicast()) || options.groups().next().is_some();
    if !has_group && options.sources().next().is_some() {
        let why = "it says whom to hear in a group: name that by join";
        return Err(OptionError::meaningless(OptionKey::Source, options, why));
    }
    Ok(())
}

/// The steps before bind(2) to this address: if it is a group, others may be bound to it too.
pub(crate) fn early(transport: Transport, local: SocketAddr, options: &Options) -> Option<Step> {
    let is_said = options.get(OptionKey::Reuseaddr).is_some();
    let shares = transport == Transport::Udp && local.ip().is_multicast() && !is_said;
    shares.then(|| Step::set(libc::SOL_SOCKET, libc::SO_REUSEADDR, Value::Number(1)))
}

/// The steps after bind(2) to this address: if it is a group, it is joined; and no groups are heard but those that are
/// joined.
///
/// # Errors
///
/// A group that no socket of this family can join.
pub(crate) fn late(
    transport: Transport,
    family: Family,
    local: SocketAddr,
    options: &Options,
) -> Result<Vec<Step>, OptionError> {
    let group = Some(local.ip()).filter(|ip| ip.is_multicast() && transport == Transport::Udp);
    let mut all = Vec::new();
    if group.is_some() || options.groups().next().is_some() {
        all.extend(
            ip_names(family, libc::IP_MULTICAST_ALL, IPV6_MULTICAST_ALL)
                .map(|(level, name)| Step::set(level, name, Value::Number(0))),
        );
    }
    if let Some(group) = group.filter(|group| options.groups().all(|named| named != *group)) {
        let asked = Asked { key: OptionKey::Join, value: OptionValue::Group(group) };
        let scope = match local {
            SocketAddr::V6(local) if local.scope_id() != 0 => Some(local.scope_id()),
            SocketAddr::V4(_) | SocketAddr::V6(_) => None,
        };
        let joins = steps(family, options, group, scope, &asked);
        all.extend(joins.map_err(|error| asked.refused(error))?);
    }
    Ok(all)
}

/// The steps that join one group, on the interface that the options name, or else the one of this index: once for each
/// host that is to be heard in it, or once for all.
///
/// # Errors
///
/// `EAFNOSUPPORT`: it is of another family than the socket, or than each of the hosts.
pub(crate) fn steps(
    family: Family,
    options: &Options,
    group: IpAddr,
    scope: Option<u32>,
    asked: &Asked,
) -> io::Result<Vec<Step>> {
    let (level, name) = match (group, family) {
        (IpAddr::V4(_), Family::V4 | Family::V6 { dual: true }) => {
            (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP)
        }
        (IpAddr::V6(_), Family::V6 { .. }) => (libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP),
        (IpAddr::V4(_), Family::V6 { dual: false } | Family::Unix)
        | (IpAddr::V6(_), Family::V4 | Family::Unix) => return Err(errno::raw(libc::EAFNOSUPPORT)),
    };
    let named = options.text(OptionKey::MulticastInterface).map(Into::into);
    let interface: Option<Box<str>> = named.or_else(|| scope.map(|index| index.to_string().into()));
    let step = |name, value| Step::Set { level, name, value, asked: Some(asked.clone()) };
    if options.sources().next().is_none() {
        return Ok(vec![step(name, Value::Group(group, interface))]);
    }
    let sources = options.sources().filter(|source| source.is_ipv4() == group.is_ipv4());
    let steps: Vec<Step> = sources
        .map(|source| {
            step(libc::MCAST_JOIN_SOURCE_GROUP, Value::SourceGroup(group, source, interface.clone()))
        })
        .collect();
    if steps.is_empty() { Err(errno::raw(libc::EAFNOSUPPORT)) } else { Ok(steps) }
}
