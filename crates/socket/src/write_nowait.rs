//! write(2) that does not wait, on a descriptor that others share.
//!
//! `O_NONBLOCK` belongs to the open file, not to the descriptor: to set it on a terminal or pipe would set it
//! for every other process that holds it. So each write says for itself that it will not wait: pwritev2(2)
//! with `RWF_NOWAIT`, and where the file cannot do that, poll(2) first and then few enough bytes.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, fstat};
use rustix::io::ReadWriteFlags;

use crate::call;

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
    let outcome = call::write(&fd, bytes, ReadWriteFlags::NOWAIT);
    match outcome.as_ref().err().and_then(io::Error::raw_os_error) {
        // A file says EAGAIN when only its disk is to be waited for.
        Some(libc::EAGAIN) if !is_regular(&fd)? => outcome,
        Some(libc::EAGAIN | libc::EOPNOTSUPP | libc::ESPIPE | libc::EINVAL | libc::ENOSYS) => {
            write_if_ready(fd, bytes)
        }
        _ => outcome,
    }
}

fn write_if_ready(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    if is_regular(&fd)? {
        return call::write(fd, bytes, ReadWriteFlags::empty());
    }
    let mut asked = [PollFd::new(&fd, PollFlags::OUT)];
    call::poll(&mut asked, Some(Duration::ZERO))?;
    // An error or a reader that has gone is told by the write.
    if asked[0].revents().is_empty() {
        return Err(io::ErrorKind::WouldBlock.into());
    }
    call::write(fd, &bytes[..bytes.len().min(PIPE_BUF)], ReadWriteFlags::empty())
}

fn is_regular(fd: impl AsFd) -> io::Result<bool> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode) == FileType::RegularFile)
}
