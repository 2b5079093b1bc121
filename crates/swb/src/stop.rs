//! SIGTERM and SIGINT: the first drains, the second ends at once.

use std::io;
use std::sync::Arc;

use switchboard::{Control, SignalWatch};

/// Stops an engine through `control` at the first signal, and the process at the second of the same.
///
/// # Errors
///
/// The handlers could not be installed.
pub(crate) fn on_signals(control: &Arc<Control>) -> io::Result<SignalWatch> {
    let signals = [libc::SIGTERM, libc::SIGINT];
    let watch = SignalWatch::install(&signals, control.draining_fd().try_clone_to_owned()?)?;
    for signal in signals {
        watch.end_at_second(signal, true)?;
    }
    Ok(watch)
}
