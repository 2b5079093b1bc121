//! `swb relay`: joins each caller of one address, or one end that is called, to another address.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use switchboard::address::Scheme;
use switchboard::services::{Relay, TARGETS_MAX, Targets};
use switchboard::socket::Inherited;
use switchboard::{Address, Engine, EngineChoice, Framing, Limits, Shape, SharedWords, Transport};

use crate::activation::inherited;
use crate::failure::{Failure, Status};
use crate::invocation;
use crate::log::Log;

use super::joined;
use super::serve::{self, Offer};

pub(crate) fn run(arguments: &invocation::Relay) -> Result<(), Failure> {
    let answering = &arguments.answering;
    let log = Log::open(&answering.log, serve::role(&answering.engine))?;
    let relayed = || {
        let from: Address = arguments.from.parse()?;
        if joined::is_joined(arguments, &from)? {
            return joined::run(arguments, &from, &log);
        }
        let (service, far) = service(arguments)?;
        serve::answer(Offer { far: &far, ..offer(service, arguments) }, answering, &log)
    };
    log.closing(relayed())
}

/// What callers get, and where.
pub(super) fn offer(service: Relay, arguments: &invocation::Relay) -> Offer<'_> {
    let limits: fn() -> Limits = match service.starts_programs() {
        true => || Limits::of_this_process().starting_programs(),
        false => || Limits::of_this_process().dialling(),
    };
    Offer {
        service: Arc::new(service),
        at: std::slice::from_ref(&arguments.from),
        limits,
        is_inert: false,
        far: &[],
    }
}

/// The service, and whom it calls; these are of one shape.
///
/// # Errors
///
/// Addresses that cannot be joined.
pub(super) fn service(arguments: &invocation::Relay) -> Result<(Relay, Vec<Address>), Failure> {
    let from: Address = arguments.from.parse()?;
    let all = arguments.to.iter().map(|to| to.parse()).collect::<Result<Vec<Address>, _>>()?;
    let to = &one_shape(&all)?.shown();
    all.iter().try_for_each(super::for_connecting)?;
    if let Some(to) =
        all.iter().find(|to| matches!(to.transport, Transport::Standard | Transport::Descriptor))
    {
        return Err(Failure::usage(format!(
            "relay calls its second address anew for each caller, and {to} is open already; `swb listen` joins a \
             caller to standard input and output"
        )));
    }
    let relay = Relay::among(targets(arguments, all.clone())?).seeded(seed());
    let transport = inherited(&from)?.map_or(from.transport, Inherited::transport);
    let (near, far) = (Scheme { transport, ..from.scheme() }.shape(), to.shape());
    let keeps_boundaries = |shape: Option<Shape>| shape.is_some_and(Shape::keeps_boundaries);
    let has_halves = |shape: Option<Shape>| shape != Some(Shape::Datagram);
    let both_alike = keeps_boundaries(near) == keeps_boundaries(far);
    match arguments.framing {
        Some(_) if both_alike => Err(Failure::usage(format!(
            "--framing marks messages on a byte stream for an address that has messages; {from} and {to} are of one \
             kind, and are joined without"
        ))),
        Some(framing) => {
            let framing = framing.with_bytes_max(arguments.frame_max.unwrap_or(Framing::BYTES_MAX));
            Ok((relay.framed(framing), all))
        }
        None if both_alike || has_halves(near) && has_halves(far) => Ok((relay, all)),
        None => Err(Failure::usage(format!(
            "{from} and {to} cannot be joined as they are: one has datagrams, the other a byte stream; --framing says \
             how messages are marked there (line, nul, u8, u16be, u16le, u32be, u32le)"
        ))),
    }
}

/// The first of whom to call, if all are of its shape.
fn one_shape(all: &[Address]) -> Result<&Address, Failure> {
    let Some(first) = all.first() else { return Err(Failure::usage("relay needs somebody to call")) };
    if all.len() > TARGETS_MAX {
        return Err(Failure::usage(format!("relay calls one of {TARGETS_MAX} addresses at the most")));
    }
    match all.iter().find(|other| other.shape() != first.shape()) {
        Some(other) => Err(Failure::usage(format!(
            "{} and {} are of two kinds, and callers get either: call byte streams, or messages",
            first.shown(),
            other.shown()
        ))),
        None => Ok(first),
    }
}

fn targets(arguments: &invocation::Relay, all: Vec<Address>) -> Result<Targets, Failure> {
    let invocation::Dialling { balance, hold_max, .. } = arguments.dialling;
    let retries = all.iter().any(|to| to.options.retries().is_some());
    if balance.is_some() && all.len() == 1 {
        return Err(Failure::usage("--balance is for several addresses to call, and this is one"));
    }
    if hold_max.is_some() && !retries {
        return Err(Failure::usage(
            "--hold-max is for callers who wait for another try: the address to call needs ?retry=N or ?retry=forever",
        ));
    }
    let words = Targets::words(all.len());
    let targets = Targets::new(all, balance.unwrap_or_default());
    let targets = match hold_max {
        Some(hold_max) => targets.holding(hold_max.into()),
        None => targets,
    };
    // Children of the process engine have no memory in common but this.
    let is_forking = arguments.answering.engine.engine == EngineChoice::Named(Engine::Process);
    match is_forking.then(|| SharedWords::new(words)).transpose() {
        Ok(Some(words)) => Ok(targets.sharing(Box::new(words))),
        Ok(None) => Ok(targets),
        Err(error) => Err(Failure::new(Status::Other, format!("mmap(2): {error}"))),
    }
}

/// Something that no other run has.
pub(super) fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
