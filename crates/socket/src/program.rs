//! A program at the other end of a call: `exec:COMMAND` and `sh:COMMAND`.
//!
//! posix_spawn(3), pipe(7), execve(2). It is spoken with through two pipes, its standard input and output, or it
//! gets a caller's socket as both. Standard error stays ours. Protected: it has these three descriptors and no other,
//! signals do what they do by default and none is blocked (the standard library's `Command` sees to both), it leads
//! a process group of its own, and it is reaped, whatever becomes of its call.
//!
//! Only our ends of the pipes do not wait: each end is an open file of its own, so the program sees nothing of that.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use address::{Address, End, Place, command_words};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::ReadWriteFlags;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, waitpid};

use crate::trace::traced;
use crate::{Attempt, ConnectError, ConnectErrorKind, Connection, Received, SystemCall, call};

/// Variables of a program's environment, each to be set or to be missing; all others are ours.
pub type Environment = Vec<(&'static str, Option<OsString>)>;

/// A program that was started, and the pipes to it.
#[derive(Debug)]
pub struct Program {
    end: End,
    /// From its standard output.
    input: OwnedFd,
    /// To its standard input; gone once we have finished.
    output: Option<OwnedFd>,
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
        let failed = |error| not_started(address, end.clone(), error);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = spawn(&mut command, &end).map_err(failed)?;
        let process = ProgramProcess { process: Pid::from_child(&child), is_reaped: false };
        let pipes = child.stdout.take().zip(child.stdin.take());
        let (input, output) = pipes.ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        let (input, output) = (OwnedFd::from(input), OwnedFd::from(output));
        for pipe in [&input, &output] {
            set_waiting(pipe, false).map_err(failed)?;
        }
        Ok(Program { end, input, output: Some(output), process })
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
        let length = call::read(&self.input, buffer)?;
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
            Some(output) => call::write(output, bytes, ReadWriteFlags::empty()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// We will say no more: it reads the end of its input.
    pub fn finish(&mut self) {
        self.output = None;
    }

    /// Closes the pipes. The process is left to be waited for.
    #[must_use]
    pub fn hang_up(self) -> ProgramProcess {
        self.process
    }
}

/// The process of a program. Dropping it kills it and all of its group, and reaps it.
#[derive(Debug)]
pub struct ProgramProcess {
    process: Pid,
    is_reaped: bool,
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
        command.stdin(copy()?).stdout(copy()?);
        let child = spawn(&mut command, &end).map_err(failed)?;
        Ok(ProgramProcess { process: Pid::from_child(&child), is_reaped: false })
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

/// What is to be started, all but its standard input and output.
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
    started.args(arguments).process_group(0);
    for (name, value) in environment {
        match value {
            Some(value) => started.env(name, value),
            None => started.env_remove(name),
        };
    }
    Ok((End::Command { transport, command: command.clone() }, started))
}

fn spawn(command: &mut Command, end: &End) -> io::Result<std::process::Child> {
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
