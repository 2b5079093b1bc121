//! How a socket is to be opened: the system calls and their order, as data, before any is made.
//!
//! What opens a socket carries these steps out, and what explains prints them: so both say the same.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;

use address::{Address, End, OptionKey, OptionValue, Options, Transport};

use crate::born::{Birth, Family};
use crate::call::{self, Value};
use crate::open_socket::OpenSocket;
use crate::option_rule::{How, Moment, Rule, Unit, rule};
use crate::option_value::to_text;
use crate::options::{self, ip_names};
use crate::{Attempt, BindError, Granted, OptionError, SystemCall, membership};

/// The calls that open one socket, up to the one that makes it listen.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) birth: Birth,
    /// Between socket(2) and the call that names an end.
    pub(crate) early: Vec<Step>,
    pub(crate) naming: Naming,
    pub(crate) late: Vec<Step>,
}

/// The call that gives a socket its own address, or its peer.
#[derive(Clone, Debug)]
pub(crate) enum Naming {
    Bind(End),
    Connect(End),
}

/// A call on a socket that exists.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// setsockopt(2).
    Set { level: i32, name: i32, value: Value, asked: Option<Asked> },
    /// getsockopt(2): whether the kernel granted what was asked for.
    Check { level: i32, name: i32, wanted: i32, unit: Unit, is_doubled: bool, asked: Asked },
    /// bind(2) of a socket that is to connect.
    Bind(End),
}

/// The option of an address for which a step is made.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) key: OptionKey,
    pub(crate) value: OptionValue,
}

/// Whether a bound socket shares its port with others of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    Exclusive,
    /// `SO_REUSEPORT` before bind(2).
    WithSiblings,
}

impl Opening {
    /// To be called at `local`, an address of IP.
    pub(crate) fn bound(
        address: &Address,
        local: SocketAddr,
        family: Family,
        sharing: Sharing,
    ) -> Result<Opening, OptionError> {
        let (transport, options) = (address.transport, &address.options);
        membership::check(Some(local.ip()), options)?;
        let mut opening = Opening::begun(family, transport, options)?;
        if transport == Transport::Tcp && options.get(OptionKey::Reuseaddr).is_none() {
            // Old calls in TIME_WAIT do not keep a server from starting again; a listener still does, socket(7).
            opening.early.push(Step::set(libc::SOL_SOCKET, libc::SO_REUSEADDR, Value::Number(1)));
        }
        opening.early.extend(options::steps(family, transport, options, Moment::BeforeBind)?);
        opening.early.extend(membership::early(transport, local, options));
        if sharing == Sharing::WithSiblings {
            opening.early.push(Step::share_port());
        }
        opening.naming = Naming::Bind(End::Ip { transport, address: local });
        opening.late = options::steps(family, transport, options, Moment::BeforeListen)?;
        opening.late.extend(membership::late(transport, family, local, options)?);
        if transport == Transport::Udp && local.ip().is_unspecified() {
            opening.late.extend(ask_for_destination(family));
        }
        Ok(opening)
    }

    /// To be called at `local`, the name of a Unix socket.
    pub(crate) fn bound_unix(address: &Address, local: End) -> Result<Opening, OptionError> {
        let (transport, options) = (address.transport, &address.options);
        let mut opening = Opening::begun(Family::Unix, transport, options)?;
        opening.early.extend(options::steps(Family::Unix, transport, options, Moment::BeforeBind)?);
        opening.naming = Naming::Bind(local);
        opening.late = options::steps(Family::Unix, transport, options, Moment::BeforeListen)?;
        Ok(opening)
    }

    /// To call `peer`. From `mine`, if one is to be bound to first.
    pub(crate) fn connected(
        transport: Transport,
        family: Family,
        peer: End,
        mine: Option<SocketAddr>,
        options: &Options,
    ) -> Result<Opening, OptionError> {
        membership::check(None, options)?;
        let mut opening = Opening::begun(family, transport, options)?;
        opening.early.extend(options::steps(family, transport, options, Moment::BeforeBind)?);
        if let End::Ip { address: many, .. } = peer
            && membership::is_to_many(transport, many, options)
        {
            // A connected socket would hear nobody: who answers has an address of its own.
            let mine = mine.unwrap_or(SocketAddr::new(options::unspecified(many.is_ipv6()), 0));
            opening.naming = Naming::Bind(End::Ip { transport, address: mine });
            opening.late = options::steps(family, transport, options, Moment::AfterConnect)?;
            opening.late.extend(membership::late(transport, family, mine, options)?);
            return Ok(opening);
        }
        if let Some(mine) = mine {
            if mine.port() == 0 {
                // Lets connect(2) choose the port, from all those that no call to the same peer uses, ip(7).
                let (level, name) = (libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT);
                opening.early.push(Step::set(level, name, Value::Number(1)));
            }
            opening.early.push(Step::Bind(End::Ip { transport, address: mine }));
        } else if transport == Transport::UnixDgram {
            // Autobind, unix(7): with a name of its own, a datagram can be answered.
            opening.early.push(Step::Bind(End::Unnamed(transport)));
        }
        opening.early.extend(options::steps(family, transport, options, Moment::BeforeConnect)?);
        if transport == Transport::Udp {
            // Otherwise what routers say (ICMP) is told only where it is final, ip(7).
            opening.early.extend(hear_of_routers(family));
        }
        opening.naming = Naming::Connect(peer);
        opening.late = options::steps(family, transport, options, Moment::AfterConnect)?;
        Ok(opening)
    }

    /// A socket that is born, and nothing more.
    fn begun(family: Family, transport: Transport, options: &Options) -> Result<Opening, OptionError> {
        let multipath = transport == Transport::Tcp && options.flag(OptionKey::Mptcp) == Some(true);
        let birth = Birth { family, transport, multipath };
        let mut early = Vec::new();
        if let Family::V6 { dual } = family {
            // Whatever `net.ipv6.bindv6only` is.
            let value = Value::Number(i32::from(!dual));
            early.push(Step::set(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, value));
        }
        Ok(Opening { birth, early, naming: Naming::Bind(End::Unnamed(transport)), late: Vec::new() })
    }

    /// Makes the calls up to the one that names an end.
    pub(crate) fn begin(&self) -> Result<(OpenSocket, Vec<Granted>), Failed> {
        let fd = call::socket(self.birth).map_err(|error| Failed::Call("socket(2)", error))?;
        let granted = make_all(&self.early, &fd)?;
        Ok((fd, granted))
    }

    /// Names the end. An `EINPROGRESS` of connect(2) is an error here.
    pub(crate) fn name_end(&self, fd: impl AsFd) -> io::Result<()> {
        match &self.naming {
            Naming::Bind(local) => call::bind(fd, local),
            Naming::Connect(peer) => call::connect(fd, peer),
        }
    }

    /// The call that does it, as the manual names it.
    pub(crate) fn naming_call(&self) -> &'static str {
        match self.naming {
            Naming::Bind(_) => "bind(2)",
            Naming::Connect(_) => "connect(2)",
        }
    }

    /// Makes the calls after that.
    pub(crate) fn finish(&self, fd: impl AsFd) -> Result<Vec<Granted>, Failed> {
        make_all(&self.late, fd)
    }

    /// The calls up to the one that names an end, on a descriptor that is called `fd`. `shown` stands for an end
    /// that is not known yet.
    pub(crate) fn calls(&self, fd: &str, shown: Option<&str>) -> Vec<PlannedCall> {
        let birth = PlannedCall::new(SystemCall::Socket, call::shows_socket(self.birth));
        let naming = match &self.naming {
            Naming::Bind(local) => (SystemCall::Bind, local),
            Naming::Connect(peer) => (SystemCall::Connect, peer),
        };
        let shown = shown.map_or_else(|| naming.1.to_string(), str::to_owned);
        let naming = PlannedCall::new(naming.0, call::shows_end(fd, shown));
        let early = self.early.iter().map(|step| step.call(fd));
        std::iter::once(birth).chain(early).chain([naming]).collect()
    }

    /// The calls after that.
    pub(crate) fn late_calls(&self, fd: &str) -> Vec<PlannedCall> {
        self.late.iter().map(|step| step.call(fd)).collect()
    }
}

impl Step {
    /// setsockopt(2) that no option of the address asks for.
    pub(crate) fn set(level: i32, name: i32, value: Value) -> Step {
        Step::Set { level, name, value, asked: None }
    }

    /// Lets other sockets of this user have the same port, socket(7).
    pub(crate) fn share_port() -> Step {
        Step::set(libc::SOL_SOCKET, libc::SO_REUSEPORT, Value::Number(1))
    }

    fn make(&self, fd: impl AsFd) -> Result<Option<Granted>, Failed> {
        match self {
            Step::Set { level, name, value, asked } => {
                call::set_option(fd, *level, *name, value).map(|()| None).map_err(|error| match asked {
                    Some(asked) => Failed::Option(asked.refused(error)),
                    None => Failed::Call("setsockopt(2)", error),
                })
            }
            Step::Check { level, name, wanted, unit, is_doubled, asked } => {
                let kept = call::get_option(fd, *level, *name);
                let kept = kept.map_err(|error| Failed::Option(asked.refused(error)))?;
                let granted = if *is_doubled { kept / 2 } else { kept };
                Ok((granted != *wanted).then(|| asked.granted(to_text(granted, *unit, &asked.value))))
            }
            Step::Bind(local) => {
                call::bind(fd, local).map(|()| None).map_err(|error| Failed::Call("bind(2)", error))
            }
        }
    }

    pub(crate) fn call(&self, fd: &str) -> PlannedCall {
        match self {
            Step::Set { level, name, value, .. } => {
                PlannedCall::new(SystemCall::Setsockopt, call::shows_set_option(fd, *level, *name, value))
            }
            Step::Check { level, name, .. } => {
                PlannedCall::new(SystemCall::Getsockopt, call::shows_get_option(fd, *level, *name))
            }
            Step::Bind(local) => PlannedCall::new(SystemCall::Bind, call::shows_end(fd, local)),
        }
    }
}

/// Makes the calls in their order. Answers what the kernel granted differently, once an option.
pub(crate) fn make_all(steps: &[Step], fd: impl AsFd) -> Result<Vec<Granted>, Failed> {
    let mut notes: Vec<Granted> = Vec::new();
    for step in steps {
        let granted = step.make(&fd)?;
        // An IP option of a socket of both families is asked twice.
        let known = |granted: &Granted| notes.last().is_some_and(|last| last.option == granted.option);
        notes.extend(granted.filter(|granted| !known(granted)));
    }
    Ok(notes)
}

/// Has the kernel tell that no way leads to the peer: `IP_RECVERR` (ip(7)), `IPV6_RECVERR` (RFC 3542).
fn hear_of_routers(family: Family) -> impl Iterator<Item = Step> {
    ip_names(family, libc::IP_RECVERR, libc::IPV6_RECVERR)
        .map(|(level, name)| Step::set(level, name, Value::Number(1)))
}

/// Has the kernel tell the destination of each datagram: `IP_PKTINFO` (ip(7)), `IPV6_RECVPKTINFO` (RFC 3542).
///
/// Both on a dual socket: of a datagram of IPv4, only IP_PKTINFO tells which address to answer a broadcast from.
pub(crate) fn ask_for_destination(family: Family) -> impl Iterator<Item = Step> {
    ip_names(family, libc::IP_PKTINFO, libc::IPV6_RECVPKTINFO)
        .map(|(level, name)| Step::set(level, name, Value::Number(1)))
}

impl Asked {
    pub(crate) fn refused(&self, error: io::Error) -> OptionError {
        let hint = hint(&rule(self.key), &error);
        OptionError::new(self.key, &self.value, error, hint)
    }

    fn granted(&self, granted: String) -> Granted {
        let (option, why) = (self.key.row().name, rule(self.key).why);
        Granted { option, asked: self.value.to_string(), granted, why }
    }
}

/// What would help, by errno.
fn hint(rule: &Rule, error: &io::Error) -> &'static str {
    match (error.raw_os_error(), rule.how) {
        (Some(libc::EPERM | libc::EACCES), _) => rule.privilege,
        (Some(libc::ENOENT), How::Text { .. }) => {
            "`sysctl net.ipv4.tcp_available_congestion_control` lists those that this kernel has"
        }
        (Some(libc::ENODEV), How::Join) => {
            "no interface has a route to the group: name one by multicast-interface"
        }
        (Some(libc::EADDRNOTAVAIL), How::Join) => "it is joined twice, or by and without a source",
        (Some(libc::ENODEV), _) => "`ip address` lists the interfaces and their addresses",
        (Some(libc::EAFNOSUPPORT), How::Join) => {
            "listen on an address of the group's family, of which its sources are too"
        }
        (Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP), _) => "this kernel has it not for this kind of socket",
        _ => "",
    }
}

/// Why an opening failed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The system call, and why.
    Call(&'static str, io::Error),
    /// An option that the address asks for.
    Option(OptionError),
}

impl From<OptionError> for Failed {
    fn from(error: OptionError) -> Failed {
        Failed::Option(error)
    }
}

impl Failed {
    pub(crate) fn into_bind_error(self, address: &Address) -> BindError {
        match self {
            Failed::Call(call, error) => BindError::new(address, call, error),
            Failed::Option(error) => BindError::option(address, error),
        }
    }

    pub(crate) fn into_attempt(self, end: End) -> Attempt {
        match self {
            Failed::Call(call, error) => Attempt { end, call, error },
            Failed::Option(error) => Attempt::option(end, error),
        }
    }
}

/// A system call that would be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCall {
    /// Which.
    pub call: SystemCall,
    /// Its arguments, as the tracer would show them.
    pub arguments: String,
}

impl PlannedCall {
    pub(crate) fn new(call: SystemCall, arguments: String) -> PlannedCall {
        PlannedCall { call, arguments }
    }
}

impl fmt::Display for PlannedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.call.name(), self.arguments)
    }
}
