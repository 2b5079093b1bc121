//! `swb connect`: joins standard input and output to an address.

use std::sync::Arc;
use std::time::Duration;

use switchboard::services::{Terminal, Until};
use switchboard::socket::Program;
use switchboard::{Address, Layering, Line, Transport, converse, socket};

use crate::failure::{Failure, Status, outcome_of_program};
use crate::invocation::Connect;
use crate::keyboard::Keyboard;
use crate::log::{Log, Role};
use crate::stop;

/// How long a peer on a message transport may be quiet after the input has ended.
const QUIET: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: Connect) -> Result<(), Failure> {
    let log = Log::open(&arguments.log, Role::Caller)?;
    log.closing(connect(&arguments, &log))
}

/// Whom to call.
pub(super) fn address(arguments: &Connect) -> Result<Address, Failure> {
    let address: Address = arguments.address.parse()?;
    super::for_connecting(&address)?;
    if address.transport == Transport::Standard {
        return Err(Failure::usage(
            "connect joins standard input and output to an address: `-` is those already",
        ));
    }
    Ok(address)
}

fn connect(arguments: &Connect, log: &Log) -> Result<(), Failure> {
    let address = address(arguments)?;
    let keyboard = Keyboard::open(&arguments.terminal)?;
    // A program may have closed its output and read on, as one that writes a file does; it ends the call by ending.
    let until = if address.transport.is_program() { Until::Both } else { Until::Peer };
    let defaults = Terminal { quiet: Some(QUIET), ..Terminal::until(until) };
    let terminal = super::terminal(&arguments.terminal, &keyboard, defaults);
    let (line, end) = line(&address, log)?;
    let mut plan = super::plan(terminal, log, false)?;
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    let control = Arc::clone(&plan.control);
    let result = stop::at_signal(&control, log, || {
        let ended = converse(plan, line)?;
        outcome_of_program(&ended, &format!("call to {end}"))
    });
    keyboard.close(result)
}

/// Calls `address`, or starts its program. Says what is worth a word, and who answered.
pub(super) fn line(address: &Address, log: &Log) -> Result<(Line, String), Failure> {
    let layering = Layering::calling(address).map_err(|error| Failure::new(Status::Other, error))?;
    if address.transport.is_program() {
        let program = Box::new(Program::start(address, &Vec::new())?);
        let end = program.end().to_string();
        return Ok((Line::Program { program, layering }, end));
    }
    let connected = socket::connect(address)?;
    for attempt in &connected.failed {
        log.detail(format_args!("tried {attempt}"));
    }
    for granted in &connected.notes {
        log.note(granted);
    }
    for note in layering.iter().flat_map(|layering| layering.notes()) {
        log.note(note);
    }
    let (connection, name) = (connected.connection, connected.end.under(address.layers).to_string());
    let line = match layering {
        Some(layering) => Line::Layered { connection, layering },
        None => Line::Connection(connection),
    };
    Ok((line, name))
}
