//! The completion server: the kernel receives, and tells what came, by io_uring(7).
//!
//! Where an event queue says that a call can be read, this one brings the bytes. A worker a core.

use std::io;
use std::sync::Arc;

use crate::doors::Door;
use crate::host::Host;
use crate::selector::UringSelector;

pub(super) fn serve(host: &Arc<Host>, workers: Vec<Vec<Door>>) -> io::Result<()> {
    super::workers::serve::<UringSelector>(host, workers)
}
