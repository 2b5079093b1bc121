//! `swb connect`: joins standard input and output to an address.

use std::sync::Arc;
use std::time::Duration;

use switchboard::address::{End, Layer};
use switchboard::services::{Terminal, Until};
use switchboard::socket::{Connected, FileEnd, Program};
use switchboard::{
    Address, Event, Layering, Line, Notice, Observer, Retries, Transport, converse_with, reach,
};

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
    let mut terminal = super::terminal(&arguments.terminal, &keyboard, defaults);
    let has_end_of_its_own = |layer| matches!(layer, Layer::Tls | Layer::WebSocket);
    if address.layers.iter().any(has_end_of_its_own) {
        terminal.held = terminal.quiet;
    }
    let Called { line, peer, name } = call(&address, log)?;
    let mut plan = super::plan(terminal, log, false)?;
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    let control = Arc::clone(&plan.control);
    let result = stop::at_signal(&control, log, || {
        let ended = converse_with(plan, line, peer)?;
        outcome_of_program(&ended, &format!("call to {name}"))
    });
    keyboard.close(result)
}

/// Calls `address`, again and again as far as its `?retry=` says.
fn reach_at_last(address: &Address, log: &Log) -> Result<Connected, Failure> {
    let mut retries = Retries::of(&address.options, super::relay::seed());
    loop {
        let error = match reach(address, Duration::ZERO) {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        let after = if error.may_pass() { retries.after_failure() } else { None };
        let Some(after) = after else { return Err(error.into()) };
        log.event(&Event::Notice(&Notice::DialsAgain { why: error.to_string(), after }));
        std::thread::sleep(after); // a signal ends the process
    }
}

/// A call that was made.
pub(super) struct Called {
    pub(super) line: Line,
    /// Who it is, where the socket does not tell.
    pub(super) peer: Option<End>,
    /// As whom messages name it.
    pub(super) name: String,
}

/// Calls `address`, starts its program or opens its file. Says what is worth a word, and who answered.
pub(super) fn call(address: &Address, log: &Log) -> Result<Called, Failure> {
    if address.transport.is_program() {
        let program = Program::start(address, &Vec::new())?;
        let name = program.end().to_string();
        return Ok(Called { line: Line::Program(Box::new(program)), peer: None, name });
    }
    if address.transport.is_file() {
        let file = FileEnd::open(address)?;
        let name = file.end().to_string();
        return Ok(Called { line: Line::File(Box::new(file)), peer: None, name });
    }
    let layering = Layering::calling(address).map_err(|error| Failure::new(Status::Other, error))?;
    let connected = reach_at_last(address, log)?;
    for attempt in &connected.failed {
        log.detail(format_args!("tried {attempt}"));
    }
    for granted in &connected.notes {
        log.note(granted);
    }
    for note in layering.iter().flat_map(|layering| layering.notes()) {
        log.note(note);
    }
    let name = connected.end.under(address.layers).to_string();
    let peer = Some(connected.end).filter(|end| matches!(end, End::Behind(_)));
    let connection = connected.connection;
    let line = match layering {
        Some(layering) => Line::Layered { connection, layering },
        None => Line::Connection(connection),
    };
    Ok(Called { line, peer, name })
}
