//! Standard input and output as one end, `-` in an address.
//!
//! stdin(3). The open files behind them are shared with other processes, so their flags are never changed: to
//! receive, poll(2) first; to send, see `write_nowait.rs`.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use address::End;

use crate::{Received, call, write_without_blocking};

/// Standard input and output, or any other pair of files in their place.
#[derive(Debug)]
pub struct Standard {
    input: OwnedFd,
    /// Gone once we have finished.
    output: Option<OwnedFd>,
    /// Whether `output` is this process's descriptor 1.
    is_stdout: bool,
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
        Ok(Standard { input, output: Some(output), is_stdout: true })
    }

    /// Another pair of files: pipes to a program, for example.
    #[must_use]
    pub fn from_pair(input: OwnedFd, output: OwnedFd) -> Standard {
        Standard { input, output: Some(output), is_stdout: false }
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
