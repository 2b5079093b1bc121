//! One finding: what is so, how it was found out, what would change it.

use std::fmt;

use crate::json::Json;

/// Whether a thing can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Yes,
    /// In part, or less than a busy server wants.
    Limited,
    No,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            State::Yes => "yes",
            State::Limited => "limited",
            State::No => "no",
        }
    }
}

/// What a check has found.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) state: State,
    /// What is so, in a sentence without its full stop.
    pub(super) says: String,
    /// The numbers in it, for programs.
    pub(super) values: Vec<(&'static str, Json)>,
    /// The calls and files that told it.
    pub(super) found_by: String,
    /// What would change it; `None` where nothing needs to be or can be.
    pub(super) change: Option<String>,
}

impl Finding {
    pub(super) fn json(&self, group: &str) -> Json {
        Json::Object(vec![
            ("group", group.into()),
            ("check", self.name.into()),
            ("state", self.state.word().into()),
            ("says", self.says.as_str().into()),
            ("values", Json::Object(self.values.clone())),
            ("found_by", self.found_by.as_str().into()),
            ("change", self.change.as_deref().into()),
        ])
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {:7}  {:16}  {}", self.state.word(), self.name, self.says)?;
        writeln!(f, "{:29}found by {}", "", self.found_by)?;
        match &self.change {
            Some(change) => writeln!(f, "{:29}to change it: {change}", ""),
            None => Ok(()),
        }
    }
}
