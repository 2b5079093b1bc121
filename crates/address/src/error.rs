//! Why a text is no address, and where in it.
//!
//! Three lines: a sentence, the text, a caret under the bad part followed by what is right there. The text
//! is shown with control and invisible characters escaped (`echo.rs`), so an error is safe on a terminal.

use core::ops::Range;
use std::fmt;

use crate::address::{
    Address, DESCRIPTOR_MAX, FILE_BYTES_MAX, HOST_BYTES_MAX, INTERFACE_BYTES_MAX, LOCAL_BYTES_MAX,
};
use crate::echo;
use crate::layer::{LAYERS, Layer, LayerError, SHORT};
use crate::options::OptionKey;
use crate::scheme::{Form, SCHEMES, Scheme, Transport};
use crate::units::UnitError;

/// Why a text is no address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ParseAddressError {
    /// The text that was tried, as it came.
    pub text: Box<str>,
    /// The bad part of it, in bytes; empty where something is missing.
    pub span: Range<usize>,
    /// What is wrong with that part.
    pub problem: Problem,
    /// What is right there.
    pub hint: Option<String>,
}

impl ParseAddressError {
    /// For a value put together by hand whose text is an address, but of another meaning.
    pub(crate) fn means_another(text: String, parsed: &Address) -> ParseAddressError {
        let span = 0..text.len();
        let hint = Some(format!("this text means a place on {}", parsed.scheme()));
        ParseAddressError { text: text.into(), span, problem: Problem::MeansAnother, hint }
    }
}

impl fmt::Display for ParseAddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bad = echo::visible(self.text.get(self.span.clone()).unwrap_or_default());
        self.problem.write_sentence(formatter, &bad)?;
        echo::write_carets(formatter, &self.text, &self.span)?;
        match &self.hint {
            Some(hint) => write!(formatter, " {}", echo::visible(hint)),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParseAddressError {}

/// What is wrong with the bad part of an address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Problem {
    /// There is no text, or nothing before its options.
    Empty,
    /// No scheme has this name.
    Scheme,
    /// No layer has this name.
    Layer,
    /// Nothing before, between or behind `+`.
    NoSchemePart,
    /// Layers cannot lie on each other so.
    Layers(LayerError),
    /// This layer cannot lie on this transport.
    NotOver(Layer, Transport),
    /// A scheme and nothing more.
    SchemeAlone(Scheme),
    /// `tcp:HOST:PORT`, without its slashes.
    NoSlashes(Scheme),
    /// `unix://PATH` or `fd://N`, with slashes that mean a host.
    Slashes(Scheme),
    /// `@NAME` without a scheme.
    AbstractAlone,
    /// A path that begins neither with `/` nor with a dot.
    RelativePath,
    /// A host without a port.
    NoPort(Scheme),
    /// A port above 65535.
    PortTooLarge,
    /// Neither a number nor a service name.
    Port,
    /// An IPv6 address without its brackets.
    BareIpv6,
    /// What is in brackets is no IPv6 address, or the closing bracket is missing.
    Ipv6,
    /// Digits and dots that are no IPv4 address.
    Ipv4,
    /// The zone after `%` is no interface name or index.
    Zone,
    /// A host name with a character that no host name has.
    HostName,
    /// A host name of this many bytes.
    HostTooLong(usize),
    /// No path and no name.
    NoPath(Scheme),
    /// A path or abstract name of this many bytes.
    PathTooLong(usize),
    /// A file's path of this many bytes.
    FileTooLong(usize),
    /// A path with a NUL byte.
    PathNul,
    /// `pty:PATH`, although there is no path before the terminal is made.
    Named(Scheme),
    /// No name of a network interface.
    Interface,
    /// `@` without a name.
    NoName,
    /// No descriptor number.
    Descriptor,
    /// No command.
    NoCommand(Transport),
    /// A command of this many bytes.
    CommandTooLong(usize),
    /// A command with a NUL byte, or with bytes that are no UTF-8.
    CommandBytes,
    /// A command with a quote that is not closed.
    CommandQuotes,
    /// A `%` without two hexadecimal digits.
    Percent,
    /// The bytes of an option's value are no UTF-8.
    NotUtf8,
    /// Nothing between `?`, `&` and the end.
    NoOption,
    /// No option has this name.
    OptionName,
    /// The option is known, but cannot be given so.
    Option(OptionError),
    /// The value's text is the address of something else.
    MeansAnother,
}

impl Problem {
    fn write_sentence(self, to: &mut fmt::Formatter<'_>, bad: &str) -> fmt::Result {
        match self {
            Problem::Empty => write!(to, "there is no address"),
            Problem::Scheme => write!(to, "{bad} is no scheme"),
            Problem::Layer => write!(to, "{bad} is no layer"),
            Problem::NoSchemePart => write!(to, "a layer or a transport is missing"),
            Problem::Layers(error) => write!(to, "{error}"),
            Problem::NotOver(layer, transport) => {
                let (below, right) = (lies_on(layer), layered_words(layer, "and"));
                write!(to, "{layer} over {transport} is not there: {layer} lies on {below}: {right}")
            }
            Problem::SchemeAlone(scheme) => {
                write!(to, "{scheme} is a scheme, not yet an address: {}", scheme.syntax())
            }
            Problem::NoSlashes(scheme) => {
                write!(to, "{scheme} is written with two slashes: {}", scheme.syntax())
            }
            Problem::Slashes(scheme) => {
                write!(to, "{scheme} is written without a host: {}", scheme.syntax())
            }
            Problem::AbstractAlone => {
                write!(to, "an abstract name needs its scheme: {}", Transport::Unix.row().syntax)
            }
            Problem::RelativePath => write!(to, "a path without a scheme begins with / or ./"),
            Problem::NoPort(scheme) => write!(to, "{scheme} needs a port: {}", scheme.syntax()),
            Problem::PortTooLarge => write!(to, "port {bad} is above 65535"),
            Problem::Port => write!(to, "{bad} is no port"),
            Problem::BareIpv6 => write!(to, "an IPv6 address is written in brackets"),
            Problem::Ipv6 => write!(to, "{bad} is no IPv6 address"),
            Problem::Ipv4 => write!(to, "{bad} is no IPv4 address"),
            Problem::Zone => write!(to, "a zone is an interface of 1 to {INTERFACE_BYTES_MAX} bytes"),
            Problem::HostName => write!(to, "a host name cannot hold \"{bad}\""),
            Problem::HostTooLong(bytes) => {
                write!(to, "a host name has {HOST_BYTES_MAX} bytes at most, this one has {bytes}")
            }
            Problem::NoPath(scheme) => {
                write!(to, "{scheme} needs a path or a name: {}", scheme.syntax())
            }
            Problem::PathTooLong(bytes) => {
                write!(to, "a Unix socket's name has {LOCAL_BYTES_MAX} bytes at most, this one has {bytes}")
            }
            Problem::FileTooLong(bytes) => {
                write!(to, "a path has {FILE_BYTES_MAX} bytes at most, this one has {bytes}")
            }
            Problem::Named(scheme) => {
                write!(
                    to,
                    "{scheme}: is made new for each call and has no path of its own; link= gives it one"
                )
            }
            Problem::Interface => {
                write!(
                    to,
                    "an interface's name has 1 to {INTERFACE_BYTES_MAX} bytes, none of them a space, / or :"
                )
            }
            Problem::PathNul => write!(to, "a path cannot hold a NUL byte"),
            Problem::NoName => write!(to, "an abstract name has 1 to {LOCAL_BYTES_MAX} bytes"),
            Problem::Descriptor => write!(to, "a descriptor is a number from 0 to {DESCRIPTOR_MAX}"),
            Problem::NoCommand(transport) => {
                write!(to, "{transport} needs a command: {}", transport.row().syntax)
            }
            Problem::CommandTooLong(bytes) => {
                write!(to, "a command of {bytes} bytes is too long")
            }
            Problem::CommandBytes => write!(to, "a command is text in UTF-8, without a NUL byte"),
            Problem::CommandQuotes => write!(to, "a quote in the command is not closed"),
            Problem::Percent => write!(to, "a % is followed by two hexadecimal digits"),
            Problem::NotUtf8 => write!(to, "the value of an option is text in UTF-8"),
            Problem::NoOption => write!(to, "an option is missing"),
            Problem::OptionName => write!(to, "{bad} is no option"),
            Problem::Option(error) => write!(to, "{error}"),
            Problem::MeansAnother => write!(to, "the text of this address means another one"),
        }
    }
}

/// Why an option cannot be given so.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OptionError {
    /// The option.
    pub key: OptionKey,
    /// Why not.
    pub reason: OptionProblem,
}

/// What is wrong with an option that is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OptionProblem {
    /// It has no meaning on this transport, nor in these layers.
    NotFor(Scheme),
    /// It is there already.
    Duplicate,
    /// It contradicts this one.
    Contradicts(OptionKey),
    /// It has no value and is not a flag.
    NoValue,
    /// Its value is not right.
    Value(ValueError),
}

impl OptionError {
    /// What is right in its place.
    pub(crate) fn hint(&self) -> String {
        let row = self.key.row();
        match self.reason {
            OptionProblem::NotFor(_) => format!("only for {}", list(row.applies.names(), "and")),
            OptionProblem::Duplicate if row.repeatable => "each value is given once".to_owned(),
            OptionProblem::Duplicate => format!("{} is given once", row.name),
            OptionProblem::Contradicts(OptionKey::TlsMin | OptionKey::TlsMax) => {
                "the two in their order".to_owned()
            }
            OptionProblem::Contradicts(other) => format!("one of {} and {other}", row.name),
            OptionProblem::NoValue => format!("{}= and {}", row.name, row.kind),
            OptionProblem::Value(_) => row.kind.to_string(),
        }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = self.key.row();
        let name = row.name;
        match self.reason {
            OptionProblem::NotFor(Scheme { layers, transport }) => {
                let right = list(row.applies.names(), "and");
                let [layer, ..] = row.applies.layers else {
                    return write!(formatter, "{name} does not apply to {transport}, only to {right}");
                };
                write!(formatter, "{name} is an option of {right}")?;
                match layers.having(*layer).filter(|_| transport.carries(*layer)) {
                    Some(layers) => write!(formatter, "; write {}", Scheme { layers, transport }.beginning()),
                    None => {
                        let (below, right) = (lies_on(*layer), layered_words(*layer, "and"));
                        write!(formatter, "; {layer} lies on {below}: {right}")
                    }
                }
            }
            OptionProblem::Duplicate => write!(formatter, "{name} is given twice"),
            OptionProblem::Contradicts(OptionKey::TlsMin | OptionKey::TlsMax) => {
                formatter.write_str("tls-min is a later version than tls-max")
            }
            OptionProblem::Contradicts(other) => write!(formatter, "{name} and {other} exclude each other"),
            OptionProblem::NoValue => write!(formatter, "{name} needs a value"),
            OptionProblem::Value(ValueError::NotThisKind | ValueError::OutOfBounds) => {
                write!(formatter, "{name} is {}", row.kind)
            }
            OptionProblem::Value(reason) => write!(formatter, "{name}: {reason}"),
        }
    }
}

impl std::error::Error for OptionError {}

/// What is wrong with the value of an option.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ValueError {
    /// The value is of another kind.
    NotThisKind,
    /// The value is below the least or above the greatest, or too long.
    OutOfBounds,
    /// The duration is no whole number of this unit.
    NotWhole(&'static str),
    /// The text holds a control character.
    ControlCharacter,
    /// No duration or size.
    Unit(UnitError),
}

impl From<UnitError> for ValueError {
    fn from(error: UnitError) -> ValueError {
        ValueError::Unit(error)
    }
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueError::NotThisKind => formatter.write_str("the value is of another kind"),
            ValueError::OutOfBounds => formatter.write_str("the value is out of bounds"),
            ValueError::NotWhole(unit) => write!(formatter, "the kernel counts it in whole {unit}"),
            ValueError::ControlCharacter => formatter.write_str("a control character has no place in it"),
            ValueError::Unit(error) => write!(formatter, "{error}"),
        }
    }
}

impl std::error::Error for ValueError {}

/// The schemes that are written as a word: `tcp, udp, ... or fd`.
pub(crate) fn scheme_words() -> String {
    list(SCHEMES.iter().filter(|row| row.form != Form::Standard).map(|row| row.name), "or")
}

/// The words that stand for layers: `tls, ws, proxy or wss`.
pub(crate) fn layer_words() -> String {
    list(LAYERS.iter().map(|row| row.name).chain([SHORT.0]), "or")
}

/// The transports that a layer can lie on: `tcp, unix and fd`.
pub(crate) fn layered_words(layer: Layer, last_word: &str) -> String {
    list(layer.row().lies_on(), last_word)
}

/// What those are.
fn lies_on(layer: Layer) -> &'static str {
    if layer.is_transparent() { "one socket" } else { "a byte stream" }
}

/// `tcp`, `tcp and udp`, `tcp, unix and unix-seqpacket`.
fn list(names: impl Iterator<Item = &'static str>, last_word: &str) -> String {
    let names: Vec<_> = names.collect();
    match &names[..] {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} {last_word} {last}", first.join(", ")),
    }
}
