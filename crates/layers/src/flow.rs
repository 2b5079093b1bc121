//! Where a layer puts what comes of one event.

use conversation::{Now, Shape};

use crate::{Above, Below, Failure, Told};

/// What comes of one event, and the time at which it happened.
///
/// It lives for one event, as an outbox does; what is put into it is taken before the next.
#[derive(Debug)]
pub struct Flow<'f> {
    now: Now,
    below: &'f mut Below,
    above: &'f mut Above,
}

impl<'f> Flow<'f> {
    /// A flow for an event at `now`.
    #[must_use]
    pub fn new(now: Now, below: &'f mut Below, above: &'f mut Above) -> Flow<'f> {
        Flow { now, below, above }
    }

    /// When the event happened.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// What is for below: bytes are written behind what is there.
    pub fn below(&mut self) -> &mut Below {
        self.below
    }

    /// Sends no more below.
    pub fn finish_below(&mut self) {
        self.below.finish();
    }

    /// Says something worth knowing.
    pub fn tell(&mut self, told: Told) {
        self.above.tell(told);
    }

    /// The layer is open: from now on it may be sent on.
    pub fn open(&mut self) {
        self.above.open();
    }

    /// Bytes of a stream for above.
    pub fn deliver(&mut self, bytes: &[u8]) {
        self.above.deliver(bytes);
    }

    /// A message for above.
    pub fn deliver_message(&mut self, message: &[u8]) {
        self.above.deliver_message(message);
    }

    /// A cut of a byte stream, or a message, for above.
    pub fn deliver_as(&mut self, shape: Shape, bytes: &[u8]) {
        self.above.deliver_as(shape, bytes);
    }

    /// Nothing more comes: the peer has said so.
    pub fn finish_above(&mut self) {
        self.above.finish();
    }

    /// It is broken off, without an end: what is for below is still sent, and then the leg is reset.
    pub fn break_off(&mut self, failure: impl Into<Failure>) {
        self.above.fail(failure.into());
    }

    /// It cannot go on. What is for below is still sent, and then no more.
    pub fn fail(&mut self, failure: impl Into<Failure>) {
        self.below.finish();
        self.above.fail(failure.into());
    }
}
