//! A rule that says who may call, or who may not: its text and its value.
//!
//! `192.0.2.7`  `10.0.0.0/8`  `10.0.0.1-10.0.0.9`  `HOST`  `@FILE` or `file:PATH`  `uid:N|NAME`  `gid:N|NAME`.
//! What is digits and dots is an IPv4 address and never a name (RFC 1123 section 2.1). Parsing looks nothing up.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

use address::write_carets;
use ipnet::IpNet;

use super::address_set::AddressRange;

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Whoever calls from one of these addresses.
    Addresses(AddressRange),
    /// Whoever calls from an address that this name has when the rules are read.
    Host(Box<str>),
    /// The rules in this file, one a line; `#` begins a comment.
    File(PathBuf),
    /// A user of this host, at a Unix socket.
    User(Account),
    /// Whoever's effective group it is, at a Unix socket; further groups do not count.
    Group(Account),
}

/// A user or group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Account {
    /// By its number.
    Number(u32),
    /// By its name in passwd(5) or group(5).
    Name(Box<str>),
}

impl Rule {
    /// Whether it means something else once a file or the name service says so.
    #[must_use]
    pub fn may_change(&self) -> bool {
        match self {
            Rule::Host(_) | Rule::File(_) => true,
            Rule::User(account) | Rule::Group(account) => matches!(account, Account::Name(_)),
            Rule::Addresses(_) => false,
        }
    }
}

impl FromStr for Rule {
    type Err = ParseRuleError;

    fn from_str(text: &str) -> Result<Rule, ParseRuleError> {
        let wrong = |span: Range<usize>, problem| ParseRuleError { text: text.into(), span, problem };
        let behind = |prefix: &str| text.strip_prefix(prefix).map(|rest| (rest, prefix.len()..text.len()));
        if text.is_empty() {
            return Err(wrong(0..0, Problem::Empty));
        }
        if let Some((path, span)) = behind("@").or_else(|| behind("file:")) {
            return if path.is_empty() {
                Err(wrong(span, Problem::File))
            } else {
                Ok(Rule::File(path.into()))
            };
        }
        if let Some((account, span)) = behind("uid:") {
            return parse_account(account).map(Rule::User).ok_or_else(|| wrong(span, Problem::Account));
        }
        if let Some((account, span)) = behind("gid:") {
            return parse_account(account).map(Rule::Group).ok_or_else(|| wrong(span, Problem::Account));
        }
        if let Some(slash) = text.find('/') {
            let network = format!("{}{}", unbracketed(&text[..slash]), &text[slash..]);
            let network = network.parse::<IpNet>().map(|network| Rule::Addresses(network.into()));
            return network.map_err(|_| {
                let address_is_right = unbracketed(&text[..slash]).parse::<IpAddr>().is_ok();
                let span = if address_is_right { slash + 1..text.len() } else { 0..slash };
                wrong(span, if address_is_right { Problem::Prefix } else { Problem::Network })
            });
        }
        if let Ok(address) = unbracketed(text).parse::<IpAddr>() {
            return Ok(Rule::Addresses(address.into()));
        }
        if let Some((first, last)) = text.split_once('-')
            && let Ok(first_address) = unbracketed(first).parse::<IpAddr>()
        {
            let span = first.len() + 1..text.len();
            let last = unbracketed(last).parse().map_err(|_| wrong(span.clone(), Problem::Last))?;
            let range = AddressRange::new(first_address, last).ok_or_else(|| wrong(span, Problem::Range))?;
            return Ok(Rule::Addresses(range));
        }
        if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(wrong(0..text.len(), Problem::Ipv4));
        }
        if text.contains(':') {
            return Err(wrong(0..text.len(), Problem::Ipv6));
        }
        let is_of_a_name = |character: char| character.is_alphanumeric() || "-._".contains(character);
        if let Some((at, bad)) = text.char_indices().find(|(_, character)| !is_of_a_name(*character)) {
            return Err(wrong(at..at + bad.len_utf8(), Problem::Host));
        }
        if text.len() > HOST_BYTES_MAX {
            return Err(wrong(0..text.len(), Problem::HostTooLong));
        }
        Ok(Rule::Host(text.into()))
    }
}

/// The longest host name, RFC 1035 section 2.3.4.
const HOST_BYTES_MAX: usize = 255;

fn unbracketed(text: &str) -> &str {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text)
}

/// A number, or a name without colons and spaces, as passwd(5) has them.
pub(crate) fn parse_account(text: &str) -> Option<Account> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Account::Number);
    }
    let is_bad = |character: char| character == ':' || character.is_whitespace() || character.is_control();
    let is_name = !text.is_empty() && !text.contains(is_bad);
    is_name.then(|| Account::Name(text.into()))
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Account::Number(number) => number.fmt(f),
            Account::Name(name) => f.write_str(name),
        }
    }
}

/// Why a text is no rule, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseRuleError {
    text: Box<str>,
    span: Range<usize>,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Empty,
    File,
    Account,
    Network,
    Prefix,
    Last,
    Range,
    Ipv4,
    Ipv6,
    Host,
    HostTooLong,
}

impl Problem {
    /// What is wrong, and what is right there.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Problem::Empty => {
                ("a rule is empty", "an address, a network, a host, @FILE, uid:USER or gid:GROUP")
            }
            Problem::File => ("a rule names no file", "a path, such as @/etc/callers"),
            Problem::Account => {
                ("that is no user or group", "a number or a name, such as uid:1000 or gid:staff")
            }
            Problem::Network => ("that is no network", "an address before the slash, such as 10.0.0.0/8"),
            Problem::Prefix => ("a network's prefix is wrong", "0 to 32 for IPv4, 0 to 128 for IPv6"),
            Problem::Last => ("a range has no end", "an address, such as 10.0.0.1-10.0.0.9"),
            Problem::Range => {
                ("a range ends before it begins", "an address of the same family, not before the first")
            }
            Problem::Ipv4 => ("that is no IPv4 address", "four numbers from 0 to 255, such as 127.0.0.1"),
            Problem::Ipv6 => ("that is no IPv6 address", "an address without a port, such as 2001:db8::1"),
            Problem::Host => ("that is no host name", "a name has letters, digits, dots and hyphens"),
            Problem::HostTooLong => ("that is no host name", "at most 255 bytes"),
        }
    }
}

impl fmt::Display for ParseRuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (wrong, right) = self.problem.texts();
        f.write_str(wrong)?;
        write_carets(f, &self.text, &self.span)?;
        write!(f, " {right}")
    }
}

impl std::error::Error for ParseRuleError {}
