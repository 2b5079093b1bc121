//! The address as a value: layers, transport, place and options.
//!
//! ip(7), ipv6(7), unix(7). Text becomes a value in `parse.rs` and text again in `display.rs`.
//! Bounds, held by the parser: host name 253 bytes, zone 15, service name 32, path 107 (`sun_path` less
//! its NUL), abstract name 107, descriptor 2147483647,
//! command 65536.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::borrow::Cow;
use std::time::Duration;

use crate::error::{OptionError, OptionProblem, ParseAddressError};
use crate::layer::{Layer, Layers};
use crate::option_list::Options;
use crate::option_value::OptionValue;
use crate::options::OptionKey;
use crate::scheme::{Scheme, Shape, Transport};

/// Bytes of a host name at most, RFC 1035 section 2.3.4 (255 on the wire).
pub(crate) const HOST_BYTES_MAX: usize = 253;
/// Bytes of an interface name at most: `IFNAMSIZ` less its NUL, netdevice(7).
pub(crate) const INTERFACE_BYTES_MAX: usize = 15;
/// Bytes of a service name at most; RFC 6335 section 5.1 asks for 15, older lists hold longer ones.
pub(crate) const SERVICE_BYTES_MAX: usize = 32;
/// Bytes of a path or an abstract name at most: `sun_path` of 108, less one NUL, unix(7).
pub(crate) const LOCAL_BYTES_MAX: usize = 107;
/// Bytes of a file's path at most: `PATH_MAX` less its NUL, path_resolution(7).
pub(crate) const FILE_BYTES_MAX: usize = 4095;
/// Bytes of a command at most: half of what Linux takes as one argument (`MAX_ARG_STRLEN`, execve(2)).
pub(crate) const COMMAND_BYTES_MAX: usize = 65_536;
/// The greatest descriptor: the kernel's type for it is `int`.
pub(crate) const DESCRIPTOR_MAX: u32 = i32::MAX as u32;

/// Where, by which transport under which layers, and with which options.
///
/// Parse one with [`str::parse`], print it with [`Display`](std::fmt::Display). The fields are open: a value
/// put together by hand can be impossible (a path over tcp), and [`Address::checked`] says so.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Address {
    /// What lies on the transport, the layer next to the socket first.
    pub layers: Layers,
    /// What carries the bytes.
    pub transport: Transport,
    /// Where, in the terms of that transport.
    pub place: Place,
    /// What was asked for beyond that.
    pub options: Options,
}

impl Address {
    /// An address without layers and options. `place` should be of the transport's form, see [`Address::checked`].
    pub fn new(transport: Transport, place: Place) -> Address {
        Address { layers: Layers::NONE, transport, place, options: Options::default() }
    }

    /// What it begins with: the transport and the layers on it.
    pub fn scheme(&self) -> Scheme {
        Scheme { layers: self.layers, transport: self.transport }
    }

    /// The shape of what travels on the top of the layers; `None` where that is known only once it is open (`fd:N`).
    pub fn shape(&self) -> Option<Shape> {
        self.scheme().shape()
    }

    /// Whether what is said goes on its socket as it is: no layer lies there, and no proxy is on the way.
    pub fn is_bare(&self) -> bool {
        self.layers.is_empty() && self.options.vias().next().is_none()
    }

    /// How long a call to it may take to be opened: its `connect-timeout`, 30 s unless given.
    pub fn connect_timeout(&self) -> Duration {
        self.options.connect_timeout()
    }

    /// Where its socket is connected to: the nearest proxy, where one is on the way.
    pub fn first_hop(&self) -> Cow<'_, Address> {
        match self.options.vias().next() {
            None => Cow::Borrowed(self),
            Some(via) => {
                let place = Place::Network { host: via.host.clone(), port: via.port.clone() };
                Cow::Owned(Address { place, ..self.clone() })
            }
        }
    }

    /// What may be shown of it: the same without the names and passwords of proxies, and without what headers say.
    pub fn shown(&self) -> Address {
        Address { options: self.options.without_credentials(), ..self.clone() }
    }

    /// This address with one option more.
    ///
    /// # Errors
    /// If the option applies neither to the transport nor to a layer, is there already and not repeatable, has a value of
    /// another kind or out of bounds, or contradicts one that is there (`v4` and `v6`).
    pub fn with(mut self, key: OptionKey, value: OptionValue) -> Result<Address, OptionError> {
        let scheme = self.scheme();
        if !key.row().applies.to(scheme) {
            return Err(OptionError { key, reason: OptionProblem::NotFor(scheme) });
        }
        self.options.insert(key, value)?;
        Ok(self.with_implied_layers())
    }

    /// This address with the transparent layers whose options it has. They lie next to the socket, where a network would
    /// be, the last of the table first; but a tap lies on top, to see what is said.
    pub(crate) fn with_implied_layers(self) -> Address {
        let is_given = |layer: &Layer| self.options.iter().any(|(key, _)| key.row().applies.implies(*layer));
        let implied = Layer::ALL.iter().copied().filter(is_given);
        Address { layers: implied.fold(self.layers, Layers::implying), ..self }
    }

    /// This address if its text parses back to it, so that every bound of the grammar holds.
    ///
    /// # Errors
    /// What the parser says of the text; if the text means another address, that is said instead.
    pub fn checked(self) -> Result<Address, ParseAddressError> {
        let text = self.to_string();
        let parsed: Address = text.parse()?;
        if parsed == self { Ok(self) } else { Err(ParseAddressError::means_another(text, &parsed)) }
    }
}

/// Where: a host and port, a name on this machine, or something that is open already.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// A host and a port, for tcp and udp.
    Network {
        /// The host, not looked up.
        host: Host,
        /// The port, not looked up.
        port: Port,
    },
    /// A path in the file system without NUL: of a socket 1 to 107 bytes, unix(7); of a file 1 to 4095, open(2); or the name of an
    /// interface, 1 to 15.
    Path(Box<[u8]>),
    /// An abstract name, 1 to 107 bytes, any of them; without the leading NUL of `sun_path`, unix(7).
    Abstract(Box<[u8]>),
    /// Standard input and output.
    Standard,
    /// An open descriptor, 0 to 2147483647.
    Descriptor(u32),
    /// Nothing that has a name before it is made: `pty:`.
    Nameless,
    /// A command, 1 to 65536 bytes without NUL, whose quotes are closed: see [`command_words`](crate::command_words).
    Command(Box<str>),
}

/// Which machine, or which of our own addresses.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Host {
    /// No host (`:PORT` or `*:PORT`): every address when listening, localhost when connecting.
    Any,
    /// An IPv4 address, ip(7).
    V4(Ipv4Addr),
    /// An IPv6 address, ipv6(7), written in brackets.
    V6 {
        /// The address.
        address: Ipv6Addr,
        /// The zone of a link-local address, RFC 4007 section 11: an interface name or index, 1 to 15 bytes.
        zone: Option<Box<str>>,
    },
    /// A name to look up, 1 to 253 bytes.
    Name(Box<str>),
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Host {
        match address {
            IpAddr::V4(address) => Host::V4(address),
            IpAddr::V6(address) => Host::V6 { address, zone: None },
        }
    }
}

/// A port by number or by the name of its service.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Port {
    /// 0 to 65535; 0 asks the kernel to choose.
    Number(u16),
    /// A service name to look up, services(5): 1 to 32 letters, digits and `-_+.`, one letter at least.
    Service(Box<str>),
}

/// Our own end of a call that we make: the value of `?bind=`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct LocalBind {
    /// Our address; [`Host::Any`] leaves it to the kernel.
    pub host: Host,
    /// Our port; 0 leaves it to the kernel.
    pub port: Port,
}
