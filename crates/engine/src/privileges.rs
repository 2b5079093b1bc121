//! Who the process is: privileges are dropped for good, once everything is bound.
//!
//! setgroups(2), setgid(2), setuid(2), in this order, for all threads of the process (nptl(7)). Protected: a process
//! that was root and says that it is somebody else cannot become root again; that is tried.

use std::fmt;
use std::io;

use nix::errno::Errno;
use nix::unistd::{
    Gid, Group, Uid, User, geteuid, getgrouplist, getresgid, getresuid, setgid, setgroups, setuid,
};

use crate::access::{Account, parse_account};

/// A user and a group that the process can become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `None`: the user stays.
    user: Option<(Uid, String)>,
    group: (Gid, String),
    /// Every group, the one above among them.
    groups: Vec<Gid>,
}

impl Identity {
    /// Looks up a user, by name or number, and a group. Without a group it is the user's own; the user's further
    /// groups come with it. `None` where neither is named.
    ///
    /// # Errors
    ///
    /// There is no such user or group, or no group is known for a user's bare number.
    pub fn find(user: Option<&str>, group: Option<&str>) -> Result<Option<Identity>, IdentityError> {
        let user = user.map(find_user).transpose()?;
        let group = group.map(find_group).transpose()?;
        let (group, groups) = match (&user, group) {
            (None, None) => return Ok(None),
            (None, Some(group)) => (group.clone(), vec![group.0]),
            (Some(Found { name, entry: None, .. }), None) => {
                return Err(IdentityError::NoGroup(name.clone()));
            }
            (Some(Found { entry: None, .. }), Some(group)) => (group.clone(), vec![group.0]),
            (Some(Found { entry: Some(entry), .. }), group) => {
                let own = || (entry.gid, group_name(entry.gid));
                let group = group.unwrap_or_else(own);
                let groups = std::ffi::CString::new(entry.name.as_bytes()).map_err(|_| Errno::EINVAL);
                let groups = groups.and_then(|name| getgrouplist(&name, group.0));
                let groups =
                    groups.map_err(|errno| IdentityError::lookup("getgrouplist(3)", &entry.name, errno))?;
                (group, groups)
            }
        };
        Ok(Some(Identity { user: user.map(|user| (user.id, user.name)), group, groups }))
    }

    /// Becomes it, for good.
    ///
    /// # Errors
    ///
    /// The call that was not permitted; the process may have changed its groups by then and should end.
    pub fn assume(&self) -> Result<(), IdentityError> {
        if self.is_ours() {
            return Ok(());
        }
        let failed = |call| move |errno| IdentityError::Call { identity: self.to_string(), call, errno };
        setgroups(&self.groups).map_err(failed("setgroups(2)"))?;
        setgid(self.group.0).map_err(failed("setgid(2)"))?;
        let Some((user, _)) = self.user else { return Ok(()) };
        setuid(user).map_err(failed("setuid(2)"))?;
        if !user.is_root() && setuid(Uid::from_raw(0)).is_ok() {
            return Err(IdentityError::StillRoot(self.to_string()));
        }
        Ok(())
    }

    /// Whether this is what an unprivileged process is already.
    fn is_ours(&self) -> bool {
        let Ok((users, groups)) = getresuid().and_then(|users| Ok((users, getresgid()?))) else {
            return false;
        };
        let user = self.user.as_ref().map_or(geteuid(), |(user, _)| *user);
        let is_user = [users.real, users.effective, users.saved] == [user; 3];
        let is_group = [groups.real, groups.effective, groups.saved] == [self.group.0; 3];
        !geteuid().is_root() && is_user && is_group
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((user, name)) = &self.user {
            write!(f, "user {name} ({user}), ")?;
        }
        let (group, name) = &self.group;
        write!(f, "group {name} ({group})")
    }
}

struct Found {
    id: Uid,
    name: String,
    /// What passwd(5) says; `None` for a number that is not there.
    entry: Option<User>,
}

fn find_user(text: &str) -> Result<Found, IdentityError> {
    let failed = |errno| IdentityError::lookup("getpwnam(3)", text, errno);
    let (entry, number) = match parse_account(text) {
        Some(Account::Number(number)) => {
            let id = Uid::from_raw(number);
            (User::from_uid(id).map_err(failed)?, Some(id))
        }
        Some(Account::Name(name)) => (User::from_name(&name).map_err(failed)?, None),
        None => (None, None),
    };
    match (entry, number) {
        (Some(entry), _) => Ok(Found { id: entry.uid, name: entry.name.clone(), entry: Some(entry) }),
        (None, Some(id)) => Ok(Found { id, name: text.to_owned(), entry: None }),
        (None, None) => Err(IdentityError::NoSuch("user", text.to_owned())),
    }
}

fn find_group(text: &str) -> Result<(Gid, String), IdentityError> {
    let failed = |errno| IdentityError::lookup("getgrnam(3)", text, errno);
    match parse_account(text) {
        Some(Account::Number(number)) => Ok((Gid::from_raw(number), group_name(Gid::from_raw(number)))),
        Some(Account::Name(name)) => match Group::from_name(&name).map_err(failed)? {
            Some(group) => Ok((group.gid, group.name)),
            None => Err(IdentityError::NoSuch("group", text.to_owned())),
        },
        None => Err(IdentityError::NoSuch("group", text.to_owned())),
    }
}

fn group_name(group: Gid) -> String {
    Group::from_gid(group).ok().flatten().map_or_else(|| group.to_string(), |group| group.name)
}

/// Why the process is not who it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdentityError {
    /// There is no such user, or group.
    NoSuch(&'static str, String),
    /// A user's number that passwd(5) does not list, so that its group is not known.
    NoGroup(String),
    /// The look-up of this name failed.
    LookUp {
        /// The call.
        call: &'static str,
        /// The name.
        name: String,
        /// Its errno.
        errno: Errno,
    },
    /// This call was not permitted.
    Call {
        /// Who it was to be.
        identity: String,
        /// The call.
        call: &'static str,
        /// Its errno.
        errno: Errno,
    },
    /// It could become root again.
    StillRoot(String),
}

impl IdentityError {
    fn lookup(call: &'static str, name: &str, errno: Errno) -> IdentityError {
        IdentityError::LookUp { call, name: name.to_owned(), errno }
    }
}

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdentityError::NoSuch(kind, name) => {
                let database = if *kind == "user" { "passwd" } else { "group" };
                write!(f, "no {kind} is named {name:?}; `getent {database}` lists them")
            }
            IdentityError::NoGroup(user) => {
                write!(
                    f,
                    "passwd(5) does not list user {user}, so its group is not known: say it with --group"
                )
            }
            IdentityError::LookUp { call, name, errno } => {
                let reason = sys::describe(&io::Error::from(*errno));
                write!(f, "cannot look up {name:?}: {call}: {reason}")
            }
            IdentityError::Call { identity, call, errno } => {
                let reason = sys::describe(&io::Error::from(*errno));
                write!(
                    f,
                    "cannot become {identity}: {call}: {reason}; only root may (CAP_SETUID and CAP_SETGID): start \
                     it as root, or leave --user and --group out"
                )
            }
            IdentityError::StillRoot(identity) => write!(
                f,
                "cannot become {identity} for good: setuid(2) gives root back; take CAP_SETUID away from the process"
            ),
        }
    }
}

impl std::error::Error for IdentityError {}
