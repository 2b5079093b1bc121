//! The event-queue server: a few workers, each with its own calls, by epoll(7).
//!
//! Workers share nothing on the way of a byte: each has its own listener (`SO_REUSEPORT` deals callers out
//! where the transport has it), its own wait object and its own buffer, which idle calls do not hold.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{Placement, Reactor};
use crate::selector::EpollSelector;

pub(super) fn serve(host: &Arc<Host>, workers: Vec<Vec<Door>>) -> io::Result<()> {
    let mut workers = workers.into_iter();
    let first = workers.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for (number, doors) in workers.enumerate() {
            let thread = std::thread::Builder::new().name(format!("worker {}", number + 2));
            match thread.spawn_scoped(scope, move || run(host, doors, false)) {
                Ok(thread) => others.push(thread),
                Err(error) => {
                    host.plan.control.end(); // those that run already
                    return Err(error);
                }
            }
        }
        let result = run(host, first, true);
        let ended = others.into_iter().map(|other| other.join().unwrap_or(Ok(())));
        ended.fold(result, Result::and)
    })
}

fn run(host: &Arc<Host>, doors: Vec<Door>, is_first: bool) -> io::Result<()> {
    let result = Reactor::<EpollSelector>::new(Arc::clone(host), doors, Placement::Here, is_first)
        .and_then(|mut reactor| reactor.run().map(drop));
    if result.is_err() {
        host.plan.control.end(); // the others cannot serve alone what this one holds
    }
    result
}
