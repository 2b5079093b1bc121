//! What opening an address would do, none of which is done.
//!
//! The calls are those of `opening.rs`, which the real opening carries out. Nothing is looked up unless that is
//! asked for: an address that has a name in it is tried at every address of that name, whichever these are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use address::{Address, End, Host, Place, Port, Shape};

use crate::born::Family;
use crate::burst::{ASKING, hears_bursts};
use crate::call::{shows_end, shows_listen, shows_set_option};
use crate::opening::{Opening, Sharing, Step};
use crate::options::backlog;
use crate::race::bound_from;
use crate::resolve::{Wanted, any, questions};
use crate::{
    Attempt, BindError, Candidate, ConnectError, ConnectErrorKind, OptionError, PlannedCall, Resolved, Role,
    SystemCall, interleave, resolve,
};

/// How the socket of a further worker is called.
const NEXT: &str = "next";

/// What opening an address would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// What the resolver would be asked first.
    pub questions: Vec<PlannedCall>,
    /// The ends that would be tried, in order. Who listens takes the first that can be bound; who calls over TCP
    /// starts with the next when one has failed or has not answered within 250 ms, and takes who answers first.
    pub tries: Vec<Try>,
    /// The calls by which each further worker of those who listen gets a socket on the same port, or a descriptor
    /// of the same Unix socket.
    pub sibling: Vec<PlannedCall>,
    /// The calls that come once all sockets are bound.
    pub listen: Vec<PlannedCall>,
}

/// One end that would be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Try {
    /// Where: `tcp://127.0.0.1:80`; where that is not known, `each IPv6 address of localhost`.
    pub end: String,
    /// The calls on its socket, in order, up to bind(2) or connect(2).
    pub calls: Vec<PlannedCall>,
    /// The calls once that is done: by who calls, when the connection is there.
    pub late: Vec<PlannedCall>,
}

/// What listening at `address` would do on a socket called `fd`.
///
/// # Errors
///
/// What can be said without trying: an option that means nothing here, an address that cannot be listened on,
/// and, if it was to be looked up, a name that was not found.
pub fn outline_listening(address: &Address, look_up: bool, fd: &str) -> Result<Outline, BindError> {
    if let Some(key) = address.options.not_for_listening() {
        let error = OptionError::meaningless(key, &address.options, "it has no meaning for one who listens");
        return Err(BindError::option(address, error));
    }
    let transport = address.transport;
    let refused = |error| BindError::option(address, error);
    let ways = match ways(address, Role::Listen, look_up) {
        Ok(ways) => ways,
        Err(error) => return Err(BindError::resolve(address, error)),
    };
    let mut outline =
        Outline { questions: ways.questions, tries: Vec::new(), sibling: Vec::new(), listen: Vec::new() };
    for way in ways.ways {
        let opening = match &way.end {
            End::Ip { address: local, .. } => {
                let family = Family::to_listen(local, &address.options);
                let sibling =
                    Opening::bound(address, *local, family, Sharing::WithSiblings).map_err(refused)?;
                let own_end = PlannedCall::new(SystemCall::Getsockname, fd.to_owned());
                outline.sibling = [own_end, Step::share_port().call(fd)].into();
                outline.sibling.extend(sibling.calls(NEXT, way.shown()));
                outline.sibling.extend(sibling.late_calls(NEXT));
                Opening::bound(address, *local, family, Sharing::Exclusive).map_err(refused)?
            }
            End::Path { transport, .. } if transport.is_file() => continue,
            End::Path { .. } | End::Abstract { .. } => {
                if transport.shape() != Some(Shape::Datagram) {
                    let calls = [SystemCall::Getsockname, SystemCall::Dup];
                    outline.sibling = calls.map(|call| PlannedCall::new(call, fd.to_owned())).into();
                }
                Opening::bound_unix(address, way.end.clone()).map_err(refused)?
            }
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
                continue;
            }
        };
        outline.tries.push(way.through(&opening, fd));
    }
    if transport.shape() != Some(Shape::Datagram) && !outline.tries.is_empty() {
        let arguments = shows_listen(fd, backlog(&address.options));
        outline.listen.push(PlannedCall::new(SystemCall::Listen, arguments));
    }
    outline.listen.push(PlannedCall::new(SystemCall::Getsockname, fd.to_owned()));
    Ok(outline)
}

/// What calling `address` would do on a socket called `fd`.
///
/// # Errors
///
/// As for [`outline_listening`].
pub fn outline_call(address: &Address, look_up: bool, fd: &str) -> Result<Outline, ConnectError> {
    let options = &address.options;
    let refuse = |kind| ConnectError { address: address.to_string(), tried: Vec::new(), kind };
    if let Some(key) = options.not_for_connecting() {
        let error = OptionError::meaningless(key, options, "it has no meaning for one who connects");
        return Err(refuse(ConnectErrorKind::Option(Some(Box::new(error)))));
    }
    let ways = ways(address, Role::Connect, look_up);
    let ways = ways.map_err(|error| refuse(ConnectErrorKind::Resolve(Box::new(error))))?;
    let mut outline =
        Outline { questions: ways.questions, tries: Vec::new(), sibling: Vec::new(), listen: Vec::new() };
    for way in ways.ways {
        let fail = |attempt| ConnectError::from_attempts(address.to_string(), vec![attempt]);
        let (family, mine) = match &way.end {
            End::Ip { transport, address: peer } => {
                let candidate = Candidate { transport: *transport, address: *peer };
                let mine = if look_up || name_to_bind_to(address).is_empty() {
                    bound_from(candidate, options)
                        .map_err(|error| fail(Attempt { end: way.end.clone(), call: "bind(2)", error }))?
                } else {
                    None
                };
                (Family::of(peer), mine)
            }
            End::Path { transport, .. } if transport.is_file() => continue,
            End::Path { .. } | End::Abstract { .. } => (Family::Unix, None),
            End::Unnamed(_) | End::Standard | End::Descriptor(_) | End::Command { .. } | End::Behind(_) => {
                continue;
            }
        };
        let opening = Opening::connected(address.transport, family, way.end.clone(), mine, options);
        let opening = opening.map_err(|error| fail(Attempt::option(way.end.clone(), error)))?;
        outline.tries.push(way.through(&opening, fd));
    }
    let asked = name_to_bind_to(address);
    if !look_up && !asked.is_empty() {
        outline.tries.iter_mut().for_each(|one| show_bind(address, one, fd));
    }
    outline.questions.extend(asked);
    Ok(outline)
}

/// What is asked for the name in `?bind=`; nothing where it has none.
fn name_to_bind_to(address: &Address) -> Vec<PlannedCall> {
    let local = address.options.local();
    local.map(|local| look_ups(&local.host, &local.port)).unwrap_or_default()
}

/// bind(2) to a name that was not looked up, before connect(2).
fn show_bind(address: &Address, one: &mut Try, fd: &str) {
    let Some(local) = address.options.local() else { return };
    let connect = one.calls.iter().position(|planned| planned.call == SystemCall::Connect);
    let shown = format!("{}://{}:{}", address.transport, local.host, local.port);
    let bind = PlannedCall::new(SystemCall::Bind, shows_end(fd, shown));
    one.calls.insert(connect.unwrap_or(one.calls.len()), bind);
}

/// What a server's socket called `fd` asks for once it is bound: to hear datagrams in bursts. `None` where there are
/// none.
#[must_use]
pub fn outline_bursts(address: &Address, fd: &str) -> Option<PlannedCall> {
    let (level, name, value) = ASKING;
    let arguments = || shows_set_option(fd, level, name, &value);
    hears_bursts(address.transport).then(|| PlannedCall::new(SystemCall::Setsockopt, arguments()))
}

fn look_ups(host: &Host, port: &Port) -> Vec<PlannedCall> {
    let asked = questions(host, port).into_iter();
    asked.map(|arguments| PlannedCall::new(SystemCall::Getaddrinfo, arguments)).collect()
}

/// Where an address leads.
struct Ways {
    questions: Vec<PlannedCall>,
    ways: Vec<Way>,
}

struct Way {
    /// A stand-in of the right family, where the end is not known.
    end: End,
    /// What stands for it then: whose address, and how that is written.
    unknown: Option<(String, String)>,
}

impl Way {
    fn through(&self, opening: &Opening, fd: &str) -> Try {
        Try { end: self.text(), calls: opening.calls(fd, self.shown()), late: opening.late_calls(fd) }
    }

    fn text(&self) -> String {
        self.unknown.as_ref().map_or_else(|| self.end.to_string(), |(whose, _)| whose.clone())
    }

    fn shown(&self) -> Option<&str> {
        self.unknown.as_ref().map(|(_, shown)| shown.as_str())
    }
}

fn ways(address: &Address, role: Role, look_up: bool) -> Result<Ways, crate::ResolveError> {
    let transport = address.transport;
    let known = |end| Ok(Ways { questions: Vec::new(), ways: vec![Way { end, unknown: None }] });
    let address = &*address.first_hop();
    let (host, port) = match &address.place {
        Place::Network { host, port } => (host, port),
        Place::Path(path) => return known(End::Path { transport, path: path.clone() }),
        Place::Abstract(name) => return known(End::Abstract { transport, name: name.clone() }),
        Place::Standard => return known(End::Standard),
        Place::Nameless => return known(End::Unnamed(transport)),
        Place::Descriptor(number) => return known(End::Descriptor(*number)),
        Place::Command(command) => return known(End::Command { transport, command: command.clone() }),
    };
    let questions = look_ups(host, port);
    if look_up || questions.is_empty() {
        let Resolved { candidates, .. } = resolve(address, role)?;
        let candidates = if role == Role::Connect { interleave(candidates) } else { candidates };
        let end = |candidate: Candidate| End::Ip { transport, address: candidate.address };
        let ways = candidates.into_iter().map(|candidate| Way { end: end(candidate), unknown: None });
        return Ok(Ways { questions, ways: ways.collect() });
    }
    let wanted = Wanted::from(&address.options);
    let stand_ins = match host {
        Host::Any => any(role, 1, wanted),
        Host::V4(_) => vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1)],
        Host::V6 { .. } => vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 1)],
        Host::Name(_) => any(Role::Connect, 1, wanted),
    };
    let ways = stand_ins.into_iter().filter(|stand_in| wanted.has(stand_in));
    let ways = ways.map(|address| {
        let family = if address.is_ipv6() { "IPv6" } else { "IPv4" };
        let whose = match host {
            Host::Any => format!("this host's {family} address"),
            Host::Name(_) | Host::V4(_) | Host::V6 { .. } => format!("each {family} address of {host}"),
        };
        let shown = format!("{transport}://{host}:{port}");
        Way { end: End::Ip { transport, address }, unknown: Some((whose, shown)) }
    });
    Ok(Ways { questions, ways: ways.collect() })
}
