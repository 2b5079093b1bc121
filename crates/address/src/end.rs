//! Where one end of an open call is.
//!
//! getsockname(2), getpeername(2). Its text is address text, in one line, with nothing invisible in it. An
//! IPv4 address that the kernel wrapped in IPv6 (RFC 4291 section 2.5.5.2) is shown as what it is.

use core::net::{IpAddr, SocketAddr};
use std::fmt;

use crate::address::{Address, Host, Place, Port};
use crate::display::{write_abstract, write_command, write_path};
use crate::layer::Layers;
use crate::scheme::{Scheme, Transport};

/// Where one end of an open call is, as the kernel told.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum End {
    /// An IP address and port: `tcp://137.207.82.52:2021`.
    Ip {
        /// What carries the bytes.
        transport: Transport,
        /// The address; [`End::ip`] gives it without an IPv6 wrapping of IPv4.
        address: SocketAddr,
    },
    /// A path: `unix:/run/x.sock`.
    Path {
        /// What carries the bytes.
        transport: Transport,
        /// The path, without NUL.
        path: Box<[u8]>,
    },
    /// An abstract name: `unix:@name`.
    Abstract {
        /// What carries the bytes.
        transport: Transport,
        /// The name, without the leading NUL of `sun_path`.
        name: Box<[u8]>,
    },
    /// A Unix socket that was never bound: `unix:(unnamed)`.
    Unnamed(Transport),
    /// Standard input and output: `-`.
    Standard,
    /// A descriptor that was open already: `fd:3`.
    Descriptor(u32),
    /// A program that was started for the call: `exec:cat`.
    Command {
        /// How it is started.
        transport: Transport,
        /// The command.
        command: Box<str>,
    },
    /// What a proxy has called for us over TCP: `tcp://example.org:80 through 127.0.0.1:1080`.
    Behind(Box<Behind>),
}

/// Whom a proxy has called for us.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Behind {
    /// The host, which only the proxy has looked up.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Where the proxy is, the nearest if there are several.
    pub proxy: SocketAddr,
}

impl End {
    /// The IP address and port, IPv4 never wrapped in IPv6.
    pub fn ip(&self) -> Option<SocketAddr> {
        if let End::Ip { address, .. } = self { Some(unmapped(*address)) } else { None }
    }

    /// What carries the bytes.
    pub fn transport(&self) -> Transport {
        match self {
            End::Ip { transport, .. }
            | End::Path { transport, .. }
            | End::Abstract { transport, .. }
            | End::Command { transport, .. }
            | End::Unnamed(transport) => *transport,
            End::Standard => Transport::Standard,
            End::Descriptor(_) => Transport::Descriptor,
            End::Behind(_) => Transport::Tcp,
        }
    }
}

impl End {
    /// The same end below these layers, as text: `tls://127.0.0.1:443`. Of a layer that the other end knows nothing of
    /// nothing is said.
    pub fn under(&self, layers: Layers) -> impl fmt::Display {
        LayeredEnd { end: self, layers: layers.spoken() }
    }
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.under(Layers::NONE).fmt(formatter)
    }
}

struct LayeredEnd<'e> {
    end: &'e End,
    layers: Layers,
}

impl fmt::Display for LayeredEnd<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = Scheme { layers: self.layers, transport: self.end.transport() };
        match self.end {
            End::Ip { address, .. } => write!(formatter, "{scheme}://{}", unmapped(*address)),
            End::Path { path, .. } => {
                write!(formatter, "{scheme}:")?;
                write_path(formatter, path)
            }
            End::Abstract { name, .. } => {
                write!(formatter, "{scheme}:")?;
                write_abstract(formatter, name)
            }
            End::Unnamed(_) => write!(formatter, "{scheme}:(unnamed)"),
            End::Standard => write!(formatter, "{scheme}"),
            End::Descriptor(number) => write!(formatter, "{scheme}:{number}"),
            End::Command { command, .. } => {
                write!(formatter, "{scheme}:")?;
                write_command(formatter, command)
            }
            End::Behind(behind) => {
                let Behind { host, port, proxy } = &**behind;
                write!(formatter, "{scheme}://{host}:{port} through {}", unmapped(*proxy))
            }
        }
    }
}

/// The end has no name that one could connect to: a Unix socket that was never bound.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NamelessEnd(
    /// What carries the bytes.
    pub Transport,
);

impl fmt::Display for NamelessEnd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an unnamed {} socket has no address", self.0)
    }
}

impl std::error::Error for NamelessEnd {}

impl TryFrom<End> for Address {
    type Error = NamelessEnd;

    /// The address that means this end, without options.
    fn try_from(end: End) -> Result<Address, NamelessEnd> {
        let transport = end.transport();
        let place = match end {
            End::Ip { address, .. } => network_place(unmapped(address)),
            // Who opens the other side of a terminal of ours has it as a line that is there already.
            End::Path { transport: Transport::Pty, path } => {
                return Ok(Address::new(Transport::Serial, Place::Path(path)));
            }
            End::Path { path, .. } => Place::Path(path),
            End::Abstract { name, .. } => Place::Abstract(name),
            End::Unnamed(transport) => return Err(NamelessEnd(transport)),
            End::Standard => Place::Standard,
            End::Descriptor(number) => Place::Descriptor(number),
            End::Command { command, .. } => Place::Command(command),
            End::Behind(behind) => Place::Network { host: behind.host, port: Port::Number(behind.port) },
        };
        Ok(Address::new(transport, place))
    }
}

fn network_place(address: SocketAddr) -> Place {
    let port = Port::Number(address.port());
    let host = match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            Host::V6 { address: *v6.ip(), zone: Some(v6.scope_id().to_string().into()) }
        }
        SocketAddr::V4(_) | SocketAddr::V6(_) => Host::from(address.ip()),
    };
    Place::Network { host, port }
}

/// The address with IPv4 taken out of an IPv6 wrapping; all else unchanged.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, address.port())),
        IpAddr::V6(_) => address,
    }
}
