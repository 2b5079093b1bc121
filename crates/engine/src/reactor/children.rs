//! The children of a forking engine: watched by pidfd, each reaped as it ends.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use conversation::{Call, CallFailed, DialFailure, DialFailureKind};
use layers::Unrecorded;
use rustix::process::{Pid, Signal, kill_process};

use crate::peer_places::PeerPlace;
use crate::selector::{Selector, Watch};
use crate::{CallLimit, Event, ServeError, call};

use super::{Reactor, Token};

/// How often a child without a pidfd is looked for.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Exit status of a child whose call the end of a drain cut off.
pub(crate) const CHILD_CUT: i32 = 10;

/// Exit status of a child whose call ended at the first of [`CallLimit::ALL`]; at the second, one more.
pub(crate) const CHILD_AT_LIMIT: i32 = 11;

/// Exit status of a child whose call could not be joined to the other end, by the first of
/// [`DialFailureKind::ALL`]; by the second, one more.
pub(crate) const CHILD_NOT_DIALLED: i32 = 20;

/// Exit status of a child whose taps could not record all that passed, less the errno (those above 97 count as 97).
pub(crate) const CHILD_UNRECORDED: i32 = 30;

/// Exit status of a child that could not write to the standard output, less the errno, which is below 128 for
/// every error that write(2) has.
pub(crate) const CHILD_OUTPUT_FAILED: i32 = 128;

pub(super) struct Child {
    process: Pid,
    call: Call,
    #[expect(dead_code, reason = "held to be given back when the child has ended")]
    place: Option<PeerPlace>,
    /// Readable once the child has ended: pidfd_open(2). `None` where none was to be had: it is looked for.
    pidfd: Option<OwnedFd>,
    overdue: bool,
}

impl Child {
    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }
}

impl<S: Selector> Reactor<S> {
    /// Looks after a new child. Its call keeps its place until the child is reaped.
    pub(super) fn adopt(&mut self, process: Pid, call: Call, place: Option<PeerPlace>) {
        let entry = self.children.vacant_entry();
        let token = Token::Child(entry.key()).pack();
        let pidfd = call::pidfd_open(process)
            .ok()
            .filter(|pidfd| self.selector.add(pidfd.as_fd(), token, Watch::Read).is_ok());
        entry.insert(Child { process, call, place, pidfd, overdue: false });
    }

    pub(super) fn has_unwatched_children(&self) -> bool {
        self.children.iter().any(|(_, child)| child.pidfd.is_none())
    }

    /// Looks for the end of children that have no pidfd.
    pub(super) fn reap_unwatched(&mut self) {
        let unwatched = self.children.iter().filter(|(_, child)| child.pidfd.is_none());
        for index in unwatched.map(|(index, _)| index).collect::<Vec<_>>() {
            self.reap(index);
        }
    }

    /// A child has ended.
    pub(super) fn reap(&mut self, index: usize) {
        let Some(child) = self.children.get(index) else { return };
        let Ok(Some(status)) = call::waitpid(child.process) else { return };
        let child = self.children.remove(index);
        self.host.leave_place();
        self.doors_may_answer();
        self.host.tell(&Event::ChildEnded {
            call_number: child.call.number,
            process: child.process.as_raw_nonzero().get(),
            signal: status.terminating_signal(),
        });
        let kind = status.exit_status().and_then(|status| usize::try_from(status - CHILD_NOT_DIALLED).ok());
        let kind = kind.and_then(|index| DialFailureKind::ALL.get(index)).copied();
        let words = self.host.child_words.get();
        let words = words.and_then(|words| words.take(child.process, kind.is_some()));
        if let Some(kind) = kind {
            let why = DialFailure { kind, may_pass: false, text: words.unwrap_or_else(|| kind.to_string()) };
            self.host.tallies.not_dialled(&child.call.peer, &why);
        }
        match status.exit_status() {
            Some(CHILD_CUT) => self.host.count_cut(),
            Some(status) if status >= CHILD_OUTPUT_FAILED => {
                let errno = status - CHILD_OUTPUT_FAILED;
                self.host.fail(ServeError::Output(CallFailed { call: "write(2)", errno }));
            }
            Some(status) if status > CHILD_UNRECORDED => {
                let failed = CallFailed { call: "write(2)", errno: status - CHILD_UNRECORDED };
                let file = "a file of its taps".to_owned();
                self.host.tallies.unrecorded(&Unrecorded { file, failed });
            }
            Some(status) => {
                let behind = |first| usize::try_from(status - first).ok();
                if let Some(limit) = behind(CHILD_AT_LIMIT).and_then(|index| CallLimit::ALL.get(index)) {
                    self.host.tallies.ended_at(*limit, &child.call.peer);
                }
            }
            None => {}
        }
    }

    /// Ends the children that did not end by themselves since the last time this was called.
    pub(super) fn kill_overdue_children(&mut self) {
        for (_, child) in &mut self.children {
            if std::mem::replace(&mut child.overdue, true) {
                let _ = kill_process(child.process, Signal::KILL); // it may have ended just now
            }
        }
    }
}
