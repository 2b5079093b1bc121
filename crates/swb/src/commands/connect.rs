//! `swb connect`: joins standard input and output to an address.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use switchboard::services::{Terminal, Until};
use switchboard::{Address, Control, Transport, converse_with};

use crate::failure::{Failure, outcome_of_program};
use crate::invocation::Connect;
use crate::keyboard::Keyboard;
use crate::log::{Log, Role};
use crate::stop;

use super::again::{self, Called, Over};

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
    let talk = || {
        let (input_over, control) = (Arc::default(), super::control()?);
        Ok::<_, Failure>(Talk { arguments, keyboard: &keyboard, log, input_over, control })
    };
    let result = if arguments.forever {
        let talk = talk()?;
        let once = |address: &Address, called| {
            let result = talk.once(address, called)?;
            Ok(Over { result, is_last: talk.input_over.load(Ordering::Relaxed) })
        };
        stop::at_signal(&talk.control, log, || again::for_ever(address, &talk.control, log, once))
    } else {
        // A signal ends the process while it calls; while it opens a file, what was made for that is put away.
        let is_file = address.transport.is_file();
        let called = if is_file { None } else { Some(again::call(&address, log, &|| false)?) };
        let talk = talk()?;
        stop::at_signal(&talk.control, log, || {
            let called = match called {
                Some(called) => Some(called),
                None => again::call_unless_told(&address, &talk.control, log)?,
            };
            called.map_or(Ok(Ok(())), |called| talk.once(&address, called))?
        })
    };
    keyboard.close(result)
}

/// What the calls of one command have in common.
struct Talk<'c> {
    arguments: &'c Connect,
    keyboard: &'c Keyboard,
    log: &'c Log,
    /// There is nothing to say on a further call.
    input_over: Arc<AtomicBool>,
    control: Arc<Control>,
}

impl Talk<'_> {
    /// Talks on a call until it is over. The inner failure is how it ended.
    fn once(&self, address: &Address, called: Called) -> Result<Result<(), Failure>, Failure> {
        let Called { line, peer, name } = called;
        // A program may have closed its output and read on, as one that writes a file does; it ends the call by ending.
        let until = if address.transport.is_program() { Until::Both } else { Until::Peer };
        let defaults = Terminal {
            quiet: Some(super::QUIET),
            keep_output: self.arguments.forever,
            input_over: Arc::clone(&self.input_over),
            ..Terminal::until(until)
        };
        let terminal = super::terminal(address, &self.arguments.terminal, self.keyboard, defaults);
        let mut plan = super::plan(terminal, self.log, false)?;
        plan.limits.idle_timeout = self.arguments.terminal.idle_timeout;
        plan.control = Arc::clone(&self.control);
        let ended = converse_with(plan, line, peer)?;
        Ok(outcome_of_program(&ended, &format!("call to {name}")))
    }
}
