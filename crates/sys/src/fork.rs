//! fork(2), refused unless the process has exactly one thread.
//!
//! With a second thread the child would own copies of locks that nobody will ever open (signal-safety(7)),
//! the allocator's among them. With one thread the child is an ordinary Rust program, so the call is safe.

use std::io;
use std::os::unix::fs::MetadataExt;

use rustix::process::Pid;

/// Which of the two processes this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forked {
    /// The process that called.
    Parent {
        /// The new process, to be reaped with waitpid(2).
        child: Pid,
    },
    /// The new process. It holds a copy of every descriptor and of the memory; end it with [`exit_now`].
    ///
    /// Signals that are watched ([`SignalWatch`](crate::SignalWatch)) are counted here too, but do not wake:
    /// the eventfd is shared with the parent, which must not be woken by what a child is sent. So a signal to
    /// the whole process group is the parent's to act on.
    Child,
}

/// fork(2): makes a second process out of this one.
///
/// # Errors
///
/// [`io::ErrorKind::Unsupported`] if the process has more threads than the calling one; what fork(2) says
/// otherwise (`EAGAIN` at the limit of processes, `ENOMEM`).
pub fn fork() -> io::Result<Forked> {
    let threads = thread_count()?;
    if threads != 1 {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            format!("fork(2) is refused: the process has {threads} threads, and may have only one"),
        ));
    }
    // SAFETY: the calling thread is the only one, and only it could start another, so no lock and no
    // half-changed value of another thread is copied into the child.
    let answer = unsafe { libc::fork() };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(match Pid::from_raw(answer) {
        Some(child) => Forked::Parent { child },
        None => {
            crate::signal::leave_wakes_to_parent();
            Forked::Child
        }
    })
}

/// _exit(2): ends the process at once, with the status 0 to 255, running no destructor and no exit handler.
///
/// This is how a child of [`fork`] ends: buffers and guards copied from the parent are the parent's to flush
/// and to drop.
pub fn exit_now(status: i32) -> ! {
    // SAFETY: _exit has no precondition; it does not return.
    unsafe { libc::_exit(status) }
}

/// How many threads the process has: the links of proc(5)'s `/proc/self/task`, less `.` and `..`.
///
/// Asking for the links needs no descriptor, so that a server that has run out of them still counts right.
fn thread_count() -> io::Result<u64> {
    let task = std::fs::metadata("/proc/self/task").map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("fork(2) is refused: cannot count threads in /proc/self/task: {error}"),
        )
    })?;
    Ok(task.nlink().saturating_sub(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn fork_beside_a_second_thread_is_refused_with_a_sentence() {
        let (release, wait) = mpsc::channel::<()>();
        let second = std::thread::spawn(move || wait.recv());
        let error = fork().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::Unsupported);
        assert!(error.to_string().contains("may have only one"), "{error}");
        drop(release);
        assert!(second.join().unwrap().is_err());
    }
}
