//! `swb relay` from one end that is called, started or opened, not waited for: it is joined to another, once or for ever.

use std::sync::Arc;

use switchboard::{Address, Output, Plan, Transport, converse_with};

use crate::failure::{Failure, outcome_of_program};
use crate::invocation;
use crate::log::Log;
use crate::ready::Ready;
use crate::stop;

use super::again::{self, Called, Over};
use super::{relay, serve};

/// Whether the first end of a relay is of this kind. Nobody can call a program, a file or a terminal; whoever can be
/// called is called where the arguments say so.
///
/// # Errors
///
/// It is to be called, and is open already; or to be called again, and callers come there by themselves.
pub(super) fn is_joined(arguments: &invocation::Relay, from: &Address) -> Result<bool, Failure> {
    let invocation::Dialling { dial, forever, .. } = arguments.dialling;
    if dial && matches!(from.transport, Transport::Standard | Transport::Descriptor) {
        return Err(Failure::usage(format!("--dial calls the first address, and {from} is open already")));
    }
    let is_own = from.transport.is_program() || from.transport.is_file();
    if forever && !dial && !is_own {
        return Err(Failure::usage(format!(
            "--forever calls the first address again, and at {from} it is others who call, as often as they like; with \
             --dial it is called"
        )));
    }
    Ok(dial || is_own)
}

/// Joins the ends until a call is over, or a signal comes.
pub(super) fn run(arguments: &invocation::Relay, from: &Address, log: &Log) -> Result<(), Failure> {
    let answering = &arguments.answering;
    let mut ready = Ready::open(&answering.ready, log)?;
    super::for_connecting(from)?;
    let (service, far) = relay::service(arguments)?;
    let offer = serve::Offer { far: &far, ..relay::offer(service, arguments) };
    let mut plan = serve::plan(&offer, answering, &[], log)?;
    serve::fits_one_caller(from, &plan, answering)?;
    plan.observer = ready.observer(plan.observer);
    // What its options name is looked at before anybody is called.
    for to in &far {
        plan.layerings.calling(to)?;
    }
    let mut join = |Called { line, peer, name }| {
        let own = if from.transport.is_file() { std::slice::from_ref(&name) } else { &[] };
        ready.announce(own, log);
        let ended = converse_with(one_call(&plan), line, peer)?;
        Ok::<_, Failure>(outcome_of_program(&ended, &format!("call to {name}")))
    };
    if arguments.dialling.forever {
        let once = |_: &Address, called| Ok(Over { result: join(called)?, is_last: false });
        return stop::at_signal(&plan.control, log, || {
            again::for_ever(from.clone(), &plan.control, log, once)
        });
    }
    stop::at_signal(&plan.control, log, || {
        again::call_unless_told(from, &plan.control, log)?.map_or(Ok(Ok(())), &mut join)?
    })
}

/// The plan of one call of a run.
fn one_call(plan: &Plan) -> Plan {
    Plan {
        service: Arc::clone(&plan.service),
        limits: plan.limits.clone(),
        access: Arc::clone(&plan.access),
        observer: Arc::clone(&plan.observer),
        output: Output::standard(), // a relay prints nothing
        control: Arc::clone(&plan.control),
        layerings: Arc::clone(&plan.layerings),
    }
}
