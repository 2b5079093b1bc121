//! Console: what a terminal is asked for that no bytes on a leg can do.

use std::fmt::Debug;

/// The user's side of a call. A program has one; every method acts at once.
pub trait Console: Debug + Send + Sync {
    /// Tells the user something: lines on standard error.
    fn tell(&self, text: &str);

    /// Keys come one by one from now on, and are not shown as they come.
    fn take(&self) {}

    /// The terminal is as it was before [`take`](Self::take), after these bytes were shown.
    fn give_back(&self, last: &[u8]) {
        let _ = last;
    }

    /// Stops the program until it is continued, as Ctrl-Z does, with the terminal given back meanwhile.
    fn suspend(&self, last: &[u8]) {
        let _ = last;
    }

    /// How many columns the terminal has.
    fn columns(&self) -> usize {
        80
    }
}

/// A console where there is nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nobody;

impl Console for Nobody {
    fn tell(&self, _text: &str) {}
}
