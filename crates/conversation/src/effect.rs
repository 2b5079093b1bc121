//! The complete list of what a conversation can ask of an engine.

use address::Address;

use crate::{CloseReason, Leg, Moment, Payload};

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
    /// Call `address`; its leg is already numbered. Answered by `connected` or `dial_failed`.
    Dial {
        /// The leg that the call shall be.
        leg: Leg,
        /// Whom to call.
        address: Box<Address>,
    },
    /// Tie two legs: what is received on one feeds the other, and each is read only while the other can send.
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
}

/// Who moves the bytes between two joined legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopiedBy {
    /// The engine: the conversation no longer sees them, only how each leg ends.
    Engine,
    /// The conversation: it still gets `received` and sends what it wants across.
    Conversation,
}
