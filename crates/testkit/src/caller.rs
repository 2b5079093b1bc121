//! A scripted caller: what it says and does, step by step.
//!
//! The steps come one after the other; while they do, the caller reads whatever comes, unless a step says that
//! it stops. The same script plays the peer that a conversation dials. What is protected: a script decides
//! what happens, the seed only when and in which pieces.

use std::sync::Arc;
use std::time::Duration;

use conversation::Shape;

/// What a caller says and does.
///
/// ```
/// use testkit::Caller;
///
/// let caller = Caller::new().send(b"hello\n").finish().read_all();
/// # drop(caller);
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    pub(crate) shape: Shape,
    pub(crate) calls_at: Duration,
    pub(crate) own_line: bool,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Send(Arc<[u8]>),
    Finish,
    Wait(Duration),
    Reset,
    Close,
    StopReading,
    PauseReading(Duration),
    ReadOn,
    HearBytes(usize),
    HearEnd,
}

impl Default for Caller {
    fn default() -> Caller {
        Caller::new()
    }
}

impl Caller {
    /// Calls over a byte stream, at once, and says nothing.
    #[must_use]
    pub fn new() -> Caller {
        Caller { shape: Shape::Stream, calls_at: Duration::ZERO, own_line: true, steps: Vec::new() }
    }

    /// Calls over sequenced packets.
    #[must_use]
    pub fn seqpacket() -> Caller {
        Caller { shape: Shape::SeqPacket, ..Caller::new() }
    }

    /// Speaks to a datagram door: there is a session only once a message has come, and, for a service without
    /// memory of its peers, a new one at each message.
    #[must_use]
    pub fn datagrams() -> Caller {
        Caller { shape: Shape::Datagram, own_line: false, ..Caller::new() }
    }

    /// Has a connected datagram socket at its other end, with one session from the beginning, as a program
    /// that asks has.
    #[must_use]
    pub fn asked_by_datagrams() -> Caller {
        Caller { shape: Shape::Datagram, ..Caller::new() }
    }

    /// Calls so long after the run began.
    #[must_use]
    pub fn calls_at(mut self, since_start: Duration) -> Caller {
        self.calls_at = since_start;
        self
    }

    /// Sends these bytes, as one message where messages have boundaries.
    #[must_use]
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Caller {
        self.step(Step::Send(Arc::from(bytes.as_ref())))
    }

    /// Sends no more: shutdown(2) with `SHUT_WR`. Nothing on datagrams.
    #[must_use]
    pub fn finish(self) -> Caller {
        self.step(Step::Finish)
    }

    /// Does nothing for so long.
    #[must_use]
    pub fn wait(self, time: Duration) -> Caller {
        self.step(Step::Wait(time))
    }

    /// Ends its call with a reset. On datagrams it just goes away.
    #[must_use]
    pub fn reset(self) -> Caller {
        self.step(Step::Reset)
    }

    /// Closes its socket: close(2). What comes afterwards is answered with a reset.
    #[must_use]
    pub fn close(self) -> Caller {
        self.step(Step::Close)
    }

    /// Reads nothing from here on, so that what is sent to it piles up.
    #[must_use]
    pub fn stop_reading(self) -> Caller {
        self.step(Step::StopReading)
    }

    /// Reads nothing for so long, and goes on with its steps meanwhile.
    #[must_use]
    pub fn pause_reading(self, time: Duration) -> Caller {
        self.step(Step::PauseReading(time))
    }

    /// Reads again.
    #[must_use]
    pub fn read_on(self) -> Caller {
        self.step(Step::ReadOn)
    }

    /// Waits until it has heard this many bytes in all, or the end.
    #[must_use]
    pub fn hear(self, bytes: usize) -> Caller {
        self.step(Step::HearBytes(bytes))
    }

    /// Reads until the other side has finished or reset.
    #[must_use]
    pub fn read_all(self) -> Caller {
        self.step(Step::ReadOn).step(Step::HearEnd)
    }

    fn step(mut self, step: Step) -> Caller {
        self.steps.push(step);
        self
    }
}
