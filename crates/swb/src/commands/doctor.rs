//! `swb doctor`: what this kernel and this user allow.
//!
//! Each check tries the thing itself where that changes nothing (a socket made and closed, a port bound and
//! let go), and reads proc(5) and getrlimit(2) for the rest. A thing that is absent is a finding, no failure:
//! the exit status is 0.

mod engines;
mod facts;
mod families;
mod finding;
mod limits;
mod network;

use std::fmt::Write as _;
use std::io::Write as _;

use crate::failure::{Failure, output_error};
use crate::invocation::Doctor;
use crate::json::Json;
use finding::Finding;

/// Checks of one kind.
struct Group {
    name: &'static str,
    findings: fn() -> Vec<Finding>,
}

/// The checks, by what they are about. The engines come first: to fork, the process must have one thread.
const GROUPS: &[Group] = &[
    Group { name: "engines", findings: engines::findings },
    Group { name: "limits", findings: limits::findings },
    Group { name: "transports", findings: families::findings },
    Group { name: "network", findings: network::findings },
];

pub(crate) fn run(arguments: &Doctor) -> Result<(), Failure> {
    let groups: Vec<_> = GROUPS.iter().map(|group| (group.name, (group.findings)())).collect();
    let text = if arguments.json { format!("{}\n", json(&groups)) } else { text(&groups) };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| output_error(&error))
}

/// One object: who was asked, and a member a check.
fn json(groups: &[(&'static str, Vec<Finding>)]) -> Json {
    let checks = groups.iter().flat_map(|(group, findings)| findings.iter().map(|one| one.json(group)));
    Json::Object(vec![
        ("kernel", facts::kernel().into()),
        ("user", u64::from(facts::user()).into()),
        ("capabilities", Json::List(facts::capabilities().into_iter().map(Json::from).collect())),
        ("checks", Json::List(checks.collect())),
    ])
}

/// A heading a group; under it what is so, how it was found out, and what would change it.
fn text(groups: &[(&'static str, Vec<Finding>)]) -> String {
    let capabilities = match &facts::capabilities()[..] {
        [] => "no capability that matters here".to_owned(),
        some => some.join(", "),
    };
    let mut text = format!("Linux {}, user {}, {capabilities}\n", facts::kernel(), facts::user());
    for (group, findings) in groups {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{group}\n");
        findings.iter().for_each(|finding| text.push_str(&finding.to_string()));
    }
    text
}
