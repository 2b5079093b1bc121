//! What goes wrong in a simulated run, and how often.
//!
//! Everything is off by default: cuts, orders and full buffers are no faults and always happen. Units: percent
//! of messages or callers, bytes. What is protected: a fault comes from the run's seed, so it comes again.

use std::time::Duration;

use conversation::CallFailed;

/// What goes wrong, and how often.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Datagrams that never arrive, in percent.
    pub loss_percent: u32,
    /// Datagrams that arrive twice, in percent.
    pub duplicate_percent: u32,
    /// Datagrams that others overtake, in percent.
    pub reorder_percent: u32,
    /// The longest time that a message travels beyond [`Faults::TRAVEL`].
    pub delay_max: Duration,
    /// Stream and sequenced-packet callers that reset their call at some point, in percent.
    pub reset_percent: u32,
    /// The call's leg of this index takes so many bytes; then send(2) fails with EPIPE, while what the peer
    /// sent can still be received. Not at a datagram door, which drops what it cannot send.
    pub send_fails: Option<SendFails>,
    /// The standard output takes so many bytes; the write(2) that passes them fails with ENOSPC.
    pub output_bytes_max: Option<usize>,
    /// A worker's mailbox takes so many bytes, each message with 64 beside its own; otherwise as many as any run
    /// says.
    pub mailbox_bytes_max: Option<usize>,
}

/// Where and when sending begins to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendFails {
    /// The leg's index, the caller's being 0.
    pub leg: usize,
    /// Bytes that it takes before.
    pub after_bytes: usize,
}

impl Faults {
    /// The time that every message takes.
    pub const TRAVEL: Duration = Duration::from_millis(1);

    /// How far behind its time a message comes that others overtake.
    pub(crate) const OVERTAKEN_BY: Duration = Duration::from_millis(20);
}

pub(crate) const RECEIVE_RESET: CallFailed = CallFailed { call: "recv(2)", errno: libc::ECONNRESET };
pub(crate) const SEND_RESET: CallFailed = CallFailed { call: "send(2)", errno: libc::ECONNRESET };
pub(crate) const SEND_BROKEN: CallFailed = CallFailed { call: "send(2)", errno: libc::EPIPE };
pub(crate) const OUTPUT_FULL: CallFailed = CallFailed { call: "write(2)", errno: libc::ENOSPC };
