//! A few workers, each with a loop and calls of its own.
//!
//! Workers share nothing on the way of a byte but rooms: each has its own listener (`SO_REUSEPORT` deals callers out
//! where the transport has it), its own wait object and its own buffer, which idle calls do not hold.

use std::io;
use std::sync::Arc;

use crate::call;
use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{Placement, Reactor};
use crate::selector::Selector;

pub(super) fn serve<S: Selector + Send>(host: &Arc<Host>, workers: Vec<Vec<Door>>) -> io::Result<()> {
    // All wait objects are made before the first caller is answered: later there may be no descriptor left.
    let workers = workers
        .into_iter()
        .enumerate()
        .map(|(number, doors)| Reactor::<S>::new(Arc::clone(host), doors, Placement::Here, number == 0));
    let mut workers = workers.collect::<io::Result<Vec<_>>>()?.into_iter();
    let first = workers.next();
    std::thread::scope(|scope| {
        let mut others = Vec::new();
        for (number, reactor) in workers.enumerate() {
            let name = format!("worker {}", number + 2);
            let thread = std::thread::Builder::new().name(name.clone());
            match call::thread(&name, || thread.spawn_scoped(scope, move || run(host, reactor))) {
                Ok(thread) => others.push(thread),
                Err(error) => {
                    host.plan.control.end(); // those that run already
                    return Err(error);
                }
            }
        }
        let result = first.map_or(Ok(()), |reactor| run(host, reactor));
        let ended = others.into_iter().map(|other| other.join().unwrap_or(Ok(())));
        ended.fold(result, Result::and)
    })
}

fn run<S: Selector>(host: &Host, mut reactor: Reactor<S>) -> io::Result<()> {
    let result = reactor.run().map(drop);
    if result.is_err() {
        host.plan.control.end(); // the others cannot serve alone what this one holds
    }
    result
}
