//! Every way to fail: the exit status, and one line that says what to do.
//!
//! The message names what was tried, the address, the call, the reason and the next thing to try; the texts
//! are compared whole, because people search for them.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "failures/bind.rs"]
mod bind;
#[path = "failures/calls.rs"]
mod calls;
#[path = "failures/ends.rs"]
mod ends;
mod support;
#[path = "failures/unix_paths.rs"]
mod unix_paths;
#[path = "failures/usage.rs"]
mod usage;

use support::peer::in_own_namespaces;
use support::{Finished, run, run_swb};

/// Fails with this status and says exactly this, after `swb: `.
fn fails(arguments: &[&str], status: i32, message: &str) {
    failed(&run_swb(arguments, b"hello\n"), status, message);
}

fn failed(ended: &Finished, status: i32, message: &str) {
    assert_eq!(ended.stderr, format!("swb: {message}"));
    assert_eq!((ended.code(), ended.text().as_str()), (status, ""), "{}", ended.stderr);
}

/// Runs `swb` in a network of its own where only loopback is up, after `script`; `None` where that is forbidden.
fn in_own_network(script: &str, arguments: &[&str]) -> Option<Finished> {
    let mut command = in_own_namespaces()?;
    let script = format!("ip link set lo up; {script}; exec \"$@\"");
    command.args(["sh", "-e", "-c", &script, "sh", env!("CARGO_BIN_EXE_swb")]).args(arguments);
    Some(run(command, b""))
}
