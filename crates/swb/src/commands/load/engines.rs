//! `swb load --engines`: one service under every engine in turn, the same load for each, one table.
//!
//! The lecture's question, iterative, fork, poll or event queue, answered by measuring. Each engine serves in a process
//! of its own of this same program. Turns are interleaved (A B C A B C), so that a slow phase of the machine hits all
//! alike, and the medians of the rounds are told.
//!
//! The CPU time is all that the server's processes used, their start and the opening of calls included, divided by all
//! the messages that were answered. The memory is that of the server's processes (their proportional set size) with the
//! callers open, less that without, divided by the callers; the kernel's own part is not in it.

mod server;
mod table;

use std::time::Duration;

use load::{Load, Offer, Progress, Report};
use switchboard::{Address, Control, Engine, Shape};

use crate::failure::{Failure, Status};
use crate::invocation;

use super::progress::ProgressLine;
use super::{offer, print, write_picture};
use server::Server;
use table::{Cell, Comparison};

/// How long messages are sent in one turn, unless said otherwise.
const TURN: Duration = Duration::from_secs(1);

/// Before that, while the calls are opened and answered but not counted, unless said otherwise.
const WARM_UP: Duration = Duration::from_millis(500);

/// How long an answer may take, unless said otherwise.
const TIMEOUT: Duration = Duration::from_secs(1);

/// Within this time each caller speaks once while the memory is measured.
const SPEAK_WITHIN: Duration = Duration::from_millis(500);

/// How long the memory of a server that does not answer all callers is waited for.
const MEMORY_WITHIN: Duration = Duration::from_secs(3);

pub(super) fn compare(arguments: &invocation::Load, control: &Control) -> Result<(), Failure> {
    let engines = engines(&arguments.engines)?;
    let at: Address = arguments.at.parse()?;
    crate::commands::for_listening(&at)?;
    let calls: Vec<usize> = match arguments.calls[..] {
        [] => vec![1, 10, 100, 1_000],
        ref calls => calls.iter().map(|calls| *calls as usize).collect(),
    };
    let base = offer(arguments, at.shape().unwrap_or(Shape::Stream))?;
    let duration = arguments.duration.unwrap_or(TURN);
    let timeout = arguments.timeout.unwrap_or(TIMEOUT);
    let warm_up = arguments.warm_up.unwrap_or(WARM_UP);
    let base = Offer { duration: warm_up + duration, warm_up, timeout, ..base };
    let mut bench = Bench { arguments, control, line: ProgressLine::new(arguments.log.quiet) };
    let mut cells: Vec<Cell> = Vec::new();
    for calls in &calls {
        cells.extend(engines.iter().map(|engine| Cell::new(*calls, *engine)));
    }
    'rounds: for round in 0..arguments.rounds {
        for cell in &mut cells {
            let offer = Offer { calls: cell.calls, ..base.clone() };
            let measured = bench.measure(cell, offer, round);
            if control.is_ending() {
                break 'rounds; // Ctrl-C in a terminal ends the server too, so that this turn may have failed
            }
            measured?;
        }
    }
    let Bench { line, .. } = bench;
    drop(line);
    let comparison =
        Comparison { service: &arguments.target, offer: &base, at: &at, rounds: arguments.rounds, cells };
    print(&if arguments.json { format!("{}\n", comparison.json()) } else { comparison.text() })?;
    if let Some(path) = &arguments.plot {
        write_picture(path, &comparison.picture()?)?;
    }
    Ok(())
}

fn engines(names: &[String]) -> Result<Vec<Engine>, Failure> {
    if names.len() == 1 && names[0] == "all" {
        // Those that this kernel has what they need for.
        return Ok(Engine::ALL.into_iter().filter(|engine| engine.probe().is_ok()).collect());
    }
    names.iter().map(|name| name.parse().map_err(Failure::usage)).collect()
}

struct Bench<'a> {
    arguments: &'a invocation::Load,
    control: &'a Control,
    line: ProgressLine,
}

impl Bench<'_> {
    /// One turn of one engine; in the first round its memory too.
    fn measure(&mut self, cell: &mut Cell, offer: Offer, round: u16) -> Result<(), Failure> {
        let (engine, calls) = (cell.engine, cell.calls);
        let says = format!("round {} of {}: {calls} callers, {engine}", round + 1, self.arguments.rounds);
        self.line.write(&says);
        if round == 0 {
            cell.memory_bytes = self.memory(engine, offer.clone())?;
        }
        let server = self.start(engine)?;
        let load = Load::begin(offer, &server.address)?;
        let report = self.run(load, &mut |_, _| {})?;
        let cpu = server.stop()?;
        if !report.interrupted {
            cell.add(&report, cpu);
        }
        Ok(())
    }

    /// What each caller costs the server's processes, in bytes; `None` where that cannot be seen, or the server did
    /// not answer all callers.
    fn memory(&mut self, engine: Engine, offer: Offer) -> Result<Option<f64>, Failure> {
        let server = self.start(engine)?;
        let callers = offer.calls;
        let Some(before) = server.memory_bytes() else { return Ok(None) };
        // Each caller speaks once in a while, so that what a call needs has been used when it is measured.
        let rate = Some(callers as f64 / SPEAK_WITHIN.as_secs_f64());
        let duration = MEMORY_WITHIN;
        let ramp = Duration::ZERO;
        let offer = Offer { rate, duration, warm_up: ramp, count: None, churn: false, ramp, ..offer };
        let load = Load::begin(offer, &server.address)?;
        let mut with_callers = None;
        self.run(load, &mut |progress, control| {
            // Those who speak first speak again before the last has spoken once.
            let in_time = progress.elapsed >= SPEAK_WITHIN && progress.elapsed < MEMORY_WITHIN;
            let all_have_spoken = in_time && progress.answered >= callers as u64;
            if all_have_spoken && with_callers.is_none() {
                with_callers = server.memory_bytes();
                control.end();
            }
        })?;
        server.stop()?;
        Ok(with_callers.map(|with| with.saturating_sub(before) as f64 / callers as f64))
    }

    fn start(&self, engine: Engine) -> Result<Server, Failure> {
        Server::start(&self.arguments.target, engine, &self.arguments.at)
    }

    /// Runs a load that ends with the command, too.
    fn run(&self, load: Load, look: &mut dyn FnMut(&Progress, &Control)) -> Result<Report, Failure> {
        let failed = |what: &str, error: std::io::Error| {
            Failure::new(Status::Other, format!("{what}: {}", sys::describe(&error)))
        };
        let own = Control::new().map_err(|error| failed("eventfd(2)", error))?;
        let mut tell = |progress: &Progress| {
            look(progress, &own);
            if self.control.is_ending() {
                own.end();
            }
        };
        load.run(&own, Some(&mut tell)).map_err(|error| failed("load", error))
    }
}
