//! A program that leads a session of its own, with the terminal on its standard input as its controlling terminal.
//!
//! setsid(2), ioctl_tty(2) `TIOCSCTTY`. Both have to be done by the child between fork(2) and execve(2), for which the
//! standard library has a hook only.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Has the program that `command` will start lead a new session and process group, whose controlling terminal is its
/// standard input. Not together with `process_group`: whoever leads a group begins no session.
pub fn lead_session_on_terminal(command: &mut Command) {
    let begin = || {
        // SAFETY: setsid(2) touches no memory.
        if unsafe { libc::setsid() } < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: TIOCSCTTY takes a number and touches no memory; 0 is the child's own standard input by now.
        if unsafe { libc::ioctl(0, libc::TIOCSCTTY, 0) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls may be made: `begin` makes two system calls, and
    // neither allocates nor takes a lock. It holds nothing that the child would drop.
    unsafe { command.pre_exec(begin) };
}
