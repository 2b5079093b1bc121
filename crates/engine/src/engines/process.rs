//! The forking server: a child process for each call.
//!
//! The parent answers and forks; the child holds its own caller's socket and nothing else of the parent's but the
//! pipe in which it may leave it a word, serves the call in a loop of its own, and ends. A child that crashes or is killed costs its own call. The
//! parent has one thread, holds no caller's socket, and reaps every child (by pidfd, so that no signal handler
//! is needed).

use std::io;
use std::sync::Arc;

use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};

use crate::ServeError;
use crate::child_words::ChildWords;
use crate::doors::Door;
use crate::host::Host;
use crate::reactor::{
    CHILD_AT_LIMIT, CHILD_CUT, CHILD_NOT_DIALLED, CHILD_OUTPUT_FAILED, CHILD_UNRECORDED, Left, Placement,
    Reactor, serve_one,
};
use crate::selector::EpollSelector;

pub(super) fn serve(host: &Arc<Host>, doors: Vec<Door>) -> io::Result<()> {
    let parent = getpid();
    let needs = host.plan.service.needs();
    if (needs.dial || needs.hand_over)
        && let Ok(words) = ChildWords::new()
    {
        let _ = host.child_words.set(words); // nobody else does
    }
    let mut reactor = Reactor::<EpollSelector>::new(Arc::clone(host), doors, Placement::Child, true)?;
    match reactor.run()? {
        Left::Done => Ok(()),
        Left::Newborn(newborn) => {
            die_with(parent);
            // The listeners, the pidfds of the siblings and the wait object are the parent's: close them.
            drop(reactor);
            serve_one(host, *newborn);
            sys::exit_now(match host.report() {
                Ok(report) if report.cut > 0 => CHILD_CUT,
                Ok(_) => match (host.tallies.take_limit(), host.tallies.take_not_dialled()) {
                    (Some(limit), _) => CHILD_AT_LIMIT + limit as i32,
                    (None, Some((kind, why))) => {
                        host.child_words.get().inspect(|words| words.leave(&why));
                        CHILD_NOT_DIALLED + kind as i32
                    }
                    (None, None) => host.tallies.take_unrecorded().map_or(0, |unrecorded| {
                        CHILD_UNRECORDED
                            + unrecorded.failed.errno.min(CHILD_OUTPUT_FAILED - CHILD_UNRECORDED - 1)
                    }),
                },
                Err(ServeError::Output(failed)) => CHILD_OUTPUT_FAILED + failed.errno.min(127),
                Err(ServeError::Engine(_) | ServeError::NoDoorLeft(_)) => 1,
            });
        }
    }
}

/// Has the kernel end this child when its parent ends in whatever way: a server that was killed leaves nothing
/// behind that nobody looks after.
fn die_with(parent: Pid) {
    // PR_SET_PDEATHSIG fails for no signal that exists.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if getppid() != Some(parent) {
        sys::exit_now(1); // it ended before that was set
    }
}
