//! Who may call: rules that are read once, and again when somebody says so.
//!
//! The rules are values ([`Rule`]), what they come to is a list ([`AccessList`]) that every worker looks up. Open
//! calls are not judged again when the rules change.

mod address_set;
mod list;
mod read;
mod rule;

use std::fmt;
use std::sync::{PoisonError, RwLock};

use address::Transport;

pub use address_set::AddressRange;
pub use list::{AccessList, Callers, Who};
pub use read::{ReadRulesError, ReadRulesErrorKind};
pub(crate) use rule::parse_account;
pub use rule::{Account, ParseRuleError, Rule};

/// Which callers are answered, all workers and doors together.
#[derive(Debug, Default)]
pub struct Access {
    allow: Vec<Rule>,
    deny: Vec<Rule>,
    list: RwLock<AccessList>,
}

impl Access {
    /// Denies whom `deny` means, and of the others allows whom `allow` means, or everybody if it is empty. Reads
    /// files and looks names up, which may wait.
    ///
    /// # Errors
    ///
    /// The first rule that cannot be read.
    pub fn read(allow: Vec<Rule>, deny: Vec<Rule>) -> Result<Access, ReadRulesError> {
        let list = RwLock::new(read_list(&allow, &deny)?);
        Ok(Access { allow, deny, list })
    }

    /// Reads files and looks names up again; open calls go on even if they would be refused now. Which calls are
    /// answered meanwhile the old rules say.
    ///
    /// # Errors
    ///
    /// As [`Access::read`]; the old rules hold.
    pub fn read_again(&self) -> Result<(), ReadRulesError> {
        let list = read_list(&self.allow, &self.deny)?;
        // Whoever panicked while holding it left a whole list.
        *self.list.write().unwrap_or_else(PoisonError::into_inner) = list;
        Ok(())
    }

    /// Whether everybody may call, whatever happens.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// Whether reading again can change anything.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.allow.iter().chain(&self.deny).any(Rule::may_change)
    }

    /// Why this caller is refused, as a clause; `None` if it may call.
    #[must_use]
    pub fn refuses(&self, who: Who) -> Option<&'static str> {
        self.list.read().unwrap_or_else(PoisonError::into_inner).refuses(who)
    }

    /// Whether the rules can be kept at doors of these transports.
    ///
    /// # Errors
    ///
    /// There are rules, and at a unix-dgram socket the kernel does not tell who sends.
    pub fn check(&self, transports: &[Transport]) -> Result<(), SendersUnknown> {
        let judges_users = self.list.read().unwrap_or_else(PoisonError::into_inner).judges_users();
        let files_may_come_to_judge_users = self.deny.iter().any(|rule| matches!(rule, Rule::File(_)));
        let judges = judges_users || files_may_come_to_judge_users;
        if judges && transports.contains(&Transport::UnixDgram) { Err(SendersUnknown) } else { Ok(()) }
    }
}

fn read_list(allow: &[Rule], deny: &[Rule]) -> Result<AccessList, ReadRulesError> {
    let allowed = if allow.is_empty() { None } else { Some(read::read(allow)?) };
    Ok(AccessList::new(allowed, read::read(deny)?))
}

/// Rules were given for a unix-dgram socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendersUnknown;

impl fmt::Display for SendersUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "at a unix-dgram socket the kernel does not tell who sends, so --allow and --deny cannot be kept \
             there; listen at unix: or unix-seqpacket: instead, or let the path's directory say who may send",
        )
    }
}

impl std::error::Error for SendersUnknown {}
