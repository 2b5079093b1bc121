//! The complete list of what a conversation can ask of an engine.

use std::sync::Arc;

use address::Address;

use crate::{CloseReason, Dialling, Leg, Moment, Notice, Payload, Topic};

/// One thing that a conversation wants done. Effects are carried out in the order in which they were asked.
#[derive(Debug)]
pub enum Effect<'a> {
    /// Send these bytes on a leg, behind all that was sent before. On a message transport: as one message.
    Send {
        /// The leg.
        leg: Leg,
        /// The bytes.
        bytes: Payload<'a>,
    },
    /// Send no more on this leg once all is sent: shutdown(2) with SHUT_WR, a FIN on the wire.
    Finish(Leg),
    /// End the call with this reason once all that is owed, on every leg, is sent.
    Close {
        /// How the call ended.
        reason: CloseReason,
        /// Then let the peer finish, for a while, so that it loses nothing that is on its way to it.
        linger: bool,
    },
    /// End the call at once; what is owed is dropped, and a stream peer to whom something was owed sees a reset.
    Abort(CloseReason),
    /// Call somebody; the leg is already numbered. Answered by `connected` or `dial_failed`. In the event `dial_failed` of
    /// a leg it may be asked for this leg again: then that is still being dialled, and what waits for it goes on waiting.
    Dial {
        /// The leg that the call shall be.
        leg: Leg,
        /// Whom to call, and when.
        dialling: Box<Dialling>,
    },
    /// Say in the log how dials fare.
    Tell(Box<Notice>),
    /// Give the caller's socket to the program at this address (`exec:`, `sh:`), as its standard input and output. From
    /// then on the call is the program's: no event comes but `closed`, once it has ended or the call is ended for it.
    /// One that cannot be started resets the caller. For services that say so beforehand:
    /// [`Needs::hand_over`](crate::Needs::hand_over).
    HandOver(Box<Address>),
    /// Tie two legs: what is received on one feeds the other, and each is read only while the other can send.
    /// Where both are sockets and one breaks off, or cannot be dialled, the other is broken off too: with a
    /// reset, once all that is owed there has been delivered.
    Join {
        /// One leg.
        a: Leg,
        /// The other.
        b: Leg,
        /// Who moves the bytes across.
        copied_by: CopiedBy,
    },
    /// Call `deadline` at this moment, instead of any earlier one asked for; `None` for never.
    Deadline(Option<Moment>),
    /// Find the caller's host name, answered by `peer_named`. It may take seconds and holds up nobody else.
    NamePeer,
    /// Bytes for the standard output of the process, written whole before any other call's.
    Output(Payload<'a>),
    /// Enter a room: `heard` comes for whatever others publish there from now on. Being in it already is no error;
    /// a call that is in too many rooms is ended.
    Subscribe(Topic),
    /// Leave a room. The end of a call leaves all of its rooms.
    Unsubscribe(Topic),
    /// Say this to everybody in a room but oneself. One need not be in it.
    Publish {
        /// Which room.
        topic: Topic,
        /// What to say; in memory once, however many hear it.
        bytes: Arc<[u8]>,
    },
    /// Read no leg of the call until [`Effect::ReadOn`]: what the peer sends waits with the kernel, and then with
    /// the peer. For a conversation that has work left from what it was given; it sets a deadline to go on with.
    PauseReading,
    /// Read again.
    ReadOn,
}

/// Who moves the bytes between two joined legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopiedBy {
    /// The engine: the conversation no longer sees them, only how each leg ends.
    Engine,
    /// The conversation: it still gets `received` and sends what it wants across.
    Conversation,
}
