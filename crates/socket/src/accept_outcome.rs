//! What to do after accept(2) failed, by its errno.
//!
//! One table for every engine. accept(2), "Error handling": the network errors of a call that was waiting come
//! out of accept; they are that caller's end, not the listener's. Running out of descriptors or memory must
//! neither end a server nor make it spin.

use std::io;

/// What a failed accept(2) means for the loop around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcceptOutcome {
    /// Nobody is waiting: poll again.
    Done,
    /// This caller is lost, others may wait: accept again.
    Retry,
    /// Out of descriptors or memory: say so once and accept again after a while, by a timer.
    Pause,
    /// The listener was shut down: stop without an error.
    Stop,
    /// The listener is broken: stop, and report address, call and errno.
    Fail,
}

impl AcceptOutcome {
    /// The outcome for an error of [`Listener::accept`](crate::Listener::accept).
    #[must_use]
    pub fn of(error: &io::Error) -> AcceptOutcome {
        error.raw_os_error().map_or(AcceptOutcome::Fail, accept_outcome)
    }
}

/// The outcome for an errno of accept4(2). One that is not in the table is [`AcceptOutcome::Fail`].
#[must_use]
pub fn accept_outcome(errno: i32) -> AcceptOutcome {
    let row = OUTCOMES.iter().find(|(listed, _)| *listed == errno);
    row.map_or(AcceptOutcome::Fail, |(_, outcome)| *outcome)
}

// On Linux EWOULDBLOCK is EAGAIN.
const OUTCOMES: [(i32, AcceptOutcome); 17] = [
    (libc::EAGAIN, AcceptOutcome::Done),
    (libc::EINTR, AcceptOutcome::Retry),
    (libc::ECONNABORTED, AcceptOutcome::Retry),
    (libc::EPROTO, AcceptOutcome::Retry),
    (libc::ENETDOWN, AcceptOutcome::Retry),
    (libc::ENOPROTOOPT, AcceptOutcome::Retry),
    (libc::EHOSTDOWN, AcceptOutcome::Retry),
    (libc::ENONET, AcceptOutcome::Retry),
    (libc::EHOSTUNREACH, AcceptOutcome::Retry),
    (libc::EOPNOTSUPP, AcceptOutcome::Retry),
    (libc::ENETUNREACH, AcceptOutcome::Retry),
    (libc::EPERM, AcceptOutcome::Retry), // A firewall rule forbids the call.
    (libc::EMFILE, AcceptOutcome::Pause),
    (libc::ENFILE, AcceptOutcome::Pause),
    (libc::ENOBUFS, AcceptOutcome::Pause),
    (libc::ENOMEM, AcceptOutcome::Pause),
    (libc::EINVAL, AcceptOutcome::Stop),
];

#[cfg(test)]
mod tests {
    use super::*;
    use AcceptOutcome::{Done, Fail, Pause, Retry, Stop};

    #[test]
    fn nobody_waiting_is_done() {
        assert_eq!(accept_outcome(libc::EAGAIN), Done);
        assert_eq!(accept_outcome(libc::EWOULDBLOCK), Done);
    }

    #[test]
    fn a_lost_caller_costs_only_that_call() {
        for errno in [libc::EINTR, libc::ECONNABORTED, libc::EPROTO, libc::ENETUNREACH, libc::EPERM] {
            assert_eq!(accept_outcome(errno), Retry, "{errno}");
        }
    }

    #[test]
    fn running_out_of_descriptors_or_memory_pauses() {
        for errno in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM] {
            assert_eq!(accept_outcome(errno), Pause, "{errno}");
        }
    }

    #[test]
    fn a_shut_listener_stops_and_a_broken_one_fails() {
        assert_eq!(accept_outcome(libc::EINVAL), Stop);
        for errno in [libc::EBADF, libc::ENOTSOCK, libc::EFAULT, 0, -1] {
            assert_eq!(accept_outcome(errno), Fail, "{errno}");
        }
        assert_eq!(AcceptOutcome::of(&io::Error::other("no errno")), Fail);
    }

    #[test]
    fn each_errno_has_one_row() {
        for (place, (errno, _)) in OUTCOMES.iter().enumerate() {
            assert!(OUTCOMES[place + 1..].iter().all(|(other, _)| other != errno), "{errno}");
        }
    }
}
