//! getaddrinfo(3): a host and a port become candidates.
//!
//! The order is getaddrinfo's own (RFC 6724). May wait for the resolver as long as resolv.conf(5) lets it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use address::{Address, Host, OptionKey, Options, Place, Port, Transport};
use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind};

use crate::{ResolveError, ResolveErrorKind, call};

/// One resolved socket address, still to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// What travels there: tcp or udp.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The host's canonical name, where one was asked for by name.
    pub canonical: Option<String>,
    /// The addresses in the order to try them; at least one.
    pub candidates: Vec<Candidate>,
}

/// Whether the address is to be called or to be listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// To bind(2) to: no host means every address.
    Listen,
    /// To connect(2) to: no host means this one.
    Connect,
}

/// Looks up the host and the port of a network address.
///
/// No host gives `[::]` to listen on (which answers IPv4 too), `::1` and `127.0.0.1` to connect to; the
/// options `v4` and `v6` leave only that family.
///
/// # Errors
///
/// See [`ResolveErrorKind`].
pub fn resolve(address: &Address, role: Role) -> Result<Resolved, ResolveError> {
    let Place::Network { host, port } = &address.place else {
        return Err(ResolveError {
            what: ResolveErrorKind::NotAHost,
            host: address.to_string(),
            reason: "it names no host".to_owned(),
        });
    };
    resolve_parts(host, port, address.transport, Wanted::from(&address.options), role)
}

/// What would have to be asked before the candidates are known, as getaddrinfo(3)'s arguments; nothing for an
/// address in numbers.
pub(crate) fn questions(host: &Host, port: &Port) -> Vec<String> {
    let service = match port {
        Port::Service(service) => Some(call::shows_look_up(None, Some(service))),
        Port::Number(_) => None,
    };
    let host = match host {
        Host::Name(name) => Some(call::shows_look_up(Some(name), None)),
        // The zone is looked up too, among this host's interfaces.
        Host::V6 { address, zone: Some(zone) } => {
            Some(call::shows_look_up(Some(&format!("{address}%{zone}")), None))
        }
        Host::Any | Host::V4(_) | Host::V6 { zone: None, .. } => None,
    };
    service.into_iter().chain(host).collect()
}

/// As [`resolve`], from the parts of an address.
pub(crate) fn resolve_parts(
    host: &Host,
    port: &Port,
    transport: Transport,
    wanted: Wanted,
    role: Role,
) -> Result<Resolved, ResolveError> {
    let port = port_number(port, transport)?;
    let (canonical, found) = match host {
        Host::Any => (None, any(role, port, wanted)),
        Host::V4(ip) => (None, vec![SocketAddr::new(IpAddr::V4(*ip), port)]),
        Host::V6 { address, zone } => {
            let scope = zone.as_deref().map_or(Ok(0), zone_index)?;
            (None, vec![SocketAddr::V6(SocketAddrV6::new(*address, port, 0, scope))])
        }
        Host::Name(name) => look_up(name, port, transport, wanted)?,
    };
    let candidates: Vec<Candidate> = found
        .into_iter()
        .filter(|address| wanted.has(address))
        .map(|address| Candidate { transport, address })
        .collect();
    if candidates.is_empty() {
        return Err(no_address_of_family(host, wanted));
    }
    Ok(Resolved { canonical, candidates })
}

/// Which families will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Either,
    V4,
    V6,
}

impl Wanted {
    /// The family of a socket that exists.
    pub(crate) fn like(address: &SocketAddr) -> Wanted {
        if address.is_ipv4() { Wanted::V4 } else { Wanted::V6 }
    }

    pub(crate) fn has(self, address: &SocketAddr) -> bool {
        match self {
            Wanted::Either => true,
            Wanted::V4 => address.is_ipv4(),
            Wanted::V6 => address.is_ipv6(),
        }
    }

    fn kernel(self) -> i32 {
        match self {
            Wanted::Either => libc::AF_UNSPEC,
            Wanted::V4 => libc::AF_INET,
            Wanted::V6 => libc::AF_INET6,
        }
    }
}

impl From<&Options> for Wanted {
    fn from(options: &Options) -> Wanted {
        // `v4=off` asks for the other family.
        match (options.flag(OptionKey::V4), options.flag(OptionKey::V6)) {
            (Some(true), _) | (_, Some(false)) => Wanted::V4,
            (_, Some(true)) | (Some(false), _) => Wanted::V6,
            (None, None) => Wanted::Either,
        }
    }
}

pub(crate) fn any(role: Role, port: u16, wanted: Wanted) -> Vec<SocketAddr> {
    let v6 = |ip| SocketAddr::new(IpAddr::V6(ip), port);
    let v4 = |ip| SocketAddr::new(IpAddr::V4(ip), port);
    match (role, wanted) {
        (Role::Listen, Wanted::V4) => vec![v4(Ipv4Addr::UNSPECIFIED)],
        (Role::Listen, Wanted::V6 | Wanted::Either) => vec![v6(Ipv6Addr::UNSPECIFIED)],
        (Role::Connect, Wanted::V4 | Wanted::V6 | Wanted::Either) => {
            vec![v6(Ipv6Addr::LOCALHOST), v4(Ipv4Addr::LOCALHOST)]
        }
    }
}

fn look_up(
    name: &str,
    port: u16,
    transport: Transport,
    wanted: Wanted,
) -> Result<(Option<String>, Vec<SocketAddr>), ResolveError> {
    let hints = AddrInfoHints {
        flags: libc::AI_CANONNAME,
        address: wanted.kernel(),
        socktype: socket_type(transport),
        protocol: 0,
    };
    let found = call::look_up(Some(name), None, hints).map_err(|error| failed(name, error, wanted))?;
    let mut canonical = None;
    let mut addresses = Vec::new();
    for info in found {
        canonical = canonical.or(info.canonname);
        let mut address = info.sockaddr;
        address.set_port(port);
        // hosts(5) may list an address twice.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    Ok((canonical, addresses))
}

fn failed(name: &str, error: LookupError, wanted: Wanted) -> ResolveError {
    // EAI_ADDRFAMILY: the name exists, but not in that family.
    const OTHER_FAMILY: i32 = -9;
    let what = match error.kind() {
        _ if error.error_num() == OTHER_FAMILY => ResolveErrorKind::NoAddressOfFamily,
        LookupErrorKind::NoData if wanted != Wanted::Either => ResolveErrorKind::NoAddressOfFamily,
        LookupErrorKind::NoName | LookupErrorKind::NoData => ResolveErrorKind::NoSuchName,
        LookupErrorKind::Again => ResolveErrorKind::TryAgain,
        LookupErrorKind::Badflags
        | LookupErrorKind::Fail
        | LookupErrorKind::Family
        | LookupErrorKind::Socktype
        | LookupErrorKind::Service
        | LookupErrorKind::Memory
        | LookupErrorKind::System
        | LookupErrorKind::Unknown
        | LookupErrorKind::IO => ResolveErrorKind::Failed,
    };
    ResolveError { what, host: name.to_owned(), reason: reason(error) }
}

/// The number of a port, services(5).
///
/// # Errors
///
/// No such service.
pub fn port_number(port: &Port, transport: Transport) -> Result<u16, ResolveError> {
    let service = match port {
        Port::Number(number) => return Ok(*number),
        Port::Service(service) => service,
    };
    let hints = AddrInfoHints { socktype: socket_type(transport), ..AddrInfoHints::default() };
    let no_such =
        |reason| ResolveError { what: ResolveErrorKind::NoSuchService, host: service.to_string(), reason };
    let found = call::look_up(None, Some(service), hints).map_err(|error| no_such(reason(error)))?;
    match found.first() {
        Some(info) => Ok(info.sockaddr.port()),
        None => Err(no_such("it has no port".to_owned())),
    }
}

/// An interface by name, or by number as RFC 4007 allows.
fn zone_index(zone: &str) -> Result<u32, ResolveError> {
    nix::net::if_::if_nametoindex(zone).or_else(|errno| {
        zone.parse().map_err(|_| ResolveError {
            what: ResolveErrorKind::NoSuchInterface,
            host: zone.to_owned(),
            reason: errno.desc().to_owned(),
        })
    })
}

fn socket_type(transport: Transport) -> i32 {
    if transport == Transport::Udp { libc::SOCK_DGRAM } else { libc::SOCK_STREAM }
}

fn no_address_of_family(host: &Host, wanted: Wanted) -> ResolveError {
    let family = if wanted == Wanted::V4 { "IPv4" } else { "IPv6" };
    let host = match host {
        Host::Any => "this host".to_owned(),
        Host::V4(ip) => ip.to_string(),
        Host::V6 { address, .. } => address.to_string(),
        Host::Name(name) => name.to_string(),
    };
    ResolveError {
        what: ResolveErrorKind::NoAddressOfFamily,
        host,
        reason: format!("it has no {family} address"),
    }
}

/// gai_strerror(3), without the words that dns-lookup puts before it.
fn reason(error: LookupError) -> String {
    let text = io::Error::from(error).to_string();
    call::lookup_reason(&text).to_owned()
}
