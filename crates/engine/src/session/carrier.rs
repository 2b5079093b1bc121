//! What a session asks of whoever moves its bytes: sockets in an engine, memory in the simulator.

use std::sync::Arc;

use conversation::{Address, CallFailed, CloseReason, Dialling, Leg, Notice, Topic};

#[cfg(doc)]
use super::Session;

/// What an engine does for a session. Every method acts at once and does not block.
pub trait Carrier {
    /// Sends as many of the bytes as the kernel takes now, a message whole or not at all. `Ok(None)`: not now;
    /// the engine calls [`Session::writable`] when it is worth another try.
    ///
    /// # Errors
    ///
    /// The call that failed: the leg cannot be sent on any more.
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed>;

    /// Sends of the bytes that it holds for this leg, `held` of them, what the kernel takes now.
    ///
    /// # Errors
    ///
    /// The call that failed: the leg cannot be sent on any more.
    fn send_held(&mut self, leg: Leg, held: usize) -> Result<HeldSent, CallFailed> {
        let _ = (leg, held);
        Ok(HeldSent::NotNow) // of one that never says that it holds anything
    }

    /// Sends no more on this leg: shutdown(2) with `SHUT_WR`.
    fn finish(&mut self, leg: Leg);

    /// Whether it still has to send some of what it took for this leg: the call does not end in order before that has
    /// gone. Once it has, the engine calls [`Session::gone`].
    fn holds_back(&mut self, leg: Leg) -> bool {
        let _ = leg;
        false
    }

    /// Whether the peer's host has all that was sent on this leg: a reset would not drop any of it.
    fn is_delivered(&mut self, leg: Leg) -> bool;

    /// Ends the leg at once with a reset where the transport has one.
    fn abort(&mut self, leg: Leg);

    /// Calls somebody; the answer is [`Session::connected`] or [`Session::dial_failed`], later.
    fn dial(&mut self, leg: Leg, dialling: Dialling);

    /// Says in the log how dials fare.
    fn tell(&mut self, notice: &Notice) {
        let _ = notice;
    }

    /// Gives the caller's socket to the program at `address`. The engine ends the session with [`Session::end`] once the
    /// program has ended, or could not be started.
    fn hand_over(&mut self, address: Address);

    /// Looks up the caller's host name; the answer is [`Session::peer_named`], later.
    fn name_peer(&mut self);

    /// Writes to the standard output of the process, whole.
    ///
    /// # Errors
    ///
    /// The call that failed: the output cannot be written to any more.
    fn output(&mut self, bytes: &[u8]) -> Result<(), CallFailed>;

    /// Enters the call into a room, beside the `others` that it is in: from now on the engine calls
    /// [`Session::heard`].
    ///
    /// # Errors
    ///
    /// With what the call ends: it is in too many rooms, or the engine has none.
    fn subscribe(&mut self, topic: &Topic, others: usize) -> Result<(), CloseReason>;

    /// Takes the call out of a room.
    fn unsubscribe(&mut self, topic: &Topic);

    /// Says something to everybody else in a room, later. Returns whether there is room for more; if not, the
    /// engine calls [`Session::release`] once there is.
    fn publish(&mut self, topic: &Topic, bytes: &Arc<[u8]>) -> bool;
}

/// What became of bytes that a carrier holds.
#[derive(Debug)]
pub enum HeldSent {
    /// The kernel took so many, one at least.
    Taken(usize),
    /// It takes none now; the engine calls [`Session::writable`] when it is worth another try.
    NotNow,
    /// They cannot go as they are held: these are they.
    Instead(Vec<u8>),
}
