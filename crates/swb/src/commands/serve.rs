//! `swb serve`: answers callers with a service.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32};

use switchboard::services::{Discard, Echo, Exec, Print, Reply, Say, Time, Who};
use switchboard::socket::Inherited;
use switchboard::{
    Address, Doors, Engine, EngineChoice, Framing, Identity, Layering, Limits, Line, OptionKey, OptionValue,
    Place, Plan, Service, Shape, Transport, converse,
};

use crate::activation::inherited;
use crate::admission::{self, BoundPaths, Reader};
use crate::control::{Census, Controlled, Counter};
use crate::failure::{Failure, Status, outcome_of_program};
use crate::files::raise_descriptor_limit;
use crate::invocation::{Answering, EngineArguments, Serve, ServiceArgument, Where, time_format};
use crate::log::{Log, Role};
use crate::ready::Ready;
use crate::stop;

use super::again::Called;

pub(crate) fn run(arguments: Serve) -> Result<(), Failure> {
    let Serve { service: argument, answering, raw } = arguments;
    let log = Log::open(&answering.log, role(&answering.engine))?;
    let offered = || {
        let (service, at) = service(argument)?;
        let (limits, is_inert) = (limits_of(&*service), super::is_inert(raw));
        answer(Offer { service, at: &at.addresses, limits, is_inert, far: &[] }, &answering, &log)
    };
    log.closing(offered())
}

/// The bounds where no others are asked for.
pub(super) fn limits_of(service: &dyn Service) -> fn() -> Limits {
    match service.needs().hand_over {
        true => || Limits::of_this_process().starting_programs(),
        false => Limits::of_this_process,
    }
}

/// As whom a server speaks.
pub(super) fn role(arguments: &EngineArguments) -> Role {
    let is_iterative = arguments.engine == EngineChoice::Named(Engine::Iterative);
    if is_iterative { Role::OneAtATime } else { Role::Server }
}

/// What callers get, and where.
pub(super) struct Offer<'a> {
    pub(super) service: Arc<dyn Service>,
    pub(super) at: &'a [String],
    /// The bounds where no others are asked for.
    pub(super) limits: fn() -> Limits,
    /// What is written to standard output must not drive a terminal.
    pub(super) is_inert: bool,
    /// Whom it calls for each caller, if it does.
    pub(super) far: &'a [Address],
}

/// Answers callers until a signal ends it.
pub(super) fn answer(offer: Offer<'_>, arguments: &Answering, log: &Log) -> Result<(), Failure> {
    let ready = Ready::open(&arguments.ready, log)?;
    let addresses = addresses(offer.at, &arguments.engine)?;
    let inherited = addresses.iter().map(inherited).collect::<Result<Vec<_>, _>>()?;
    let transports = addresses.iter().zip(&inherited);
    let transports = transports.map(|(at, inherited)| inherited.map_or(at.transport, Inherited::transport));
    let transports: Vec<Transport> = transports.collect();
    let choice = arguments.engine.engine;
    let engine = engine(choice)?;
    if let Some(why) = why_not_uring(choice) {
        log.detail(format_args!("serving under {engine}: {why}"));
    }
    engine.check(&*offer.service, &transports).map_err(Failure::usage)?;
    if let (Engine::Process, Some(path)) = (engine, &arguments.control.control) {
        return Err(Failure::usage(format!(
            "--control {} reaches the calls of one process, and {engine} has a process for each; thread, poll, epoll, \
             uring and iterative have one",
            path.display()
        )));
    }
    let has_total = |at: &&Address| at.options.get(OptionKey::TotalRate).is_some();
    if engine == Engine::Process
        && let Some(at) = addresses.iter().chain(offer.far).find(has_total)
    {
        return Err(Failure::usage(format!(
            "total-rate at {at} is for all calls together, and {engine} has a process for each; rate is for one call"
        )));
    }
    fits_programs(&*offer.service, &addresses, arguments)?;
    let mut lines = addresses.iter().zip(&inherited).filter(|(at, inherited)| is_open_line(at, **inherited));
    let line = lines.next().map(|(address, _)| address);

    let identity = admission::identity(&arguments.admission)?;
    raise_descriptor_limit();
    let plan = plan(&offer, arguments, &transports, log)?;
    match line {
        None => {
            let control = arguments.control.control.as_deref();
            let beside = Beside { identity: identity.as_ref(), control, far: offer.far };
            serve_doors(&addresses, engine, workers(&arguments.engine), plan, &beside, ready, log)
        }
        Some(line) if plan.service.needs().hand_over && inherited[0].is_none() => {
            Err(Failure::usage(format!(
                "{} gives sockets to programs, and {line} need not be one; a program has them already",
                plan.service.name()
            )))
        }
        Some(line) if addresses.len() == 1 => {
            fits_one_caller(line, &plan, arguments)?;
            serve_line(line, plan, ready, log)
        }
        Some(line) => Err(Failure::usage(format!(
            "{line} is one caller who is there already: it cannot be served beside other addresses"
        ))),
    }
}

/// What is offered, as the arguments bound it, at addresses of these transports.
pub(super) fn plan(
    offer: &Offer<'_>,
    arguments: &Answering,
    transports: &[Transport],
    log: &Log,
) -> Result<Plan, Failure> {
    let mut plan = super::plan(Discard, log, offer.is_inert)?;
    plan.service = Arc::clone(&offer.service);
    plan.limits = (offer.limits)();
    limit(&mut plan.limits, &arguments.engine);
    admission::limit(&mut plan.limits, &arguments.admission);
    plan.access = admission::access(&arguments.admission.access, transports)?;
    Ok(plan)
}

/// What is for many callers is nothing to the one at this address.
pub(super) fn fits_one_caller(at: &Address, plan: &Plan, arguments: &Answering) -> Result<(), Failure> {
    let options = if arguments.control.control.is_some() {
        "--control is"
    } else if !plan.access.is_open() || admission::identity(&arguments.admission)?.is_some() {
        "--allow, --deny, --user and --group are"
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!(
        "{} is one caller, and nobody comes there: {options} for addresses at which callers come",
        at.shown()
    )))
}

/// Who gives sockets away sees nothing of what is said on them.
pub(super) fn fits_programs(
    service: &dyn Service,
    addresses: &[Address],
    arguments: &Answering,
) -> Result<(), Failure> {
    if !service.needs().hand_over {
        return Ok(());
    }
    let name = service.name();
    if let Some(at) = addresses.iter().find(|at| !at.layers.is_empty()) {
        return Err(Failure::usage(format!(
            "{name} gives sockets to programs, which know nothing of the layers at {at}; `swb relay` from there to \
             exec:COMMAND starts one for each caller as well"
        )));
    }
    let limits = [
        ("--max-bytes-per-call", arguments.admission.max_bytes_per_call.is_some()),
        ("--idle-timeout", arguments.engine.idle_timeout.is_some()),
    ];
    match (limits.into_iter().find(|(_, is_given)| *is_given), addresses.first()) {
        (Some((limit, _)), Some(at)) => Err(Failure::usage(format!(
            "{name} gives sockets to programs and sees nothing of what is said, so that {limit} cannot be kept; \
             `swb relay {at} exec:COMMAND` with it starts one for each caller as well, and sees it"
        ))),
        (Some(_), None) | (None, _) => Ok(()),
    }
}

/// The engine that was asked for, if this kernel and user have what it needs.
pub(super) fn engine(choice: EngineChoice) -> Result<Engine, Failure> {
    let engine = choice.engine();
    if let EngineChoice::Named(_) = choice {
        engine.probe().map_err(|failed| {
            let hint = format!("`swb doctor` says what would change it; {} runs here", Engine::auto());
            Failure::new(
                Status::Unsupported,
                format!("the {engine} engine cannot run here: {failed}; {hint}"),
            )
        })?;
    }
    Ok(engine)
}

/// Why `auto` is not the first choice, if it is not.
pub(super) fn why_not_uring(choice: EngineChoice) -> Option<String> {
    let failed = Engine::Uring.probe().err().filter(|_| choice == EngineChoice::Auto)?;
    Some(format!("uring cannot run here: {failed}"))
}

/// What a run has beside its plan.
struct Beside<'a> {
    identity: Option<&'a Identity>,
    /// By what it is controlled, if it is.
    control: Option<&'a Path>,
    /// Whom it calls, if it does.
    far: &'a [Address],
}

impl Beside<'_> {
    /// Makes the layers of whom is called, so that what their options name is looked at before anybody calls; has the plan
    /// count its calls for whoever asks, and makes ready what can be changed.
    fn prepare(&self, plan: &mut Plan, doors: &Doors) -> Result<Option<Controlled>, Failure> {
        let far = self.far.iter().map(|far| plan.layerings.calling(far)).collect::<Result<Vec<_>, _>>();
        let far = far?;
        if self.control.is_none() {
            return Ok(None);
        }
        let census = Arc::new(Census::default());
        let (next, is_theirs) = (Arc::clone(&plan.observer), AtomicBool::new(false));
        plan.observer = Arc::new(Counter { census: Arc::clone(&census), next, is_theirs });
        let far = far.iter().flatten().filter_map(|layering| layering.impaired());
        Ok(Some(Controlled::new(&plan.control, doors.impaired(), far, &census)))
    }
}

/// Answers at bound addresses until a signal ends it.
fn serve_doors(
    addresses: &[Address],
    engine: Engine,
    workers: usize,
    mut plan: Plan,
    beside: &Beside<'_>,
    mut ready: Ready,
    log: &Log,
) -> Result<(), Failure> {
    let identity = beside.identity;
    let mut doors = Doors::open(addresses, engine, workers)?;
    // Watching begins before the ready line: who reads that may send a signal at once.
    let has_rules = !plan.access.is_open();
    let watch = stop::on_signals(&plan.control, log, has_rules)?;
    if has_rules {
        let (access, seen) = (Arc::clone(&plan.access), AtomicU32::new(0));
        let (next, watch) = (plan.observer, Arc::clone(&watch));
        plan.observer = Arc::new(Reader { access, engine, watch, log: log.clone(), next, seen });
    }
    // The outermost: what it tells the service manager of a reload comes before and after the others' own.
    plan.observer = ready.observer_of_server(plan.observer, &plan.control, &watch)?;
    let controlled = beside.prepare(&mut plan, &doors)?;
    doors.granted().iter().for_each(|granted| log.note(granted));
    let paths = BoundPaths::of(doors.ends());
    if let Some(identity) = identity {
        doors.prepare_for(&*plan.service);
        admission::assume(identity, log)?;
    }
    doors.notes().iter().for_each(|note| log.note(note));
    // Until the run is over.
    let _socket =
        controlled.zip(beside.control).map(|(controlled, path)| controlled.serve(path)).transpose()?;
    ready.announce(doors.names(), log);
    let drain = plan.limits.drain;
    let report = engine.serve(doors, plan)?;
    if let Some(identity) = identity {
        paths.say_left_behind(identity, log);
    }
    if report.refused > 0 {
        log.detail(format_args!("answered {} calls, refused {} callers", report.answered, report.refused));
    }
    match report.cut {
        0 => Ok(()),
        cut => Err(Failure::new(
            Status::TimedOut,
            format!("{cut} calls were still open after {} s of draining and were cut", drain.as_secs_f64()),
        )),
    }
}

/// How many workers an engine that has them gets.
pub(super) fn workers(arguments: &EngineArguments) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    arguments.workers.map_or_else(cores, usize::from)
}

/// Serves the one caller who is there already: at standard input and output, on an inherited socket, in a program, or
/// at a file or terminal.
fn serve_line(address: &Address, plan: Plan, mut ready: Ready, log: &Log) -> Result<(), Failure> {
    let layering = Layering::listening(address)?;
    layering.iter().flat_map(|layering| layering.notes()).for_each(|note| log.note(note));
    let control = Arc::clone(&plan.control);
    stop::at_signal(&control, log, || {
        let line = match address.transport {
            Transport::Standard => Line::Standard,
            Transport::Exec
            | Transport::Shell
            | Transport::File
            | Transport::Fifo
            | Transport::Pty
            | Transport::Serial
            | Transport::Tun => {
                let called = super::again::call_unless_told(address, &control, log)?;
                let Some(Called { line, name, .. }) = called else { return Ok(()) };
                // Somebody else comes to what is opened; nobody waits for a word about what is there.
                if address.transport.is_file() {
                    ready.announce(&[name], log);
                }
                line
            }
            Transport::Descriptor
            | Transport::Tcp
            | Transport::Udp
            | Transport::Unix
            | Transport::UnixDgram
            | Transport::UnixSeqpacket => {
                let connection = switchboard::socket::connect(address)?.connection;
                match layering {
                    Some(layering) => Line::Layered { connection, layering },
                    None => Line::Connection(connection),
                }
            }
        };
        outcome_of_program(&converse(plan, line)?, &format!("call at {address}"))
    })
}

/// Whether the one caller is there already.
fn is_open_line(address: &Address, inherited: Option<Inherited>) -> bool {
    let transport = address.transport;
    transport == Transport::Standard
        || transport.is_file()
        || matches!(inherited, Some(Inherited::Connected(_)))
}

pub(super) fn addresses(at: &[String], arguments: &EngineArguments) -> Result<Vec<Address>, Failure> {
    let mut addresses = Vec::new();
    for text in at {
        let mut address: Address = text.parse()?;
        super::for_listening(&address)?;
        let has_backlog = address.options.get(OptionKey::Backlog).is_some();
        if let Some(backlog) = arguments.backlog
            && !has_backlog
            && address.transport.shape() != Some(Shape::Datagram)
            && address.transport.row().listens
            && address.transport != Transport::Descriptor
        {
            address = address
                .with(OptionKey::Backlog, OptionValue::Integer(backlog.into()))
                .map_err(Failure::usage)?;
        }
        addresses.push(address);
    }
    Ok(addresses)
}

pub(super) fn limit(limits: &mut Limits, arguments: &EngineArguments) {
    if let Some(calls_max) = arguments.max_calls {
        limits.calls_max = usize::try_from(calls_max).unwrap_or(usize::MAX);
        limits.peers_max = limits.calls_max;
    }
    limits.idle_timeout = arguments.idle_timeout;
    limits.busy_wait = arguments.busy_wait;
    limits.drain = arguments.drain;
}

pub(super) fn service(argument: ServiceArgument) -> Result<(Arc<dyn Service>, Where), Failure> {
    Ok(match argument {
        ServiceArgument::Echo(at) => (Arc::new(Echo), at),
        ServiceArgument::Discard(at) => (Arc::new(Discard), at),
        ServiceArgument::Print { prefix, at } => {
            (Arc::new(Print::new(prefix.map_or_else(Default::default, Into::into))), at)
        }
        ServiceArgument::Say { text, at } => (Arc::new(Say::new(text.into_bytes())), at),
        ServiceArgument::Reply { text, framing, frame_max, every, times, at } => {
            let mut reply = Reply::new(text.into_bytes());
            if let Some(framing) = framing {
                let framing = framing.with_bytes_max(frame_max.unwrap_or(Framing::BYTES_MAX));
                reply = reply
                    .framed(framing)
                    .map_err(|error| Failure::usage(format!("the text cannot be a frame: {error}")))?;
            }
            if let Some(times) = times {
                reply = reply.repeated(every.unwrap_or_default(), times);
            }
            (Arc::new(reply), at)
        }
        ServiceArgument::Who { bye_after, at } => (Arc::new(Who { bye_after }), at),
        ServiceArgument::Exec { command, shell, at } => {
            let transport = if shell { Transport::Shell } else { Transport::Exec };
            let program = Address::new(transport, Place::Command(command.into())).checked()?;
            (Arc::new(Exec::new(program)), at)
        }
        ServiceArgument::Time { binary, at } => (Arc::new(Time { format: time_format(binary) }), at),
    })
}
