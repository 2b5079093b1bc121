//! setsockopt(2) and getsockopt(2), with the options' names; and ioctl(2).

use std::fmt::{self, Display};
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::sockopt;

use super::option_name::option_name;
use super::text::{number, zero};
use crate::SystemCall;
use crate::interface;
use crate::trace::traced;

/// What an option is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A C `int`.
    Number(i32),
    /// A name, as it is.
    Text(Box<str>),
    /// `struct linger`.
    Linger(Duration),
    /// `struct timeval`; `None`: for ever.
    Time(Option<Duration>),
    /// An interface by name or address, for multicast that is sent. Its index is looked up when it is set.
    Interface(Box<str>),
    /// A multicast group, and the interface on which to join it; `None`: the routing table's.
    Group(IpAddr, Option<Box<str>>),
    /// The same, for what this host sends to it.
    SourceGroup(IpAddr, IpAddr, Option<Box<str>>),
}

impl Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Number(number) => number.fmt(f),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Linger(time) => write!(f, "on, {} s", time.as_secs()),
            Value::Time(None) => f.write_str("no time-out"),
            Value::Time(Some(time)) => write!(f, "{} ms", time.as_millis()),
            Value::Interface(interface) => write!(f, "{interface:?}"),
            Value::Group(group, None) => group.fmt(f),
            Value::Group(group, Some(interface)) => write!(f, "{group} on {interface:?}"),
            Value::SourceGroup(group, source, None) => write!(f, "{group} from {source}"),
            Value::SourceGroup(group, source, Some(interface)) => {
                write!(f, "{group} from {source} on {interface:?}")
            }
        }
    }
}

/// setsockopt(2).
pub(crate) fn set_option(fd: impl AsFd, level: i32, name: i32, value: &Value) -> io::Result<()> {
    let make = || put(&fd, level, name, value);
    traced(SystemCall::Setsockopt, make, || shows_set_option(number(&fd), level, name, value), zero)
}

fn put(fd: impl AsFd, level: i32, name: i32, value: &Value) -> io::Result<()> {
    match value {
        Value::Number(value) => sys::option::set_int(fd, level, name, *value),
        Value::Text(text) => sys::option::set_bytes(fd, level, name, text.as_bytes()),
        Value::Linger(time) => Ok(sockopt::set_socket_linger(fd, Some(*time))?),
        Value::Time(time) => Ok(sockopt::set_socket_timeout(fd, sockopt::Timeout::Send, *time)?),
        Value::Interface(interface) => interface::send_multicast_by(fd, level, interface),
        Value::Group(group, interface) => interface::join(fd, *group, interface.as_deref()),
        Value::SourceGroup(group, source, interface) => {
            interface::join_source(fd, level, *group, *source, interface.as_deref())
        }
    }
}

/// setsockopt(2)'s arguments.
pub(crate) fn shows_set_option(fd: impl Display, level: i32, name: i32, value: &Value) -> String {
    format!("{fd}, {}, {value}", option_name(level, name))
}

/// getsockopt(2), for an option whose value is a C `int`.
pub(crate) fn get_option(fd: impl AsFd, level: i32, name: i32) -> io::Result<i32> {
    let make = || sys::option::get_int(&fd, level, name);
    let answer = ToString::to_string;
    traced(SystemCall::Getsockopt, make, || shows_get_option(number(&fd), level, name), answer)
}

/// getsockopt(2)'s arguments.
pub(crate) fn shows_get_option(fd: impl Display, level: i32, name: i32) -> String {
    format!("{fd}, {}", option_name(level, name))
}

/// getsockopt(2), for an option whose value is a structure: how many bytes of it there are.
pub(crate) fn get_option_bytes(fd: impl AsFd, level: i32, name: i32, value: &mut [u8]) -> io::Result<usize> {
    traced(
        SystemCall::Getsockopt,
        || sys::option::get_bytes(&fd, level, name, value),
        || shows_get_option(number(&fd), level, name),
        |length| format!("{length} bytes"),
    )
}

/// The error that is waiting, if one is (`SO_ERROR`, socket(7)); it is cleared.
pub(crate) fn pending_error(fd: impl AsFd) -> io::Result<Option<io::Error>> {
    let errno = traced(
        SystemCall::Getsockopt,
        || sys::option::get_int(&fd, libc::SOL_SOCKET, libc::SO_ERROR),
        || shows_get_option(number(&fd), libc::SOL_SOCKET, libc::SO_ERROR),
        |errno| match sys::errno_and_words(&io::Error::from_raw_os_error(*errno)) {
            Some((name, words)) if *errno != 0 => format!("{name} ({words})"),
            Some(_) | None => errno.to_string(),
        },
    )?;
    Ok((errno != 0).then(|| io::Error::from_raw_os_error(errno)))
}

/// ioctl(2) `FIONREAD`: bytes that have come.
pub(crate) fn fionread(fd: impl AsFd) -> io::Result<u64> {
    let make = || rustix::io::ioctl_fionread(&fd);
    traced(SystemCall::Ioctl, make, || format!("{}, FIONREAD", number(&fd)), ToString::to_string)
}

/// ioctl(2) `SIOCOUTQ`: bytes of the send queue, those that were sent and not acknowledged among them.
pub(crate) fn outq(fd: impl AsFd) -> io::Result<u32> {
    let make = || sys::option::send_queue(&fd);
    traced(SystemCall::Ioctl, make, || format!("{}, SIOCOUTQ", number(&fd)), ToString::to_string)
}

/// ioctl(2) `FIONBIO`: whether calls on it answer at once.
pub(crate) fn fionbio(fd: impl AsFd, nonblocking: bool) -> io::Result<()> {
    let make = || rustix::io::ioctl_fionbio(&fd, nonblocking);
    let arguments = || format!("{}, FIONBIO, {}", number(&fd), i32::from(nonblocking));
    traced(SystemCall::Ioctl, make, arguments, zero)
}
