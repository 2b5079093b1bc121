//! The event-queue server: the kernel tells which calls are ready, by epoll(7).
//!
//! An idle call costs nothing at any turn, however many there are. A worker a core.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::selector::EpollSelector;

pub(super) fn serve(host: &Arc<Host>, workers: Vec<Vec<Door>>) -> io::Result<()> {
    super::workers::serve::<EpollSelector>(host, workers)
}
