//! The definitions of the command line with their examples, and the topics of `swb help`.

mod examples;
mod topics;

use std::fmt::Write as _;

use clap::CommandFactory;

use crate::invocation::Invocation;
use examples::{EXAMPLES, Example};

pub use topics::{TOPICS, Topic};

/// The definitions of the command line, from which parsing, help, man pages and completions are made.
///
/// Each command's long help ends with its examples.
#[must_use]
pub fn command() -> clap::Command {
    EXAMPLES.iter().fold(Invocation::command(), |command, (path, examples)| with(command, path, examples))
}

/// The command with examples at the subcommand to which the path leads.
fn with(command: clap::Command, path: &[&str], examples: &[Example]) -> clap::Command {
    match path {
        [] => {
            // The long help replaces the text under the short one, so it begins with it.
            let short = command.get_after_help().map(|short| format!("{short}\n\n")).unwrap_or_default();
            command.after_long_help(format!("{short}{}", text(examples)))
        }
        [name, rest @ ..] => command.mut_subcommand(name, |below| with(below, rest, examples)),
    }
}

fn text(examples: &[Example]) -> String {
    let mut text = "Examples:".to_owned();
    for Example { line, says } in examples {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n  {line}\n      {says}");
    }
    text
}
