//! Text to address.
//!
//! The grammar is in `lib.rs`; the scheme (`parse_scheme.rs`) chooses how its place is read. Protected: no text makes the
//! parser panic; what it accepts, `Display` writes so that it is accepted again, with the same meaning.

use core::ops::Range;
use std::str::FromStr;

use crate::address::{
    Address, COMMAND_BYTES_MAX, DESCRIPTOR_MAX, FILE_BYTES_MAX, INTERFACE_BYTES_MAX, LOCAL_BYTES_MAX, Place,
};
use crate::command::command_words;
use crate::error::{OptionError, OptionProblem, ParseAddressError, Problem};
use crate::layer::Layer;
use crate::nearest::nearest;
use crate::network;
use crate::option_list::Options;
use crate::option_value::{Kind, OptionValue};
use crate::options::{OPTIONS, OptionKey};
use crate::parse_scheme as scheme;
use crate::percent;
use crate::scheme::{Form, Scheme, Transport};

impl FromStr for Address {
    type Err = ParseAddressError;

    /// Reads an address; looks nothing up.
    ///
    /// # Errors
    /// [`ParseAddressError`], with the bad part and what is right there.
    fn from_str(text: &str) -> Result<Address, ParseAddressError> {
        parse(text).map_err(|fault| ParseAddressError {
            text: text.into(),
            span: fault.span,
            problem: fault.problem,
            hint: Some(fault.hint),
        })
    }
}

/// What is wrong with a part of a text; the span counts from the start of that part.
pub(crate) struct Fault {
    span: Range<usize>,
    problem: Problem,
    hint: String,
}

impl Fault {
    pub(crate) fn new(span: Range<usize>, problem: Problem, hint: impl Into<String>) -> Fault {
        Fault { span, problem, hint: hint.into() }
    }

    /// The same fault, counted from the start of a text in which the part begins at `offset`.
    pub(crate) fn moved(mut self, offset: usize) -> Fault {
        self.span = self.span.start + offset..self.span.end + offset;
        self
    }
}

fn parse(text: &str) -> Result<Address, Fault> {
    let (head, behind) = match text.split_once('?') {
        Some((head, behind)) => (head, Some(behind)),
        None => (text, None),
    };
    let Head { scheme, place, path } = parse_head(head)?;
    let mut options = Options::default();
    if let Some(path) = path {
        parse_url_path(&head[path..], &mut options).map_err(|fault| fault.moved(path))?;
    }
    if let Some(behind) = behind {
        let offset = head.len() + 1;
        parse_options(scheme, behind, &mut options).map_err(|fault| fault.moved(offset))?;
    }
    let Scheme { layers, transport } = scheme;
    Ok(Address { layers, transport, place, options }.with_implied_layers())
}

/// What stands before the options.
struct Head {
    scheme: Scheme,
    place: Place,
    /// Where the path of a URL begins: what follows the port.
    path: Option<usize>,
}

impl Head {
    /// One that has no path of a URL.
    fn new(scheme: impl Into<Scheme>, place: Place) -> Head {
        Head { scheme: scheme.into(), place, path: None }
    }
}

/// Reads all before the options.
fn parse_head(head: &str) -> Result<Head, Fault> {
    let whole = 0..head.len();
    if head.is_empty() {
        return Err(Fault::new(whole, Problem::Empty, "such as tcp://HOST:PORT, unix:PATH or -"));
    }
    if head == Transport::Standard.name() {
        return Ok(Head::new(Transport::Standard, Place::Standard));
    }
    if ["/", "./", "../"].iter().any(|start| head.starts_with(start)) {
        return Ok(Head::new(Transport::Unix, parse_local(Transport::Unix.into(), head)?));
    }
    if head.starts_with('@') {
        return Err(Fault::new(whole, Problem::AbstractAlone, format!("unix:{head}")));
    }
    let Some((word, rest)) = head.split_once(':') else {
        return parse_without_colon(head);
    };
    if let Some(scheme) = scheme::parse(word)?
        && scheme.transport != Transport::Standard
    {
        return parse_place(scheme, rest, word.len() + 1);
    }
    if is_meant_as_scheme(word, rest) {
        return Err(Fault::new(0..word.len(), Problem::Scheme, scheme::nearest_to(word)));
    }
    Ok(Head::new(Transport::Tcp, network::parse(Transport::Tcp.into(), head)?))
}

/// Whether the word before the first colon is more likely a scheme that is not known than a host.
fn is_meant_as_scheme(word: &str, rest: &str) -> bool {
    let may_be_ipv6 = word.starts_with('[') || word.bytes().all(|byte| byte.is_ascii_hexdigit());
    rest.starts_with("//") || (!may_be_ipv6 && (rest.starts_with(['/', '@']) || rest.contains(':')))
}

/// A text without a colon is no address; says which one may be meant.
fn parse_without_colon(head: &str) -> Result<Head, Fault> {
    let whole = 0..head.len();
    if head.contains('/') {
        return Err(Fault::new(whole, Problem::RelativePath, format!("./{head}")));
    }
    if let Some(scheme) = scheme::parse(head)? {
        return Err(Fault::new(whole, Problem::SchemeAlone(scheme), scheme.syntax()));
    }
    // It has no port, so this finds the fault.
    Ok(Head::new(Transport::Tcp, network::parse(Transport::Tcp.into(), head)?))
}

/// Reads what follows `SCHEME:`, which begins at `offset` of the address.
fn parse_place(scheme: Scheme, rest: &str, offset: usize) -> Result<Head, Fault> {
    let place = match scheme.transport.row().form {
        Form::Network => {
            let Some(place) = rest.strip_prefix("//") else {
                let whole = 0..offset + rest.len();
                return Err(Fault::new(whole, Problem::NoSlashes(scheme), slashed(scheme, rest)));
            };
            let offset = offset + 2;
            let path = place.find('/').filter(|_| scheme.layers.contains(Layer::WebSocket));
            let place = &place[..path.unwrap_or(place.len())];
            let place = network::parse(scheme, place).map_err(|fault| fault.moved(offset))?;
            return Ok(Head { scheme, place, path: path.map(|path| path + offset) });
        }
        Form::Local => parse_local(scheme, rest),
        Form::Descriptor => parse_descriptor(scheme, rest),
        Form::Command => parse_command(scheme.transport, rest),
        Form::File => parse_file(scheme, rest),
        Form::Interface => parse_interface(rest),
        Form::Nameless if rest.is_empty() => Ok(Place::Nameless),
        Form::Nameless => {
            Err(Fault::new(0..rest.len(), Problem::Named(scheme), format!("{scheme}:?link=PATH")))
        }
        Form::Standard => Ok(Place::Standard),
    };
    place.map(|place| Head::new(scheme, place)).map_err(|fault| fault.moved(offset))
}

/// `tcp:host:80` as it should be: `tcp://host:80`.
fn slashed(scheme: Scheme, rest: &str) -> String {
    let place = rest.trim_start_matches('/');
    if place.is_empty() {
        scheme.syntax()
    } else if rest.starts_with(['/', '@']) && !scheme.layers.is_empty() {
        // A layer alone means tcp, and this is a name of unix(7).
        format!("{}:{rest}", Scheme { transport: Transport::Unix, ..scheme })
    } else if place.contains(':') {
        format!("{scheme}://{place}")
    } else if place.bytes().all(|byte| byte.is_ascii_digit()) {
        // A host may well be called as a layer is.
        let host = format!(", or tcp://{scheme}:{place} if that is a host");
        format!("{scheme}://:{place}{}", if scheme.layers.is_empty() { "" } else { &host })
    } else {
        format!("{scheme}://{place}:PORT")
    }
}

/// Reads a path or `@NAME`, unix(7).
fn parse_local(scheme: Scheme, text: &str) -> Result<Place, Fault> {
    let whole = 0..text.len();
    if let Some(after) = text.strip_prefix("//") {
        // `unix:///run/x` is how a URL without a host is written, RFC 8089 section 2.
        if after.starts_with('/') {
            return decode_path(after).map(Place::Path).map_err(|fault| fault.moved(2));
        }
        return Err(Fault::new(whole, Problem::Slashes(scheme), format!("{scheme}:/{after}")));
    }
    if let Some(name) = text.strip_prefix('@') {
        if name.is_empty() {
            return Err(Fault::new(whole, Problem::NoName, format!("{scheme}:@NAME")));
        }
        return decode_local(name).map(Place::Abstract).map_err(|fault| fault.moved(1));
    }
    if text.is_empty() {
        return Err(Fault::new(whole, Problem::NoPath(scheme), "PATH or @NAME"));
    }
    decode_path(text).map(Place::Path)
}

/// Reads the name of a network interface, netdevice(7).
fn parse_interface(text: &str) -> Result<Place, Fault> {
    let bytes = decode(text)?;
    let is_right = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b':');
    let fits = (1..=INTERFACE_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(is_right);
    if !fits || bytes == b"." || bytes == b".." {
        return Err(Fault::new(0..text.len(), Problem::Interface, "such as tun:swb0"));
    }
    Ok(Place::Path(bytes.into()))
}

/// Reads the path of a file. `@` is nothing special in it.
fn parse_file(scheme: Scheme, text: &str) -> Result<Place, Fault> {
    let whole = 0..text.len();
    // `file:///run/x` is how a URL without a host is written, RFC 8089 section 2.
    let path = match text.strip_prefix("//") {
        Some(after) if after.starts_with('/') => after,
        Some(after) => {
            return Err(Fault::new(whole, Problem::Slashes(scheme), format!("{scheme}:/{after}")));
        }
        None => text,
    };
    let bytes = decode(path).map_err(|fault| fault.moved(text.len() - path.len()))?;
    if bytes.is_empty() {
        return Err(Fault::new(whole, Problem::NoPath(scheme), "PATH"));
    }
    if bytes.contains(&0) {
        return Err(Fault::new(whole, Problem::PathNul, "a path without %00"));
    }
    if bytes.len() > FILE_BYTES_MAX {
        let hint = format!("{FILE_BYTES_MAX} bytes at most");
        return Err(Fault::new(whole, Problem::FileTooLong(bytes.len()), hint));
    }
    Ok(Place::Path(bytes.into()))
}

fn decode_path(text: &str) -> Result<Box<[u8]>, Fault> {
    let path = decode_local(text)?;
    if path.contains(&0) {
        return Err(Fault::new(0..text.len(), Problem::PathNul, "a path without %00; @NAME may hold it"));
    }
    Ok(path)
}

/// Decodes a path or a name and holds it to the length of `sun_path`.
fn decode_local(text: &str) -> Result<Box<[u8]>, Fault> {
    let bytes = decode(text)?;
    if bytes.len() > LOCAL_BYTES_MAX {
        let hint = format!("{LOCAL_BYTES_MAX} bytes at most");
        return Err(Fault::new(0..text.len(), Problem::PathTooLong(bytes.len()), hint));
    }
    Ok(bytes.into())
}

fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    percent::decode(text).map_err(|span| Fault::new(span, Problem::Percent, "a % itself is written %25"))
}

fn parse_descriptor(scheme: Scheme, text: &str) -> Result<Place, Fault> {
    let whole = 0..text.len();
    if let Some(number) = text.strip_prefix("//") {
        return Err(Fault::new(whole, Problem::Slashes(scheme), format!("{scheme}:{number}")));
    }
    // u32::from_str would take a plus sign.
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits_only && number <= DESCRIPTOR_MAX => Ok(Place::Descriptor(number)),
        Ok(_) | Err(_) => Err(Fault::new(whole, Problem::Descriptor, "a number, such as fd:3")),
    }
}

fn parse_command(transport: Transport, text: &str) -> Result<Place, Fault> {
    let fault = |problem, hint: &str| Fault::new(0..text.len(), problem, hint);
    let Ok(command) = String::from_utf8(decode(text)?) else {
        return Err(fault(Problem::CommandBytes, "bytes that are no text may stand in a script of its own"));
    };
    if command.contains('\0') {
        return Err(fault(Problem::CommandBytes, "a command without %00"));
    }
    if command.len() > COMMAND_BYTES_MAX {
        let hint = format!("{COMMAND_BYTES_MAX} bytes at most");
        return Err(fault(Problem::CommandTooLong(command.len()), &hint));
    }
    match command_words(transport, &command) {
        Ok(words) if words.first().is_some_and(|program| !program.is_empty()) => {
            Ok(Place::Command(command.into()))
        }
        Ok(_) => Err(fault(Problem::NoCommand(transport), "such as exec:cat")),
        Err(_) => {
            Err(fault(Problem::CommandQuotes, "a quote that is meant as itself is written \\\" or \\'"))
        }
    }
}

/// Reads what follows the port, as in a URL: it stands for `?path=`, and says what a URL would.
fn parse_url_path(text: &str, options: &mut Options) -> Result<(), Fault> {
    let key = OptionKey::Path;
    let value = key.row().parse(text).map_err(|reason| {
        refused(0..text.len(), OptionError { key, reason: OptionProblem::Value(reason) })
    })?;
    options.insert(key, value).map_err(|error| refused(0..text.len(), error))
}

/// Reads `OPTION[=VALUE]&...`.
fn parse_options(scheme: Scheme, text: &str, options: &mut Options) -> Result<(), Fault> {
    let mut offset = 0;
    for part in text.split('&') {
        parse_option(scheme, part, options).map_err(|fault| fault.moved(offset))?;
        offset += part.len() + 1;
    }
    Ok(())
}

fn parse_option(scheme: Scheme, text: &str, options: &mut Options) -> Result<(), Fault> {
    if text.is_empty() {
        let hint = if scheme.transport.is_program() { QUESTION_MARK } else { "OPTION or OPTION=VALUE" };
        return Err(Fault::new(0..0, Problem::NoOption, hint));
    }
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let Some(key) = OptionKey::named(name) else {
        return Err(Fault::new(0..name.len(), Problem::OptionName, nearest_option(scheme, name)));
    };
    let row = key.row();
    if !row.applies.to(scheme) {
        return Err(refused(0..name.len(), OptionError { key, reason: OptionProblem::NotFor(scheme) }));
    }
    let value = match value {
        Some(encoded) => {
            let start = name.len() + 1;
            // The % at the end of a share means itself: nobody writes 1%25.
            let bare = encoded.strip_suffix('%').filter(|_| row.kind.is_share());
            let mut bytes = decode(bare.unwrap_or(encoded)).map_err(|fault| fault.moved(start))?;
            bytes.extend(bare.map(|_| b'%'));
            let Ok(value) = String::from_utf8(bytes) else {
                return Err(Fault::new(start..text.len(), Problem::NotUtf8, row.kind.to_string()));
            };
            row.parse(&value).map_err(|reason| {
                refused(start..text.len(), OptionError { key, reason: OptionProblem::Value(reason) })
            })?
        }
        None if row.kind == Kind::Flag => OptionValue::Flag(true),
        None => return Err(refused(0..name.len(), OptionError { key, reason: OptionProblem::NoValue })),
    };
    options.insert(key, value).map_err(|error| refused(0..text.len(), error))
}

fn refused(span: Range<usize>, error: OptionError) -> Fault {
    Fault::new(span, Problem::Option(error), error.hint())
}

/// Behind a command an option that is none is more likely a part of it.
const QUESTION_MARK: &str = "a ? that belongs to the command is written %3F";

/// The option of this scheme that may be meant by a name that is none.
fn nearest_option(scheme: Scheme, name: &str) -> String {
    let mut applicable = OPTIONS.iter().filter(|row| row.applies.to(scheme)).map(|row| row.name).peekable();
    if scheme.transport.is_program() {
        return QUESTION_MARK.to_owned();
    }
    if applicable.peek().is_none() {
        return format!("{scheme} has no options");
    }
    match nearest(name, applicable) {
        Some(right) => format!("did you mean {right}?"),
        None if scheme.layers.contains(Layer::WebSocket) => {
            format!("no option of {scheme} has a name like it; a query is in the path: path=/PATH%3FQUERY")
        }
        None => format!("no option of {scheme} has a name like it"),
    }
}
