//! Layers over each other: what one has for below is sent through the next below, what it has for above is received by
//! the next above.
//!
//! The first layer meets the socket, the last the conversation. A stack has the verbs of one layer and keeps what the
//! socket has not taken yet, which is bounded as what is owed on a leg is: above [`HIGH_MARK_BYTES`] the stack is
//! congested. Whoever drives it then sends nothing more, but reads on, or two ends that both send would wait for each
//! other for ever. What is read may ask for an answer (a ping for its pong): once so much is owed of these alone, nothing
//! more is read. One event may overshoot the mark by what it brought.
//!
//! ```text
//! loop of an engine:   stack.lend(spare) before all this, and spare = stack.take_back() behind it
//!                      read:  stack.received(now, bytes, above)    then take what is in above, clear it
//!                      write: send(2) of stack.outgoing()          then stack.sent(taken)
//!                      end:   if stack.finish_is_due()             then shutdown(SHUT_WR), once
//! ```

use conversation::{Moment, Now, Shape};

use crate::{Above, Below, Flow, Hold, Holds, Layer, Spare, Told};

/// Bytes that the socket has not taken yet from which on a stack is not to be sent on.
pub const HIGH_MARK_BYTES: usize = 64 * 1024;

/// The layers of one leg.
///
/// ```
/// use std::time::SystemTime;
///
/// use conversation::{Moment, Now};
/// use layers::{Above, ProxyReader, Stack};
///
/// let now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };
/// let mut stack = Stack::new(vec![Box::new(ProxyReader::new(ProxyReader::WITHIN))]);
/// let mut above = Above::default();
/// stack.opened(now, &mut above);
/// stack.received(now, b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\nhello", &mut above);
/// assert_eq!(above.told()[0].to_string(), "a proxy was called by tcp://192.0.2.1:4711 at tcp://192.0.2.2:80");
/// assert!(above.is_open());
/// assert!(above.pieces().eq([b"hello"]));
/// above.clear();
///
/// stack.send(now, b"good day", &mut above);
/// assert_eq!(stack.outgoing(), b"good day");
/// ```
///
/// Drop it, and the peer sees the end of the transport without that of the layers: that is how a leg is aborted.
pub struct Stack {
    /// The shape of the socket.
    below: Shape,
    layers: Vec<Placed>,
    outgoing: Below,
    /// Memory that is lent to it, as long as it is.
    spare: Option<Spare>,
    /// The peer has finished, by the means of the last layer.
    is_ended: bool,
}

/// A layer and where it is in its life: so the order of its events is kept here, once.
struct Placed {
    layer: Box<dyn Layer>,
    /// It may be sent on.
    is_open: bool,
    /// It is to send no more, as soon as it is open.
    finish_asked: bool,
    is_finished: bool,
    /// It has failed, or one below it: it has no more events. Those below it go on, with what it said last.
    is_over: bool,
}

/// An event of one layer.
enum Verb<'b> {
    Opened,
    Received(&'b [u8]),
    BelowFinished,
    Send(&'b [u8]),
    Finish,
    Deadline,
}

impl Stack {
    /// These layers, from the socket upwards: the last is the one that a conversation speaks to.
    #[must_use]
    pub fn new(layers: Vec<Box<dyn Layer>>) -> Stack {
        Stack::over(Shape::Stream, layers)
    }

    /// The same on a socket of this shape. On one that keeps boundaries each layer has to be made for that.
    #[must_use]
    pub fn over(below: Shape, layers: Vec<Box<dyn Layer>>) -> Stack {
        let (is_open, finish_asked, is_finished, is_over) = (false, false, false, false);
        let place = |layer| Placed { layer, is_open, finish_asked, is_finished, is_over };
        let layers = layers.into_iter().map(place).collect();
        Stack { below, layers, outgoing: Below::default(), spare: None, is_ended: false }
    }

    /// The shape of what is above.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.layers.last().map_or(self.below, |placed| placed.layer.shape())
    }

    /// Whether it has become no more than its socket: it would pass everything on as it is, and owes nothing.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.layers.is_empty() && self.next_outgoing().is_none()
    }

    /// How many layers have something to do still.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// What is owed to the socket: bytes, or those of all messages.
    #[must_use]
    pub fn outgoing(&self) -> &[u8] {
        self.outgoing.bytes()
    }

    /// What the socket is to be given next: of a byte stream all that is owed, else a message, which may be empty.
    #[must_use]
    pub fn next_outgoing(&self) -> Option<&[u8]> {
        self.outgoing.next()
    }

    /// The socket took so many bytes of [`Stack::next_outgoing`]; a message it takes whole.
    pub fn sent(&mut self, bytes: usize) {
        self.outgoing.take(bytes);
        if self.spare.is_none() {
            self.outgoing.shrink();
        }
    }

    /// Lends it memory for what comes of events, until that is [taken back](Stack::take_back).
    pub fn lend(&mut self, spare: Spare) {
        self.spare = Some(spare);
    }

    /// The memory that was lent, less what is in use for what it owes.
    pub fn take_back(&mut self) -> Spare {
        let mut spare = self.spare.take().unwrap_or_default();
        self.outgoing.give_back(&mut spare);
        spare
    }

    /// Whether the socket is to be finished: nothing is owed, and nothing will be.
    #[must_use]
    pub fn finish_is_due(&self) -> bool {
        self.outgoing.is_finished() && self.next_outgoing().is_none()
    }

    /// Whether so much is owed that nothing more should be sent for now.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.outgoing.weight() >= HIGH_MARK_BYTES || self.holds().for_below == Hold::Enough
    }

    /// The leg is closed: what its layers have to tell in the end.
    pub fn last_told(&mut self) -> Vec<Told> {
        self.layers.iter_mut().flat_map(|placed| placed.layer.last_told()).collect()
    }

    /// What its layers hold back, to let it go at a [deadline](Stack::next_deadline): the most of each.
    #[must_use]
    pub fn holds(&self) -> Holds {
        let most = self.going_on().map(|placed| placed.layer.holds()).reduce(|one, other| Holds {
            for_below: one.for_below.max(other.for_below),
            for_above: one.for_above.max(other.for_above),
        });
        most.unwrap_or_default()
    }

    /// When [`Stack::deadline`] is due, if ever.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Moment> {
        self.going_on().filter_map(|placed| placed.layer.next_deadline()).min()
    }

    /// The layers that have events: all, or those below one that has failed.
    fn going_on(&self) -> impl Iterator<Item = &Placed> {
        self.layers.iter().take_while(|placed| !placed.is_over)
    }

    /// The socket is open.
    pub fn opened(&mut self, now: Now, above: &mut Above) {
        self.enter(0, Verb::Opened, now, above);
    }

    /// Bytes came on the socket, in any cut; or one message.
    pub fn received(&mut self, now: Now, bytes: &[u8], above: &mut Above) {
        self.enter(0, Verb::Received(bytes), now, above);
    }

    /// The peer has finished on the socket (FIN). Where it has finished above already, this says nothing new: many a
    /// WebSocket peer closes its socket behind its close frame, without an end of TLS.
    pub fn below_finished(&mut self, now: Now, above: &mut Above) {
        if self.is_ended {
            return;
        }
        self.enter(0, Verb::BelowFinished, now, above);
    }

    /// Bytes are to be sent: any cut of a stream, or exactly one message where the [shape](Stack::shape) keeps
    /// boundaries. All of it is taken.
    pub fn send(&mut self, now: Now, bytes: &[u8], above: &mut Above) {
        self.enter(self.layers.len().saturating_sub(1), Verb::Send(bytes), now, above);
    }

    /// Nothing more is to be sent.
    pub fn finish(&mut self, now: Now, above: &mut Above) {
        self.enter(self.going_on().count().saturating_sub(1), Verb::Finish, now, above);
    }

    /// The moment of [`Stack::next_deadline`] has come. Early calls do nothing.
    pub fn deadline(&mut self, now: Now, above: &mut Above) {
        debug_assert!(above.is_empty(), "an event before the last was taken");
        for at in 0..self.layers.len() {
            if self.layers[at].layer.next_deadline().is_some_and(|due| now.moment >= due) {
                self.act(at, &Verb::Deadline, now, above);
            }
        }
        self.layers.retain(|placed| !placed.layer.is_spent());
    }

    /// The leg is gone; the peer broke it off, or not. There are no events after this.
    pub fn closed(&mut self, now: Now, by_peer: bool) {
        for placed in &mut self.layers {
            placed.layer.closed(now, by_peer);
        }
    }

    fn enter(&mut self, at: usize, verb: Verb<'_>, now: Now, above: &mut Above) {
        debug_assert!(above.is_empty(), "an event before the last was taken");
        if let Some(spare) = &mut self.spare {
            self.outgoing.borrow(spare);
        }
        if self.layers.is_empty() {
            return self.pass(&verb, above);
        }
        self.act(at, &verb, now, above);
        self.is_ended |= above.is_finished();
        self.layers.retain(|placed| !placed.layer.is_spent());
    }

    /// One event of the layer at `at`, and all that comes of it in the others. `top` is what is above the last.
    fn act(&mut self, at: usize, verb: &Verb<'_>, now: Now, top: &mut Above) {
        let is_last = at + 1 == self.layers.len();
        let placed = &mut self.layers[at];
        if placed.is_over || !placed.hears(verb) {
            return;
        }
        let mut memory = |is_wanted| match &mut self.spare {
            Some(spare) if is_wanted => spare.take(),
            Some(_) | None => Vec::new(),
        };
        let (mut below, mut above) = (Below::over(memory(at > 0)), Above::over(memory(!is_last)));
        let for_below = if at == 0 { &mut self.outgoing } else { &mut below };
        let for_above = if is_last { &mut *top } else { &mut above };
        placed.perform(verb, Flow::new(now, for_below, for_above));
        let outcome = if is_last { &*top } else { &above };
        let (opens, fails) = (outcome.is_open() && !placed.is_open, outcome.failed().is_some());
        placed.is_open |= opens;
        if at > 0 {
            self.lower(at - 1, &below, now, top);
        }
        if !is_last {
            self.raise(at + 1, &mut above, now, top);
        }
        if let Some(spare) = &mut self.spare {
            spare.put(below.into_memory());
            spare.put(above.into_memory());
        }
        if opens && self.layers[at].finish_asked {
            self.act(at, &Verb::Finish, now, top);
        }
        if fails {
            self.layers[at..].iter_mut().for_each(|placed| placed.is_over = true);
        }
    }

    /// What the layer above the one at `at` has for below.
    fn lower(&mut self, at: usize, below: &Below, now: Now, top: &mut Above) {
        for piece in below.pieces() {
            self.act(at, &Verb::Send(piece), now, top);
        }
        if below.is_finished() {
            self.act(at, &Verb::Finish, now, top);
        }
    }

    /// What the layer below the one at `at` has for above.
    fn raise(&mut self, at: usize, above: &mut Above, now: Now, top: &mut Above) {
        top.tell_all(above.told_mut());
        if above.is_open() {
            self.act(at, &Verb::Opened, now, top);
        }
        for piece in above.pieces() {
            self.act(at, &Verb::Received(piece), now, top);
        }
        if above.is_finished() {
            self.act(at, &Verb::BelowFinished, now, top);
        }
        if let Some(failure) = above.take_failure() {
            top.fail(failure);
        }
    }

    /// An event where there is no layer, or none any more.
    fn pass(&mut self, verb: &Verb<'_>, above: &mut Above) {
        match verb {
            Verb::Opened => above.open(),
            Verb::Received(bytes) => above.deliver_as(self.below, bytes),
            Verb::BelowFinished => above.finish(),
            Verb::Send(bytes) => self.outgoing.push_as(self.below, bytes),
            Verb::Finish => self.outgoing.finish(),
            Verb::Deadline => {}
        }
    }
}

impl Placed {
    /// Whether it is to hear of the event now; an end that comes too early is remembered.
    fn hears(&mut self, verb: &Verb<'_>) -> bool {
        match verb {
            Verb::Send(_) => {
                debug_assert!(self.is_open, "sent before it was open");
                self.is_open && !self.is_finished
            }
            Verb::Finish => {
                self.finish_asked = true;
                self.is_open && !std::mem::replace(&mut self.is_finished, true)
            }
            Verb::Opened | Verb::Received(_) | Verb::BelowFinished | Verb::Deadline => true,
        }
    }

    fn perform(&mut self, verb: &Verb<'_>, mut flow: Flow<'_>) {
        let (layer, flow) = (&mut self.layer, &mut flow);
        match verb {
            Verb::Opened => layer.opened(flow),
            Verb::Received(bytes) => layer.received(bytes, flow),
            Verb::BelowFinished => layer.below_finished(flow),
            Verb::Send(bytes) => layer.send(bytes, flow),
            Verb::Finish => layer.finish(flow),
            Verb::Deadline => layer.deadline(flow),
        }
    }
}
