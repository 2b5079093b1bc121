//! `swb`: connects any two processes over any socket, and serves callers.
//!
//! A run is a chain of types: the arguments are parsed into an `Invocation` (which does nothing), each
//! command makes its plan of it (still nothing is done), then runs it and says how it ended.
//!
//! This is a library so that man pages and completions are made from the definitions that the program uses:
//! [`command`] and [`TOPICS`]. What a Rust program would want is in the crate `switchboard`.

mod activation;
mod admission;
mod commands;
mod control;
mod failure;
mod files;
mod help;
mod history_file;
mod invocation;
mod json;
mod keyboard;
mod log;
mod numbers;
mod ready;
mod stop;
mod trace;

use std::process::ExitCode;

use clap::FromArgMatches;

use failure::Failure;
use invocation::{Command, Invocation};

pub use help::{TOPICS, Topic, command};

/// Runs the command line that this process was started with, and says how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let matches = command().try_get_matches();
    let invocation = match matches.and_then(|matches| Invocation::from_arg_matches(&matches)) {
        Ok(invocation) => invocation,
        Err(said) => return failure::said_by_parser(&said),
    };
    match run_command(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run_command(invocation: Invocation) -> Result<(), Failure> {
    if invocation.trace {
        trace::install()?;
    }
    match invocation.command {
        Command::Connect(arguments) => commands::connect::run(arguments),
        Command::Listen(arguments) => commands::listen::run(arguments),
        Command::Ask(arguments) => commands::ask::run(arguments),
        Command::Serve(arguments) => commands::serve::run(arguments),
        Command::Load(arguments) => commands::load::run(*arguments),
        Command::Relay(arguments) => commands::relay::run(&arguments),
        Command::Resolve(arguments) => commands::resolve::run(&arguments),
        Command::List(arguments) => commands::list::run(arguments.table),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Control(arguments) => commands::control::run(&arguments),
        Command::Explain(arguments) => commands::explain::run(&arguments),
        Command::Help(arguments) => commands::help::run(&arguments),
        Command::Tour(arguments) => commands::tour::run(&arguments),
    }
}
