//! `swb help`: a topic, or the long help of a command.

use std::io::Write as _;

use clap::error::ErrorKind;
use switchboard::address::nearest;
use switchboard::services::SERVICES;

use crate::failure::{Failure, output_error};
use crate::help::{TOPICS, command};
use crate::invocation::Help;

pub(crate) fn run(arguments: &Help) -> Result<(), Failure> {
    let topic = match &arguments.topic[..] {
        [name] => TOPICS.iter().find(|topic| topic.name == name),
        _ => None,
    };
    let text = match topic {
        Some(topic) => topic.text(),
        None => of_command(&arguments.topic)?,
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| output_error(&error))
}

/// What `swb PATH --help` says.
fn of_command(path: &[String]) -> Result<String, Failure> {
    let words = ["swb"].into_iter().chain(path.iter().map(String::as_str)).chain(["--help"]);
    match command().try_get_matches_from(words) {
        Err(said) if said.kind() == ErrorKind::DisplayHelp => Ok(said.render().to_string()),
        Ok(_) | Err(_) => Err(unknown(path)),
    }
}

fn unknown(path: &[String]) -> Failure {
    let topics: Vec<&str> = TOPICS.iter().map(|topic| topic.name).collect();
    let command = command();
    let commands: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let services = SERVICES.iter().map(|service| service.name);
    let known = topics.iter().chain(&commands).copied().chain(services);
    let nearest = path.last().and_then(|word| nearest(word, known));
    let meant = nearest.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    let path = path.join(" ");
    Failure::usage(format!(
        "{path:?} is neither a topic ({}) nor a command ({}, serve SERVICE){meant}",
        topics.join(", "),
        commands.join(", ")
    ))
}
