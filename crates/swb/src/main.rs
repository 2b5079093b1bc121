//! `swb`: connects any two processes over any socket, and serves callers.
//!
//! A run is a chain of types: the arguments are parsed into an [`Invocation`] (which does nothing), each
//! command makes its plan of it (still nothing is done), then runs it and says how it ended.

mod commands;
mod failure;
mod files;
mod invocation;
mod log;
mod stop;

use std::process::ExitCode;

use clap::Parser;

use invocation::{Command, Invocation};

fn main() -> ExitCode {
    let invocation = Invocation::parse();
    let result = match invocation.command {
        Command::Connect(arguments) => commands::connect::run(arguments),
        Command::Listen(arguments) => commands::listen::run(arguments),
        Command::Ask(arguments) => commands::ask::run(arguments),
        Command::Serve(arguments) => commands::serve::run(arguments),
        Command::Resolve(arguments) => commands::resolve::run(&arguments),
        Command::List(arguments) => commands::list::run(arguments.table),
        Command::Demo => commands::demo::run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
