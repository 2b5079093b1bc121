//! The value of an option: its kinds, their text and bounds.
//!
//! Protected: what [`OptionRow::parse`] gives, [`OptionRow::check`] allows, and its `Display` parses back to
//! it. Nothing is rounded: a duration must be a whole number of its row's unit.

use core::net::IpAddr;
use std::fmt;
use std::time::Duration;

use crate::address::{FILE_BYTES_MAX, LocalBind};
use crate::error::ValueError;
use crate::impair_value::{
    SHARE_MAX, Way, parse_after, parse_rate, parse_share, split_way, write_rate, write_share,
};
use crate::network;
use crate::options::OptionRow;
use crate::units::{format_duration, format_size, parse_duration, parse_size};
use crate::via::Via;
use crate::web_value::{
    self, HEADER_BYTES_MAX, PATH_BYTES_MAX, TOKEN_BYTES_MAX, is_origin, is_path, is_token,
};

/// The value of an option.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum OptionValue {
    /// On or off.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// Bytes.
    Size(u64),
    /// A time span.
    Duration(Duration),
    /// Text without control characters.
    Text(Box<str>),
    /// File mode bits, 0 to 0o777.
    Mode(u32),
    /// Our own end.
    Local(LocalBind),
    /// A multicast group, IPv4 or IPv6.
    Group(IpAddr),
    /// The address of one host, IPv4 or IPv6.
    Source(IpAddr),
    /// An address, and bits of the prefix of its network: 32 at most of IPv4, 128 of IPv6.
    Subnet(IpAddr, u8),
    /// One of the words that the option's row lists.
    Word(&'static str),
    /// The SHA-256 of a certificate.
    Fingerprint([u8; 32]),
    /// A header of HTTP.
    Header {
        /// Its name, a token.
        name: Box<str>,
        /// Its value, without spaces around it.
        value: Box<str>,
    },
    /// A proxy to go through.
    Via(Box<Via>),
    /// How often something is tried again; `None`: without end.
    Retries(Option<u32>),
    /// A share in millionths.
    Share(u32),
    /// Bytes a second.
    Rate(u64),
    /// A value for one direction.
    OneWay(Way, Box<OptionValue>),
}

impl OptionValue {
    /// For which direction it is, if for one only.
    pub fn way(&self) -> Option<Way> {
        if let OptionValue::OneWay(way, _) = self { Some(*way) } else { None }
    }
}

/// The kind of an option's value, with its bounds (both included).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `on` or `off`; the name alone means on.
    Flag,
    /// A whole number, decimal or hexadecimal with `0x`.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// A size in bytes, see [`parse_size`].
    Size {
        /// The least, in bytes.
        min: u64,
        /// The greatest, in bytes.
        max: u64,
    },
    /// A time span, see [`parse_duration`].
    Duration {
        /// The shortest.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// Text of one byte or more, without control characters.
    Text {
        /// Bytes at most.
        max_bytes: usize,
    },
    /// File mode bits in octal, 0 to 777.
    Mode,
    /// `HOST`, `HOST:PORT` or `:PORT`.
    Local,
    /// A multicast address.
    Group,
    /// The address of one host.
    Source,
    /// `ADDRESS/PREFIX`.
    Subnet,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The path of a file: text of 1 to 4095 bytes without control characters.
    File,
    /// What is asked for in HTTP: a path of 1 to 4096 visible ASCII characters, with its query.
    Path,
    /// A name in HTTP, 1 to 255 bytes.
    Token,
    /// `NAME:VALUE`, a header of HTTP of 8192 bytes at most.
    Header,
    /// Pages of which sites: `https://HOST`, or a word for several.
    Origin,
    /// `sha256:` and 64 hexadecimal digits.
    Fingerprint,
    /// `PROTOCOL://[USER:PASSWORD@]HOST:PORT`.
    Via,
    /// `forever`, or a number from 0 to 1000000.
    Retries,
    /// `0%` to `100%`, with four digits behind the point at most.
    Share,
    /// A size a second, one byte at least.
    Rate,
    /// A size or a duration.
    After,
    /// A value of this kind, for both directions or with `in:` or `out:` in front for one of them.
    EachWay(&'static Kind),
}

impl Kind {
    /// Whether its text ends with a `%`.
    pub(crate) fn is_share(self) -> bool {
        matches!(self, Kind::Share | Kind::EachWay(Kind::Share))
    }
}

/// Retries that can be counted; who wants more wants them forever.
const RETRIES_MAX: u32 = 1_000_000;
/// Retries without end.
const FOREVER: &str = "forever";

impl fmt::Display for Kind {
    /// What is right there: `a number from 1 to 255`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Flag => formatter.write_str("on or off"),
            Kind::Integer { min, max } => write!(formatter, "a number from {min} to {max}"),
            Kind::Size { min, max } => write!(formatter, "a size from {min} to {max} bytes, such as 64KiB"),
            Kind::Duration { min, max } => {
                write!(
                    formatter,
                    "a duration from {} to {}, such as 30s",
                    format_duration(*min),
                    format_duration(*max)
                )
            }
            Kind::Text { max_bytes } => write!(formatter, "1 to {max_bytes} bytes of text"),
            Kind::Mode => formatter.write_str("an octal number from 0 to 777"),
            Kind::Local => formatter.write_str("HOST, HOST:PORT or :PORT, IPv6 in brackets"),
            Kind::Subnet => formatter.write_str("ADDRESS/PREFIX, such as 10.1.2.3/24 or fd00::1/64"),
            Kind::Group => formatter.write_str("a multicast address, such as 239.1.2.3 or ff02::1234"),
            Kind::Source => formatter.write_str("an address of one host, such as 192.0.2.7 or 2001:db8::7"),
            Kind::Word(words) => formatter.write_str(&words.join(" or ")),
            Kind::File => write!(formatter, "the path of a file, 1 to {FILE_BYTES_MAX} bytes"),
            Kind::Path => formatter.write_str("a path of visible ASCII that begins with /, without #"),
            Kind::Token => formatter.write_str("a name of letters, digits and -._~"),
            Kind::Header => formatter.write_str("NAME:VALUE, such as Authorization:Bearer TOKEN"),
            Kind::Origin => formatter.write_str("https://HOST, any, same or null"),
            Kind::Fingerprint => formatter.write_str("sha256: and 64 hexadecimal digits"),
            Kind::Via => formatter.write_str("socks5://[USER:PASSWORD@]HOST:PORT or http-connect://..."),
            Kind::Retries => write!(formatter, "{FOREVER}, or a number from 0 to {RETRIES_MAX}"),
            Kind::Share => formatter.write_str("a share from 0% to 100%, such as 0.1%"),
            Kind::Rate => formatter.write_str("a rate of 1B/s or more, such as 1MB/s"),
            Kind::After => formatter.write_str("a size or a duration, such as 64KiB or 2s"),
            Kind::EachWay(kind) => write!(formatter, "{kind}; in: or out: in front for one direction"),
        }
    }
}

impl OptionRow {
    /// The value that a text means for this option. The text is not percent-encoded.
    ///
    /// # Errors
    /// If it is none of this kind, or out of bounds.
    pub fn parse(&self, text: &str) -> Result<OptionValue, ValueError> {
        if let Kind::EachWay(kind) = self.kind {
            let (way, text) = split_way(text);
            let value = OptionRow { kind: *kind, ..*self }.parse(text)?;
            return Ok(match way {
                Some(way) => OptionValue::OneWay(way, Box::new(value)),
                None => value,
            });
        }
        let value = match self.kind {
            Kind::Flag => OptionValue::Flag(parse_flag(text).ok_or(ValueError::NotThisKind)?),
            Kind::Integer { .. } => OptionValue::Integer(parse_integer(text)?),
            Kind::Size { .. } => OptionValue::Size(parse_size(text)?),
            Kind::Duration { .. } => OptionValue::Duration(parse_duration(text)?),
            Kind::Text { .. } | Kind::File | Kind::Path | Kind::Token | Kind::Origin => {
                OptionValue::Text(text.into())
            }
            Kind::Mode => OptionValue::Mode(parse_mode(text)?),
            Kind::Local => OptionValue::Local(network::parse_local(text).ok_or(ValueError::NotThisKind)?),
            Kind::Group => OptionValue::Group(parse_ip(text)?),
            Kind::Source => OptionValue::Source(parse_ip(text)?),
            Kind::Subnet => {
                let (address, prefix) = text.split_once('/').ok_or(ValueError::NotThisKind)?;
                let prefix = u8::try_from(parse_integer(prefix)?).map_err(|_| ValueError::OutOfBounds)?;
                OptionValue::Subnet(address.parse().map_err(|_| ValueError::NotThisKind)?, prefix)
            }
            Kind::Word(words) => {
                let word = words.iter().find(|word| **word == text);
                OptionValue::Word(word.ok_or(ValueError::NotThisKind)?)
            }
            Kind::Header => {
                let (name, value) = web_value::parse_header(text).ok_or(ValueError::NotThisKind)?;
                OptionValue::Header { name: name.into(), value: value.into() }
            }
            Kind::Fingerprint => {
                let bytes = web_value::parse_fingerprint(text);
                OptionValue::Fingerprint(bytes.ok_or(ValueError::NotThisKind)?)
            }
            Kind::Via => OptionValue::Via(Box::new(Via::parse(text).ok_or(ValueError::NotThisKind)?)),
            Kind::Retries if text == FOREVER => OptionValue::Retries(None),
            Kind::Retries => {
                let times = u32::try_from(parse_integer(text)?);
                OptionValue::Retries(Some(times.map_err(|_| ValueError::OutOfBounds)?))
            }
            Kind::Share => OptionValue::Share(parse_share(text)?),
            Kind::Rate => OptionValue::Rate(parse_rate(text)?),
            Kind::After => parse_after(text)?,
            Kind::EachWay(_) => return Err(ValueError::NotThisKind), // taken apart above, and none lies in another
        };
        self.check(&value).map(|()| value)
    }

    /// Whether this option can have this value.
    ///
    /// # Errors
    /// If it is of another kind, or out of bounds.
    pub fn check(&self, value: &OptionValue) -> Result<(), ValueError> {
        if let Kind::EachWay(kind) = self.kind {
            let value = if let OptionValue::OneWay(_, value) = value { value } else { value };
            return OptionRow { kind: *kind, ..*self }.check(value);
        }
        let within = match (self.kind, value) {
            (Kind::Flag, OptionValue::Flag(_)) => true,
            (Kind::Integer { min, max }, OptionValue::Integer(number)) => (min..=max).contains(number),
            (Kind::Size { min, max }, OptionValue::Size(bytes)) => (min..=max).contains(bytes),
            (Kind::Duration { min, max }, OptionValue::Duration(span)) => {
                if !(min..=max).contains(span) {
                    false
                } else if !span.as_nanos().is_multiple_of(unit_nanos(self.unit)) {
                    return Err(ValueError::NotWhole(self.unit));
                } else {
                    true
                }
            }
            (Kind::Text { max_bytes }, OptionValue::Text(text)) => is_plain(text, max_bytes)?,
            (Kind::File, OptionValue::Text(text)) => is_plain(text, FILE_BYTES_MAX)?,
            (Kind::Path, OptionValue::Text(text)) => is_plain(text, PATH_BYTES_MAX)? && is_path(text),
            (Kind::Token, OptionValue::Text(text)) => is_plain(text, TOKEN_BYTES_MAX)? && is_token(text),
            (Kind::Origin, OptionValue::Text(text)) => is_plain(text, TOKEN_BYTES_MAX)? && is_origin(text),
            (Kind::Header, OptionValue::Header { name, value }) => {
                is_plain(name, HEADER_BYTES_MAX)?
                    && (value.is_empty() || is_plain(value, HEADER_BYTES_MAX - name.len())?)
                    && is_token(name)
                    && value.trim_matches(' ') == &**value
            }
            (Kind::Word(words), OptionValue::Word(word)) => words.contains(word),
            (Kind::Fingerprint, OptionValue::Fingerprint(_)) => true,
            (Kind::Via, OptionValue::Via(via)) => via.is_right(),
            (Kind::Retries, OptionValue::Retries(times)) => times.is_none_or(|times| times <= RETRIES_MAX),
            (Kind::Mode, OptionValue::Mode(bits)) => *bits <= 0o777,
            (Kind::Local, OptionValue::Local(local)) => {
                // Its text is the only judge of a host name or service name put together by hand.
                network::parse_local(&value.to_string()).as_ref() == Some(local)
            }
            (Kind::Subnet, OptionValue::Subnet(address, prefix)) => {
                *prefix <= if address.is_ipv4() { 32 } else { 128 }
            }
            (Kind::Group, OptionValue::Group(group)) => group.is_multicast(),
            (Kind::Source, OptionValue::Source(host)) => !host.is_multicast() && !host.is_unspecified(),
            (Kind::Share, OptionValue::Share(millionths)) => *millionths <= SHARE_MAX,
            (Kind::Rate, OptionValue::Rate(bytes)) => *bytes > 0,
            (Kind::After, OptionValue::Size(_) | OptionValue::Duration(_)) => true,
            (
                Kind::Flag
                | Kind::Integer { .. }
                | Kind::Size { .. }
                | Kind::Duration { .. }
                | Kind::Text { .. }
                | Kind::Mode
                | Kind::Local
                | Kind::Group
                | Kind::Source
                | Kind::Subnet
                | Kind::Word(_)
                | Kind::File
                | Kind::Path
                | Kind::Token
                | Kind::Header
                | Kind::Origin
                | Kind::Fingerprint
                | Kind::Share
                | Kind::Rate
                | Kind::After
                | Kind::EachWay(_)
                | Kind::Via
                | Kind::Retries,
                _,
            ) => return Err(ValueError::NotThisKind),
        };
        if within { Ok(()) } else { Err(ValueError::OutOfBounds) }
    }
}

/// Whether a text has a byte or more, and not too many; a control character has no place in one.
fn is_plain(text: &str, max_bytes: usize) -> Result<bool, ValueError> {
    if text.chars().any(char::is_control) {
        return Err(ValueError::ControlCharacter);
    }
    Ok((1..=max_bytes).contains(&text.len()))
}

/// Nanoseconds in the unit that a row counts durations in.
fn unit_nanos(unit: &str) -> u128 {
    match unit {
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" => 1_000,
        _ => 1,
    }
}

fn parse_flag(text: &str) -> Option<bool> {
    match text {
        "on" | "yes" | "true" | "1" => Some(true),
        "off" | "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn parse_integer(text: &str) -> Result<i64, ValueError> {
    // A plus sign is no part of a number here, nor is any sign of a hexadecimal one.
    let (number, digits, radix) = match text.strip_prefix("0x") {
        Some(digits) => (digits, digits, 16),
        None => (text, text.strip_prefix('-').unwrap_or(text), 10),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err(ValueError::NotThisKind);
    }
    i64::from_str_radix(number, radix).map_err(|_| ValueError::OutOfBounds)
}

/// An IP address, of IPv6 in brackets or without.
fn parse_ip(text: &str) -> Result<IpAddr, ValueError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| ValueError::NotThisKind)
}

fn parse_mode(text: &str) -> Result<u32, ValueError> {
    let digits = text.strip_prefix("0o").unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
        return Err(ValueError::NotThisKind);
    }
    u32::from_str_radix(digits, 8).map_err(|_| ValueError::OutOfBounds)
}

impl fmt::Display for OptionValue {
    /// The text that parses back to it; not percent-encoded.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OptionValue::Flag(on) => formatter.write_str(if *on { "on" } else { "off" }),
            OptionValue::Integer(number) => write!(formatter, "{number}"),
            OptionValue::Size(bytes) => formatter.write_str(&format_size(*bytes)),
            OptionValue::Duration(span) => formatter.write_str(&format_duration(*span)),
            OptionValue::Text(text) => formatter.write_str(text),
            OptionValue::Mode(bits) => write!(formatter, "{bits:04o}"),
            OptionValue::Local(local) => write!(formatter, "{local}"),
            OptionValue::Group(ip) | OptionValue::Source(ip) => write!(formatter, "{ip}"),
            OptionValue::Subnet(address, prefix) => write!(formatter, "{address}/{prefix}"),
            OptionValue::Word(word) => formatter.write_str(word),
            OptionValue::Fingerprint(bytes) => web_value::write_fingerprint(formatter, bytes),
            OptionValue::Header { name, value } => write!(formatter, "{name}:{value}"),
            OptionValue::Via(via) => write!(formatter, "{via}"),
            OptionValue::Retries(Some(times)) => write!(formatter, "{times}"),
            OptionValue::Retries(None) => formatter.write_str(FOREVER),
            OptionValue::Share(millionths) => write_share(formatter, *millionths),
            OptionValue::Rate(bytes) => write_rate(formatter, *bytes),
            OptionValue::OneWay(way, value) => write!(formatter, "{way}:{value}"),
        }
    }
}
