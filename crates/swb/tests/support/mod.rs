//! What the black-box tests share: programs started, waited for by what they say, and ended.
//!
//! Nothing here sleeps in order to wait: a server is ready when it says `listening`, a program has ended when
//! its pipes are closed. Every wait has an end, after which the test fails and says what was seen.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file is a crate of its own and uses a part of it; a panic is how a test fails"
)]

pub mod by_hand;
pub mod peer;
pub mod proc;
pub mod trace;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The longest that any one wait may last.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// `swb`, with standard input, output and error piped.
pub fn swb(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_swb"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A program of somebody else's, with the same pipes.
pub fn program(name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Finished {
    /// The exit status, or 128+N for signal N.
    pub fn code(&self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or(0))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// Runs a program to its end on this input.
pub fn run(mut command: Command, input: &[u8]) -> Finished {
    let mut running = Running::start(&mut command);
    running.write(input);
    running.close_input();
    running.finish()
}

/// Runs `swb` to its end on this input.
pub fn run_swb(arguments: &[&str], input: &[u8]) -> Finished {
    run(swb(arguments), input)
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    pub child: Child,
    name: String,
    stdout: Option<Receiver<Vec<u8>>>,
    out: Vec<u8>,
    stderr: Option<Receiver<String>>,
    err: Vec<String>,
}

impl Running {
    pub fn start(command: &mut Command) -> Running {
        let name = format!("{command:?}");
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = child.stdout.take().map(|mut pipe| {
            let (sender, receiver) = channel();
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                    if sender.send(buffer[..length].to_vec()).is_err() {
                        return;
                    }
                }
            });
            receiver
        });
        let stderr = child.stderr.take().map(|pipe| {
            let (sender, receiver) = channel();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            });
            receiver
        });
        Running { child, name, stdout, out: Vec::new(), stderr, err: Vec::new() }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input. That it no longer reads is no error here.
    pub fn write(&mut self, input: &[u8]) {
        if let Some(stdin) = &mut self.child.stdin {
            let _ = stdin.write_all(input).and_then(|()| stdin.flush());
        }
    }

    pub fn close_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until its standard output has this many bytes, and returns all it has said so far.
    pub fn wait_for_bytes(&mut self, count: usize) -> &[u8] {
        let due = Instant::now() + PATIENCE;
        while self.out.len() < count {
            match self.stdout.as_ref().unwrap().recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.out.extend(bytes),
                Err(why) => {
                    panic!("{}: {why:?}: {count} bytes of output wanted, got {:?}", self.name, self.out)
                }
            }
        }
        &self.out
    }

    /// Waits until its standard output holds this text, and returns all it has said so far.
    pub fn wait_for_text(&mut self, text: &str) -> String {
        loop {
            let said = String::from_utf8_lossy(&self.out).into_owned();
            if said.contains(text) {
                return said;
            }
            self.wait_for_bytes(self.out.len() + 1);
        }
    }

    /// Waits for a line on its standard error that holds this text, and returns the line.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        if let Some(line) = self.err.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        let due = Instant::now() + PATIENCE;
        loop {
            match self.stderr.as_ref().unwrap().recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.err.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(why) => {
                    panic!("{}: {why:?}: a line with {text:?} wanted, got {:#?}", self.name, self.err)
                }
            }
        }
    }

    /// Waits for a line that begins with one of these, and returns all that was said up to there.
    pub fn wait_for_either(&mut self, one: &str, other: &str) -> String {
        let due = Instant::now() + PATIENCE;
        loop {
            if self.err.iter().any(|line| line.starts_with(one) || line.starts_with(other)) {
                return self.err.join("\n");
            }
            match self.stderr.as_ref().unwrap().recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(line) => self.err.push(line),
                Err(why) => {
                    panic!("{}: {why:?}: {one:?} or {other:?} wanted, got {:#?}", self.name, self.err)
                }
            }
        }
    }

    /// Whether a line with this text has come by now.
    pub fn has_said(&mut self, text: &str) -> bool {
        self.err.extend(self.stderr.iter().flat_map(Receiver::try_iter));
        self.err.iter().any(|line| line.contains(text))
    }

    /// The same, and forgets the line: the next such line can be waited for.
    pub fn take_line(&mut self, text: &str) -> String {
        let line = self.wait_for_line(text);
        let index = self.err.iter().position(|said| *said == line).unwrap();
        self.err.remove(index)
    }

    /// Sends a signal by its number.
    pub fn signal(&self, signal: i32) {
        let status =
            Command::new("kill").args([format!("-{signal}"), self.pid().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until it has ended by itself.
    pub fn finish(mut self) -> Finished {
        let due = Instant::now() + PATIENCE;
        let left = || due.saturating_duration_since(Instant::now());
        for stream in [0, 1] {
            loop {
                let ended = match stream {
                    0 => self
                        .stdout
                        .as_ref()
                        .map(|pipe| pipe.recv_timeout(left()).map(|bytes| self.out.extend(bytes))),
                    _ => self
                        .stderr
                        .as_ref()
                        .map(|pipe| pipe.recv_timeout(left()).map(|line| self.err.push(line))),
                };
                match ended {
                    None | Some(Err(RecvTimeoutError::Disconnected)) => break,
                    Some(Ok(())) => {}
                    Some(Err(RecvTimeoutError::Timeout)) => {
                        panic!("{} did not end; it said {:?} {:#?}", self.name, self.out, self.err)
                    }
                }
            }
        }
        let status = self.child.wait().unwrap();
        Finished { status, stdout: std::mem::take(&mut self.out), stderr: self.err.join("\n") }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An `swb` that listens: started, and ready.
pub struct Server {
    pub running: Running,
    /// Where it listens, with the real ports, one an address.
    pub addresses: Vec<String>,
}

impl Server {
    /// Starts `swb` with these arguments and waits until it listens at `count` addresses.
    pub fn start_at(count: usize, arguments: &[&str]) -> Server {
        Server::of(&mut swb(arguments), count)
    }

    /// The same for one address.
    pub fn start(arguments: &[&str]) -> Server {
        Server::start_at(1, arguments)
    }

    pub fn of(command: &mut Command, count: usize) -> Server {
        let mut running = Running::start(command);
        let mut addresses = Vec::new();
        for _ in 0..count {
            let line = running.wait_for_line("listening ");
            running.err.retain(|said| *said != line);
            addresses.push(line.trim_start_matches("listening ").to_owned());
        }
        Server { running, addresses }
    }

    pub fn address(&self) -> &str {
        &self.addresses[0]
    }

    /// The port of the first address.
    pub fn port(&self) -> String {
        self.address().rsplit(':').next().unwrap().to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.running.pid()
    }

    /// Has it drain, and waits until it has ended.
    pub fn terminate(self) -> Finished {
        self.running.signal(15);
        self.running.finish()
    }
}

/// A directory of its own for one test, removed at its end.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Directory {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("swb-test-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Bytes that look random and are the same every time (xorshift64*).
pub fn random_bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}
