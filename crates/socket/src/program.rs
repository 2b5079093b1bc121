//! A program at the other end of a call: `exec:COMMAND` and `sh:COMMAND`.
//!
//! posix_spawn(3), pipe(7), pty(7), execve(2). It is spoken with through two pipes, its standard input and output, or
//! through a terminal of its own (`?pty`), or it gets a caller's socket as both. Standard error stays ours unless
//! `?stderr=` says otherwise; on a terminal it goes there. Protected: it has these three descriptors and no other,
//! signals do what they do by default and none is blocked (the standard library's `Command` sees to both), it leads
//! a process group of its own, and it is reaped, whatever becomes of its call.
//!
//! Only our ends of the pipes do not wait: each end is an open file of its own, so the program sees nothing of that.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use address::{Address, End, OptionKey, Options, Place, command_words};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::ReadWriteFlags;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, waitpid};

use crate::file_end::{end_of_terminal, say_end};
use crate::terminal::{is_raw, new_terminal};
use crate::trace::traced;
use crate::{
    Attempt, ConnectError, ConnectErrorKind, Connection, OptionError, Received, SystemCall, call, errno,
};

/// Variables of a program's environment, each to be set or to be missing; all others are ours.
pub type Environment = Vec<(&'static str, Option<OsString>)>;

/// A program that was started, and the pipes to it.
#[derive(Debug)]
pub struct Program {
    end: End,
    /// From its standard output.
    input: OwnedFd,
    /// To its standard input; gone once we have finished, but on a terminal.
    output: Option<OwnedFd>,
    terminal: Option<OwnTerminal>,
    process: ProgramProcess,
}

impl Program {
    /// Starts the program of `address`, with pipes.
    ///
    /// # Errors
    ///
    /// [`ConnectErrorKind::NotStarted`]: it is not there, may not be executed, or something is short;
    /// [`ConnectErrorKind::Unsupported`] for an address that is no command.
    pub fn start(address: &Address, environment: &Environment) -> Result<Program, ConnectError> {
        let (end, mut command) = command(address, environment)?;
        let options = &address.options;
        let failed = |error| not_started(address, end.clone(), error);
        if options.flag(OptionKey::Pty) == Some(true) {
            return Program::start_on_terminal(command, end.clone(), options).map_err(failed);
        }
        if let Some(key) = TERMINAL_OPTIONS.into_iter().find(|key| options.get(*key).is_some()) {
            let error =
                OptionError::meaningless(key, options, "it is for the terminal that `pty` gives a program");
            let kind = ConnectErrorKind::Option(Some(Box::new(error)));
            return Err(ConnectError { address: address.to_string(), tried: Vec::new(), kind });
        }
        let (says, stdout) = io::pipe().map_err(failed)?;
        match options.word(OptionKey::Stderr) {
            Some("call") => command.stderr(stdout.try_clone().map_err(failed)?),
            Some("none") => command.stderr(Stdio::null()),
            Some(_) | None => &mut command,
        };
        command.process_group(0).stdin(Stdio::piped()).stdout(stdout);
        let mut child = spawn(&mut command, &end).map_err(failed)?;
        let process = ProgramProcess::of(&child);
        let stdin = child.stdin.take().ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        let (input, output) = (OwnedFd::from(says), OwnedFd::from(stdin));
        for pipe in [&input, &output] {
            set_waiting(pipe, false).map_err(failed)?;
        }
        Ok(Program { end, input, output: Some(output), terminal: None, process })
    }

    /// With a terminal of its own as all three, which controls its session.
    fn start_on_terminal(mut command: Command, end: End, options: &Options) -> io::Result<Program> {
        let raw = is_raw(options, false);
        let (input, _) = new_terminal(options, raw)?;
        let output = input.try_clone()?;
        let theirs = call::other_side(&input)?;
        command.stdin(theirs.try_clone()?);
        match options.word(OptionKey::Stderr) {
            Some("ours") => &mut command,
            Some("none") => command.stderr(Stdio::null()),
            Some(_) | None => command.stderr(theirs.try_clone()?),
        };
        command.stdout(theirs);
        sys::lead_session_on_terminal(&mut command);
        let child = spawn(&mut command, &end)?;
        let process = ProgramProcess::of(&child);
        // The command's copies of the other side are closed here: the last of them is the program's.
        drop(command);
        let terminal = Some(OwnTerminal { has_end: !raw, is_finished: false });
        Ok(Program { end, input, output: Some(output), terminal, process })
    }

    /// Where it is: `exec:cat`.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.end
    }

    /// To poll for what it says.
    #[must_use]
    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// To poll for room in its input; `None` once we have finished.
    #[must_use]
    pub fn output(&self) -> Option<BorrowedFd<'_>> {
        self.output.as_ref().map(AsFd::as_fd)
    }

    /// read(2): what it has said.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it has said nothing.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let room = !buffer.is_empty();
        let length = match call::read(&self.input, buffer) {
            Err(error) if self.terminal.is_some() => return end_of_terminal(error),
            outcome => outcome?,
        };
        Ok(Received { length, whole: length, end: length == 0 && room })
    }

    /// write(2): as many of the bytes as its pipe takes now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes none now; `EPIPE` once it has closed its input, and after
    /// [`finish`](Self::finish).
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.output {
            Some(output) => match call::write(output, bytes, ReadWriteFlags::empty()) {
                // Its terminal has hung up: that it is over is for the next read to say.
                Err(error) if self.terminal.is_some() && errno::is(&error, libc::EIO) => {
                    Err(io::ErrorKind::WouldBlock.into())
                }
                outcome => outcome,
            },
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// We will say no more: it reads the end of its input. On a terminal that is typed, and has to be said again for
    /// each time that the program reads on; one that is raw has no end.
    pub fn finish(&mut self) {
        let Some(terminal) = &mut self.terminal else {
            self.output = None;
            return;
        };
        terminal.is_finished = true;
        if terminal.has_end {
            say_end(&self.input);
        }
    }

    /// Whether it is to be told again that we have [finished](Self::finish).
    #[must_use]
    pub fn says_end_again(&self) -> bool {
        self.terminal.as_ref().is_some_and(|terminal| terminal.has_end && terminal.is_finished)
    }

    /// Whether it has a terminal: that hangs up in both directions at once, once all that was said is read.
    #[must_use]
    pub fn has_terminal(&self) -> bool {
        self.terminal.is_some()
    }

    /// Closes the pipes. The process is left to be waited for.
    #[must_use]
    pub fn hang_up(mut self) -> ProgramProcess {
        self.process.has_lost_terminal = self.terminal.is_some();
        self.process
    }
}

/// The terminal of a program, as far as it is ours.
#[derive(Debug)]
struct OwnTerminal {
    /// An end of the input can be told.
    has_end: bool,
    is_finished: bool,
}

/// Options of a program's terminal.
const TERMINAL_OPTIONS: [OptionKey; 4] =
    [OptionKey::Raw, OptionKey::Echo, OptionKey::Columns, OptionKey::Rows];

/// The process of a program. Dropping it kills it and all of its group, and reaps it.
#[derive(Debug)]
pub struct ProgramProcess {
    process: Pid,
    is_reaped: bool,
    has_lost_terminal: bool,
}

impl ProgramProcess {
    /// Starts the program of `address` with this socket as its standard input and output. The caller should close it
    /// then, since the call is the program's.
    ///
    /// # Errors
    ///
    /// As [`Program::start`].
    pub fn hand_over(
        connection: &Connection,
        address: &Address,
        environment: &Environment,
    ) -> Result<ProgramProcess, ConnectError> {
        let (end, mut command) = command(address, environment)?;
        let failed = |error| not_started(address, end.clone(), error);
        // A program does not expect that a read may say EAGAIN.
        set_waiting(connection, true).map_err(failed)?;
        let copy = || call::duplicate(connection).map(OwnedFd::from).map_err(failed);
        command.process_group(0).stdin(copy()?).stdout(copy()?);
        let child = spawn(&mut command, &end).map_err(failed)?;
        Ok(ProgramProcess::of(&child))
    }

    fn of(child: &Child) -> ProgramProcess {
        ProgramProcess { process: Pid::from_child(child), is_reaped: false, has_lost_terminal: false }
    }

    /// It had a terminal, which was closed on our side: its kernel sends it SIGHUP, pty(7).
    #[must_use]
    pub fn has_lost_terminal(&self) -> bool {
        self.has_lost_terminal
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> Pid {
        self.process
    }

    /// waitpid(2) without waiting: how it ended, if it has. It is asked no more after that.
    ///
    /// # Errors
    ///
    /// `ECHILD` if somebody else has reaped it.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        let how = traced(
            SystemCall::Waitpid,
            || waitpid(Some(self.process), WaitOptions::NOHANG).map(|ended| ended.map(|(_, how)| how)),
            || format!("{}, WNOHANG", self.process),
            |how| how.map_or_else(|| "0".to_owned(), |how| status(how).to_string()),
        )?;
        self.is_reaped = how.is_some();
        Ok(how.map(status))
    }

    /// Sends a signal to it and all of its group.
    pub fn signal(&self, signal: Signal) {
        if !self.is_reaped {
            let _ = kill_process_group(self.process, signal); // it may have ended just now
        }
    }
}

impl Drop for ProgramProcess {
    fn drop(&mut self) {
        if !self.is_reaped {
            self.signal(Signal::KILL);
            let _ = waitpid(Some(self.process), WaitOptions::empty());
        }
    }
}

fn status(how: WaitStatus) -> ExitStatus {
    ExitStatus::from_raw(how.as_raw())
}

/// What is to be started, all but its descriptors and its process group.
fn command(address: &Address, environment: &Environment) -> Result<(End, Command), ConnectError> {
    let refuse = || ConnectError {
        address: address.to_string(),
        tried: Vec::new(),
        kind: ConnectErrorKind::Unsupported,
    };
    let Place::Command(command) = &address.place else { return Err(refuse()) };
    let transport = address.transport;
    let words = command_words(transport, command).map_err(|_| refuse())?;
    let (program, arguments) = words.split_first().ok_or_else(refuse)?;
    let mut started = Command::new(program);
    started.args(arguments);
    for (name, value) in environment {
        match value {
            Some(value) => started.env(name, value),
            None => started.env_remove(name),
        };
    }
    Ok((End::Command { transport, command: command.clone() }, started))
}

fn spawn(command: &mut Command, end: &End) -> io::Result<Child> {
    // Ours are close-on-exec from birth; those that this process was started with may not be.
    static KEPT: OnceLock<()> = OnceLock::new();
    KEPT.get_or_init(sys::keep_inherited_to_ourselves);
    traced(SystemCall::PosixSpawn, || command.spawn(), || end.to_string(), |child| child.id().to_string())
}

/// Sets whether reads and writes of the open file wait (`O_NONBLOCK`).
fn set_waiting(fd: impl AsFd, waits: bool) -> io::Result<()> {
    let mut flags = fcntl_getfl(&fd)?;
    flags.set(OFlags::NONBLOCK, !waits);
    Ok(fcntl_setfl(&fd, flags)?)
}

fn not_started(address: &Address, end: End, error: io::Error) -> ConnectError {
    let tried = vec![Attempt { end, call: "posix_spawn(3)", error }];
    ConnectError { address: address.to_string(), tried, kind: ConnectErrorKind::NotStarted }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_dropped_is_killed_with_its_group_and_reaped() {
        let address = "sh:sleep 1000 & wait".parse().unwrap();
        let program = Program::start(&address, &Vec::new()).unwrap();
        let process = program.process.id();
        drop(program);
        let gone = waitpid(Some(process), WaitOptions::NOHANG);
        assert_eq!(gone.unwrap_err(), rustix::io::Errno::CHILD);
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error_that_names_it() {
        let error = Program::start(&"exec:swb-no-such-program -x".parse().unwrap(), &Vec::new()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot start exec:swb-no-such-program -x: posix_spawn(3): No such file or directory (ENOENT); \
             is it installed, and in a directory of PATH? A script needs the program of its #! line too"
        );
        let error = Program::start(&"tcp://127.0.0.1:7".parse().unwrap(), &Vec::new()).unwrap_err();
        assert!(matches!(error.kind, ConnectErrorKind::Unsupported), "{error}");
    }
}
