//! getaddrinfo(3) and getnameinfo(3): what is asked of the resolver, and what it says.

use std::io;
use std::net::SocketAddr;

use dns_lookup::{AddrInfo, AddrInfoHints, LookupError};

use super::wait::list;
use crate::SystemCall;
use crate::trace::begin;

/// getaddrinfo(3): what the resolver has for a host or a service.
pub(crate) fn look_up(
    host: Option<&str>,
    service: Option<&str>,
    hints: AddrInfoHints,
) -> Result<Vec<AddrInfo>, LookupError> {
    let begun = begin();
    let found = dns_lookup::getaddrinfo(host, service, Some(hints)).map(|found| found.flatten().collect());
    begun.end(
        SystemCall::Getaddrinfo,
        &told(&found),
        || shows_look_up(host, service),
        |found: &&Vec<AddrInfo>| match host {
            Some(_) => {
                format!("{}: {}", found.len(), list(found.iter().map(|one| one.sockaddr.ip().to_string())))
            }
            None => format!("port {}", list(found.iter().take(1).map(|one| one.sockaddr.port().to_string()))),
        },
    );
    found
}

/// getaddrinfo(3)'s arguments.
pub(crate) fn shows_look_up(host: Option<&str>, service: Option<&str>) -> String {
    let shown = |name: Option<&str>| name.map_or_else(|| "NULL".to_owned(), |name| format!("{name:?}"));
    format!("{}, {}", shown(host), shown(service))
}

/// getnameinfo(3): the names of an address and of its port.
pub(crate) fn name_of(address: &SocketAddr, flags: i32) -> Result<(String, String), LookupError> {
    let begun = begin();
    let found = dns_lookup::getnameinfo(address, flags);
    begun.end(
        SystemCall::Getnameinfo,
        &told(&found),
        || address.to_string(),
        |(host, service)| format!("{host:?}, {service:?}"),
    );
    found
}

/// gai_strerror(3), without the words that dns-lookup puts before it.
pub(crate) fn lookup_reason(text: &str) -> &str {
    text.strip_prefix("failed to lookup address information: ").unwrap_or(text)
}

/// The outcome as the tracer takes it.
fn told<T>(outcome: &Result<T, LookupError>) -> io::Result<&T> {
    outcome.as_ref().map_err(|error| io::Error::other(lookup_reason(&error.to_string()).to_owned()))
}
