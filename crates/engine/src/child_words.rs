//! What a child has to tell its parent in words, where its exit status can only say of which kind it was: why a caller
//! was not joined to the other end.
//!
//! pipe(7): one for all children, made before the first is forked. Protected: a record is written whole or not at all,
//! since it has at most `PIPE_BUF` bytes and nobody waits; whoever is reaped has written before. Bounds: 4 KiB of words a child;
//! where the pipe is full the exit status says it alone.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};

use rustix::pipe::{PIPE_BUF, PipeFlags, pipe_with};
use rustix::process::{Pid, getpid};

/// Bytes in front of the words: the process and their length, 4 each.
const HEAD: usize = 8;

#[derive(Debug)]
pub(crate) struct ChildWords {
    from: OwnedFd,
    to: OwnedFd,
    /// What was read and not asked for yet, by process.
    heard: Mutex<HashMap<u32, String>>,
}

impl ChildWords {
    /// # Errors
    ///
    /// Descriptors are short.
    pub(crate) fn new() -> io::Result<ChildWords> {
        let (from, to) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(ChildWords { from, to, heard: Mutex::default() })
    }

    /// In the child: leaves these words.
    pub(crate) fn leave(&self, words: &str) {
        let mut end = words.len().min(PIPE_BUF - HEAD);
        while !words.is_char_boundary(end) {
            end -= 1;
        }
        let words = &words[..end];
        let (process, length) = (getpid().as_raw_pid().to_ne_bytes(), (words.len() as u32).to_ne_bytes());
        let record = [&process, &length, words.as_bytes()].concat();
        let _ = rustix::io::write(&self.to, &record); // the exit status says it too
    }

    /// In the parent: the words of a child that was reaped; it `has_some` by its exit status. It is asked of each child,
    /// so that none are kept.
    pub(crate) fn take(&self, process: Pid, has_some: bool) -> Option<String> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if has_some {
            heard.extend(self.read());
        }
        u32::try_from(process.as_raw_pid()).ok().and_then(|process| heard.remove(&process))
    }

    fn read(&self) -> Vec<(u32, String)> {
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4 * PIPE_BUF]);
        while let Ok(length @ 1..) = rustix::io::read(&self.from, &mut buffer) {
            bytes.extend_from_slice(&buffer[..length]);
        }
        let (mut records, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((process, more)) = rest.split_first_chunk()
            && let Some((length, more)) = more.split_first_chunk()
            && let Some((words, more)) = more.split_at_checked(u32::from_ne_bytes(*length) as usize)
        {
            records.push((u32::from_ne_bytes(*process), String::from_utf8_lossy(words).into_owned()));
            rest = more;
        }
        records
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
mod tests {
    use super::*;

    #[test]
    fn words_come_to_whoever_asks_for_that_process_once_and_cut_to_their_bound() {
        let words = ChildWords::new().unwrap();
        words.leave("cannot start it: no such file");
        words.leave(&"é".repeat(PIPE_BUF));
        let other = Pid::from_raw(1).unwrap();
        assert_eq!(words.take(getpid(), false), None, "nothing was read yet");
        assert_eq!(words.take(other, true), None);
        let heard = words.take(getpid(), false).unwrap();
        assert_eq!(heard, "é".repeat((PIPE_BUF - HEAD) / 2), "the last of a process");
        assert_eq!(words.take(getpid(), true), None);
    }

    #[test]
    fn a_full_pipe_makes_nobody_wait() {
        let words = ChildWords::new().unwrap();
        (0..100).for_each(|_| words.leave(&"x".repeat(PIPE_BUF)));
        assert_eq!(words.take(getpid(), true).unwrap().len(), PIPE_BUF - HEAD);
    }
}
