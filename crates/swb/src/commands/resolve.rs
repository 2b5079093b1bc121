//! `swb resolve`: names to addresses and back.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use switchboard::services::Inert;
use switchboard::socket::{self, Role};
use switchboard::{Address, Place};

use crate::failure::{Failure, Status};
use crate::invocation::Resolve;

pub(crate) fn run(arguments: &Resolve) -> Result<(), Failure> {
    for name in &arguments.names {
        let text = match name.parse::<IpAddr>() {
            Ok(ip) => names_of(ip)?,
            Err(_) => addresses_of(name)?,
        };
        print(&text)?;
    }
    Ok(())
}

/// One line: the address and its name.
fn names_of(ip: IpAddr) -> Result<String, Failure> {
    match socket::reverse_name(SocketAddr::new(ip, 0)) {
        Ok(Some(name)) => Ok(format!("{ip}\t{name}\n")),
        Ok(None) => Err(Failure::new(Status::NameNotFound, format!("{ip} has no name: getnameinfo(3)"))),
        Err(error) => Err(Failure::new(
            Status::NameNotFound,
            format!("cannot find the name of {ip}: getnameinfo(3): {error}"),
        )),
    }
}

/// One line an address, in the order in which they would be tried; the canonical name last on each.
fn addresses_of(name: &str) -> Result<String, Failure> {
    let (address, has_port) = parse(name)?;
    let resolved = socket::resolve(&address, Role::Connect)?;
    let canonical = resolved.canonical.unwrap_or_default();
    let mut text = String::new();
    for candidate in resolved.candidates {
        let found = candidate.address;
        // Writing to a String cannot fail.
        let _ = match (has_port, socket::service_name(found.port(), candidate.transport)) {
            (false, _) => writeln!(text, "{}\t{canonical}", found.ip()),
            (true, None) => writeln!(text, "{}://{found}\t{canonical}", candidate.transport.name()),
            (true, Some(service)) => {
                writeln!(text, "{}://{found}\t{canonical}\t{service}", candidate.transport.name())
            }
        };
    }
    Ok(text)
}

/// A whole address, HOST:PORT, or a host alone.
pub(super) fn parse(name: &str) -> Result<(Address, bool), Failure> {
    match name.parse::<Address>() {
        Ok(address) if matches!(address.place, Place::Network { .. }) => Ok((address, true)),
        Ok(address) => Err(Failure::usage(format!("{address} has no host to look up"))),
        Err(error) if name.contains([':', '/']) => Err(error.into()),
        Err(_) => {
            let with_port: Address = format!("tcp://{name}:0").parse()?;
            Ok((with_port, false))
        }
    }
}

/// A name is whatever its owner says: on a terminal it is made inert.
fn print(text: &str) -> Result<(), Failure> {
    let text = if super::is_inert(false) { Inert::text(text) } else { text.to_owned() };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| crate::failure::output_error(&error))
}
