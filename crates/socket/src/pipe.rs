//! A pipe of our own, through which bytes go from one descriptor to another without passing through our memory.
//!
//! pipe(7), splice(2). The kernel hands pages over instead of copying them: out of the receive queue of one socket, into
//! the send queue of another. Bounds: a MiB, where the user may have pipes of that size, and at least one page.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};

use crate::call;

/// Bytes that a pipe is asked to hold: the largest that a user without privileges may have, `pipe-max-size`.
pub const PIPE_BYTES: usize = 1 << 20;

/// Bytes that a pipe in front of us is asked to hold once bulk comes through it, or half of them: four times what it has
/// from birth. Twice as many would gain nothing more, and the pages of a user's pipes are counted (`pipe-user-pages-soft`,
/// 64 MiB): beyond that whoever makes a pipe gets one of a page or two.
const SHARED_PIPE_BYTES: usize = 256 << 10;

/// Widens a pipe that others made. It stays what it is where it is wide already, or the user may have no more.
pub(crate) fn widen(pipe: impl AsFd) {
    let Ok(bytes) = fcntl_getpipe_size(&pipe) else { return };
    let wider = [SHARED_PIPE_BYTES, SHARED_PIPE_BYTES / 2].into_iter().filter(|wider| *wider > bytes);
    wider.into_iter().find(|wider| fcntl_setpipe_size(&pipe, *wider).is_ok());
}

/// What one descriptor gave and another has not taken yet.
#[derive(Debug)]
pub struct Pipe {
    into: OwnedFd,
    out_of: OwnedFd,
    held: usize,
}

impl Pipe {
    /// An empty one.
    ///
    /// # Errors
    ///
    /// Descriptors are short (`EMFILE`, `ENFILE`).
    pub fn new() -> io::Result<Pipe> {
        let (out_of, into) = call::pipe()?;
        // Where the user has many pages in pipes already it stays at what it is, pipe(7): pipe-user-pages-soft.
        let _ = fcntl_setpipe_size(&into, PIPE_BYTES);
        Ok(Pipe { into, out_of, held: 0 })
    }

    /// Bytes in it.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    /// Moves what `from` has, at most [`PIPE_BYTES`]. Returns how many bytes; none at its end.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it has nothing now, or the pipe is full; `EINVAL` for a file that cannot be
    /// spliced.
    pub(crate) fn fill(&mut self, from: impl AsFd) -> io::Result<usize> {
        let moved = call::splice(from, &self.into, PIPE_BYTES)?;
        self.held += moved;
        Ok(moved)
    }

    /// Moves what is in it, as much as `to` takes now. Returns how many bytes.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes nothing now; `EINVAL` for a file that cannot be spliced; what a
    /// write says.
    pub(crate) fn drain(&mut self, to: impl AsFd) -> io::Result<usize> {
        let moved = call::splice(&self.out_of, to, self.held)?;
        self.held -= moved.min(self.held);
        Ok(moved)
    }

    /// What is in it, for a file that takes bytes only by write(2).
    ///
    /// # Errors
    ///
    /// What read(2) says.
    pub fn take(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.held];
        let mut length = 0;
        while length < bytes.len() {
            match call::read(&self.out_of, &mut bytes[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(length);
        self.held = 0;
        Ok(bytes)
    }
}
