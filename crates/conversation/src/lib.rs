//! What is said on a call: the contract between services and engines.
//!
//! A [`Conversation`] is the logic of one call and nothing else. It never blocks, never asks the time and
//! holds no socket: an engine tells it what happened (the methods of the trait are the events) and it says
//! what it wants done (an [`Outbox`] of [`Effect`]s). So the same conversation runs over any socket, under any
//! engine, and in a simulator that owns the clock.
//!
//! ```
//! use conversation::{Conversation, Leg, Outbox};
//!
//! /// Sends every byte back (RFC 862).
//! struct Echo;
//!
//! impl Conversation for Echo {
//!     fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
//!         out.send(leg, bytes); // borrowed: the engine sends from its receive buffer
//!     }
//!     fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
//!         out.finish(leg);
//!     }
//! }
//! ```
//!
//! # The rules
//!
//! 1. After each event the engine takes the whole outbox before the next event goes in.
//! 2. `now` comes with the outbox ([`Outbox::now`]) and never goes back.
//! 3. On a byte stream one `received` is any cut of the stream. On a message transport it is exactly one
//!    message, and one [`Outbox::send`] is one message.
//! 4. Who publishes in a room does not hear itself; who is in it hears each publisher's messages once and in order,
//!    or is told how many it missed. A slow reader misses; it makes nobody wait.
//! 5. `closed` comes exactly once and last.

mod call;
mod close_reason;
mod contract;
mod dialling;
mod effect;
mod framing;
mod moment;
mod outbox;
mod pack;
mod payload;
mod retries;
mod topic;

pub use address::{Address, End, OptionKey, Place, Shape, Transport, Way};
pub use call::{Call, Leg};
pub use close_reason::{CallFailed, CloseReason};
pub use contract::{Conversation, DialFailure, DialFailureKind, Needs, Service};
pub use dialling::{Dialling, Notice};
pub use effect::{CopiedBy, Effect};
pub use framing::{ByteOrder, Framer, Framing, FramingError, ParseFramingError, Width};
pub use moment::{Moment, Now};
pub use outbox::Outbox;
pub use pack::{Format, PackError, PackProblem, ParseFormatError, UnpackError, Value};
pub use payload::Payload;
pub use retries::{Backoff, Retries};
pub use topic::{Topic, TopicTooLong};
