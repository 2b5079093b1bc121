//! One terminal: a shell that is given commands, and shows what they say.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::support::PATIENCE;

/// A place where one command at a time runs. What runs is killed when this is dropped.
pub(crate) struct Terminal {
    folder: PathBuf,
    running: Option<Running>,
    /// Of the last command: `$?`.
    status: i32,
}

struct Running {
    command: String,
    child: Child,
    input: Option<ChildStdin>,
    /// Standard output and standard error, line by line, as they come.
    lines: Receiver<String>,
}

impl Terminal {
    pub(crate) fn new(folder: &Path) -> Terminal {
        Terminal { folder: folder.to_owned(), running: None, status: 0 }
    }

    /// Gives the shell a command.
    pub(crate) fn start(&mut self, command: &str) {
        let (reader, writer) = std::io::pipe().unwrap();
        let swb = Path::new(env!("CARGO_BIN_EXE_swb")).parent().unwrap().display();
        let mut child = Command::new("sh")
            .args(["-c", &format!("(exit {}); {command}", self.status)])
            .current_dir(&self.folder)
            .env("PATH", format!("{swb}:{}", std::env::var("PATH").unwrap()))
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(writer.try_clone().unwrap())
            .stderr(writer)
            .process_group(0)
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    return;
                }
            }
        });
        self.running = Some(Running { command: command.to_owned(), child, input, lines });
    }

    /// Types a line into the program that runs; `^D` ends its input, `^C` interrupts it.
    pub(crate) fn type_line(&mut self, line: &str) -> Result<(), String> {
        let running = self.running.as_mut().ok_or_else(|| format!("nothing runs to type {line:?} into"))?;
        match (line, &mut running.input) {
            ("^C", _) => running.signal(Signal::INT),
            ("^D", input) => *input = None,
            (_, None) => return Err(format!("`{}`: its input has ended", running.command)),
            (_, Some(input)) => input.write_all(format!("{line}\n").as_bytes()).map_err(|e| e.to_string())?,
        }
        Ok(())
    }

    /// The next line that is shown; `None` once the command has ended and all was shown.
    pub(crate) fn next_line(&mut self) -> Result<Option<String>, String> {
        let Some(running) = &mut self.running else { return Ok(None) };
        match running.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Timeout) => {
                Err(format!("`{}` says nothing more, nor ends", running.command))
            }
            Err(RecvTimeoutError::Disconnected) => {
                let status = running.child.wait().map_err(|error| error.to_string())?;
                self.status = status.code().unwrap_or(1);
                self.running = None;
                Ok(None)
            }
        }
    }

    /// Waits until the command has ended by itself, and shows nothing more before it does.
    pub(crate) fn finish(&mut self) -> Result<(), String> {
        match self.next_line()? {
            None => Ok(()),
            Some(line) => Err(format!("this is shown and not printed: {line}")),
        }
    }

    /// Whether what runs goes on until it is interrupted.
    pub(crate) fn serves(&self) -> bool {
        let serves = |command: &str| command.starts_with("swb serve ") || command.contains(" --keep");
        self.running.as_ref().is_some_and(|running| serves(&running.command))
    }

    /// Ends a server, which shows nothing more but that it lets a call finish which we did not wait for.
    pub(crate) fn interrupt(&mut self) -> Result<(), String> {
        self.type_line("^C")?;
        while let Some(line) = self.next_line()? {
            if !line.starts_with("draining: ") {
                return Err(format!("this is shown and not printed: {line}"));
            }
        }
        Ok(())
    }
}

impl Running {
    fn signal(&self, signal: Signal) {
        // It is not reaped yet, so its group is there still; that it has ended is no error.
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
