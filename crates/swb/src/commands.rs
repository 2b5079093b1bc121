//! The commands: each makes a plan of its arguments, then runs it.

pub(crate) mod ask;
pub(crate) mod connect;
pub(crate) mod demo;
pub(crate) mod listen;
pub(crate) mod resolve;
pub(crate) mod serve;

use std::sync::Arc;

use switchboard::services::Terminal;
use switchboard::{Address, Control, Limits, Output, Plan, Service};

use crate::failure::{Failure, Status};
use crate::log::Log;

/// A plan for this service with the usual limits.
fn plan(service: impl Service + 'static, log: Log) -> Result<Plan, Failure> {
    let control =
        Control::new().map_err(|error| Failure::new(Status::Other, format!("eventfd(2): {error}")))?;
    Ok(Plan {
        service: Arc::new(service),
        limits: Limits::of_this_process(),
        observer: Arc::new(log),
        output: Output::standard(),
        control: Arc::new(control),
    })
}

/// The first option of an address that means nothing to one who calls.
fn for_connecting(address: &Address) -> Result<(), Failure> {
    match address.options.not_for_connecting() {
        None => Ok(()),
        Some(key) => Err(Failure::usage(format!(
            "{address}: option {} is for listening; leave it out to connect",
            key.name()
        ))),
    }
}

/// The first option of an address that means nothing to one who is called.
fn for_listening(address: &Address) -> Result<(), Failure> {
    match address.options.not_for_listening() {
        None => Ok(()),
        Some(key) => Err(Failure::usage(format!(
            "{address}: option {} is for connecting; leave it out to listen",
            key.name()
        ))),
    }
}

/// The arguments that `connect` and `listen` share.
fn terminal(arguments: &crate::invocation::Terminal, defaults: Terminal) -> Terminal {
    Terminal {
        until: arguments.until.map_or(defaults.until, Into::into),
        half_close: !arguments.no_half_close,
        framing: arguments.framing,
        quiet: arguments.wait.or(defaults.quiet),
        ..defaults
    }
}
