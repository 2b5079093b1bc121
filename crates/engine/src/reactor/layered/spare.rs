//! The memory in which layers put what comes of an event: one lot a thread, for all of its legs.

use std::cell::Cell;

use layers::{Above, Spare};

thread_local! {
    static SPARE: Cell<Spare> = Cell::default();
}

/// Takes it, for one event.
pub(super) fn take() -> Spare {
    SPARE.take()
}

/// That event is over.
pub(super) fn give_back(spare: Spare) {
    SPARE.set(spare);
}

/// What an event had for above has been taken.
pub(in crate::reactor) fn put_above(above: Above) {
    let mut spare = take();
    spare.put_above(above);
    give_back(spare);
}
