//! A place for one of the calls that are open at once: it is called from here again and again.

use conversation::Moment;
use engine::Watch;

use crate::exchange::Exchange;
use crate::line::Line;
use crate::schedule::Schedule;

pub(crate) struct Slot<L: Line> {
    pub(crate) state: State<L>,
    pub(crate) exchange: Exchange,
    pub(crate) schedule: Schedule,
    /// When the call that is open, or will be, was due.
    pub(crate) due: Moment,
    /// When it was dialled first.
    pub(crate) dialled: Option<Moment>,
    /// Of the call; events of an earlier one carry another.
    pub(crate) generation: u32,
    /// When the timers will ask for it; they do not hear of every new moment.
    pub(crate) timer: Option<Moment>,
    /// An answer came before the load ended.
    pub(crate) is_served: bool,
    /// It is in the queue of those that go on without waiting for the kernel.
    pub(crate) is_queued: bool,
}

pub(crate) enum State<L: Line> {
    /// The next call is made at that moment.
    Waiting(Moment),
    Dialling(L::Opening),
    Open {
        line: L,
        /// What its events are about.
        watch: Watch,
        /// The kernel takes nothing now: an event will say when it does.
        is_full: bool,
    },
    /// All is said; the next call is made when this one is gone.
    Leaving(L::Leaving),
    /// No further call.
    Over,
}

impl<L: Line> Slot<L> {
    pub(crate) fn new(at: Moment, schedule: Schedule) -> Slot<L> {
        Slot {
            state: State::Waiting(at),
            exchange: Exchange::default(),
            schedule,
            due: at,
            dialled: None,
            generation: 0,
            timer: None,
            is_served: false,
            is_queued: false,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }
}
