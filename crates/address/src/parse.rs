//! Text to address.
//!
//! The grammar is in `lib.rs`; the scheme's row chooses how its place is read. Protected: no text makes the
//! parser panic; what it accepts, `Display` writes so that it is accepted again, with the same meaning.

use core::ops::Range;
use std::str::FromStr;

use crate::address::{Address, COMMAND_BYTES_MAX, DESCRIPTOR_MAX, LOCAL_BYTES_MAX, Place};
use crate::command::command_words;
use crate::error::{OptionError, OptionProblem, ParseAddressError, Problem, scheme_words};
use crate::nearest::nearest;
use crate::network;
use crate::option_list::Options;
use crate::option_value::{Kind, OptionValue};
use crate::options::{OPTIONS, OptionKey};
use crate::percent;
use crate::scheme::{Form, SCHEMES, SchemeRow, Transport};

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
    let (head, options) = match text.split_once('?') {
        Some((head, options)) => (head, Some(options)),
        None => (text, None),
    };
    let (transport, place) = parse_head(head)?;
    let options = match options {
        Some(options) => {
            let offset = head.len() + 1;
            parse_options(transport, options).map_err(|fault| fault.moved(offset))?
        }
        None => Options::default(),
    };
    Ok(Address { transport, place, options })
}

/// Reads all before the options.
fn parse_head(head: &str) -> Result<(Transport, Place), Fault> {
    let whole = 0..head.len();
    if head.is_empty() {
        return Err(Fault::new(whole, Problem::Empty, "such as tcp://HOST:PORT, unix:PATH or -"));
    }
    if head == Transport::Standard.name() {
        return Ok((Transport::Standard, Place::Standard));
    }
    if ["/", "./", "../"].iter().any(|start| head.starts_with(start)) {
        return Ok((Transport::Unix, parse_local(Transport::Unix, head)?));
    }
    if head.starts_with('@') {
        return Err(Fault::new(whole, Problem::AbstractAlone, format!("unix:{head}")));
    }
    let Some((word, rest)) = head.split_once(':') else {
        return parse_without_colon(head);
    };
    if let Some(row) = SCHEMES.iter().find(|row| row.name == word && row.form != Form::Standard) {
        let place = parse_place(row, rest, word.len() + 1)?;
        return Ok((row.transport, place));
    }
    if is_meant_as_scheme(word, rest) {
        let hint = match nearest(word, SCHEMES.iter().map(|row| row.name)) {
            Some(name) => format!("did you mean {name}?"),
            None => scheme_words(),
        };
        return Err(Fault::new(0..word.len(), Problem::Scheme, hint));
    }
    Ok((Transport::Tcp, network::parse(Transport::Tcp, head)?))
}

/// Whether the word before the first colon is more likely a scheme that is not known than a host.
fn is_meant_as_scheme(word: &str, rest: &str) -> bool {
    let may_be_ipv6 = word.starts_with('[') || word.bytes().all(|byte| byte.is_ascii_hexdigit());
    rest.starts_with("//") || (!may_be_ipv6 && (rest.starts_with(['/', '@']) || rest.contains(':')))
}

/// A text without a colon is no address; says which one may be meant.
fn parse_without_colon(head: &str) -> Result<(Transport, Place), Fault> {
    let whole = 0..head.len();
    if let Some(row) = SCHEMES.iter().find(|row| row.name == head) {
        return Err(Fault::new(whole, Problem::SchemeAlone(row.transport), row.syntax));
    }
    if head.contains('/') {
        return Err(Fault::new(whole, Problem::RelativePath, format!("./{head}")));
    }
    // It has no port, so this finds the fault.
    Ok((Transport::Tcp, network::parse(Transport::Tcp, head)?))
}

/// Reads what follows `SCHEME:`, which begins at `offset` of the address.
fn parse_place(row: &SchemeRow, rest: &str, offset: usize) -> Result<Place, Fault> {
    match row.form {
        Form::Network => match rest.strip_prefix("//") {
            Some(place) => network::parse(row.transport, place).map_err(|fault| fault.moved(offset + 2)),
            None => {
                Err(Fault::new(0..offset + rest.len(), Problem::NoSlashes(row.transport), slashed(row, rest)))
            }
        },
        Form::Local => parse_local(row.transport, rest).map_err(|fault| fault.moved(offset)),
        Form::Descriptor => parse_descriptor(row.transport, rest).map_err(|fault| fault.moved(offset)),
        Form::Command => parse_command(row.transport, rest).map_err(|fault| fault.moved(offset)),
        Form::Standard => Ok(Place::Standard),
    }
}

/// `tcp:host:80` as it should be: `tcp://host:80`.
fn slashed(row: &SchemeRow, rest: &str) -> String {
    let place = rest.trim_start_matches('/');
    let name = row.name;
    if place.is_empty() {
        row.syntax.to_owned()
    } else if place.contains(':') {
        format!("{name}://{place}")
    } else if place.bytes().all(|byte| byte.is_ascii_digit()) {
        format!("{name}://:{place}")
    } else {
        format!("{name}://{place}:PORT")
    }
}

/// Reads a path or `@NAME`, unix(7).
fn parse_local(transport: Transport, text: &str) -> Result<Place, Fault> {
    let whole = 0..text.len();
    if let Some(after) = text.strip_prefix("//") {
        // `unix:///run/x` is how a URL without a host is written, RFC 8089 section 2.
        if after.starts_with('/') {
            return decode_path(after).map(Place::Path).map_err(|fault| fault.moved(2));
        }
        return Err(Fault::new(whole, Problem::Slashes(transport), format!("{transport}:/{after}")));
    }
    if let Some(name) = text.strip_prefix('@') {
        if name.is_empty() {
            return Err(Fault::new(whole, Problem::NoName, format!("{transport}:@NAME")));
        }
        return decode_local(name).map(Place::Abstract).map_err(|fault| fault.moved(1));
    }
    if text.is_empty() {
        return Err(Fault::new(whole, Problem::NoPath(transport), "PATH or @NAME"));
    }
    decode_path(text).map(Place::Path)
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

fn parse_descriptor(transport: Transport, text: &str) -> Result<Place, Fault> {
    let whole = 0..text.len();
    if let Some(number) = text.strip_prefix("//") {
        return Err(Fault::new(whole, Problem::Slashes(transport), format!("{transport}:{number}")));
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

/// Reads `OPTION[=VALUE]&...`.
fn parse_options(transport: Transport, text: &str) -> Result<Options, Fault> {
    let mut options = Options::default();
    let mut offset = 0;
    for part in text.split('&') {
        parse_option(transport, part, &mut options).map_err(|fault| fault.moved(offset))?;
        offset += part.len() + 1;
    }
    Ok(options)
}

fn parse_option(transport: Transport, text: &str, options: &mut Options) -> Result<(), Fault> {
    if text.is_empty() {
        let hint = if transport.is_program() { QUESTION_MARK } else { "OPTION or OPTION=VALUE" };
        return Err(Fault::new(0..0, Problem::NoOption, hint));
    }
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let Some(key) = OptionKey::named(name) else {
        return Err(Fault::new(0..name.len(), Problem::OptionName, nearest_option(transport, name)));
    };
    let row = key.row();
    if !row.applies.to(transport) {
        return Err(refused(0..name.len(), OptionError { key, reason: OptionProblem::NotFor(transport) }));
    }
    let value = match value {
        Some(encoded) => {
            let start = name.len() + 1;
            let bytes = decode(encoded).map_err(|fault| fault.moved(start))?;
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

/// The option of this transport that may be meant by a name that is none.
fn nearest_option(transport: Transport, name: &str) -> String {
    let mut applicable =
        OPTIONS.iter().filter(|row| row.applies.to(transport)).map(|row| row.name).peekable();
    if transport.is_program() {
        return QUESTION_MARK.to_owned();
    }
    if applicable.peek().is_none() {
        return format!("{transport} has no options");
    }
    match nearest(name, applicable) {
        Some(right) => format!("did you mean {right}?"),
        None => format!("no option of {transport} has a name like it"),
    }
}
