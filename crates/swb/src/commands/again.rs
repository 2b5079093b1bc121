//! Calling again: a call after the other, with a wait that doubles after those that did not end well.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use switchboard::address::End;
use switchboard::socket::call::poll;
use switchboard::socket::{Connected, FileEnd, Program};
use switchboard::{
    Address, Backoff, Control, Event, Layering, Line, Notice, Observer, OptionKey, OptionValue, Retries,
    Transport, reach,
};

use crate::failure::{Failure, Status};
use crate::log::Log;

/// How a call was.
pub(super) struct Over {
    /// How it ended.
    pub(super) result: Result<(), Failure>,
    /// There is nothing to say on a further one.
    pub(super) is_last: bool,
}

/// Calls `address` and holds a call `once` after the other, until it says that there is nothing more to say or a signal
/// comes through `control`. Who is not reached is called again until somebody is.
///
/// # Errors
///
/// What no further call would mend: a peer that is not trusted, a program or file that could not be begun with.
pub(super) fn for_ever(
    address: Address,
    control: &Control,
    log: &Log,
    mut once: impl FnMut(&Address, Called) -> Result<Over, Failure>,
) -> Result<(), Failure> {
    let is_own = address.transport.is_program() || address.transport.is_file();
    let address = match address.options.retries() {
        None if !is_own => {
            address.with(OptionKey::Retry, OptionValue::Retries(None)).map_err(Failure::usage)?
        }
        Some(_) | None => address,
    };
    let mut backoff = Backoff::of(&address.options, super::relay::seed());
    let mut has_been_called = false;
    loop {
        let Over { result, is_last } = match call_unless_told(&address, control, log) {
            Ok(Some(called)) => {
                has_been_called = true;
                once(&address, called)?
            }
            Ok(None) => return Ok(()),
            // A device that was there comes back; one that never was is a slip of the pen.
            Err(gone) if is_own && has_been_called => Over { result: Err(gone), is_last: false },
            Err(failure) => return Err(failure),
        };
        if is_last || is_told(control, Duration::ZERO) {
            return result;
        }
        let why = match result {
            Ok(()) => {
                backoff.reset();
                format!("the call to {} has ended", address.shown())
            }
            Err(failure) if failure.status() == Status::NotTrusted as u8 => return Err(failure),
            Err(failure) => failure.message().to_owned(),
        };
        let after = backoff.after_failure();
        log.event(&Event::Notice(&Notice::DialsAgain { why, after }));
        if is_told(control, after) {
            return Ok(());
        }
    }
}

/// Calls `address`, starts its program or opens its file; `None` if a signal comes before that is done, for which
/// connecting does not wait.
pub(super) fn call_unless_told(
    address: &Address,
    control: &Control,
    log: &Log,
) -> Result<Option<Called>, Failure> {
    let failed = |error| Failure::new(Status::Other, format!("socketpair(2): {error}"));
    let (done, doing) = UnixStream::pair().map_err(failed)?;
    let (to, log) = (address.clone(), log.clone());
    let given_up = Arc::new(AtomicBool::new(false));
    let is_given_up = Arc::clone(&given_up);
    let calling = std::thread::spawn(move || {
        let called = call(&to, &log, &|| is_given_up.load(Ordering::Relaxed));
        drop(doing); // the other end has ended then
        called
    });
    let ending = control.ending_fd();
    loop {
        let mut asked = [PollFd::new(&ending, PollFlags::IN), PollFd::new(&done, PollFlags::IN)];
        // A signal (EINTR) is a wake-up with nothing ready.
        let _woken = poll(&mut asked, None);
        if !asked[0].revents().is_empty() {
            given_up.store(true, Ordering::Relaxed);
            if address.transport == Transport::Fifo {
                drop(calling.join()); // it looks every few milliseconds, and removes what it made
            }
            return Ok(None);
        }
        if !asked[1].revents().is_empty() {
            let panicked = |_| Err(Failure::new(Status::Other, "the helper that connects has panicked"));
            return calling.join().unwrap_or_else(panicked).map(Some);
        }
    }
}

/// Whether a signal has come, or comes within this time.
fn is_told(control: &Control, within: Duration) -> bool {
    let ending = control.ending_fd();
    let mut asked = [PollFd::new(&ending, PollFlags::IN)];
    // Woken early, by a signal (EINTR): that is the one that is waited for, or one for the log.
    let _woken = poll(&mut asked, Some(within));
    !asked[0].revents().is_empty()
}

/// Calls `address`, again and again as far as its `?retry=` says.
fn reach_at_last(address: &Address, log: &Log) -> Result<Connected, Failure> {
    let mut retries = Retries::of(&address.options, super::relay::seed());
    loop {
        let error = match reach(address, Duration::ZERO) {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        let after = if error.may_pass() { retries.after_failure() } else { None };
        let Some(after) = after else { return Err(error.into()) };
        log.event(&Event::Notice(&Notice::DialsAgain { why: error.to_string(), after }));
        std::thread::sleep(after); // a signal ends the process, or who waits for this thread
    }
}

/// A call that was made.
pub(super) struct Called {
    pub(super) line: Line,
    /// Who it is, where the socket does not tell.
    pub(super) peer: Option<End>,
    /// As whom messages name it.
    pub(super) name: String,
}

/// Calls `address`, starts its program or opens its file. Says what is worth a word, and who answered.
pub(super) fn call(address: &Address, log: &Log, is_given_up: &dyn Fn() -> bool) -> Result<Called, Failure> {
    if address.transport.is_file() {
        let file = FileEnd::open_unless(address, is_given_up)?;
        let name = file.end().to_string();
        return Ok(Called { line: Line::File(Box::new(file)), peer: None, name });
    }
    let layering = Layering::calling(address)?;
    if address.transport.is_program() {
        let program = Box::new(Program::start(address, &Vec::new())?);
        let name = program.end().to_string();
        return Ok(Called { line: Line::Program { program, layering }, peer: None, name });
    }
    let connected = reach_at_last(address, log)?;
    for attempt in &connected.failed {
        log.detail(format_args!("tried {attempt}"));
    }
    for granted in &connected.notes {
        log.note(granted);
    }
    for note in layering.iter().flat_map(|layering| layering.notes()) {
        log.note(note);
    }
    let name = connected.end.under(address.layers).to_string();
    let peer = Some(connected.end).filter(|end| matches!(end, End::Behind(_)));
    let connection = connected.connection;
    let line = match layering {
        Some(layering) => Line::Layered { connection, layering },
        None => Line::Connection(connection),
    };
    Ok(Called { line, peer, name })
}
