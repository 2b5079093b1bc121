//! Who may call, from the arguments to the plan; read again at SIGHUP.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use switchboard::{
    Access, End, Engine, Event, Identity, IdentityError, Limits, Observer, ReadRulesErrorKind, SignalWatch,
    Transport,
};

use crate::failure::{Failure, Status};
use crate::invocation;
use crate::log::Log;

/// At this signal the rules are read again, and a log file is opened anew.
pub(crate) const READS_AGAIN: i32 = libc::SIGHUP;

/// Reads who may call at doors of these transports.
///
/// # Errors
///
/// A rule that cannot be read; rules that cannot be kept there.
pub(crate) fn access(
    arguments: &invocation::Access,
    transports: &[Transport],
) -> Result<Arc<Access>, Failure> {
    let access = Access::read(arguments.allow.clone(), arguments.deny.clone()).map_err(|error| {
        let status = match &error.why {
            ReadRulesErrorKind::Host(_) => Status::NameNotFound,
            ReadRulesErrorKind::Rule(_)
            | ReadRulesErrorKind::Nested
            | ReadRulesErrorKind::NotText
            | ReadRulesErrorKind::NoSuchAccount(..) => Status::Usage,
            ReadRulesErrorKind::Open(_) | ReadRulesErrorKind::Account(..) => Status::Other,
        };
        Failure::new(status, error)
    })?;
    access.check(transports).map_err(Failure::usage)?;
    Ok(Arc::new(access))
}

/// Sets what was asked for; what was not stays as it is.
pub(crate) fn limit(limits: &mut Limits, arguments: &invocation::Admission) {
    limits.calls_per_peer_max = arguments.max_calls_per_peer;
    limits.calls_per_second = arguments.rate;
    limits.answers_per_second = arguments.rate_per_peer.unwrap_or(limits.answers_per_second);
    limits.call_bytes_max =
        arguments.max_bytes_per_call.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
    limits.call_duration_max = arguments.max_call_duration;
}

/// Whom the process is to become.
pub(crate) fn identity(arguments: &invocation::Admission) -> Result<Option<Identity>, Failure> {
    Identity::find(arguments.user.as_deref(), arguments.group.as_deref()).map_err(|error| {
        let status = match &error {
            IdentityError::NoSuch(..) | IdentityError::NoGroup(_) => Status::Usage,
            IdentityError::LookUp { .. } | IdentityError::Call { .. } | IdentityError::StillRoot(_) => {
                Status::Other
            }
        };
        Failure::new(status, error)
    })
}

/// Becomes `identity`, and says so.
pub(crate) fn assume(identity: &Identity, log: &Log) -> Result<(), Failure> {
    identity.assume().map_err(|error| Failure::new(Status::Other, error))?;
    log.detail(format_args!("from now on {identity}"));
    Ok(())
}

/// The Unix paths that were bound, to be looked at once more at the end: who has become somebody else may not be
/// able to remove them.
pub(crate) struct BoundPaths(Vec<(PathBuf, (u64, u64))>);

impl BoundPaths {
    pub(crate) fn of(ends: &[End]) -> BoundPaths {
        let paths = ends.iter().filter_map(|end| {
            let End::Path { path, .. } = end else { return None };
            let path = std::path::absolute(OsStr::from_bytes(path)).ok()?;
            let inode = inode(&path)?;
            Some((path, inode))
        });
        BoundPaths(paths.collect())
    }

    /// Says which of them are still there.
    pub(crate) fn say_left_behind(&self, identity: &Identity, log: &Log) {
        for (path, bound) in &self.0 {
            if inode(path) == Some(*bound) {
                log.note(format_args!(
                    "{path:?} is left behind: {identity} may not remove it from its directory; the next server \
                     there takes its place, or remove it by hand"
                ));
            }
        }
    }
}

fn inode(path: &Path) -> Option<(u64, u64)> {
    path.symlink_metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// Passes events on, and reads the rules again when a signal asks for it.
pub(crate) struct Reader {
    pub(crate) access: Arc<Access>,
    pub(crate) engine: Engine,
    pub(crate) watch: Arc<SignalWatch>,
    pub(crate) log: Log,
    pub(crate) next: Arc<dyn Observer>,
    /// Signals acted upon.
    pub(crate) seen: AtomicU32,
}

impl Observer for Reader {
    fn event(&self, event: &Event<'_>) {
        if matches!(event, Event::Bell) {
            let count = self.watch.count(READS_AGAIN);
            if self.seen.swap(count, Ordering::Relaxed) != count {
                self.read_again();
            }
        }
        self.next.event(event);
    }

    fn wants_open_calls(&self) -> bool {
        self.next.wants_open_calls()
    }

    fn wants_tcp_info(&self) -> bool {
        self.next.wants_tcp_info()
    }
}

impl Reader {
    /// A look-up may take its time: a thread waits for it, so that no call does. Not in a process that forks; its
    /// calls are its children's, and only new callers wait.
    fn read_again(&self) {
        let (access, log) = (Arc::clone(&self.access), self.log.clone());
        let read = move || match access.read_again() {
            Ok(()) => log.note("who may call was read again"),
            Err(error) => log.note(format_args!("who may call stays as it was: {error}")),
        };
        if self.engine == Engine::Process {
            return read();
        }
        if let Err(error) = std::thread::Builder::new().name("rules".into()).spawn(read) {
            let reason = sys::describe(&error);
            self.log.note(format_args!("who may call stays as it was: clone(2): {reason}"));
        }
    }
}
