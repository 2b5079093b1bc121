//! A server of this same program in a process of its own: started, looked at, stopped.
//!
//! proc(5): `/proc/PID/smaps_rollup` for its memory, `/proc/PID/task/TID/children` for its children's.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, Signal, kill_process};
use switchboard::{Address, Engine};

use crate::failure::{Failure, Status};

/// What a ready server says before its address.
const READY: &str = "listening ";

/// How long its calls may go on when it is stopped.
const DRAIN: &str = "1s";

/// It is killed when this is dropped.
pub(super) struct Server {
    child: Child,
    pub(super) address: Address,
    /// Kept open: a server whose messages nobody reads any more would be told so.
    messages: BufReader<ChildStderr>,
    cpu_before: Duration,
}

impl Server {
    /// Serves `service`, with its arguments, at `at` under `engine`; returns once callers may come.
    ///
    /// # Errors
    ///
    /// It could not be started, or said why it does not serve.
    pub(super) fn start(service: &str, engine: Engine, at: &str) -> Result<Server, Failure> {
        let cannot =
            |why: &str| Failure::new(Status::Other, format!("cannot serve {service} under {engine}: {why}"));
        let program = std::env::current_exe().map_err(|error| cannot(&sys::describe(&error)))?;
        let (name, text) = service.split_once(' ').unwrap_or((service, ""));
        let mut command = Command::new(program);
        command.args(["serve", name]).args((!text.is_empty()).then_some(text));
        command.args([at, "--engine", &engine.to_string(), "--drain", DRAIN]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let cpu_before = cpu_of_children();
        let mut child = command.spawn().map_err(|error| cannot(&sys::describe(&error)))?;
        let Some(stderr) = child.stderr.take() else { return Err(cannot("it has no standard error")) };
        let mut messages = BufReader::new(stderr);
        let mut line = String::new();
        // Its end is the end of what it says, so that this waits for one or the other.
        let read = messages.read_line(&mut line);
        let address = line.trim_end().strip_prefix(READY).and_then(|address| address.parse().ok());
        match (read, address) {
            (Ok(_), Some(address)) => Ok(Server { child, address, messages, cpu_before }),
            (Ok(_), None) => {
                let _ = child.kill(); // it has said something else: it is about to end, or has
                let _ = child.wait();
                Err(Failure::usage(cannot(line.trim_end().trim_start_matches("swb: ")).message()))
            }
            (Err(error), _) => Err(cannot(&sys::describe(&error))),
        }
    }

    /// What all its processes hold; shared pages count in part. `None` if this kernel does not tell.
    pub(super) fn memory_bytes(&self) -> Option<u64> {
        memory_bytes(self.child.id())
    }

    /// Stops it and returns the CPU time of all its processes.
    ///
    /// # Errors
    ///
    /// It did not end well.
    pub(super) fn stop(mut self) -> Result<Duration, Failure> {
        if let Some(process) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(process, Signal::TERM); // if it has ended already, that is seen next
        }
        let _ = std::io::copy(&mut self.messages, &mut std::io::sink()); // until its end
        let failed = |error: &std::io::Error| {
            Failure::new(Status::Other, format!("wait(2): {}", sys::describe(error)))
        };
        self.child.wait().map_err(|error| failed(&error))?;
        Ok(cpu_of_children().saturating_sub(self.cpu_before))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill(); // after `stop` it is gone, and no other process is meant
        let _ = self.child.wait();
    }
}

/// Of all children that were waited for, and theirs.
fn cpu_of_children() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return Duration::ZERO };
    let span = |time: nix::sys::time::TimeVal| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec()).unwrap_or(0))
    };
    span(usage.user_time()) + span(usage.system_time())
}

fn memory_bytes(process: u32) -> Option<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup")).ok()?;
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = pss.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    // A child that has ended meanwhile holds nothing.
    let children = children(process).into_iter().filter_map(memory_bytes);
    Some(kib * 1024 + children.sum::<u64>())
}

fn children(process: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}
