//! Why an address could not be bound, and what to try next.

use std::fmt;
use std::io;

use address::{Address, Host, Place, Port, Transport};

use crate::{OptionError, ResolveError};

/// A passive open that failed.
#[derive(Debug)]
pub struct BindError {
    /// The address as it was asked for.
    pub address: String,
    /// The system call that failed: `bind(2)`.
    pub call: &'static str,
    /// What kind of failure it is.
    pub kind: BindErrorKind,
    /// The kernel's reason, where it was the kernel's.
    pub error: Option<io::Error>,
    /// What to try next; empty where nothing is known.
    pub hint: String,
}

/// What kind of failure a [`BindError`] is.
#[derive(Debug)]
pub enum BindErrorKind {
    /// Another socket has the address (`EADDRINUSE`).
    InUse,
    /// The address is not one of this host's (`EADDRNOTAVAIL`).
    NotOurs,
    /// Not allowed (`EACCES`, `EPERM`).
    Permission,
    /// Something is at the path that is not to be deleted.
    PathTaken {
        /// What it is.
        what: Taken,
    },
    /// The name was not found.
    Resolve(Box<ResolveError>),
    /// An option was refused.
    Option(Box<OptionError>),
    /// This kernel has not what the transport needs, or the address cannot be listened on.
    Unsupported,
    /// Anything else: see the error.
    Other,
}

/// What is at a Unix path already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taken {
    /// A regular file.
    RegularFile,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it leads.
    Symlink,
    /// A socket with a process behind it.
    LiveSocket,
    /// A socket of another user's.
    SomeoneElsesSocket,
    /// A dead socket of our own, with `unlink=off`.
    DeadSocket,
    /// Another process is replacing a dead socket in this directory now.
    BeingReplaced,
    /// A device or a named pipe.
    Special,
}

impl Taken {
    /// What it is, and what to do about it.
    fn words(self) -> (&'static str, &'static str) {
        const REMOVE: &str = "choose another path, or remove it yourself";
        match self {
            Taken::RegularFile => ("a regular file", REMOVE),
            Taken::Directory => ("a directory", "choose a path in it"),
            Taken::Symlink => ("a symbolic link", REMOVE),
            Taken::LiveSocket => ("a live socket", "see who has it: ss -xlp"),
            Taken::SomeoneElsesSocket => ("another user's socket", "choose another path"),
            Taken::DeadSocket => ("a dead socket, and unlink=off keeps it", REMOVE),
            Taken::BeingReplaced => ("a dead socket that another process is replacing", "try again"),
            Taken::Special => ("a device or a named pipe", "choose another path"),
        }
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().0)
    }
}

impl BindError {
    /// A system call that failed.
    pub(crate) fn new(address: &Address, call: &'static str, error: io::Error) -> BindError {
        let (kind, hint) = judge(address, &error);
        BindError { address: address.to_string(), call, kind, error: Some(error), hint }
    }

    pub(crate) fn option(address: &Address, error: OptionError) -> BindError {
        BindError::without_errno(
            address,
            "setsockopt(2)",
            BindErrorKind::Option(Box::new(error)),
            String::new(),
        )
    }

    pub(crate) fn resolve(address: &Address, error: ResolveError) -> BindError {
        BindError::without_errno(
            address,
            "getaddrinfo(3)",
            BindErrorKind::Resolve(Box::new(error)),
            String::new(),
        )
    }

    pub(crate) fn taken(address: &Address, what: Taken) -> BindError {
        let hint = what.words().1.to_owned();
        BindError::without_errno(address, "bind(2)", BindErrorKind::PathTaken { what }, hint)
    }

    pub(crate) fn unsupported(address: &Address, why: &str) -> BindError {
        BindError::without_errno(address, "bind(2)", BindErrorKind::Unsupported, why.to_owned())
    }

    fn without_errno(address: &Address, call: &'static str, kind: BindErrorKind, hint: String) -> BindError {
        BindError { address: address.to_string(), call, kind, error: None, hint }
    }
}

/// The kind of an errno, and the next thing to try.
fn judge(address: &Address, error: &io::Error) -> (BindErrorKind, String) {
    match error.raw_os_error() {
        Some(libc::EADDRINUSE) => (BindErrorKind::InUse, who_has_it(address)),
        Some(libc::EADDRNOTAVAIL) => {
            let hint = "it is not an address of this host: `ip address` lists those that are";
            (BindErrorKind::NotOurs, hint.to_owned())
        }
        Some(libc::EINVAL) if is_group_of_a_link(address) => {
            let hint = "a group of one link needs its interface, as in [ff02::1234%eth0]";
            (BindErrorKind::Other, hint.to_owned())
        }
        Some(libc::EACCES) if address.transport.is_ip() => {
            let hint = "a port below `sysctl net.ipv4.ip_unprivileged_port_start` needs the capability \
                        CAP_NET_BIND_SERVICE: take a higher port";
            (BindErrorKind::Permission, hint.to_owned())
        }
        Some(libc::EACCES | libc::EPERM | libc::EROFS) => {
            (BindErrorKind::Permission, "the directory must be one that this user may write to".to_owned())
        }
        Some(libc::ENOENT) => (BindErrorKind::Other, "the directory must exist".to_owned()),
        Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT | libc::ESOCKTNOSUPPORT | libc::ENOTSOCK) => {
            (BindErrorKind::Unsupported, String::new())
        }
        _ => (BindErrorKind::Other, String::new()),
    }
}

/// Whether it is a multicast group that ends at the link, RFC 4291 section 2.7: another on each interface.
fn is_group_of_a_link(address: &Address) -> bool {
    let Place::Network { host: Host::V6 { address, .. }, .. } = &address.place else { return false };
    address.segments()[0] & 0xff0f == 0xff02
}

fn who_has_it(address: &Address) -> String {
    let kind = if address.transport == Transport::Udp { 'u' } else { 't' };
    match &address.place {
        Place::Network { port: Port::Number(0), .. } => {
            "every port that the kernel may choose is taken: sysctl net.ipv4.ip_local_port_range".to_owned()
        }
        Place::Network { port: Port::Number(port), .. } => {
            format!("see who has it: ss -ln{kind}p 'sport = :{port}'")
        }
        Place::Network { port: Port::Service(service), .. } => {
            format!("see who has it: ss -ln{kind}p 'sport = :{service}'")
        }
        Place::Path(_)
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Command(_)
        | Place::Nameless => "see who has it: ss -xlp".to_owned(),
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindError { address, call, kind, error, hint } = self;
        write!(f, "cannot listen on {address}: ")?;
        match (kind, error) {
            (BindErrorKind::Resolve(error), _) => return write!(f, "{error}"),
            (BindErrorKind::Option(error), _) => return write!(f, "{error}"),
            (BindErrorKind::PathTaken { what }, _) => write!(f, "the path is {what}")?,
            (_, Some(error)) => write!(f, "{call}: {}", sys::describe(error))?,
            (_, None) => return f.write_str(hint),
        }
        if hint.is_empty() { Ok(()) } else { write!(f, "; {hint}") }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            BindErrorKind::Resolve(error) => Some(&**error),
            BindErrorKind::Option(error) => Some(&**error),
            BindErrorKind::InUse
            | BindErrorKind::NotOurs
            | BindErrorKind::Permission
            | BindErrorKind::PathTaken { .. }
            | BindErrorKind::Unsupported
            | BindErrorKind::Other => self.error.as_ref().map(|error| error as _),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errno;

    fn told(address: &str, errno: i32) -> BindError {
        BindError::new(&address.parse().unwrap(), "bind(2)", errno::raw(errno))
    }

    #[test]
    fn a_low_port_that_is_forbidden_explains_who_may_have_it() {
        let error = told("tcp://0.0.0.0:80", libc::EACCES);
        assert!(matches!(error.kind, BindErrorKind::Permission));
        let text = error.to_string();
        assert!(text.starts_with("cannot listen on tcp://0.0.0.0:80: bind(2): Permission denied (EACCES); "));
        assert!(text.contains("net.ipv4.ip_unprivileged_port_start"), "{text}");
        assert!(text.contains("CAP_NET_BIND_SERVICE"), "{text}");
    }

    #[test]
    fn each_hint_fits_the_kind_of_address() {
        assert!(told("unix:/run/x", libc::EACCES).to_string().contains("directory"));
        assert!(told("unix:@x", libc::EADDRINUSE).to_string().ends_with("ss -xlp"));
        assert!(told("udp://:http", libc::EADDRINUSE).to_string().ends_with("ss -lnup 'sport = :http'"));
        assert!(matches!(told("tcp://[::1]:1", libc::EAFNOSUPPORT).kind, BindErrorKind::Unsupported));
    }

    #[test]
    fn an_error_is_one_line_and_has_its_source() {
        let error = told("tcp://127.0.0.1:1", libc::EADDRNOTAVAIL);
        assert_eq!(error.to_string().lines().count(), 1);
        assert!(std::error::Error::source(&error).is_some());
    }
}
