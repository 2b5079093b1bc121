//! `swb listen`: answers a caller and joins it to standard input and output.

use std::sync::Arc;

use switchboard::address::Scheme;
use switchboard::services::{Terminal, Until};
use switchboard::socket::{DatagramSocket, Inherited};
use switchboard::{Address, Doors, Engine, Hears, LastCall, Layering, Line, Observer, Shape, converse};

use crate::activation::inherited;
use crate::admission;
use crate::failure::{Failure, Status, outcome};
use crate::invocation::Listen;
use crate::keyboard::Keyboard;
use crate::log::{Log, Role};
use crate::ready::Ready;
use crate::stop;

use super::again::{self, Called};

pub(crate) fn run(arguments: Listen) -> Result<(), Failure> {
    let log = Log::open(&arguments.log, Role::OneAtATime)?;
    log.closing(listen(&arguments, &log))
}

fn listen(arguments: &Listen, log: &Log) -> Result<(), Failure> {
    let ready = Ready::open(&arguments.ready, log)?;
    let address = address(arguments)?;
    let has_rules = !arguments.access.allow.is_empty() || !arguments.access.deny.is_empty();
    if address.transport.is_file() && (has_rules || arguments.keep) {
        return Err(Failure::usage(format!(
            "{address} has one caller and is opened once: --keep, --allow and --deny are for addresses at which \
             callers come; follow keeps a fifo or a terminal open for the next"
        )));
    }
    let keyboard = Keyboard::open(&arguments.terminal)?;
    let defaults = Terminal {
        empty_input_waits: true,
        keep_output: arguments.keep,
        ..Terminal::until(if arguments.keep { Until::Peer } else { Until::Both })
    };
    let terminal = super::terminal(&address, &arguments.terminal, &keyboard, defaults);
    let shape = match inherited(&address)? {
        Some(Inherited::Connected(_)) => None,
        Some(inherited) => Scheme { transport: inherited.transport(), ..address.scheme() }.shape(),
        None => address.shape(),
    };
    let result = match shape {
        _ if address.transport.is_file() => open(&address, terminal, arguments, ready, log),
        Some(Shape::Datagram) if has_rules => Err(Failure::usage(format!(
            "--allow and --deny are for callers who connect, and at {address} there are datagrams; `swb serve \
             print` has them for datagrams"
        ))),
        Some(Shape::Datagram) if !address.layers.is_empty() && arguments.keep => {
            Err(Failure::usage(format!(
                "--keep hears anyone at {address}, and layers lie on the messages of one peer: without it that is \
                 whoever speaks first; `swb serve` and `swb relay` have a call for each"
            )))
        }
        Some(Shape::Datagram) => hear(&address, terminal, arguments, ready, log),
        Some(Shape::Stream | Shape::SeqPacket) => answer(address, terminal, arguments, ready, log),
        None => Err(nobody_can_call(&address)),
    };
    keyboard.close(result)
}

/// Where to be called.
pub(super) fn address(arguments: &Listen) -> Result<Address, Failure> {
    let address: Address = arguments.address.parse()?;
    super::for_listening(&address)?;
    if !address.transport.row().listens && !address.transport.is_file() {
        Err(nobody_can_call(&address))
    } else {
        Ok(address)
    }
}

fn nobody_can_call(address: &Address) -> Failure {
    Failure::usage(format!("cannot listen at {address}: nobody can call there; try tcp://:PORT or unix:PATH"))
}

/// Callers come one after the other; each is joined in its turn.
fn answer(
    address: Address,
    terminal: Terminal,
    arguments: &Listen,
    mut ready: Ready,
    log: &Log,
) -> Result<(), Failure> {
    let mut plan = super::plan(terminal, log, false)?;
    plan.access = admission::access(&arguments.access, &[address.transport])?;
    let last = LastCall::before(plan.observer);
    plan.observer = ready.observer(Arc::clone(&last) as Arc<dyn Observer>);
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    plan.limits.calls_total = (!arguments.keep).then_some(1);
    let control = Arc::clone(&plan.control);
    stop::at_signal(&control, log, || {
        let doors = Doors::open(&[address], Engine::Iterative, 1)?;
        doors.granted().iter().for_each(|granted| log.note(granted));
        doors.notes().iter().for_each(|note| log.note(note));
        ready.announce(doors.names(), log);
        Engine::Iterative.serve(doors, plan)?;
        match last.take() {
            Some(ended) if !arguments.keep => outcome(&ended, &format!("call from {}", ended.peer)),
            Some(_) | None => Ok(()),
        }
    })
}

/// The one caller is whoever has the other side of a fifo, a terminal or a line.
fn open(
    address: &Address,
    terminal: Terminal,
    arguments: &Listen,
    mut ready: Ready,
    log: &Log,
) -> Result<(), Failure> {
    let mut plan = super::plan(terminal, log, false)?;
    plan.observer = ready.observer(plan.observer);
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    let control = Arc::clone(&plan.control);
    stop::at_signal(&control, log, || {
        let Some(called) = again::call_unless_told(address, &control, log)? else { return Ok(()) };
        let Called { line, name: end, .. } = called;
        ready.announce(std::slice::from_ref(&end), log);
        outcome(&converse(plan, line)?, &format!("call at {end}"))
    })
}

/// Messages come from anyone, or from whoever is first.
fn hear(
    address: &Address,
    terminal: Terminal,
    arguments: &Listen,
    mut ready: Ready,
    log: &Log,
) -> Result<(), Failure> {
    let mut plan = super::plan(terminal, log, false)?;
    plan.observer = ready.observer(plan.observer);
    plan.limits.idle_timeout = arguments.terminal.idle_timeout;
    let layering = Layering::listening(address)?;
    let hears = if arguments.keep { Hears::Anyone } else { Hears::First(layering) };
    let control = Arc::clone(&plan.control);
    stop::at_signal(&control, log, || {
        let (socket, granted) = DatagramSocket::bind(address)?;
        granted.iter().for_each(|granted| log.note(granted));
        let end = socket
            .local_end()
            .map_err(|error| Failure::new(Status::Other, format!("{address}: getsockname(2): {error}")))?;
        ready.announce(&[end.to_string()], log);
        let ended = converse(plan, Line::Speakers { socket, hears })?;
        outcome(&ended, &format!("conversation at {address}"))
    })
}
