//! The commands: each makes a plan of its arguments, then runs it.

mod again;
pub(crate) mod ask;
pub(crate) mod connect;
pub(crate) mod control;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod help;
mod joined;
pub(crate) mod list;
pub(crate) mod listen;
pub(crate) mod load;
pub(crate) mod relay;
pub(crate) mod resolve;
pub(crate) mod serve;
pub(crate) mod tour;

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use switchboard::address::Layer;
use switchboard::services::{Inert, Terminal};
use switchboard::{Access, Address, Control, Limits, Output, Plan, Service};

use crate::failure::{Failure, Status};
use crate::invocation;
use crate::keyboard::Keyboard;
use crate::log::Log;

/// How long a peer may be quiet after the input has ended, before `connect` takes a message transport for ended, and
/// before our half of a call over layers ends.
const QUIET: Duration = Duration::from_secs(1);

/// A plan for this service with the usual limits. What services print is made inert where `inert` says so.
fn plan(service: impl Service + 'static, log: &Log, inert: bool) -> Result<Plan, Failure> {
    let control = control()?;
    Ok(Plan {
        service: Arc::new(service),
        limits: Limits::of_this_process(),
        access: Arc::new(Access::default()),
        observer: Arc::new(log.clone()),
        output: if inert { inert_output() } else { Output::standard() },
        control,
        layerings: Arc::default(),
    })
}

/// By what a run is stopped.
fn control() -> Result<Arc<Control>, Failure> {
    Control::new().map(Arc::new).map_err(|error| Failure::new(Status::Other, format!("eventfd(2): {error}")))
}

/// Whether what peers send is made inert: where a person looks at it, unless it is to be raw.
fn is_inert(raw: bool) -> bool {
    !raw && std::io::stdout().is_terminal()
}

/// The standard output, through which nothing gets that could drive a terminal.
fn inert_output() -> Output {
    let mut inert = Inert::default();
    Output::new(move |bytes| {
        std::io::stdout().write_all(&inert.show(bytes)).and_then(|()| std::io::stdout().flush())
    })
}

/// The first option of an address that means nothing to one who calls.
fn for_connecting(address: &Address) -> Result<(), Failure> {
    match address.options.not_for_connecting() {
        None => Ok(()),
        Some(key) => Err(Failure::usage(format!(
            "{}: option {} is for listening; leave it out to connect",
            address.shown(),
            key.name()
        ))),
    }
}

/// The first option of an address that means nothing to one who is called.
fn for_listening(address: &Address) -> Result<(), Failure> {
    match address.options.not_for_listening() {
        None => Ok(()),
        Some(key) => Err(Failure::usage(format!(
            "{}: option {} is for connecting; leave it out to listen",
            address.shown(),
            key.name()
        ))),
    }
}

/// How long our half of a call at this address outlives the input. Behind layers an end is more than a FIN, and many a
/// peer drops what it was about to say when it comes.
fn held(address: &Address, arguments: &invocation::Terminal) -> Option<Duration> {
    let has_end_of_its_own = |layer| matches!(layer, Layer::Tls | Layer::WebSocket);
    address.layers.iter().any(has_end_of_its_own).then(|| arguments.wait.unwrap_or(QUIET))
}

/// The arguments that `connect` and `listen` share.
fn terminal(
    address: &Address,
    arguments: &invocation::Terminal,
    keyboard: &Keyboard,
    defaults: Terminal,
) -> Terminal {
    Terminal {
        until: arguments.until.map_or(defaults.until, Into::into),
        half_close: !arguments.no_half_close,
        framing: arguments.framing,
        inert: is_inert(arguments.raw),
        quiet: arguments.wait.or(defaults.quiet),
        held: held(address, arguments),
        crlf: arguments.crlf,
        pack: arguments.pack.clone(),
        unpack: arguments.unpack.clone(),
        console: keyboard.console(),
        escapes: keyboard.is_there() && !arguments.no_escape,
        screen: keyboard.screen(),
        ..defaults
    }
}
