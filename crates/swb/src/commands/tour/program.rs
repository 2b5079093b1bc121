//! A program that a scene has started: heard, spoken to, ended.
//!
//! It leads a process group of its own, so that whatever it forks ends with it. Its output is taken while
//! somebody waits for it, up to 1 MiB; what is said to it must fit into a pipe, 64 KiB.

use std::io::{Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};

use rustix::event::PollFlags;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::patience::Patience;
use super::scene::{Missed, check, shown};

/// Output of one program that is kept at most.
const OUTPUT_BYTES_MAX: usize = 1024 * 1024;

/// A child that is killed, and whatever it has forked, when this is dropped.
pub(super) struct Program<'a> {
    /// What was typed, so to say.
    line: String,
    child: Child,
    process: Pid,
    /// Once it has been reaped.
    status: Option<ExitStatus>,
    patience: Patience<'a>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    out: Vec<u8>,
    err: Vec<u8>,
    /// Bytes of `err` that were waited for already.
    err_told: usize,
}

/// What a program that has ended left behind.
pub(super) struct Ended {
    line: String,
    /// The exit status, or 128+N for signal N.
    pub(super) status: i32,
    pub(super) out: Vec<u8>,
    pub(super) err: String,
}

impl<'a> Program<'a> {
    /// Starts this program with these words; `line` is what is told of it.
    pub(super) fn start(
        line: String,
        words: &[String],
        patience: Patience<'a>,
    ) -> Result<Program<'a>, Missed> {
        let itself = std::env::current_exe().map_err(|error| Missed::call("readlink(2)", error))?;
        let mut child = Command::new(itself)
            .args(words)
            // Who waits for the tour to be ready does not wait for its children, nor are their sockets his.
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_PID")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Missed::call("execve(2)", error))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let process = Pid::from_child(&child);
        let (out, err) = (Vec::new(), Vec::new());
        Ok(Program { line, child, process, status: None, patience, stdout, stderr, out, err, err_told: 0 })
    }

    pub(super) fn process(&self) -> Pid {
        self.process
    }

    /// Writes to its standard input. That it reads no more is told by what it says and how it ends.
    pub(super) fn say(&mut self, input: &[u8]) -> Result<(), Missed> {
        let Some(stdin) = &mut self.child.stdin else { return Ok(()) };
        match stdin.write_all(input) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            written => written.map_err(|error| Missed::call("write(2)", error)),
        }
    }

    /// Ends its standard input.
    pub(super) fn finish_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until its standard output has so many bytes; all there is so far.
    pub(super) fn output(&mut self, bytes: usize) -> Result<&[u8], Missed> {
        while self.out.len() < bytes {
            if !self.hear(&format!("{bytes} bytes of output"))? {
                return Err(self.unexpected(&format!("{bytes} bytes of output")));
            }
        }
        Ok(&self.out)
    }

    /// Waits for the next line on its standard error that holds this text; lines before it are passed over.
    pub(super) fn line(&mut self, text: &str) -> Result<String, Missed> {
        loop {
            while let Some(length) = self.err[self.err_told..].iter().position(|byte| *byte == b'\n') {
                let line = &self.err[self.err_told..self.err_told + length];
                let line = String::from_utf8_lossy(line).into_owned();
                self.err_told += length + 1;
                if line.contains(text) {
                    return Ok(line);
                }
            }
            if !self.hear(&format!("a line with {text:?}"))? {
                return Err(self.unexpected(&format!("a line with {text:?}")));
            }
        }
    }

    /// Waits until it has ended by itself.
    pub(super) fn ended(mut self) -> Result<Ended, Missed> {
        self.finish_input();
        while self.hear("its end")? {}
        // Seen and not yet reaped: until its group is killed, no other process may get its number.
        let seen = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let process = self.process;
        self.patience.until("its end", || !matches!(waitid(WaitId::Pid(process), seen), Ok(None)))?;
        let status = self.end().map_err(|error| Missed::call("waitpid(2)", error))?;
        let status = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        let err = String::from_utf8_lossy(&self.err).trim_end().to_owned();
        Ok(Ended { line: self.line.clone(), status, out: std::mem::take(&mut self.out), err })
    }

    /// Has it drain, and waits until it has ended.
    pub(super) fn terminated(self) -> Result<Ended, Missed> {
        kill_process(self.process, Signal::TERM).map_err(|errno| Missed::call("kill(2)", errno))?;
        self.ended()
    }

    /// Kills its group, itself included if it still runs, and reaps it; once.
    fn end(&mut self) -> std::io::Result<ExitStatus> {
        if let Some(status) = self.status {
            return Ok(status);
        }
        // Fails where nobody is left in the group, which is as well.
        let _ = kill_process_group(self.process, Signal::KILL);
        let status = self.child.wait()?;
        self.status = Some(status);
        Ok(status)
    }

    /// Takes what it says, waiting for something; `false` once it has closed both its outputs.
    fn hear(&mut self, what: &str) -> Result<bool, Missed> {
        let open = [self.stdout.as_ref().map(AsFd::as_fd), self.stderr.as_ref().map(AsFd::as_fd)];
        let open: Vec<_> = open.into_iter().flatten().map(|fd| (fd, PollFlags::IN)).collect();
        if open.is_empty() {
            return Ok(false);
        }
        let what = format!("{what} of `{}`; it said {} {}", self.line, shown(&self.out), shown(&self.err));
        let mut ready = self.patience.ready(&what, &open)?.into_iter();
        take(&mut self.stdout, &mut self.out, &mut ready)?;
        take(&mut self.stderr, &mut self.err, &mut ready)?;
        Ok(true)
    }

    fn unexpected(&self, wanted: &str) -> Missed {
        let said = String::from_utf8_lossy(&self.err);
        let mut said: Vec<&str> = said.lines().map(str::trim).collect();
        let output = shown(&self.out);
        said.extend((!self.out.is_empty()).then_some(&*output));
        Missed::Differed(format!("`{}` ended without {wanted}: {}", self.line, said.join("; ")))
    }
}

impl Ended {
    /// Goes on if it ended with this status.
    pub(super) fn with_status(self, status: i32) -> Result<Ended, Missed> {
        let Ended { line, status: seen, err, .. } = &self;
        check(*seen == status, || format!("`{line}` ended with status {seen}, not {status}: {err}"))?;
        Ok(self)
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

/// Reads one of its outputs, if it is open and ready.
fn take(
    pipe: &mut Option<impl Read>,
    taken: &mut Vec<u8>,
    ready: &mut impl Iterator<Item = bool>,
) -> Result<(), Missed> {
    let Some(open) = pipe else { return Ok(()) };
    if ready.next() != Some(true) {
        return Ok(());
    }
    let mut buffer = [0; 16 * 1024];
    match open.read(&mut buffer) {
        Ok(0) => *pipe = None,
        Ok(length) if taken.len() + length <= OUTPUT_BYTES_MAX => taken.extend_from_slice(&buffer[..length]),
        Ok(_) => return Err(Missed::Differed(format!("a program said more than {OUTPUT_BYTES_MAX} bytes"))),
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
        Err(error) => return Err(Missed::call("read(2)", error)),
    }
    Ok(())
}
