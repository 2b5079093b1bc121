//! `swb connect`: joins standard input and output to an address.

use std::sync::Arc;
use std::time::Duration;

use switchboard::services::{Terminal, Until};
use switchboard::{Address, Line, Transport, converse, socket};

use crate::failure::{Failure, outcome};
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
    let defaults = Terminal { quiet: Some(QUIET), ..Terminal::until(Until::Peer) };
    let terminal = super::terminal(&arguments.terminal, &keyboard, defaults);
    let connected = socket::connect(&address)?;
    for attempt in &connected.failed {
        log.detail(format_args!("tried {attempt}"));
    }
    for granted in &connected.notes {
        log.note(granted);
    }
    let mut plan = super::plan(terminal, log, false)?;
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    let control = Arc::clone(&plan.control);
    let result = stop::at_signal(&control, log, || {
        let ended = converse(plan, Line::Connection(connected.connection))?;
        outcome(&ended, &format!("call to {}", connected.end))
    });
    keyboard.close(result)
}
