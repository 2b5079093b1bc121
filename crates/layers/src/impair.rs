//! Impair: what passes is late.
//!
//! A transparent layer: over a byte stream it takes bytes, over messages whole messages. Time comes from its events.
//! Bound: [`HELD_BYTES_MAX`] in each direction; above it a stream is not read and messages wait where they are.

use std::collections::VecDeque;
use std::time::Duration;

use conversation::{Moment, Shape};

use crate::{Flow, Hold, Holds, Layer};

/// Bytes held in one direction, from which on nothing more should come.
const HELD_BYTES_MAX: usize = 256 * 1024;

/// What is to happen to what passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImpairSettings {
    /// How late it is.
    pub delay: Duration,
}

/// The faults of one leg.
#[derive(Debug)]
pub struct Impair {
    shape: Shape,
    settings: ImpairSettings,
    to_above: Lane,
    to_below: Lane,
}

/// What is under way in one direction, in order.
#[derive(Debug, Default)]
struct Lane {
    held: VecDeque<(Moment, Parcel)>,
    bytes: usize,
}

#[derive(Debug)]
enum Parcel {
    Bytes(Vec<u8>),
    End,
}

impl Impair {
    /// The faults of one leg, which has this shape.
    #[must_use]
    pub fn new(settings: ImpairSettings, shape: Shape) -> Impair {
        Impair { shape, settings, to_above: Lane::default(), to_below: Lane::default() }
    }

    fn let_go(&mut self, flow: &mut Flow<'_>) {
        let now = flow.now().moment;
        while let Some(parcel) = self.to_above.next(now) {
            match parcel {
                Parcel::Bytes(bytes) => flow.deliver_as(self.shape, &bytes),
                Parcel::End => flow.finish_above(),
            }
        }
        while let Some(parcel) = self.to_below.next(now) {
            match parcel {
                Parcel::Bytes(bytes) => flow.below().push_as(self.shape, &bytes),
                Parcel::End => flow.finish_below(),
            }
        }
    }
}

impl Lane {
    fn put(&mut self, due: Moment, parcel: Parcel) {
        if let Parcel::Bytes(bytes) = &parcel {
            self.bytes += bytes.len();
        }
        self.held.push_back((due, parcel));
    }

    fn next(&mut self, now: Moment) -> Option<Parcel> {
        self.held.front().filter(|(due, _)| *due <= now)?;
        let (_, parcel) = self.held.pop_front()?;
        if let Parcel::Bytes(bytes) = &parcel {
            self.bytes -= bytes.len();
        }
        Some(parcel)
    }

    fn hold(&self) -> Hold {
        match self.bytes {
            _ if self.held.is_empty() => Hold::Nothing,
            HELD_BYTES_MAX.. => Hold::Enough,
            _ => Hold::Some,
        }
    }
}

impl Layer for Impair {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn opened(&mut self, flow: &mut Flow<'_>) {
        flow.open();
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.to_above.put(flow.now().moment + self.settings.delay, Parcel::Bytes(bytes.to_vec()));
        self.let_go(flow);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        self.to_above.put(flow.now().moment + self.settings.delay, Parcel::End);
        self.let_go(flow);
    }

    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.to_below.put(flow.now().moment + self.settings.delay, Parcel::Bytes(bytes.to_vec()));
        self.let_go(flow);
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        self.to_below.put(flow.now().moment + self.settings.delay, Parcel::End);
        self.let_go(flow);
    }

    fn next_deadline(&self) -> Option<Moment> {
        let first = |lane: &Lane| lane.held.front().map(|(due, _)| *due);
        first(&self.to_above).into_iter().chain(first(&self.to_below)).min()
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        self.let_go(flow);
    }

    fn holds(&self) -> Holds {
        Holds { for_below: self.to_below.hold(), for_above: self.to_above.hold() }
    }
}
