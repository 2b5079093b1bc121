//! What is to go below, until it is taken.
//!
//! Protected: bytes leave in the order in which they came, messages whole, and the end after the last of them: what comes
//! behind the end is dropped, as a socket that is shut down would. An idle leg holds no memory here.

use std::collections::VecDeque;
use std::io;

use conversation::Shape;

use crate::Spare;
use crate::append::append;
use crate::spare::fit;

/// Memory that is kept when all has been taken and it is nobody else's, in bytes; more is given back.
const KEPT_BYTES: usize = 4 * 1024;

/// What a message counts beyond its bytes, so that empty ones are bounded too.
const MESSAGE_OVERHEAD_BYTES: usize = 64;

/// Bytes or messages for below, and whether they are the last.
#[derive(Debug, Default)]
pub struct Below {
    bytes: Vec<u8>,
    /// How long each message is; none on a byte stream.
    lengths: VecDeque<usize>,
    /// Bytes at the front that were taken already.
    taken: usize,
    is_finished: bool,
}

impl Below {
    /// Nothing yet, with this memory for what comes.
    pub(crate) fn over(memory: Vec<u8>) -> Below {
        debug_assert!(memory.is_empty(), "memory with something in it");
        Below { bytes: memory, ..Below::default() }
    }

    /// Its memory, to be used again.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// Gives its memory back, if nothing is in it; else what is too much.
    pub(crate) fn give_back(&mut self, spare: &mut Spare) {
        if self.bytes.is_empty() {
            spare.put(std::mem::take(&mut self.bytes));
        } else {
            fit(&mut self.bytes);
        }
    }

    /// Gives memory back to the system, if nothing is in it.
    pub(crate) fn shrink(&mut self) {
        if self.bytes.is_empty() {
            self.bytes.shrink_to(KEPT_BYTES);
        }
    }

    /// Gives it memory, if it has none.
    pub(crate) fn borrow(&mut self, spare: &mut Spare) {
        if self.bytes.capacity() == 0 {
            self.bytes = spare.take();
        }
    }

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

    /// What goes at once: on a byte stream all of it, else the first message.
    #[must_use]
    pub fn next(&self) -> Option<&[u8]> {
        let bytes = self.bytes();
        match self.lengths.front() {
            Some(length) => Some(&bytes[..*length]),
            None => (!bytes.is_empty()).then_some(bytes),
        }
    }

    /// What is there: one cut of a byte stream or none, else each message.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.bytes();
        let stream = (self.lengths.is_empty() && !bytes.is_empty()).then_some(bytes);
        let messages = self.lengths.iter().scan(bytes, |rest, length| {
            let (message, behind) = rest.split_at(*length);
            *rest = behind;
            Some(message)
        });
        stream.into_iter().chain(messages)
    }

    /// Puts a message behind those that are there.
    pub fn push_message(&mut self, message: &[u8]) {
        if !self.is_finished {
            append(&mut self.bytes, message);
            self.lengths.push_back(message.len());
        }
    }

    /// Puts a cut of a byte stream, or a message, behind what is there.
    pub fn push_as(&mut self, shape: Shape, bytes: &[u8]) {
        if shape.keeps_boundaries() { self.push_message(bytes) } else { self.push(bytes) }
    }

    /// Puts bytes behind those that are there.
    pub fn push(&mut self, bytes: &[u8]) {
        self.push_mut(bytes);
    }

    /// The same, to be changed where they are now; none where nothing is taken any more.
    pub(crate) fn push_mut(&mut self, bytes: &[u8]) -> &mut [u8] {
        let start = self.bytes.len();
        if !self.is_finished {
            append(&mut self.bytes, bytes);
        }
        &mut self.bytes[start..]
    }

    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
    }

    /// What all of it counts, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.bytes().len() + self.lengths.len() * MESSAGE_OVERHEAD_BYTES
    }

    /// So many bytes were taken from the front; of a message all are, however many.
    pub(crate) fn take(&mut self, bytes: usize) {
        let bytes = self.lengths.pop_front().unwrap_or(bytes);
        if self.lengths.is_empty() {
            self.lengths.shrink_to(KEPT_BYTES / size_of::<usize>());
        }
        self.taken = (self.taken + bytes).min(self.bytes.len());
        if self.taken == self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
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
