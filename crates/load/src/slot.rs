//! A place for one of the calls that are open at once: it is called from here again and again.

use conversation::Moment;
use engine::Watch;
use socket::{Connection, Pending};

use crate::exchange::Exchange;
use crate::schedule::Schedule;

pub(crate) struct Slot {
    pub(crate) state: State,
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

pub(crate) enum State {
    /// The next call is made at that moment.
    Waiting(Moment),
    /// Boxed, since it is larger than all else here and over in no time: see `flights.rs`.
    Dialling(Box<Pending>),
    Open {
        connection: Connection,
        /// What its events are about.
        watch: Watch,
        /// The kernel takes nothing now: an event will say when it does.
        is_full: bool,
    },
    /// No further call.
    Over,
}

impl Slot {
    pub(crate) fn new(at: Moment, schedule: Schedule) -> Slot {
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
