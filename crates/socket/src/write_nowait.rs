//! write(2) that does not wait, on a descriptor that others share.
//!
//! `O_NONBLOCK` belongs to the open file, not to the descriptor: to set it on a terminal or pipe would set it
//! for every other process that holds it. So each write says for itself that it will not wait: pwritev2(2)
//! with `RWF_NOWAIT`, and where the file cannot do that, poll(2) first and then few enough bytes.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::{Errno, ReadWriteFlags, pwritev2, write};

/// pipe(7): a pipe that poll(2) calls writable takes this much at once. A terminal takes most of it; it may
/// wait for the rest if its user has stopped it (`Ctrl-S`) between poll and write.
const PIPE_BUF: usize = 4096;

/// Writes as many of the bytes as can be written now: at least one, unless there is none.
///
/// A regular file takes all of them; the disk is waited for.
///
/// # Errors
///
/// [`io::ErrorKind::WouldBlock`] if nothing can be written now; what write(2) says otherwise: `EPIPE` after the
/// reader has gone.
pub fn write_without_blocking(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    /// pwritev2(2): an offset of -1 is the file's own.
    const HERE: u64 = u64::MAX;
    match pwritev2(&fd, &[IoSlice::new(bytes)], HERE, ReadWriteFlags::NOWAIT) {
        // A file says EAGAIN when only its disk is to be waited for.
        Err(Errno::AGAIN) if !is_regular(&fd)? => Err(Errno::AGAIN.into()),
        Err(Errno::AGAIN | Errno::OPNOTSUPP | Errno::SPIPE | Errno::INVAL | Errno::NOSYS) => {
            write_if_ready(fd, bytes)
        }
        outcome => Ok(outcome?),
    }
}

fn write_if_ready(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    if is_regular(&fd)? {
        return Ok(write(fd, bytes)?);
    }
    let mut asked = [PollFd::new(&fd, PollFlags::OUT)];
    poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
    // An error or a reader that has gone is told by the write.
    if asked[0].revents().is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    Ok(write(fd, &bytes[..bytes.len().min(PIPE_BUF)])?)
}

fn is_regular(fd: impl AsFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::RegularFile)
}
