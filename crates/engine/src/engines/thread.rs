//! A thread for each call: this thread answers, the kernel's scheduler does the rest.
//!
//! Each call's thread runs a loop of its own with that one call in it, so limits, deadlines and drains are the
//! same as everywhere. Datagrams stay with the thread that answers.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{Placement, Reactor};
use crate::selector::PollSelector;

pub(super) fn serve(host: &Arc<Host>, doors: Vec<Door>) -> io::Result<()> {
    let mut reactor = Reactor::<PollSelector>::new(Arc::clone(host), doors, Placement::Thread, true)?;
    reactor.run().map(drop)
}
