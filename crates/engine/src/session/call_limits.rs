//! What one call may cost: silence, bytes, time.

use std::time::Duration;

use conversation::{CloseReason, Leg, Shape};

use super::Session;
use super::closing::Phase;

/// The bounds of one call. `None`: no bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallLimits {
    /// How long it may be silent in both directions.
    pub idle_timeout: Option<Duration>,
    /// Bytes that may come from the caller. The conversation gets this many; of a message transport the
    /// messages that fit whole. Datagram peers have no such bound: each message is as good as a new caller.
    pub received_bytes_max: Option<u64>,
    /// How long it may last.
    pub duration_max: Option<Duration>,
}

/// A bound that ends a call, as its end names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallLimit {
    /// [`CallLimits::received_bytes_max`].
    Bytes,
    /// [`CallLimits::duration_max`].
    Duration,
    /// No place was left among the callers who are held while the other end is down.
    Held,
}

impl CallLimit {
    /// Each of them.
    pub const ALL: [CallLimit; 3] = [CallLimit::Bytes, CallLimit::Duration, CallLimit::Held];

    /// The option of the command line that sets it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CallLimit::Bytes => "max-bytes-per-call",
            CallLimit::Duration => "max-call-duration",
            CallLimit::Held => "hold-max",
        }
    }

    /// How a call ends at it.
    #[must_use]
    pub fn reason(self) -> CloseReason {
        CloseReason::Limit(self.name())
    }

    /// At which of them a call ended, if at one.
    #[must_use]
    pub fn of(reason: CloseReason) -> Option<CallLimit> {
        CallLimit::ALL.into_iter().find(|limit| limit.reason() == reason)
    }
}

impl Session {
    /// None once nobody here sees what moves.
    pub(super) fn idle_timeout(&self) -> Option<Duration> {
        self.limits.as_ref().filter(|_| self.phase != Phase::HandedOver)?.idle_timeout
    }

    pub(super) fn received_bytes_max(&self) -> Option<u64> {
        self.limits.as_ref()?.received_bytes_max
    }

    /// More came from the caller than may in one call.
    pub(super) fn is_beyond_bytes(&self, leg: Leg) -> bool {
        let max = self.received_bytes_max();
        max.is_some_and(|max| leg == Leg::CALLER && self.legs[0].received_bytes > max)
            && self.call.shape != Shape::Datagram
    }

    /// What of these bytes, with which the call went beyond its limit, is within it: of a byte stream the
    /// beginning, of a message nothing.
    pub(super) fn allowed<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let max = self.received_bytes_max().unwrap_or(u64::MAX);
        let beyond = usize::try_from(self.legs[0].received_bytes.saturating_sub(max)).unwrap_or(usize::MAX);
        match self.call.shape {
            Shape::Stream => &bytes[..bytes.len().saturating_sub(beyond)],
            Shape::SeqPacket | Shape::Datagram => &[],
        }
    }
}
