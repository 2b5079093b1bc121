//! An address's options as the calls that set them, each at its moment of life.
//!
//! setsockopt(2). What to set, when and how is `option_rule.rs`. After each the kernel is asked what it granted,
//! and a difference is told. On a socket of IPv6 that speaks IPv4 as well, an IP option is set for both.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use address::{OptionKey, OptionValue, Options, Transport};

use crate::born::Family;
use crate::call::Value;
use crate::errno;
use crate::opening::{Asked, Step};
use crate::option_rule::{How, Moment, Unit, rule};
use crate::option_value::to_int;
use crate::{OptionError, call, membership};

/// The steps that set each option whose moment has come, and TCP's `nodelay` if nobody said otherwise.
///
/// # Errors
///
/// A value that no socket of this family could have.
pub(crate) fn steps(
    family: Family,
    transport: Transport,
    options: &Options,
    moment: Moment,
) -> Result<Vec<Step>, OptionError> {
    let mut steps = Vec::new();
    let silent_nodelay = options.get(OptionKey::Nodelay).is_none();
    if moment == Moment::BeforeBind && transport == Transport::Tcp && silent_nodelay {
        steps.push(Step::set(libc::IPPROTO_TCP, libc::TCP_NODELAY, Value::Number(1)));
    }
    for (key, value) in options.iter() {
        if rule(*key).moments.contains(&moment) {
            let asked = Asked { key: *key, value: value.clone() };
            match steps_of(family, options, &asked, moment) {
                Ok(more) => steps.extend(more),
                Err(error) => return Err(asked.refused(error)),
            }
        }
    }
    Ok(steps)
}

/// Sets what a socket from accept(2) lacks of its listener's options. They were granted to the listener, so the
/// only new reason for one to fail is that the caller has hung up, which the first receive tells.
pub(crate) fn complete_accepted(
    fd: impl std::os::fd::AsFd,
    family: Family,
    transport: Transport,
    options: &Options,
) {
    // Sockets of IP are copies of their listener.
    let copied = |key| transport == Transport::Tcp && matches!(rule(key).how, How::Buffer { .. });
    let steps = steps(family, transport, options, Moment::AfterAccept).unwrap_or_default();
    for step in steps {
        if let Step::Set { level, name, value, asked: Some(asked) } = step
            && !copied(asked.key)
        {
            let _ = call::set_option(&fd, level, name, &value);
        }
    }
}

/// The steps of one option.
fn steps_of(family: Family, options: &Options, asked: &Asked, moment: Moment) -> io::Result<Vec<Step>> {
    let int = |unit| to_int(&asked.value, unit).ok_or_else(|| errno::raw(libc::EINVAL));
    let set = |level, name, value| Step::Set { level, name, value, asked: Some(asked.clone()) };
    let number = |level, name, value| set(level, name, Value::Number(value));
    let check = |level, name, wanted, unit, is_doubled| Step::Check {
        level,
        name,
        wanted,
        unit,
        is_doubled,
        asked: asked.clone(),
    };
    Ok(match rule(asked.key).how {
        How::Number { level, name, unit } => {
            let wanted = int(unit)?;
            let mut steps = vec![number(level, name, wanted)];
            // TCP_QUICKACK tells the moment's mode, not what was set; the others tell what they were set to.
            if (level, name) != (libc::IPPROTO_TCP, libc::TCP_QUICKACK) {
                steps.push(check(level, name, wanted, unit, false));
            }
            steps
        }
        How::Ip { v4, v6 } => {
            let wanted = int(Unit::Plain)?;
            let pairs = ip_names(family, v4, v6).map(|(level, name)| {
                [number(level, name, wanted), check(level, name, wanted, Unit::Plain, false)]
            });
            pairs.flatten().collect()
        }
        How::Buffer { name } => {
            // The kernel doubles it, for its own bookkeeping (socket(7)): half of it is what was asked for.
            let wanted = int(Unit::Plain)?;
            let level = libc::SOL_SOCKET;
            vec![number(level, name, wanted), check(level, name, wanted, Unit::Plain, true)]
        }
        How::Text { level, name } => {
            let OptionValue::Text(text) = &asked.value else { return Err(errno::raw(libc::EINVAL)) };
            vec![set(level, name, Value::Text(text.clone()))]
        }
        How::Keepalive => {
            let idle = int(Unit::Seconds)?;
            vec![
                number(libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1),
                number(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, idle),
            ]
        }
        How::Linger => {
            let OptionValue::Duration(time) = asked.value else { return Err(errno::raw(libc::EINVAL)) };
            vec![set(libc::SOL_SOCKET, libc::SO_LINGER, Value::Linger(time))]
        }
        How::DontFragment => {
            let discover = if int(Unit::Plain)? == 1 { libc::IP_PMTUDISC_DO } else { libc::IP_PMTUDISC_DONT };
            let names = ip_names(family, libc::IP_MTU_DISCOVER, libc::IPV6_MTU_DISCOVER);
            names.map(|(level, name)| number(level, name, discover)).collect()
        }
        How::FastOpen => {
            let on = int(Unit::Plain)?;
            vec![if moment == Moment::BeforeConnect {
                number(libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, on)
            } else {
                // The value is how many callers may have sent data before they are proven.
                number(libc::IPPROTO_TCP, libc::TCP_FASTOPEN, on * backlog(options))
            }]
        }
        How::MulticastInterface => {
            let OptionValue::Text(interface) = &asked.value else { return Err(errno::raw(libc::EINVAL)) };
            let names = ip_names(family, libc::IP_MULTICAST_IF, libc::IPV6_MULTICAST_IF);
            let interface = Value::Interface(interface.clone());
            names.map(|(level, name)| set(level, name, interface.clone())).collect()
        }
        How::Join => {
            let OptionValue::Group(group) = asked.value else { return Err(errno::raw(libc::EINVAL)) };
            membership::steps(family, options, group, None, asked)?
        }
        How::Elsewhere => Vec::new(),
    })
}

/// listen(2)'s backlog: callers that may wait for accept(2); capped by `net.core.somaxconn`.
pub(crate) fn backlog(options: &Options) -> i32 {
    const BACKLOG_DEFAULT: i32 = 4096;
    let asked = options.integer(OptionKey::Backlog).and_then(|asked| i32::try_from(asked).ok());
    asked.unwrap_or(BACKLOG_DEFAULT)
}

/// The levels and names under which a family has an IP option.
pub(crate) fn ip_names(family: Family, v4: i32, v6: i32) -> impl Iterator<Item = (i32, i32)> {
    let (speaks_v4, speaks_v6) = match family {
        Family::V4 => (true, false),
        Family::V6 { dual } => (dual, true),
        Family::Unix => (false, false),
    };
    let v6 = speaks_v6.then_some((libc::IPPROTO_IPV6, v6));
    let v4 = speaks_v4.then_some((libc::IPPROTO_IP, v4));
    v6.into_iter().chain(v4)
}

/// The wildcard address of a family of IP.
pub(crate) fn unspecified(v6: bool) -> IpAddr {
    if v6 { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
}
