//! A tap: passes everything on unchanged, and has it recorded.
//!
//! Protected: what is recorded is what passed, in its order; that it cannot be recorded any more is told and holds
//! nothing up. Bound: a page holds what one event brought, as its recorder writes it, and is given away at once.

use std::time::SystemTime;

use conversation::{CallFailed, Now, Shape, Way};

use crate::{Flow, Layer, Told};

/// What passes at a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed<'b> {
    /// The leg is open. It comes first.
    Opened,
    /// Bytes: any cut of a stream, or a whole message.
    Bytes(Way, &'b [u8]),
    /// Nothing more comes this way: an end in order.
    Finished(Way),
    /// The leg is gone, as who sends this way has it: nothing more comes either way. After [`Passed::Finished`] both ways
    /// that is as it should be.
    Gone(Way),
}

/// How what passes is written down.
pub trait Recorder: Send {
    /// Writes behind what is on the page.
    fn record(&mut self, at: SystemTime, passed: Passed<'_>, page: &mut Vec<u8>);
}

/// Where pages go.
pub trait Sink: Send + Sync {
    /// Takes a page whole, behind those of all other taps that have this sink.
    ///
    /// # Errors
    ///
    /// It could not be kept.
    fn keep(&self, page: &[u8]) -> Result<(), Unrecorded>;
}

/// Something passed that could not be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unrecorded {
    /// The file.
    pub file: String,
    /// Why.
    pub failed: CallFailed,
}

/// Passes everything on unchanged, and has it recorded.
pub struct Tap {
    shape: Shape,
    recorders: Vec<(Box<dyn Recorder>, Box<dyn Sink>)>,
}

impl Tap {
    /// A tap on what has this shape, with each recorder writing to its sink.
    #[must_use]
    pub fn new(shape: Shape, recorders: Vec<(Box<dyn Recorder>, Box<dyn Sink>)>) -> Tap {
        Tap { shape, recorders }
    }

    fn passed(&mut self, passed: Passed<'_>, flow: &mut Flow<'_>) {
        let at = flow.now().wall;
        self.record(at, passed, |unrecorded| flow.tell(Told::Unrecorded(unrecorded)));
    }

    fn record(&mut self, at: SystemTime, passed: Passed<'_>, mut lost: impl FnMut(Unrecorded)) {
        let mut page = Vec::new();
        for (recorder, sink) in &mut self.recorders {
            page.clear();
            recorder.record(at, passed, &mut page);
            if !page.is_empty()
                && let Err(unrecorded) = sink.keep(&page)
            {
                lost(unrecorded);
            }
        }
    }
}

impl Layer for Tap {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn opened(&mut self, flow: &mut Flow<'_>) {
        self.passed(Passed::Opened, flow);
        flow.open();
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.passed(Passed::Bytes(Way::In, bytes), flow);
        flow.deliver_as(self.shape, bytes);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        self.passed(Passed::Finished(Way::In), flow);
        flow.finish_above();
    }

    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.passed(Passed::Bytes(Way::Out, bytes), flow);
        flow.below().push_as(self.shape, bytes);
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        self.passed(Passed::Finished(Way::Out), flow);
        flow.finish_below();
    }

    fn closed(&mut self, now: Now, by_peer: bool) {
        let way = if by_peer { Way::In } else { Way::Out };
        // The call is over: nobody is left to be told that its end was not recorded.
        self.record(now.wall, Passed::Gone(way), drop);
    }
}

/// What passed one way, as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw(
    /// Which way.
    pub Way,
);

impl Recorder for Raw {
    fn record(&mut self, _at: SystemTime, passed: Passed<'_>, page: &mut Vec<u8>) {
        if let Passed::Bytes(way, bytes) = passed
            && way == self.0
        {
            page.extend_from_slice(bytes);
        }
    }
}
