//! SIGTERM and SIGINT: a server drains at the first and ends at the second; a single call ends.

use std::io;
use std::sync::Arc;

use switchboard::{Control, SignalWatch};

use crate::failure::{Failure, Status};

const SIGNALS: [i32; 2] = [libc::SIGTERM, libc::SIGINT];

/// Stops an engine through `control` at the first signal, and the process at the second of the same.
///
/// # Errors
///
/// The handlers could not be installed.
pub(crate) fn on_signals(control: &Arc<Control>) -> io::Result<SignalWatch> {
    let watch = SignalWatch::install(&SIGNALS, control.draining_fd().try_clone_to_owned()?)?;
    for signal in SIGNALS {
        watch.end_at_second(signal, true)?;
    }
    Ok(watch)
}

/// Runs a single call, or one after the other, until a signal ends it: then everything is put away, and the
/// exit status is 128+N.
pub(crate) fn at_signal(
    control: &Arc<Control>,
    run: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let watch = control
        .ending_fd()
        .try_clone_to_owned()
        .and_then(|wake| SignalWatch::install(&SIGNALS, wake))
        .map_err(|error| Failure::new(Status::Other, format!("sigaction(2): {error}")))?;
    let result = run();
    match watch.last() {
        Some(signal) => Err(Failure::signalled(signal)),
        None => result,
    }
}
