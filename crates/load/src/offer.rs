//! What is offered to a server, and what it shall answer.

use std::fmt;
use std::time::Duration;

use address::Shape;

/// A load: who calls, what is sent and when, what has to come back, and for how long.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Calls that are open at once.
    pub calls: usize,
    /// Threads that generate the load; each has its own calls. No more than there are calls.
    pub threads: usize,
    /// Messages a second, all calls together: an open loop. `None`: a closed loop, in which each call sends the next
    /// message when an answer has come.
    pub rate: Option<f64>,
    /// Messages of one call that may be on their way at once. In an open loop further ones wait, and their latency
    /// counts all the same.
    pub in_flight: usize,
    /// When no further message is sent.
    pub duration: Duration,
    /// Messages in all, those of the warm-up not counted; then it ends earlier than `duration`.
    pub count: Option<u64>,
    /// A new call for each message.
    pub churn: bool,
    /// The calls are opened and held, and nothing is said.
    pub idle: bool,
    /// The calls are opened evenly over this time.
    pub ramp: Duration,
    /// Messages that are due in this first time are answered, but not counted.
    pub warm_up: Duration,
    /// How long an answer may take, counted from when its message was sent. On a datagram transport it is lost then;
    /// on a connection the call has failed.
    pub timeout: Duration,
    /// What is sent.
    pub message: Message,
    /// What has to come back.
    pub expect: Expect,
}

/// What each message is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// So many bytes: letters that differ from message to message, and a line end. Datagrams from 8 bytes on begin
    /// with a number instead, by which answers are told apart.
    Size(usize),
    /// Always these bytes.
    Bytes(Vec<u8>),
}

impl Message {
    /// Its length in bytes.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Message::Size(length) => *length,
            Message::Bytes(bytes) => bytes.len(),
        }
    }
}

/// What the answer to each message has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The message itself, byte for byte.
    Echo,
    /// These bytes.
    Bytes(Vec<u8>),
    /// So many bytes of any kind.
    Length(usize),
    /// None is waited for: a message is done when the kernel has taken it.
    Nothing,
}

/// The longest message: 16 MiB.
const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The longest datagram that can be sent, udp(7).
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// Messages of one call on their way at once, at the most.
const IN_FLIGHT_MAX: usize = 65_536;

impl Default for Offer {
    /// One call in a closed loop of 64-byte messages for 10 s, echo expected, 10 s for an answer.
    fn default() -> Offer {
        Offer {
            calls: 1,
            threads: 1,
            rate: None,
            in_flight: 1,
            duration: Duration::from_secs(10),
            count: None,
            churn: false,
            idle: false,
            ramp: Duration::ZERO,
            warm_up: Duration::ZERO,
            timeout: Duration::from_secs(10),
            message: Message::Size(64),
            expect: Expect::Echo,
        }
    }
}

impl Offer {
    /// Whether the parts go together, on a transport of this shape.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self, shape: Shape) -> Result<(), OfferError> {
        let length = self.message.length();
        let answer = match &self.expect {
            Expect::Bytes(bytes) => bytes.len(),
            Expect::Length(length) => *length,
            Expect::Echo | Expect::Nothing => length,
        };
        let longest = if shape == Shape::Datagram { DATAGRAM_BYTES_MAX } else { MESSAGE_BYTES_MAX };
        let wrong = [
            (self.calls == 0 || u32::try_from(self.calls).is_err(), OfferError::Calls),
            (self.threads == 0, OfferError::Threads),
            (self.rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1e9)), OfferError::Rate),
            (self.in_flight == 0 || self.in_flight > IN_FLIGHT_MAX, OfferError::InFlight),
            (length > longest || answer > longest, OfferError::TooLong { bytes_max: longest }),
            (shape == Shape::Stream && length == 0, OfferError::Empty("message")),
            (shape == Shape::Stream && answer == 0, OfferError::Empty("answer")),
            (self.timeout.is_zero(), OfferError::Timeout),
        ];
        wrong.into_iter().find_map(|(is_wrong, error)| is_wrong.then_some(error)).map_or(Ok(()), Err)
    }
}

/// Why a load cannot be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferError {
    /// No calls, or more than 4,294,967,295.
    Calls,
    /// No threads.
    Threads,
    /// Not above 0, or above 1,000,000,000 messages a second.
    Rate,
    /// No message, or more than 65,536, on their way at once.
    InFlight,
    /// A message or an answer that the transport does not carry.
    TooLong {
        /// The longest.
        bytes_max: usize,
    },
    /// An empty message, or answer, on a byte stream: it cannot be seen.
    Empty(&'static str),
    /// No time for an answer.
    Timeout,
    /// Several calls, or new ones, on an inherited descriptor.
    OneCallOnly,
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfferError::Calls => f.write_str("there must be at least one call, and at most 4,294,967,295"),
            OfferError::Threads => f.write_str("there must be at least one thread"),
            OfferError::Rate => f.write_str("the rate must be above 0 and at most 1e9 messages a second"),
            OfferError::InFlight => {
                write!(f, "from 1 to {IN_FLIGHT_MAX} messages of a call can be on their way at once")
            }
            OfferError::TooLong { bytes_max } => {
                write!(f, "messages and answers can have at most {bytes_max} bytes here")
            }
            OfferError::Empty(what) => write!(f, "an empty {what} cannot be seen on a byte stream"),
            OfferError::Timeout => f.write_str("an answer must be given some time"),
            OfferError::OneCallOnly => f.write_str(
                "an inherited descriptor is one call: it cannot be opened again, or beside others",
            ),
        }
    }
}

impl std::error::Error for OfferError {}
