//! Impair: the faults of a network, on purpose, in each direction by itself.
//!
//! tc-netem(8) has the words. A transparent layer: over messages whole ones are lost, doubled, overtaken or corrupted; over
//! a byte stream bytes are late, cut, corrupted, and end, but none is lost. Time comes from its events.
//!
//! Protected: what becomes of message `k` of call `n` depends on the seed, `n`, the leg, the direction and `k` alone, and
//! which bytes of a stream are wrong on their place alone: not on the engine, on how receives cut the stream, or on the
//! time. On time depends what says so (`stall-after=2s`), what a full queue drops, since its rate does, and whether the
//! message that is to overtake another comes while that still waits.
//! Bounds: [`HELD_BYTES_MAX`] held in each direction, and what waits for its turn at a rate.

mod chance;
mod failure;
mod lane;
mod settings;
mod told;

use std::sync::Arc;

use conversation::{Moment, Shape, Way};

use crate::{Flow, Holds, Layer, Told};

pub use failure::ImpairFailure;
pub use lane::HELD_BYTES_MAX;
use lane::{Lane, Parcel};
pub use settings::{After, Faults, ImpairSettings, Impairments, QUEUE_BYTES};
pub use told::{Counts, Fault, Impaired};

/// The faults of one leg: see [`Impairments::layer`].
#[derive(Debug)]
pub struct Impair {
    all: Arc<Impairments>,
    settings: ImpairSettings,
    version: u64,
    shape: Shape,
    call: u64,
    leg: usize,
    opened: Moment,
    inward: Lane,
    outward: Lane,
    is_over: bool,
}

impl Impair {
    fn new(all: Arc<Impairments>, shape: Shape, call: u64, leg: usize) -> Impair {
        let (version, settings) = (all.version(), all.settings());
        let lane = |way| Lane::new(way, shape, settings.seed, call, leg);
        let (inward, outward) = (lane(Way::In), lane(Way::Out));
        let (opened, is_over) = (Moment::START, false);
        Impair { all, settings, version, shape, call, leg, opened, inward, outward, is_over }
    }

    /// Looks whether the settings were changed.
    fn refresh(&mut self) {
        let version = self.all.version();
        if version == self.version {
            return;
        }
        let settings = self.all.settings();
        if settings.seed != self.settings.seed {
            self.inward.sow(settings.seed, self.call, self.leg);
            self.outward.sow(settings.seed, self.call, self.leg);
        }
        (self.version, self.settings) = (version, settings);
    }

    fn lane(&mut self, way: Way) -> &mut Lane {
        match way {
            Way::In => &mut self.inward,
            Way::Out => &mut self.outward,
        }
    }

    /// Something is to pass in one direction.
    fn pass(&mut self, way: Way, bytes: &[u8], flow: &mut Flow<'_>) {
        self.refresh();
        let now = flow.now().moment;
        let lane = if way == Way::In { &mut self.inward } else { &mut self.outward };
        let told = lane.put(bytes, self.settings.of(way), &self.all, now);
        told.into_iter().for_each(|told| flow.tell(Told::Impaired(told)));
        self.let_go(flow);
    }

    fn let_go(&mut self, flow: &mut Flow<'_>) {
        let now = flow.now().moment;
        let settings = self.settings;
        self.inward.end_in_time(&settings.inward, self.opened, now);
        self.outward.end_in_time(&settings.outward, self.opened, now);
        self.let_go_of(Way::In, flow);
        self.let_go_of(Way::Out, flow);
    }

    /// What has been held long enough in one direction passes.
    fn let_go_of(&mut self, way: Way, flow: &mut Flow<'_>) {
        let now = flow.now().moment;
        let settings = self.settings;
        let finish = |flow: &mut Flow<'_>| match way {
            Way::In => flow.finish_above(),
            Way::Out => flow.finish_below(),
        };
        while !self.is_over
            && let Some(parcel) = self.lane(way).next(now)
        {
            match (parcel, way) {
                (Parcel::Bytes(bytes), Way::In) => flow.deliver_as(self.shape, &bytes),
                (Parcel::Bytes(bytes), Way::Out) => flow.below().push_as(self.shape, &bytes),
                (Parcel::End, _) => finish(flow),
                (Parcel::Close(_), _) if self.shape != Shape::Datagram => {
                    finish(flow);
                    self.lane(way).cut();
                    let back = if way == Way::In { Way::Out } else { Way::In };
                    self.lane(back).end(settings.of(back), now); // what is under way there still passes
                }
                (Parcel::Close(after), _) => self.break_off(ImpairFailure::Closed(after), flow),
                (Parcel::Reset(after), _) => self.break_off(ImpairFailure::Reset(after), flow),
            }
            if settings.of(way).slice_bytes.is_some() {
                break;
            }
        }
    }

    fn break_off(&mut self, failure: ImpairFailure, flow: &mut Flow<'_>) {
        self.is_over = true;
        self.inward.cut();
        self.outward.cut();
        match failure {
            ImpairFailure::Closed(_) => flow.fail(failure),
            ImpairFailure::Refused | ImpairFailure::Reset(_) => flow.break_off(failure),
        }
    }
}

impl Layer for Impair {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn opened(&mut self, flow: &mut Flow<'_>) {
        self.opened = flow.now().moment;
        if self.settings.refuse || self.call <= self.settings.fail_first {
            return self.break_off(ImpairFailure::Refused, flow);
        }
        flow.open();
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.pass(Way::In, bytes, flow);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        self.refresh();
        self.inward.end(&self.settings.inward, flow.now().moment);
        self.let_go(flow);
    }

    fn send(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        self.pass(Way::Out, bytes, flow);
    }

    fn finish(&mut self, flow: &mut Flow<'_>) {
        self.refresh();
        self.outward.end(&self.settings.outward, flow.now().moment);
        self.let_go(flow);
    }

    fn next_deadline(&self) -> Option<Moment> {
        if self.is_over {
            return None;
        }
        let inward = self.inward.next_deadline(&self.settings.inward, self.opened);
        let outward = self.outward.next_deadline(&self.settings.outward, self.opened);
        inward.into_iter().chain(outward).min()
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        self.refresh();
        self.let_go(flow);
    }

    fn holds(&self) -> Holds {
        if self.is_over {
            return Holds::default();
        }
        Holds {
            for_below: self.outward.hold(&self.settings.outward),
            for_above: self.inward.hold(&self.settings.inward),
        }
    }

    fn last_told(&mut self) -> Vec<Told> {
        let counted = [self.inward.counted(), self.outward.counted()];
        counted.into_iter().flatten().map(Told::Impaired).collect()
    }
}

impl Drop for Impair {
    fn drop(&mut self) {
        self.all.count(self.inward.counts(), self.outward.counts());
    }
}
