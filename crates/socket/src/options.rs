//! setsockopt(2): an address's options, each at its moment of life.
//!
//! What to set, when and how is `option_rule.rs`. After each the kernel is asked what it granted, and a
//! difference is told. On a socket of IPv6 that speaks IPv4 as well, an IP option is set for both.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::BorrowedFd;

use address::{OptionKey, OptionValue, Options, Transport};
use rustix::net::sockopt;
use sys::option::{get_int, set_bytes, set_int};

use crate::born::Family;
use crate::errno;
use crate::option_rule::{How, Moment, Rule, Unit, rule};
use crate::option_value::{to_int, to_text};
use crate::{Granted, OptionError};

/// The socket whose options are set.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) fd: BorrowedFd<'a>,
    pub(crate) transport: Transport,
    pub(crate) family: Family,
}

/// Sets each option whose moment has come, and TCP's `nodelay` if nobody said otherwise.
///
/// Answers what the kernel granted differently.
pub(crate) fn apply(
    target: Target<'_>,
    options: &Options,
    moment: Moment,
) -> Result<Vec<Granted>, OptionError> {
    let silent_nodelay = options.get(OptionKey::Nodelay).is_none();
    if moment == Moment::BeforeBind && target.transport == Transport::Tcp && silent_nodelay {
        let value = OptionValue::Flag(true);
        set(target, options, OptionKey::Nodelay, &value, moment)?;
    }
    let mut granted = Vec::new();
    for (key, value) in options.iter() {
        granted.extend(set(target, options, *key, value, moment)?);
    }
    Ok(granted)
}

/// As [`apply`] on a socket from accept(2), whose listener was granted the same options: the only new
/// reason for one to fail is that the caller has hung up, which the first receive tells.
pub(crate) fn apply_after_accept(target: Target<'_>, options: &Options) {
    for (key, value) in options.iter() {
        // Sockets of IP are copies of their listener.
        let copied = target.transport == Transport::Tcp && matches!(rule(*key).how, How::Buffer { .. });
        if !copied {
            let _ = set(target, options, *key, value, Moment::AfterAccept);
        }
    }
}

fn set(
    target: Target<'_>,
    options: &Options,
    key: OptionKey,
    value: &OptionValue,
    moment: Moment,
) -> Result<Option<Granted>, OptionError> {
    let rule = rule(key);
    if !rule.moments.contains(&moment) {
        return Ok(None);
    }
    match put(target, options, &rule, value, moment) {
        Ok(None) => Ok(None),
        Ok(Some(granted)) => {
            Ok(Some(Granted { option: key.row().name, asked: value.to_string(), granted, why: rule.why }))
        }
        Err(error) => {
            let hint = hint(&rule, &error);
            Err(OptionError::new(key, value, error, hint))
        }
    }
}

/// Sets one option; answers the value that was granted where it is another.
fn put(
    target: Target<'_>,
    options: &Options,
    rule: &Rule,
    value: &OptionValue,
    moment: Moment,
) -> io::Result<Option<String>> {
    let fd = target.fd;
    let int = |unit| to_int(value, unit).ok_or_else(|| errno::raw(libc::EINVAL));
    match rule.how {
        How::Number { level, name, unit } => {
            let asked = int(unit)?;
            set_int(fd, level, name, asked)?;
            Ok(differs(fd, level, name, asked)?.map(|granted| to_text(granted, unit, value)))
        }
        How::Ip { v4, v6 } => {
            let asked = int(Unit::Plain)?;
            let mut granted = None;
            for (level, name) in ip_names(target.family, v4, v6) {
                set_int(fd, level, name, asked)?;
                granted = granted.or(differs(fd, level, name, asked)?);
            }
            Ok(granted.map(|granted| to_text(granted, Unit::Plain, value)))
        }
        How::Buffer { name } => {
            // The kernel doubles it, for its own bookkeeping (socket(7)): half of it is what was asked for.
            let asked = int(Unit::Plain)?;
            set_int(fd, libc::SOL_SOCKET, name, asked)?;
            let granted = get_int(fd, libc::SOL_SOCKET, name)? / 2;
            Ok((granted != asked).then(|| to_text(granted, Unit::Plain, value)))
        }
        How::Text { level, name } => {
            let OptionValue::Text(text) = value else { return Err(errno::raw(libc::EINVAL)) };
            set_bytes(fd, level, name, text.as_bytes()).map(|()| None)
        }
        How::Keepalive => {
            set_int(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1)?;
            set_int(fd, libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, int(Unit::Seconds)?).map(|()| None)
        }
        How::Linger => {
            let OptionValue::Duration(duration) = value else { return Err(errno::raw(libc::EINVAL)) };
            Ok(sockopt::set_socket_linger(fd, Some(*duration)).map(|()| None)?)
        }
        How::DontFragment => {
            let discover = if int(Unit::Plain)? == 1 { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
            for (level, name) in ip_names(target.family, libc::IP_MTU_DISCOVER, libc::IPV6_MTU_DISCOVER) {
                set_int(fd, level, name, discover)?;
            }
            Ok(None)
        }
        How::FastOpen => {
            let on = int(Unit::Plain)?;
            if moment == Moment::BeforeConnect {
                set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, on)?;
            } else {
                // The value is how many callers may have sent data before they are proven.
                set_int(fd, libc::IPPROTO_TCP, libc::TCP_FASTOPEN, on * backlog(options))?;
            }
            Ok(None)
        }
        How::MulticastInterface => {
            let OptionValue::Text(interface) = value else { return Err(errno::raw(libc::EINVAL)) };
            send_multicast_by(target, interface).map(|()| None)
        }
        How::Join => {
            let OptionValue::Group(group) = value else { return Err(errno::raw(libc::EINVAL)) };
            join(target, *group, options.text(OptionKey::MulticastInterface)).map(|()| None)
        }
        How::Elsewhere => Ok(None),
    }
}

/// listen(2)'s backlog: callers that may wait for accept(2); capped by `net.core.somaxconn`.
pub(crate) fn backlog(options: &Options) -> i32 {
    const BACKLOG_DEFAULT: i32 = 4096;
    let asked = options.integer(OptionKey::Backlog).and_then(|asked| i32::try_from(asked).ok());
    asked.unwrap_or(BACKLOG_DEFAULT)
}

/// What the kernel has instead of `asked`, if it is something else.
fn differs(fd: BorrowedFd<'_>, level: i32, name: i32, asked: i32) -> io::Result<Option<i32>> {
    // TCP_QUICKACK tells the moment's mode, not what was set; the others tell what they were set to.
    if (level, name) == (libc::IPPROTO_TCP, libc::TCP_QUICKACK) {
        return Ok(None);
    }
    let granted = get_int(fd, level, name)?;
    Ok((granted != asked).then_some(granted))
}

/// The levels and names under which a family has an IP option.
fn ip_names(family: Family, v4: i32, v6: i32) -> impl Iterator<Item = (i32, i32)> {
    let (speaks_v4, speaks_v6) = match family {
        Family::V4 => (true, false),
        Family::V6 { dual } => (dual, true),
        Family::Unix => (false, false),
    };
    let v6 = speaks_v6.then_some((libc::IPPROTO_IPV6, v6));
    let v4 = speaks_v4.then_some((libc::IPPROTO_IP, v4));
    v6.into_iter().chain(v4)
}

/// Multicast leaves by the interface that has this name or this address.
fn send_multicast_by(target: Target<'_>, interface: &str) -> io::Result<()> {
    let index = interface_index(interface)?;
    if let Family::V6 { .. } = target.family {
        sockopt::set_ipv6_multicast_if(target.fd, index)?;
    }
    if target.family == Family::V4 || target.family == (Family::V6 { dual: true }) {
        let any = Ipv4Addr::UNSPECIFIED;
        sockopt::set_ip_multicast_if_with_ifindex(target.fd, &any, &any, index)?;
    }
    Ok(())
}

/// Joins on the interface named, or on the one that the routing table has for the group.
fn join(target: Target<'_>, group: IpAddr, interface: Option<&str>) -> io::Result<()> {
    let index = interface.map_or(Ok(0), interface_index)?;
    match (group, target.family) {
        (IpAddr::V4(group), Family::V4 | Family::V6 { dual: true }) => {
            let any = Ipv4Addr::UNSPECIFIED;
            Ok(sockopt::set_ip_add_membership_with_ifindex(target.fd, &group, &any, index)?)
        }
        (IpAddr::V6(group), Family::V6 { .. }) => {
            Ok(sockopt::set_ipv6_add_membership(target.fd, &group, index)?)
        }
        (IpAddr::V4(_), Family::V6 { dual: false } | Family::Unix)
        | (IpAddr::V6(_), Family::V4 | Family::Unix) => Err(errno::raw(libc::EAFNOSUPPORT)),
    }
}

/// An interface by its name, or by one of its addresses.
fn interface_index(interface: &str) -> io::Result<u32> {
    let name = match interface.parse::<IpAddr>() {
        Ok(address) => interface_with(address)?,
        Err(_) => interface.to_owned(),
    };
    Ok(nix::net::if_::if_nametoindex(name.as_str())?)
}

fn interface_with(address: IpAddr) -> io::Result<String> {
    nix::ifaddrs::getifaddrs()?
        .find(|interface| {
            let of_interface = interface.address.as_ref();
            let v4 = of_interface.and_then(|address| address.as_sockaddr_in()).map(|v4| IpAddr::V4(v4.ip()));
            let v6 = of_interface.and_then(|address| address.as_sockaddr_in6()).map(|v6| IpAddr::V6(v6.ip()));
            v4.or(v6) == Some(address)
        })
        .map(|interface| interface.interface_name)
        .ok_or_else(|| errno::raw(libc::ENODEV))
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
        (Some(libc::ENODEV), _) => "`ip address` lists the interfaces and their addresses",
        (Some(libc::EAFNOSUPPORT), How::Join) => "listen on an address of the group's family",
        (Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP), _) => "this kernel has it not for this kind of socket",
        _ => "",
    }
}

/// The wildcard address of a family of IP.
pub(crate) fn unspecified(v6: bool) -> IpAddr {
    if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
}
