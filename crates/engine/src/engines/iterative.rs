//! The iterative server: one call after the other.
//!
//! The lecture's first server: accept, serve, close, again. While a call is open nobody else is answered; the
//! kernel's backlog holds them, in the order in which they came. It has one place for a call; datagrams, which
//! are calls of one message, are answered each in turn.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{Placement, Reactor};
use crate::selector::PollSelector;

/// Serves with one place: [`Limits::calls_max`](crate::Limits::calls_max) is 1 in `host`.
pub(super) fn serve(host: &Arc<Host>, doors: Vec<Door>) -> io::Result<()> {
    let mut reactor = Reactor::<PollSelector>::new(Arc::clone(host), doors, Placement::Here, true)?;
    reactor.run().map(drop)
}
