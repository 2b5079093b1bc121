//! The options of one address, ordered by key.
//!
//! Protected: every value is of its key's kind and within its bounds; a key is there once unless its row
//! says repeatable; no two contradict each other, as `v4` and `v6` do. Order of writing does not matter: two addresses with the
//! same options are equal.

use core::net::IpAddr;
use std::time::Duration;

use crate::address::LocalBind;
use crate::error::{OptionError, OptionProblem};
use crate::impair_value::Way;
use crate::option_value::{Kind, OptionValue};
use crate::options::OptionKey;
use crate::via::Via;

/// How long a call may take to be opened where nothing else is said.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The options of an address, in the order of [`OPTIONS`](crate::OPTIONS).
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Options(Vec<(OptionKey, OptionValue)>);

impl Options {
    /// Adds an option.
    ///
    /// # Errors
    /// If the value is of another kind or out of bounds, the key is there already and not repeatable (or
    /// repeatable, with the same value), or it contradicts another.
    pub fn insert(&mut self, key: OptionKey, value: OptionValue) -> Result<(), OptionError> {
        let refuse = |reason| Err(OptionError { key, reason });
        if let Err(reason) = key.row().check(&value) {
            return refuse(OptionProblem::Value(reason));
        }
        let is_one_way = matches!(key.row().kind, Kind::EachWay(_));
        let is_again = |was: &OptionValue| {
            !key.row().repeatable || *was == value || is_one_way && was.way() == value.way()
        };
        if self.0.iter().any(|(other, was)| *other == key && is_again(was)) {
            return refuse(OptionProblem::Duplicate);
        }
        let other = self.0.iter().find(|(other, was)| {
            contradict((key, &value), (*other, was)) || contradict((*other, was), (key, &value))
        });
        if let Some((other, _)) = other {
            return refuse(OptionProblem::Contradicts(*other));
        }
        let at = self.0.partition_point(|(other, _)| *other <= key);
        self.0.insert(at, (key, value));
        Ok(())
    }

    /// Whether no option was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many options were given, each repeat counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Every option with its value; a repeatable one once for each value, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = (&OptionKey, &OptionValue)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The (first) value of an option, if it was given.
    pub fn get(&self, key: OptionKey) -> Option<&OptionValue> {
        self.iter().find(|(other, _)| **other == key).map(|(_, value)| value)
    }

    /// A flag; `None` if not given, or of another kind.
    pub fn flag(&self, key: OptionKey) -> Option<bool> {
        if let Some(OptionValue::Flag(on)) = self.get(key) { Some(*on) } else { None }
    }

    /// An integer; `None` if not given, or of another kind.
    pub fn integer(&self, key: OptionKey) -> Option<i64> {
        if let Some(OptionValue::Integer(number)) = self.get(key) { Some(*number) } else { None }
    }

    /// A size in bytes; `None` if not given, or of another kind.
    pub fn size(&self, key: OptionKey) -> Option<u64> {
        if let Some(OptionValue::Size(bytes)) = self.get(key) { Some(*bytes) } else { None }
    }

    /// A duration; `None` if not given, or of another kind.
    pub fn duration(&self, key: OptionKey) -> Option<Duration> {
        if let Some(OptionValue::Duration(duration)) = self.get(key) { Some(*duration) } else { None }
    }

    /// A text; `None` if not given, or of another kind.
    pub fn text(&self, key: OptionKey) -> Option<&str> {
        if let Some(OptionValue::Text(text)) = self.get(key) { Some(text) } else { None }
    }

    /// Each text of a repeatable option, in the order given.
    pub fn texts(&self, key: OptionKey) -> impl Iterator<Item = &str> {
        self.iter()
            .filter(move |(other, _)| **other == key)
            .filter_map(|(_, value)| if let OptionValue::Text(text) = value { Some(&**text) } else { None })
    }

    /// A word of those that its row lists; `None` if not given, or of another kind.
    pub fn word(&self, key: OptionKey) -> Option<&'static str> {
        if let Some(OptionValue::Word(word)) = self.get(key) { Some(*word) } else { None }
    }

    /// The SHA-256 of the only certificate to trust: `?pin=`.
    pub fn pin(&self) -> Option<&[u8; 32]> {
        if let Some(OptionValue::Fingerprint(bytes)) = self.get(OptionKey::Pin) { Some(bytes) } else { None }
    }

    /// The name and value of each `?header=`, in the order given.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.iter().filter_map(|(_, value)| {
            if let OptionValue::Header { name, value } = value { Some((&**name, &**value)) } else { None }
        })
    }

    /// How long a call may take to be opened: 30 s unless given.
    pub fn connect_timeout(&self) -> Duration {
        self.duration(OptionKey::ConnectTimeout).unwrap_or(CONNECT_TIMEOUT)
    }

    /// The proxies to go through, from near to far: each `?via=`.
    pub fn vias(&self) -> impl Iterator<Item = &Via> {
        self.iter()
            .filter_map(|(_, value)| if let OptionValue::Via(via) = value { Some(&**via) } else { None })
    }

    /// How often connecting is tried again, `Some(None)` for ever; `None` if not given.
    pub fn retries(&self) -> Option<Option<u32>> {
        if let Some(OptionValue::Retries(times)) = self.get(OptionKey::Retry) { Some(*times) } else { None }
    }

    /// The same without the names and passwords of proxies, and without what headers say.
    pub(crate) fn without_credentials(&self) -> Options {
        let mut shown = self.clone();
        for (_, value) in &mut shown.0 {
            if let OptionValue::Via(via) = value {
                via.credentials = None;
            } else if let OptionValue::Header { value, .. } = value {
                *value = "…".into(); // it may be a token as well
            }
        }
        shown
    }

    /// The value of an option for one direction: the one that names it, else the one for both.
    pub fn one_way(&self, key: OptionKey, way: Way) -> Option<&OptionValue> {
        let values = || self.iter().filter(move |(other, _)| **other == key).map(|(_, value)| value);
        let named = values().find_map(|value| {
            if let OptionValue::OneWay(_, inner) = value {
                (value.way() == Some(way)).then_some(&**inner)
            } else {
                None
            }
        });
        named.or_else(|| values().find(|value| value.way().is_none()))
    }

    /// File mode bits, 0 to 0o777; `None` if not given, or of another kind.
    pub fn mode(&self, key: OptionKey) -> Option<u32> {
        if let Some(OptionValue::Mode(bits)) = self.get(key) { Some(*bits) } else { None }
    }

    /// Our own end of a call that we make: `?bind=`.
    pub fn local(&self) -> Option<&LocalBind> {
        if let Some(OptionValue::Local(local)) = self.get(OptionKey::Bind) { Some(local) } else { None }
    }

    /// The multicast groups to join: each `?join=`.
    pub fn groups(&self) -> impl Iterator<Item = IpAddr> {
        self.iter()
            .filter_map(|(_, value)| if let OptionValue::Group(group) = value { Some(*group) } else { None })
    }

    /// The hosts to hear in those groups, and no other; each `?source=`.
    pub fn sources(&self) -> impl Iterator<Item = IpAddr> {
        self.iter()
            .filter_map(|(_, value)| if let OptionValue::Source(host) = value { Some(*host) } else { None })
    }

    /// The addresses of an interface, with the prefix of the network of each: each `?address=`.
    pub fn subnets(&self) -> impl Iterator<Item = (IpAddr, u8)> {
        self.iter().filter_map(|(_, value)| {
            if let OptionValue::Subnet(address, prefix) = value { Some((*address, *prefix)) } else { None }
        })
    }

    /// The first option that has no meaning for one who listens.
    pub fn not_for_listening(&self) -> Option<OptionKey> {
        self.iter().map(|(key, _)| *key).find(|key| !key.row().applies.when.listening())
    }

    /// The first option that has no meaning for one who connects.
    pub fn not_for_connecting(&self) -> Option<OptionKey> {
        self.iter().map(|(key, _)| *key).find(|key| !key.row().applies.when.connecting())
    }
}

/// Whether two options cannot both be there so: one in the order of the table, then the other.
fn contradict(one: (OptionKey, &OptionValue), other: (OptionKey, &OptionValue)) -> bool {
    match (one.0, other.0) {
        (OptionKey::V4, OptionKey::V6) => {
            [one.1, other.1].iter().all(|value| **value == OptionValue::Flag(true))
        }
        (OptionKey::Ca, OptionKey::Pin) => true,
        (OptionKey::TlsMin, OptionKey::TlsMax) => one.1.to_string() > other.1.to_string(),
        _ => false,
    }
}
