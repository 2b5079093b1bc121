//! The contract of one layer: events in as methods, what comes of each into a flow.

use conversation::{Moment, Now, Shape};

use crate::{Flow, Told};

/// What a layer holds back in each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// Of what is to be sent: the leg is not closed in order before that has gone.
    pub for_below: Hold,
    /// Of what has come.
    pub for_above: Hold,
}

/// How much is held back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Nothing.
    #[default]
    Nothing,
    /// Something, and more may come.
    Some,
    /// So much that no more should come for now.
    Enough,
}

/// Turns what comes from below into what is for above, and back.
///
/// All methods are called by one [`Stack`](crate::Stack), in an order that a leg can have: `opened` first, nothing
/// from above before the layer has called [`Flow::open`], nothing from below after `below_finished`, nothing from
/// above after `finish`, and nothing at all after [`Flow::fail`].
pub trait Layer: Send {
    /// The shape of what is above. What is below is a byte stream, unless the layer was made for another shape: such a
    /// layer is transparent, and has the same above.
    fn shape(&self) -> Shape {
        Shape::Stream
    }

    /// What is below is open.
    fn opened(&mut self, flow: &mut Flow<'_>);

    /// Bytes came from below, in any cut; or, where what is below keeps boundaries, one message.
    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>);

    /// What is below has finished: nothing more comes from there, but it still takes bytes.
    fn below_finished(&mut self, flow: &mut Flow<'_>);

    /// Bytes are to be sent: any cut of a stream, or exactly one message where the layer keeps boundaries. They go on as
    /// they are, unless the layer says otherwise.
    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        flow.below().push_as(self.shape(), bytes);
    }

    /// Nothing more is to be sent. What comes from below is still wanted.
    fn finish(&mut self, flow: &mut Flow<'_>) {
        flow.finish_below();
    }

    /// When [`Layer::deadline`] is due, if ever.
    fn next_deadline(&self) -> Option<Moment> {
        None
    }

    /// The moment of [`Layer::next_deadline`] has come. Early calls do nothing.
    fn deadline(&mut self, flow: &mut Flow<'_>) {
        let _ = flow;
    }

    /// What it holds back, to let it go at its deadline.
    fn holds(&self) -> Holds {
        Holds::default()
    }

    /// The leg is gone, and what it owes with it: nothing can be sent or received any more. `by_peer` is whether the
    /// peer broke it off.
    fn closed(&mut self, now: Now, by_peer: bool) {
        let _ = (now, by_peer);
    }

    /// The leg is closed: what it has to tell in the end.
    fn last_told(&mut self) -> Vec<Told> {
        Vec::new()
    }

    /// Whether it would pass everything on unchanged from now on: the stack then drops it.
    fn is_spent(&self) -> bool {
        false
    }
}
