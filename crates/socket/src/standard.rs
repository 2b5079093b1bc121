//! Standard input and output as one end, `-` in an address.
//!
//! stdin(3). The open files behind them are shared with other processes, so their flags are never changed: to
//! receive, poll(2) first; to send, see `write_nowait.rs`.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use address::End;
use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat};

use crate::pipe::widen;
use crate::{Pipe, Received, call, write_without_blocking};

/// Standard input and output, or any other pair of files in their place.
#[derive(Debug)]
pub struct Standard {
    input: OwnedFd,
    /// Gone once we have finished.
    output: Option<OwnedFd>,
    /// Whether `output` is this process's descriptor 1.
    is_stdout: bool,
    /// Whether a splice from the input, and to the output, is worth a try.
    splices: (bool, bool),
    /// Whether bulk came from the input, and to the output, so that pipes there are wide.
    is_wide: (bool, bool),
}

impl Standard {
    /// This process's own: duplicates of its descriptors 0 and 1, close-on-exec.
    ///
    /// # Errors
    ///
    /// `EBADF` if one of them is closed.
    pub fn open() -> io::Result<Standard> {
        let input = call::duplicate_standard(0)?;
        let output = call::duplicate_standard(1)?;
        Ok(Standard { is_stdout: true, ..Standard::from_pair(input, output) })
    }

    /// Another pair of files: pipes to a program, for example.
    #[must_use]
    pub fn from_pair(input: OwnedFd, output: OwnedFd) -> Standard {
        let splices = (splices(&input), splices(&output));
        Standard { input, output: Some(output), is_stdout: false, splices, is_wide: (false, false) }
    }

    /// Where it is: `-`.
    #[must_use]
    pub fn end(&self) -> End {
        End::Standard
    }

    /// To poll for input.
    #[must_use]
    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// To poll for room in the output; `None` once we have finished.
    #[must_use]
    pub fn output(&self) -> Option<BorrowedFd<'_>> {
        self.output.as_ref().map(AsFd::as_fd)
    }

    /// read(2), once. Call it when poll(2) says that it may be read, or it waits.
    ///
    /// # Errors
    ///
    /// What read(2) says.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Received> {
        let room = !buffer.is_empty();
        let length = call::read(&self.input, buffer)?;
        Ok(Received { length, whole: length, end: length == 0 && room })
    }

    /// As many of the bytes as can be written now.
    ///
    /// # Errors
    ///
    /// As [`write_without_blocking`]; `EPIPE` after [`finish`](Self::finish).
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        match &self.output {
            Some(output) => write_without_blocking(output, bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Whether what is read can go through a [`Pipe`].
    #[must_use]
    pub fn can_splice_input(&self) -> bool {
        self.splices.0
    }

    /// Whether what is written can come through a [`Pipe`].
    #[must_use]
    pub fn can_splice_output(&self) -> bool {
        self.splices.1
    }

    /// splice(2): as [`receive`](Self::receive), into a pipe. A pipe in front of us is widened, `F_SETPIPE_SZ`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] also if the pipe is full; `EINVAL` for a file that cannot be spliced.
    pub fn receive_into(&mut self, pipe: &mut Pipe) -> io::Result<usize> {
        if !std::mem::replace(&mut self.is_wide.0, true) {
            widen(&self.input);
        }
        pipe.fill(&self.input)
    }

    /// splice(2): as [`send`](Self::send), out of a pipe.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `EINVAL` for a file that cannot be spliced.
    pub fn send_from(&mut self, pipe: &mut Pipe) -> io::Result<usize> {
        match &self.output {
            Some(output) => {
                if !std::mem::replace(&mut self.is_wide.1, true) {
                    widen(output);
                }
                pipe.drain(output)
            }
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// We will write no more: who reads our output sees its end now.
    ///
    /// Descriptor 1 itself becomes `/dev/null`, so that nothing that is opened later can take its place.
    ///
    /// # Errors
    ///
    /// What opening `/dev/null` or dup2(2) says.
    pub fn finish(&mut self) -> io::Result<()> {
        let Some(output) = self.output.take() else { return Ok(()) };
        // On a socket, which the input may share, closing one descriptor would tell the peer nothing; on
        // anything else this is ENOTSOCK.
        let _not_a_socket = call::shutdown(&output);
        if self.is_stdout {
            let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
            rustix::stdio::dup2_stdout(&nowhere)?;
        }
        Ok(())
    }
}

/// Pipes, on which a splice does not wait, and files, on which everything waits for the disk alone. A file that is
/// only appended to takes no splice, splice(2); a terminal or a socket of others might be waited for.
pub(crate) fn splices(fd: impl AsFd) -> bool {
    let Ok(stat) = fstat(&fd) else { return false };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Fifo => true,
        FileType::RegularFile => fcntl_getfl(&fd).is_ok_and(|flags| !flags.contains(OFlags::APPEND)),
        FileType::CharacterDevice => is_null(&stat),
        FileType::Directory
        | FileType::Symlink
        | FileType::Socket
        | FileType::BlockDevice
        | FileType::Unknown => false,
    }
}

/// null(4): major 1, minor 3.
fn is_null(stat: &rustix::fs::Stat) -> bool {
    rustix::fs::major(stat.st_rdev) == 1 && rustix::fs::minor(stat.st_rdev) == 3
}
