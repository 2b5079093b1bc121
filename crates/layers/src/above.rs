//! What one event has for above: is it open, what came, has it ended.
//!
//! Protected: what came before an end or a failure is there with it, in order. Bound: one event brings at most what it
//! was given and what its layers held back before, which each of them bounds.

use conversation::Shape;

use crate::append::append;
use crate::spare::fit;
use crate::{Failure, ProxyHeader, Told};

/// What one event has for above, in the order in which it is to be taken: what is told, that it is open, the pieces,
/// the end, the failure.
///
/// It is made to be used again: an engine keeps one, and [clears](Above::clear) it after each event.
#[derive(Debug, Default)]
pub struct Above {
    told: Vec<Told>,
    is_open: bool,
    bytes: Vec<u8>,
    /// Where each message ends in `bytes`; none on a byte stream.
    ends: Vec<usize>,
    is_finished: bool,
    failed: Option<Box<Failure>>,
}

impl Above {
    /// Nothing yet, with this memory for what comes.
    pub(crate) fn over(memory: Vec<u8>) -> Above {
        debug_assert!(memory.is_empty(), "memory with something in it");
        Above { bytes: memory, ..Above::default() }
    }

    /// Its memory, to be used again.
    pub(crate) fn into_memory(self) -> Vec<u8> {
        self.bytes
    }

    /// What the layers have to tell.
    #[must_use]
    pub fn told(&self) -> &[Told] {
        &self.told
    }

    /// Takes out whom the proxy before us has named, of what the layers have to tell.
    pub fn take_introduction(&mut self) -> Option<ProxyHeader> {
        let place = self.told.iter().position(|told| matches!(told, Told::Proxy(_)))?;
        if let Told::Proxy(header) = self.told.remove(place) { Some(header) } else { None }
    }

    /// Whether it opened with this event.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The same, which is then taken.
    pub fn take_open(&mut self) -> bool {
        std::mem::take(&mut self.is_open)
    }

    /// What came: on a byte stream one cut of it or none, else each message.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let stream = (self.ends.is_empty() && !self.bytes.is_empty()).then_some(&self.bytes[..]);
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        stream.into_iter().chain(starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end]))
    }

    /// Whether the peer has finished: nothing more comes.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Why it cannot go on, if so.
    #[must_use]
    pub fn failed(&self) -> Option<&Failure> {
        self.failed.as_deref()
    }

    /// Whether there is nothing for above.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let has_bytes = !self.bytes.is_empty() || !self.ends.is_empty();
        !(has_bytes || self.is_open || self.is_finished || self.failed.is_some()) && self.told.is_empty()
    }

    /// Takes all of it out, and keeps the memory.
    pub fn clear(&mut self) {
        self.told.clear();
        self.is_open = false;
        self.bytes.clear();
        self.ends.clear();
        self.is_finished = false;
        self.failed = None;
    }

    /// It is not taken for now: gives back memory that is too much for it.
    pub fn fit(&mut self) {
        fit(&mut self.bytes);
    }

    pub(crate) fn tell(&mut self, told: Told) {
        self.told.push(told);
    }

    pub(crate) fn tell_all(&mut self, told: &mut Vec<Told>) {
        self.told.append(told);
    }

    pub(crate) fn told_mut(&mut self) -> &mut Vec<Told> {
        &mut self.told
    }

    pub(crate) fn open(&mut self) {
        self.is_open = true;
    }

    pub(crate) fn deliver(&mut self, bytes: &[u8]) {
        append(&mut self.bytes, bytes);
    }

    pub(crate) fn deliver_message(&mut self, message: &[u8]) {
        append(&mut self.bytes, message);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn deliver_as(&mut self, shape: Shape, bytes: &[u8]) {
        if shape.keeps_boundaries() { self.deliver_message(bytes) } else { self.deliver(bytes) }
    }

    pub(crate) fn finish(&mut self) {
        self.is_finished = true;
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        self.failed.get_or_insert_with(|| Box::new(failure));
    }

    pub(crate) fn take_failure(&mut self) -> Option<Failure> {
        self.failed.take().map(|failure| *failure)
    }
}
