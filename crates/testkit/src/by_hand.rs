//! A service made of one closure, for tests that need a conversation of their own.

use std::sync::Arc;

use conversation::{Call, CloseReason, Conversation, DialFailure, Leg, Needs, Outbox, Service, Topic};

/// An event as a value, so that one closure can hear them all.
#[derive(Clone, Copy, Debug)]
pub enum Event<'e> {
    /// [`Conversation::opened`].
    Opened(&'e Call),
    /// [`Conversation::received`].
    Received(Leg, &'e [u8]),
    /// [`Conversation::peer_finished`].
    PeerFinished(Leg),
    /// [`Conversation::deadline`].
    Deadline,
    /// [`Conversation::connected`].
    Connected(Leg),
    /// [`Conversation::dial_failed`].
    DialFailed(Leg, &'e DialFailure),
    /// [`Conversation::peer_named`].
    PeerNamed(Option<&'e str>),
    /// [`Conversation::drained`].
    Drained(Leg),
    /// [`Conversation::heard`].
    Heard(&'e Topic, &'e Arc<[u8]>),
    /// [`Conversation::missed`].
    Missed(&'e Topic, u64),
    /// [`Conversation::closed`].
    Closed(CloseReason),
}

/// A service whose conversations are closures.
///
/// ```
/// use testkit::{ByHand, Event};
///
/// let echo = ByHand::new(|| {
///     |event, out| match event {
///         Event::Received(leg, bytes) => out.send(leg, bytes.to_vec()),
///         Event::PeerFinished(leg) => out.finish(leg),
///         _ => {}
///     }
/// });
/// # drop(echo);
/// ```
pub struct ByHand<M> {
    make: M,
    needs: Needs,
}

impl<M, F> ByHand<M>
where
    M: Fn() -> F + Send + Sync,
    F: FnMut(Event<'_>, &mut Outbox<'_>) + Send + 'static,
{
    /// `make` makes the closure of one more call.
    pub fn new(make: M) -> ByHand<M> {
        ByHand { make, needs: Needs::default() }
    }

    /// The same, remembering datagram peers.
    #[must_use]
    pub fn with_memory_of_peers(mut self) -> ByHand<M> {
        self.needs.memory_of_peers = true;
        self
    }
}

impl<M, F> Service for ByHand<M>
where
    M: Fn() -> F + Send + Sync,
    F: FnMut(Event<'_>, &mut Outbox<'_>) + Send + 'static,
{
    fn name(&self) -> &'static str {
        "by-hand"
    }

    fn needs(&self) -> Needs {
        self.needs
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Hand((self.make)()))
    }
}

struct Hand<F>(F);

impl<F: FnMut(Event<'_>, &mut Outbox<'_>) + Send> Conversation for Hand<F> {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        (self.0)(Event::Opened(call), out);
    }

    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        (self.0)(Event::Received(leg, bytes), out);
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        (self.0)(Event::PeerFinished(leg), out);
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        (self.0)(Event::Deadline, out);
    }

    fn connected(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        (self.0)(Event::Connected(leg), out);
    }

    fn dial_failed(&mut self, leg: Leg, why: &DialFailure, out: &mut Outbox<'_>) {
        (self.0)(Event::DialFailed(leg, why), out);
    }

    fn peer_named(&mut self, name: Option<&str>, out: &mut Outbox<'_>) {
        (self.0)(Event::PeerNamed(name), out);
    }

    fn drained(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        (self.0)(Event::Drained(leg), out);
    }

    fn heard(&mut self, topic: &Topic, bytes: &Arc<[u8]>, out: &mut Outbox<'_>) {
        (self.0)(Event::Heard(topic, bytes), out);
    }

    fn missed(&mut self, topic: &Topic, messages: u64, out: &mut Outbox<'_>) {
        (self.0)(Event::Missed(topic, messages), out);
    }

    fn closed(&mut self, why: CloseReason, out: &mut Outbox<'_>) {
        (self.0)(Event::Closed(why), out);
    }
}
