//! `swb connect`: joins standard input and output to an address.

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use switchboard::address::{End, Layer};
use switchboard::services::{Terminal, Until};
use switchboard::socket::call::poll;
use switchboard::socket::{Connected, FileEnd, Program};
use switchboard::{
    Address, Backoff, Control, Event, Layering, Line, Notice, Observer, OptionKey, OptionValue, Retries,
    Transport, converse_with, reach,
};

use crate::failure::{Failure, Status, outcome_of_program};
use crate::invocation::Connect;
use crate::keyboard::Keyboard;
use crate::log::{Log, Role};
use crate::stop;

/// How long a peer on a message transport may be quiet after the input has ended.
const QUIET: Duration = Duration::from_secs(1);

pub(crate) fn run(arguments: Connect) -> Result<(), Failure> {
    let log = Log::open(&arguments.log, Role::Caller)?;
    log.closing(connect(&arguments, &log))
}

/// Whom to call.
pub(super) fn address(arguments: &Connect) -> Result<Address, Failure> {
    let address: Address = arguments.address.parse()?;
    super::for_connecting(&address)?;
    if address.transport == Transport::Standard {
        return Err(Failure::usage(
            "connect joins standard input and output to an address: `-` is those already",
        ));
    }
    Ok(address)
}

fn connect(arguments: &Connect, log: &Log) -> Result<(), Failure> {
    let address = address(arguments)?;
    let keyboard = Keyboard::open(&arguments.terminal)?;
    let talk = || {
        let (input_over, control) = (Arc::default(), control()?);
        Ok::<_, Failure>(Talk { arguments, keyboard: &keyboard, log, input_over, control })
    };
    let result = if arguments.forever {
        let talk = talk()?;
        stop::at_signal(&talk.control, log, || talk.for_ever(address))
    } else {
        let called = call(&address, log)?; // a signal ends the process
        let talk = talk()?;
        stop::at_signal(&talk.control, log, || talk.once(&address, called)?)
    };
    keyboard.close(result)
}

fn control() -> Result<Arc<Control>, Failure> {
    Control::new().map(Arc::new).map_err(|error| Failure::new(Status::Other, format!("eventfd(2): {error}")))
}

/// What the calls of one command have in common.
struct Talk<'c> {
    arguments: &'c Connect,
    keyboard: &'c Keyboard,
    log: &'c Log,
    /// There is nothing to say on a further call.
    input_over: Arc<AtomicBool>,
    control: Arc<Control>,
}

impl Talk<'_> {
    /// Talks on a call until it is over. The inner failure is how it ended.
    fn once(&self, address: &Address, called: Called) -> Result<Result<(), Failure>, Failure> {
        let Called { line, peer, name } = called;
        // A program may have closed its output and read on, as one that writes a file does; it ends the call by ending.
        let until = if address.transport.is_program() { Until::Both } else { Until::Peer };
        let defaults = Terminal {
            quiet: Some(QUIET),
            keep_output: self.arguments.forever,
            input_over: Arc::clone(&self.input_over),
            ..Terminal::until(until)
        };
        let mut terminal = super::terminal(&self.arguments.terminal, self.keyboard, defaults);
        let has_end_of_its_own = |layer| matches!(layer, Layer::Tls | Layer::WebSocket);
        if address.layers.iter().any(has_end_of_its_own) {
            terminal.held = terminal.quiet;
        }
        let mut plan = super::plan(terminal, self.log, false)?;
        plan.limits.idle_timeout = self.arguments.terminal.idle_timeout;
        plan.control = Arc::clone(&self.control);
        let ended = converse_with(plan, line, peer)?;
        Ok(outcome_of_program(&ended, &format!("call to {name}")))
    }

    /// Calls until the input has ended with a call, or a signal comes.
    fn for_ever(&self, address: Address) -> Result<(), Failure> {
        let address = match address.options.retries() {
            Some(_) => address,
            None if address.transport.is_program() => address,
            None => address.with(OptionKey::Retry, OptionValue::Retries(None)).map_err(Failure::usage)?,
        };
        let mut backoff = Backoff::of(&address.options, super::relay::seed());
        loop {
            let Some(called) = self.call_unless_told(&address)? else { return Ok(()) };
            let result = self.once(&address, called)?;
            if self.input_over.load(Ordering::Relaxed) || self.is_told(Duration::ZERO) {
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
            self.log.event(&Event::Notice(&Notice::DialsAgain { why, after }));
            if self.is_told(after) {
                return Ok(());
            }
        }
    }

    /// Calls; `None` if a signal comes before somebody is reached, for which connecting does not wait.
    fn call_unless_told(&self, address: &Address) -> Result<Option<Called>, Failure> {
        let failed = |error| Failure::new(Status::Other, format!("socketpair(2): {error}"));
        let (done, doing) = UnixStream::pair().map_err(failed)?;
        let (to, log) = (address.clone(), self.log.clone());
        let calling = std::thread::spawn(move || {
            let called = call(&to, &log);
            drop(doing); // the other end has ended then
            called
        });
        let ending = self.control.ending_fd();
        loop {
            let mut asked = [PollFd::new(&ending, PollFlags::IN), PollFd::new(&done, PollFlags::IN)];
            // A signal (EINTR) is a wake-up with nothing ready.
            let _woken = poll(&mut asked, None);
            if !asked[0].revents().is_empty() {
                return Ok(None);
            }
            if !asked[1].revents().is_empty() {
                let panicked = |_| Err(Failure::new(Status::Other, "the helper that connects has panicked"));
                return calling.join().unwrap_or_else(panicked).map(Some);
            }
        }
    }

    /// Whether a signal has come, or comes within this time.
    fn is_told(&self, within: Duration) -> bool {
        let ending = self.control.ending_fd();
        let mut asked = [PollFd::new(&ending, PollFlags::IN)];
        // Woken early, by a signal (EINTR): that is the one that is waited for, or one for the log.
        let _woken = poll(&mut asked, Some(within));
        !asked[0].revents().is_empty()
    }
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
pub(super) fn call(address: &Address, log: &Log) -> Result<Called, Failure> {
    if address.transport.is_file() {
        let file = FileEnd::open(address)?;
        let name = file.end().to_string();
        return Ok(Called { line: Line::File(Box::new(file)), peer: None, name });
    }
    let layering = Layering::calling(address).map_err(|error| Failure::new(Status::Other, error))?;
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
