//! Addresses as text: the shortest that parses back to the same value.
//!
//! RFC 5952 for IPv6, RFC 4007 section 11 for zones, RFC 3986 section 2.1 for bytes that mean something else.

use std::fmt::{self, Write};

use crate::address::{Address, Host, LocalBind, Place, Port};
use crate::layer::Layer;
use crate::option_list::Options;
use crate::option_value::OptionValue;
use crate::options::OptionKey;
use crate::percent;
use crate::scheme::{Form, Scheme};

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = shown_scheme(self);
        match &self.place {
            Place::Network { host, port } => write!(formatter, "{scheme}://{host}:{port}")?,
            Place::Path(path) => {
                write!(formatter, "{scheme}:")?;
                write_path(formatter, path)?;
            }
            Place::Abstract(name) => {
                write!(formatter, "{scheme}:")?;
                write_abstract(formatter, name)?;
            }
            Place::Standard => write!(formatter, "{scheme}")?,
            Place::Descriptor(number) => write!(formatter, "{scheme}:{number}")?,
            Place::Nameless => write!(formatter, "{scheme}:")?,
            Place::Command(command) => {
                write!(formatter, "{scheme}:")?;
                write_command(formatter, command)?;
            }
        }
        let path = url_path(self);
        formatter.write_str(path.unwrap_or_default())?;
        let behind = self.options.iter().filter(|(key, _)| path.is_none() || **key != OptionKey::Path);
        write_options(formatter, "?", behind)
    }
}

impl fmt::Display for Options {
    /// `nodelay&keepalive=30s`: as after the `?` of an address.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_options(formatter, "", self.iter())
    }
}

/// The scheme without a tap that the options put where it lies.
fn shown_scheme(address: &Address) -> Scheme {
    let is_implied = |(key, _): (&OptionKey, _)| key.row().applies.implies(Layer::Tap);
    let scheme = address.scheme();
    match scheme.layers.top() {
        Some(Layer::Tap) if address.options.iter().any(is_implied) => {
            Scheme { layers: scheme.layers.without(Layer::Tap), ..scheme }
        }
        Some(_) | None => scheme,
    }
}

/// The path that stands behind the port, as in a URL: a query would be read as options, so one that has it does not.
fn url_path(address: &Address) -> Option<&str> {
    let path = address.options.text(OptionKey::Path)?;
    let stands_there = address.transport.row().form == Form::Network && !path.contains('?');
    stands_there.then_some(path)
}

/// Options with `&` between them, and this before the first.
fn write_options<'a>(
    formatter: &mut fmt::Formatter<'_>,
    mut before: &'static str,
    options: impl Iterator<Item = (&'a OptionKey, &'a OptionValue)>,
) -> fmt::Result {
    for (key, value) in options {
        write!(formatter, "{before}{key}")?;
        before = "&";
        if *value != OptionValue::Flag(true) {
            formatter.write_char('=')?;
            if key.row().kind.is_share() {
                write!(formatter, "{value}")?; // digits and a % at the end, which means itself
                continue;
            }
            percent::encode(formatter, value.to_string().as_bytes(), percent::IN_VALUE)?;
        }
    }
    Ok(())
}

impl fmt::Display for Host {
    /// As before the colon of `HOST:PORT`; nothing for [`Host::Any`].
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Any => Ok(()),
            Host::V4(address) => write!(formatter, "{address}"),
            Host::V6 { address, zone: None } => write!(formatter, "[{address}]"),
            Host::V6 { address, zone: Some(zone) } => write!(formatter, "[{address}%{zone}]"),
            Host::Name(name) => formatter.write_str(name),
        }
    }
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Port::Number(number) => write!(formatter, "{number}"),
            Port::Service(name) => formatter.write_str(name),
        }
    }
}

impl fmt::Display for LocalBind {
    /// `HOST` where the port is left to the kernel, else `HOST:PORT`; `:0` leaves both.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, &self.port) {
            (Host::V4(_) | Host::V6 { .. } | Host::Name(_), Port::Number(0)) => {
                write!(formatter, "{}", self.host)
            }
            (host, port) => write!(formatter, "{host}:{port}"),
        }
    }
}

/// A path after `unix:`, so that it is read neither as an abstract name nor as the `//` of a host.
pub(crate) fn write_path(formatter: &mut fmt::Formatter<'_>, path: &[u8]) -> fmt::Result {
    let (head, rest) = match path {
        [b'@', rest @ ..] => ("%40", rest),
        [b'/', b'/', rest @ ..] => ("/%2F", rest),
        whole => ("", whole),
    };
    formatter.write_str(head)?;
    percent::encode(formatter, rest, percent::IN_PATH)
}

/// An abstract name after `unix:`.
pub(crate) fn write_abstract(formatter: &mut fmt::Formatter<'_>, name: &[u8]) -> fmt::Result {
    formatter.write_char('@')?;
    percent::encode(formatter, name, percent::IN_PATH)
}

/// A command after `exec:`. Its spaces stand bare, but for those at its ends, which nobody would see.
pub(crate) fn write_command(formatter: &mut fmt::Formatter<'_>, command: &str) -> fmt::Result {
    let core = command.trim_matches(' ');
    let start = command.len() - command.trim_start_matches(' ').len();
    let end = if core.is_empty() { start } else { start + core.len() };
    percent::encode(formatter, &command.as_bytes()[..start], percent::IN_COMMAND)?;
    for (at, word) in core.split(' ').enumerate() {
        if at > 0 {
            formatter.write_char(' ')?;
        }
        percent::encode(formatter, word.as_bytes(), percent::IN_COMMAND)?;
    }
    percent::encode(formatter, &command.as_bytes()[end..], percent::IN_COMMAND)
}
