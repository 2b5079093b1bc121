//! The descriptor limit of this process: as high as it may be.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open descriptors to the hard limit: a server's callers are descriptors.
pub(crate) fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Raising the soft limit to the hard one is always allowed; without it the old limit holds.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}
