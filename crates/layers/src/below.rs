//! What is to go below, until it is taken.
//!
//! Protected: bytes leave in the order in which they came, and the end after the last of them: what comes behind the end
//! is dropped, as a socket that is shut down would. An idle leg holds no memory here.

use std::io;

/// Memory that is kept when all has been taken, in bytes; more is given back.
const KEPT_BYTES: usize = 4 * 1024;

/// Bytes for below, and whether they are the last.
#[derive(Debug, Default)]
pub struct Below {
    bytes: Vec<u8>,
    /// Bytes at the front that were taken already.
    taken: usize,
    is_finished: bool,
}

impl Below {
    /// What has not been taken yet.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Whether nothing will come behind these bytes.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Puts bytes behind those that are there.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_finished {
            self.bytes.extend_from_slice(bytes);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
    }

    /// So many bytes were taken from the front.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken = (self.taken + bytes).min(self.bytes.len());
        if self.taken == self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            self.bytes.shrink_to(KEPT_BYTES);
        } else if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
    }
}

impl io::Write for Below {
    /// Takes all of it.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
