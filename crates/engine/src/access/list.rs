//! Who may call, as a list that is looked up: no file, name service or socket.
//!
//! Deny wins. Where anything is allowed by name, whoever is not is refused. A caller over IP is judged by
//! addresses only, one at a Unix socket by users and groups only.

use std::collections::HashSet;
use std::net::IpAddr;

use super::address_set::{AddressRange, AddressSet};

/// Who a caller is, as far as rules can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Somebody at this address.
    Ip(IpAddr),
    /// A process of this host, by its effective user and group.
    User {
        /// The user's number.
        user: u32,
        /// The group's number.
        group: u32,
    },
    /// The kernel does not say. Where users or groups are denied, it could be one of them.
    Unknown,
}

/// The rules as they are now, with nothing left to look up.
#[derive(Debug, Default)]
pub struct AccessList {
    /// `None`: nobody is allowed by name, so that everybody is who is not denied.
    allowed: Option<Callers>,
    denied: Callers,
}

impl AccessList {
    /// Denies `denied`, and of the others allows `allowed`, or everybody if that is `None`.
    #[must_use]
    pub fn new(allowed: Option<Callers>, denied: Callers) -> AccessList {
        AccessList { allowed, denied }
    }

    /// Why this caller is refused, as a clause; `None` if it may call.
    #[must_use]
    pub fn refuses(&self, who: Who) -> Option<&'static str> {
        let unknown = who == Who::Unknown;
        if self.denied.has(who) || unknown && self.denied.names_users() {
            return Some(if unknown {
                "the kernel does not tell who it is"
            } else {
                "it is denied (--deny)"
            });
        }
        match &self.allowed {
            Some(allowed) if !allowed.has(who) => Some("it is not among those who may call (--allow)"),
            Some(_) | None => None,
        }
    }

    /// Whether the answer for a caller at a Unix socket can be other than yes.
    #[must_use]
    pub fn judges_users(&self) -> bool {
        self.allowed.is_some() || self.denied.names_users()
    }
}

/// A set of callers.
#[derive(Clone, Debug, Default)]
pub struct Callers {
    addresses: AddressSet,
    users: HashSet<u32>,
    groups: HashSet<u32>,
}

impl Callers {
    /// Whoever is at one of these addresses, is one of these users, or in one of these groups.
    #[must_use]
    pub fn new(
        addresses: impl IntoIterator<Item = AddressRange>,
        users: impl IntoIterator<Item = u32>,
        groups: impl IntoIterator<Item = u32>,
    ) -> Callers {
        Callers {
            addresses: addresses.into_iter().collect(),
            users: users.into_iter().collect(),
            groups: groups.into_iter().collect(),
        }
    }

    fn has(&self, who: Who) -> bool {
        match who {
            Who::Ip(address) => self.addresses.contains(address),
            Who::User { user, group } => self.users.contains(&user) || self.groups.contains(&group),
            Who::Unknown => false,
        }
    }

    fn names_users(&self) -> bool {
        !self.users.is_empty() || !self.groups.is_empty()
    }
}
