//! Rules are read: files line by line, host names forward, users and groups by passwd(5) and group(5).
//!
//! May wait for the resolver. Protected: rules are taken whole or not at all.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use address::{Address, Host, Place, Port, Transport};
use nix::unistd::{Group, User};
use socket::{ResolveError, Role, resolve};

use super::address_set::AddressRange;
use super::list::Callers;
use super::rule::{Account, ParseRuleError, Rule};

/// Everybody whom these rules mean.
pub(super) fn read(rules: &[Rule]) -> Result<Callers, ReadRulesError> {
    let mut found = Found::default();
    rules.iter().try_for_each(|rule| match rule {
        Rule::File(path) => found.add_file(path),
        Rule::Addresses(_) | Rule::Host(_) | Rule::User(_) | Rule::Group(_) => {
            found.add(rule).map_err(|why| ReadRulesError { file: None, why })
        }
    })?;
    Ok(Callers::new(found.addresses, found.users, found.groups))
}

#[derive(Default)]
struct Found {
    addresses: Vec<AddressRange>,
    users: Vec<u32>,
    groups: Vec<u32>,
}

impl Found {
    fn add(&mut self, rule: &Rule) -> Result<(), ReadRulesErrorKind> {
        match rule {
            Rule::Addresses(range) => self.addresses.push(*range),
            Rule::Host(name) => {
                let place = Place::Network { host: Host::Name(name.clone()), port: Port::Number(0) };
                let found = resolve(&Address::new(Transport::Tcp, place), Role::Connect);
                let found = found.map_err(ReadRulesErrorKind::Host)?;
                let addresses =
                    found.candidates.iter().map(|candidate| AddressRange::from(candidate.address.ip()));
                self.addresses.extend(addresses);
            }
            Rule::User(account) => self.users.push(user_number(account)?),
            Rule::Group(account) => self.groups.push(group_number(account)?),
            Rule::File(_) => return Err(ReadRulesErrorKind::Nested),
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path) -> Result<(), ReadRulesError> {
        let failed = |line, why| ReadRulesError { file: Some((path.to_owned(), line)), why };
        let text = std::fs::read(path).map_err(|error| failed(None, ReadRulesErrorKind::Open(error)))?;
        for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let failed = |why| failed(Some(number), why);
            let line = str::from_utf8(line).map_err(|_| failed(ReadRulesErrorKind::NotText))?;
            let rule = line.split('#').next().unwrap_or_default().trim();
            if rule.is_empty() {
                continue;
            }
            let rule = rule.parse().map_err(|error| failed(ReadRulesErrorKind::Rule(error)))?;
            self.add(&rule).map_err(failed)?;
        }
        Ok(())
    }
}

fn user_number(account: &Account) -> Result<u32, ReadRulesErrorKind> {
    let number = |name: &str| Ok(User::from_name(name)?.map(|user| user.uid.as_raw()));
    account_number(account, "user", number)
}

fn group_number(account: &Account) -> Result<u32, ReadRulesErrorKind> {
    let number = |name: &str| Ok(Group::from_name(name)?.map(|group| group.gid.as_raw()));
    account_number(account, "group", number)
}

fn account_number(
    account: &Account,
    kind: &'static str,
    number: impl Fn(&str) -> io::Result<Option<u32>>,
) -> Result<u32, ReadRulesErrorKind> {
    match account {
        Account::Number(number) => Ok(*number),
        Account::Name(name) => match number(name) {
            Ok(Some(number)) => Ok(number),
            Ok(None) => Err(ReadRulesErrorKind::NoSuchAccount(kind, name.clone())),
            Err(error) => Err(ReadRulesErrorKind::Account(kind, name.clone(), error)),
        },
    }
}

/// Why rules could not be read.
#[derive(Debug)]
pub struct ReadRulesError {
    /// The file in which the rule is, and its line; no line where the file itself cannot be read.
    pub file: Option<(PathBuf, Option<usize>)>,
    /// Why.
    pub why: ReadRulesErrorKind,
}

/// What is wrong with a rule.
#[derive(Debug)]
pub enum ReadRulesErrorKind {
    /// The file cannot be read.
    Open(io::Error),
    /// The line is not UTF-8.
    NotText,
    /// The line is no rule.
    Rule(ParseRuleError),
    /// A file names a file.
    Nested,
    /// The host's addresses are not to be had.
    Host(ResolveError),
    /// There is no such user, or group.
    NoSuchAccount(&'static str, Box<str>),
    /// Whether there is such a user, or group, cannot be found out.
    Account(&'static str, Box<str>, io::Error),
}

impl fmt::Display for ReadRulesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some((path, Some(line))) => write!(f, "{path:?}, line {line}: ")?,
            Some((path, None)) => write!(f, "the file of rules {path:?}: ")?,
            None => {}
        }
        match &self.why {
            ReadRulesErrorKind::Open(error) => {
                let reason = sys::describe(error);
                write!(f, "open(2): {reason}; it has a rule a line, such as 192.0.2.0/24")
            }
            ReadRulesErrorKind::NotText => f.write_str("the line is not UTF-8"),
            ReadRulesErrorKind::Rule(error) => error.fmt(f),
            ReadRulesErrorKind::Nested => {
                f.write_str("a file of rules names another; name both on the command line")
            }
            ReadRulesErrorKind::Host(error) => error.fmt(f),
            ReadRulesErrorKind::NoSuchAccount(kind, name) => {
                write!(f, "no {kind} is named {name:?}; `getent {}` lists them", database(kind))
            }
            ReadRulesErrorKind::Account(kind, name, error) => {
                let reason = sys::describe(error);
                write!(f, "the {kind} {name:?} cannot be looked up in {}(5): {reason}", database(kind))
            }
        }
    }
}

fn database(kind: &str) -> &'static str {
    if kind == "user" { "passwd" } else { "group" }
}

impl std::error::Error for ReadRulesError {}
