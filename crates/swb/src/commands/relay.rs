//! `swb relay`: joins each caller of one address to another address.

use std::sync::Arc;

use switchboard::address::Scheme;
use switchboard::services::Relay;
use switchboard::socket::Inherited;
use switchboard::{Address, Framing, Layering, Limits, Shape, Transport};

use crate::activation::inherited;
use crate::failure::{Failure, Status};
use crate::invocation;
use crate::log::Log;

use super::serve::{self, Offer};

pub(crate) fn run(arguments: &invocation::Relay) -> Result<(), Failure> {
    let answering = &arguments.answering;
    let log = Log::open(&answering.log, serve::role(&answering.engine))?;
    let joined = || {
        let (service, to) = service(arguments)?;
        // What its options name is looked at before anybody calls, and its files are kept open for all calls.
        let _kept = Layering::calling(&to).map_err(|error| Failure::new(Status::Other, error))?;
        serve::answer(offer(service, arguments), answering, &log)
    };
    log.closing(joined())
}

/// What callers get, and where.
pub(super) fn offer(service: Relay, arguments: &invocation::Relay) -> Offer<'_> {
    let limits: fn() -> Limits = match service.starts_programs() {
        true => || Limits::of_this_process().starting_programs(),
        false => || Limits::of_this_process().dialling(),
    };
    Offer { service: Arc::new(service), at: std::slice::from_ref(&arguments.from), limits, is_inert: false }
}

/// The service, and whom it calls.
///
/// # Errors
///
/// Addresses that cannot be joined.
pub(super) fn service(arguments: &invocation::Relay) -> Result<(Relay, Address), Failure> {
    let (from, to): (Address, Address) = (arguments.from.parse()?, arguments.to.parse()?);
    super::for_connecting(&to)?;
    if matches!(to.transport, Transport::Standard | Transport::Descriptor) {
        return Err(Failure::usage(format!(
            "relay calls its second address anew for each caller, and {to} is open already; `swb listen` joins a \
             caller to standard input and output"
        )));
    }
    let relay = Relay::to(to.clone());
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
            Ok((relay.framed(framing), to))
        }
        None if both_alike || has_halves(near) && has_halves(far) => Ok((relay, to)),
        None => Err(Failure::usage(format!(
            "{from} and {to} cannot be joined as they are: one has datagrams, the other a byte stream; --framing says \
             how messages are marked there (line, nul, u8, u16be, u16le, u32be, u32le)"
        ))),
    }
}
