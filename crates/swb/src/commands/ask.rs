//! `swb ask`: sends one message, prints the answer, ends.

use std::sync::Arc;
use std::time::Duration;

use switchboard::services::{self, Crlf};
use switchboard::{Address, CloseReason, Control, Shape, Transport, converse_with};

use crate::failure::{Failure, Status, outcome_of_program};
use crate::invocation::Ask;
use crate::log::{Log, Role};
use crate::stop;

use super::again::{self, Called};

/// How long each try waits for an answer where messages may be lost.
const TRY: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: Ask) -> Result<(), Failure> {
    let log = Log::open(&arguments.log, Role::Caller)?;
    log.closing(ask(arguments, &log))
}

/// Whom to ask.
pub(super) fn address(arguments: &Ask) -> Result<Address, Failure> {
    let address: Address = arguments.address.parse()?;
    super::for_connecting(&address)?;
    if address.transport == Transport::Standard {
        return Err(Failure::usage("ask needs an address to ask: `-` is our own standard input and output"));
    }
    Ok(address)
}

fn ask(arguments: Ask, log: &Log) -> Result<(), Failure> {
    let address = address(&arguments)?;
    let message = message(&arguments)?;
    if !address.transport.is_file() {
        return put(arguments, message, again::call(&address, log, &|| false)?, super::control()?, log);
    }
    // A signal does not end the process while it opens a file, or what was made for that would be left.
    let control = super::control()?;
    stop::at_signal(&control, log, || match again::call_unless_told(&address, &control, log)? {
        Some(called) => put(arguments, message, called, Arc::clone(&control), log),
        None => Ok(()),
    })
}

/// Asks whom was called.
fn put(
    arguments: Ask,
    message: Vec<u8>,
    Called { line, peer, name }: Called,
    control: Arc<Control>,
    log: &Log,
) -> Result<(), Failure> {
    let may_lose = line.shape() == Shape::Datagram;
    let ask = services::Ask {
        message,
        framing: arguments.framing,
        timeout: arguments.timeout.or(may_lose.then_some(TRY)),
        retries: if may_lose { arguments.retries } else { 0 },
        replies: arguments.replies,
        wait: arguments.wait,
        unpack: arguments.unpack,
    };
    let what = format!("question to {name}");
    let mut plan = super::plan(ask, log, super::is_inert(arguments.raw))?;
    plan.control = control;
    let ended = converse_with(plan, line, peer)?;
    if ended.reason == CloseReason::TimedOut {
        let hint = "is the server running, and is the address right?";
        return Err(Failure::new(Status::TimedOut, format!("the {what} was not answered in time; {hint}")));
    }
    outcome_of_program(&ended, &what)
}

/// The bytes that are sent.
pub(super) fn message(arguments: &Ask) -> Result<Vec<u8>, Failure> {
    match (&arguments.pack, &arguments.message[..]) {
        (Some(format), values) => format.pack_words(values).map_err(Failure::usage),
        (None, [message]) if arguments.crlf => Ok(Crlf::default().convert(message.as_bytes())),
        (None, [message]) => Ok(message.clone().into_bytes()),
        (None, messages) => Err(Failure::usage(format!(
            "ask sends one message, and these are {}; a message with spaces needs quotes, values need --pack",
            messages.len()
        ))),
    }
}
