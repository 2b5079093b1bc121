//! `swb load`: offers load to a server and measures it.

mod engines;
mod plot;
mod progress;
mod report;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use load::{BeginError, Expect, Message, Offer, Progress, Report, Trouble};
use switchboard::{Address, Control, Shape, Transport};

use crate::failure::{Failure, Status, output_error};
use crate::files::raise_descriptor_limit;
use crate::invocation::Load;
use crate::log::{Log, Role};
use crate::numbers;
use crate::stop;

use progress::ProgressLine;

/// The longest file that can be a message.
const MESSAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

pub(crate) fn run(arguments: Load) -> Result<(), Failure> {
    let log = Log::open(&arguments.log, Role::Caller)?;
    raise_descriptor_limit();
    let control = super::control()?;
    log.closing(stop::at_signal(&control, &log, || {
        if arguments.engines.is_empty() {
            one_server(&arguments, &control, &log)
        } else {
            engines::compare(&arguments, &control)
        }
    }))
}

fn one_server(arguments: &Load, control: &Control, log: &Log) -> Result<(), Failure> {
    let address = address(arguments)?;
    let offer = one_offer(arguments, &address)?;
    let load = load::Load::begin(offer, &address)?;
    load.granted().iter().for_each(|granted| log.note(granted));
    load.notes().iter().for_each(|note| log.note(note));
    let (target, offer, is_numbered) = (load.target().to_owned(), load.offer().clone(), load.is_numbered());
    let mut line = ProgressLine::new(log.is_quiet());
    let is_shown = line.is_shown();
    let mut show = |progress: &Progress| line.show(progress);
    let result = load.run(control, is_shown.then_some(&mut show as _));
    drop(line);
    let report =
        result.map_err(|error| Failure::new(Status::Other, format!("load: {}", sys::describe(&error))))?;
    let told = report::Told { target: &target, offer: &offer, report: &report, is_numbered };
    print(&if arguments.json { format!("{}\n", told.json()) } else { told.text() })?;
    if let Some(path) = &arguments.plot {
        write_picture(path, &plot::over_time(&report, &target)?)?;
    }
    verdict(&report)
}

/// Whom the arguments name.
pub(super) fn address(arguments: &Load) -> Result<Address, Failure> {
    let address: Address = arguments.target.parse()?;
    super::for_connecting(&address)?;
    if address.transport == Transport::Standard {
        return Err(Failure::usage(
            "load needs an address to call: `-` is our own standard input and output",
        ));
    }
    if address.transport.is_file() {
        return Err(Failure::usage(format!(
            "load needs a server to call, and {address} is opened: `swb relay` makes it one that can be called"
        )));
    }
    if address.transport.is_program() && !address.layers.is_empty() {
        return Err(Failure::usage(format!(
            "load speaks with a program as it is, and at {address} layers lie on it: `swb relay :0 '{address}'` makes it \
             one that can be called"
        )));
    }
    if address.options.vias().next().is_some() {
        return Err(Failure::usage(format!(
            "load calls its server itself, and {} goes through a proxy: `swb relay :0 ADDRESS` makes an address of it \
             without one",
            address.shown()
        )));
    }
    Ok(address)
}

/// What is offered to one server.
pub(super) fn one_offer(arguments: &Load, address: &Address) -> Result<Offer, Failure> {
    let calls = match arguments.calls[..] {
        [] => 10,
        [calls] => calls,
        [..] => return Err(Failure::usage("several numbers of --calls are for --engines")),
    };
    let shape = address.shape().unwrap_or(Shape::Stream);
    Ok(Offer { calls: calls as usize, ..offer(arguments, shape)? })
}

/// A load in a line: `50 calls, closed loop, messages of 64 bytes`.
pub(super) fn summary(offer: &Offer) -> String {
    report::load(offer)
}

/// What the arguments offer, but for the number of calls.
fn offer(arguments: &Load, shape: Shape) -> Result<Offer, Failure> {
    let message = match (&arguments.message, arguments.size) {
        (Some(text), _) => Message::Bytes(message(text)?),
        (None, Some(size)) => Message::Size(size),
        (None, None) => Message::Size(64),
    };
    let seconds = if arguments.count.is_some() { 60 } else { 10 };
    let answered_within = if shape == Shape::Datagram { 1 } else { 10 };
    let in_flight = arguments.in_flight.unwrap_or(if arguments.rate.is_some() { 128 } else { 1 });
    Ok(Offer {
        calls: 1,
        threads: arguments.threads.into(),
        rate: arguments.rate,
        in_flight: in_flight as usize,
        duration: arguments.duration.unwrap_or(Duration::from_secs(seconds)),
        count: arguments.count,
        churn: arguments.churn,
        idle: arguments.idle,
        ramp: arguments.ramp.unwrap_or_default(),
        warm_up: arguments.warm_up.unwrap_or_default(),
        timeout: arguments.timeout.unwrap_or(Duration::from_secs(answered_within)),
        message,
        expect: expect(&arguments.expect)?,
    })
}

/// A text, or what is in a file.
fn message(text: &str) -> Result<Vec<u8>, Failure> {
    let Some(path) = text.strip_prefix('@') else { return Ok(text.as_bytes().to_vec()) };
    let cannot = |error: &std::io::Error| {
        Failure::new(Status::Other, format!("cannot read the message from {path}: {}", sys::describe(error)))
    };
    let length = std::fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if length > MESSAGE_BYTES_MAX {
        return Err(Failure::usage(format!(
            "{path} has {length} bytes; a message can have {MESSAGE_BYTES_MAX}"
        )));
    }
    std::fs::read(path).map_err(|error| cannot(&error))
}

fn expect(text: &str) -> Result<Expect, Failure> {
    if let Some(length) = text.strip_prefix("length:") {
        let bytes =
            switchboard::address::parse_size(length).ok().and_then(|bytes| usize::try_from(bytes).ok());
        return bytes.map(Expect::Length).ok_or_else(|| {
            Failure::usage(format!("--expect {text}: a number of bytes is wanted, such as length:64"))
        });
    }
    Ok(match text {
        "echo" => Expect::Echo,
        "none" => Expect::Nothing,
        _ => Expect::Bytes(text.strip_prefix("text:").unwrap_or(text).as_bytes().to_vec()),
    })
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| output_error(&error))
}

fn write_picture(path: &Path, picture: &str) -> Result<(), Failure> {
    std::fs::write(path, picture).map_err(|error| {
        let reason = sys::describe(&error);
        Failure::new(Status::Other, format!("cannot write the picture to {}: {reason}", path.display()))
    })
}

/// A load that showed failures has failed, with the status of the commonest; one that was lossy has not.
fn verdict(report: &Report) -> Result<(), Failure> {
    let Some((trouble, calls)) = report.failures.first() else {
        return match report.wrong {
            0 => Ok(()),
            wrong => Err(Failure::new(Status::Other, format!("{wrong} answers were wrong"))),
        };
    };
    let status = match trouble {
        Trouble::Refused => Status::Refused,
        Trouble::Reset | Trouble::PeerFinished => Status::Reset,
        Trouble::NotOpened | Trouble::TimedOut => Status::TimedOut,
        Trouble::NotTrusted(_) => Status::NotTrusted,
        Trouble::LayerFailed(_) | Trouble::OnPurpose(_) => Status::Reset,
        Trouble::WrongAnswer | Trouble::ProgramFailed { .. } | Trouble::Failed { .. } => Status::Other,
    };
    let hint = match trouble {
        Trouble::PeerFinished => "; a server that ends each call after its answer is for --churn",
        Trouble::WrongAnswer => "; --expect says what is right",
        Trouble::Refused
        | Trouble::Reset
        | Trouble::NotOpened
        | Trouble::TimedOut
        | Trouble::NotTrusted(_)
        | Trouble::LayerFailed(_)
        | Trouble::OnPurpose(_)
        | Trouble::ProgramFailed { .. }
        | Trouble::Failed { .. } => "",
    };
    let of = if *calls == report.calls_failed { String::new() } else { format!(", {calls} of them") };
    Err(Failure::new(status, format!("{} calls failed{of}: {trouble}{hint}", report.calls_failed)))
}

impl From<BeginError> for Failure {
    fn from(error: BeginError) -> Failure {
        match error {
            BeginError::Offer(error) => Failure::usage(error),
            BeginError::Call(error) => error.into(),
        }
    }
}
