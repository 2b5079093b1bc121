//! Signals: a server drains at the first SIGTERM or SIGINT and ends at the second; a single call ends.
//!
//! SIGUSR1 has the open calls told, and SIGHUP the log file opened anew where there is one: both ring the bell
//! of the run, which the log answers. Without a log file SIGHUP ends the process, as a terminal that is closed
//! expects, unless rules say who may call, which it then has read again; a single call at a terminal puts things away
//! before, and at SIGQUIT too.

use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use switchboard::{Control, SignalWatch};

use crate::admission::READS_AGAIN;
use crate::failure::{Failure, Status};
use crate::log::{Log, REOPENS_FILE, TELLS_OPEN_CALLS};

const SIGNALS: [i32; 2] = [libc::SIGTERM, libc::SIGINT];

/// Stops an engine through `control` at the first signal, and the process at the second of the same.
///
/// `has_rules`: there is something to be read again at SIGHUP.
pub(crate) fn on_signals(
    control: &Arc<Control>,
    log: &Log,
    has_rules: bool,
) -> Result<Arc<SignalWatch>, Failure> {
    let watch = control.draining_fd().try_clone_to_owned().and_then(|wake| {
        let watch = watch(&SIGNALS, wake, control, log, has_rules)?;
        SIGNALS.into_iter().try_for_each(|signal| watch.end_at_second(signal, true))?;
        Ok(watch)
    });
    heeded(watch, log)
}

/// Runs a single call, or one after the other, until a signal ends it: then everything is put away, and the
/// exit status is 128+N.
pub(crate) fn at_signal(
    control: &Arc<Control>,
    log: &Log,
    run: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let is_hung_up_on = io::stdin().is_terminal() && !log.has_file();
    // What would end it at once would leave the terminal as it was taken, without echo.
    let of_terminals = [(is_hung_up_on, libc::SIGHUP), (io::stdin().is_terminal(), libc::SIGQUIT)];
    let of_terminals = of_terminals.into_iter().filter(|(is_there, _)| *is_there).map(|(_, signal)| signal);
    let signals: Vec<i32> = SIGNALS.into_iter().chain(of_terminals).collect();
    let watch =
        control.ending_fd().try_clone_to_owned().and_then(|wake| watch(&signals, wake, control, log, false));
    let watch = heeded(watch, log)?;
    let result = run();
    match signals.into_iter().find(|signal| watch.count(*signal) > 0) {
        Some(signal) => Err(Failure::signalled(signal)),
        None => result,
    }
}

fn watch(
    signals: &[i32],
    wake: OwnedFd,
    control: &Control,
    log: &Log,
    has_rules: bool,
) -> io::Result<SignalWatch> {
    let bell = || control.bell_fd().try_clone_to_owned();
    let mut watch = SignalWatch::install(signals, wake)?;
    watch.add(TELLS_OPEN_CALLS, bell()?)?;
    const { assert!(READS_AGAIN == REOPENS_FILE) }
    if log.has_file() || has_rules {
        watch.add(REOPENS_FILE, bell()?)?;
    }
    Ok(watch)
}

fn heeded(watch: io::Result<SignalWatch>, log: &Log) -> Result<Arc<SignalWatch>, Failure> {
    let watch = watch.map_err(|error| Failure::new(Status::Other, format!("sigaction(2): {error}")))?;
    let watch = Arc::new(watch);
    log.heed(&watch);
    Ok(watch)
}
