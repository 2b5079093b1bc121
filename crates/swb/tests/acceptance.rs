//! The rows of the acceptance list that no other file shows, one test a row, named after it.
//!
//! Elsewhere: P2 (several lines, the second caller waits), P24-P27 (datagrams, lost answers, truncation), C7 and
//! C20 in `callers.rs`; P1 (unknown, refused), P11 and P23 (addresses and ports refused), C26 (low ports) in
//! `failures.rs`; the rows with 10,000 callers and calls, and C21, in `engines.rs`; P9 in `matrix.rs`.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "acceptance/calls.rs"]
mod calls;
#[path = "acceptance/programs.rs"]
mod programs;
mod support;

use std::net::TcpStream;

use support::{PATIENCE, Server};

/// The engines under which callers do not wait for each other.
const CONCURRENT: [&str; 5] = ["process", "thread", "poll", "epoll", "uring"];

/// A caller of the standard library's, at this port of `host`.
fn call_at(host: &str, server: &Server) -> TcpStream {
    let call = TcpStream::connect(format!("{host}:{}", server.port())).unwrap();
    call.set_read_timeout(Some(PATIENCE)).unwrap();
    call
}

/// The next caller's own address, in our words.
fn name(call: &TcpStream) -> String {
    format!("tcp://{}", call.local_addr().unwrap())
}
