//! Addresses: text to value and back, with no look-up.
//!
//! An address says where and by which transport: `tcp://HOST:PORT`, `unix:PATH`, `fd:3`, `-`. Its grammar:
//!
//! ```text
//! tcp://HOST:PORT[?OPTION[=VALUE]&...]      udp://...        HOST:PORT = tcp      :PORT = tcp, any host
//! unix:PATH[?...]   unix:@NAME              unix-dgram:...   unix-seqpacket:...   /path, ./path = unix
//! fd:N              -                         exec:COMMAND   sh:COMMAND
//! file:PATH         fifo:PATH                 pty:           serial:PATH     tun:NAME
//! tls://HOST:PORT   ws://HOST:PORT[/PATH]   wss://... = ws+tls+tcp   proxy+unix:/path   wss+proxy+tcp://...
//! ```
//!
//! Nothing here opens, resolves or asks anything: host names and service names stay names, and a value
//! means the same on every machine. What is protected: [`Display`](std::fmt::Display) of every address
//! that was parsed parses back to the same value, and no text, however bad, makes the parser panic.
//!
//! Four tables say all there is: [`SCHEMES`], [`LAYERS`], [`OPTIONS`] and the [`Kind`] of each option. Parsing, help
//! and tests are made from them.
//!
//! ```
//! use address::{Address, Host, OptionKey, Place, Port, Transport};
//!
//! let address: Address = "tcp://[::1]:http?nodelay=off&keepalive=30s".parse()?;
//! assert_eq!(address.transport, Transport::Tcp);
//! assert_eq!(address.options.flag(OptionKey::Nodelay), Some(false));
//! let Place::Network { host: Host::V6 { .. }, port: Port::Service(name) } = &address.place else { panic!() };
//! assert_eq!(&**name, "http");
//! # Ok::<(), address::ParseAddressError>(())
//! ```

#![forbid(unsafe_code)]

mod address;
mod command;
mod display;
mod echo;
mod end;
mod error;
mod impair_value;
mod layer;
mod nearest;
mod network;
mod option_list;
mod option_value;
mod options;
mod parse;
mod parse_scheme;
mod percent;
mod scheme;
mod units;
mod via;
mod web_value;

pub use address::{Address, Host, LocalBind, Place, Port};
pub use command::{UnclosedQuote, command_words};
pub use echo::{visible, write_carets};
pub use end::{Behind, End, NamelessEnd};
pub use error::{OptionError, OptionProblem, ParseAddressError, Problem, ValueError};
pub use impair_value::{SHARE_MAX, Way};
pub use layer::{LAYERS, Layer, LayerError, LayerRow, Layers};
pub use nearest::nearest;
pub use option_list::Options;
pub use option_value::{Kind, OptionValue};
pub use options::{Applies, OPTIONS, OptionKey, OptionRow, When};
pub use percent::is_visible;
pub use scheme::{Form, SCHEMES, Scheme, SchemeRow, Shape, Transport};
pub use units::{UnitError, format_duration, format_size, parse_duration, parse_size};
pub use via::{Credentials, Via, ViaProtocol};
