//! The polling server: all calls in one thread, by poll(2).
//!
//! The lecture's answer to the forking server. Every turn hands the whole list of sockets to the kernel, so a
//! wake-up costs more the more callers there are, even if all but one are silent.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{Placement, Reactor};
use crate::selector::PollSelector;

pub(super) fn serve(host: &Arc<Host>, doors: Vec<Door>) -> io::Result<()> {
    let mut reactor = Reactor::<PollSelector>::new(Arc::clone(host), doors, Placement::Here, true)?;
    reactor.run().map(drop)
}
