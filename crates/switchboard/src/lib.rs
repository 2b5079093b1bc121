//! Connects any two processes over any socket, and serves thousands of callers while doing it.
//!
//! A [`Server`] answers callers with a [`Service`] at any [`Address`], under any [`Engine`]:
//!
//! ```
//! use switchboard::{Caller, Server, services::Echo};
//!
//! let server = Server::new(Echo).at("tcp://127.0.0.1:0")?.start()?;
//!
//! let mut caller = Caller::call(&server.addresses()[0])?;
//! caller.send(b"hello")?;
//! caller.finish()?;
//! assert_eq!(caller.read_to_end(1024)?, b"hello");
//!
//! server.drain();
//! assert_eq!(server.wait()?.answered, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A service of one's own is a [`Conversation`]: what happens on a call comes in as method calls, what is to
//! be done goes out through an [`Outbox`]; it holds no socket, and never waits. See `examples/` for one.
//!
//! # Rooms
//!
//! Calls speak to each other in rooms, whatever worker serves them: one publishes, all others who have subscribed to
//! the [`Topic`] hear. `examples/broadcast.rs` is a chat; this is the least:
//!
//! ```
//! use std::sync::Arc;
//! use switchboard::{Call, Caller, Conversation, Leg, Needs, Outbox, Server, Service, Topic};
//!
//! /// Everything that one caller sends, all others receive.
//! struct Shout(Topic);
//!
//! impl Service for Shout {
//!     fn name(&self) -> &'static str {
//!         "shout"
//!     }
//!     fn needs(&self) -> Needs {
//!         Needs { rooms: true, ..Needs::default() }
//!     }
//!     fn conversation(&self) -> Box<dyn Conversation> {
//!         Box::new(Shout(self.0.clone()))
//!     }
//! }
//!
//! impl Conversation for Shout {
//!     fn opened(&mut self, _call: &Call, out: &mut Outbox<'_>) {
//!         out.subscribe(&self.0);
//!         out.send(Leg::CALLER, &b"in"[..]); // now it hears
//!     }
//!     fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
//!         out.publish(&self.0, bytes);
//!     }
//!     fn heard(&mut self, _topic: &Topic, bytes: &Arc<[u8]>, out: &mut Outbox<'_>) {
//!         out.send(Leg::CALLER, Arc::clone(bytes));
//!     }
//!     fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
//!         out.finish(leg);
//!     }
//! }
//!
//! let server = Server::new(Shout("hill".parse()?)).at("tcp://127.0.0.1:0")?.start()?;
//! let mut callers = [Caller::call(&server.addresses()[0])?, Caller::call(&server.addresses()[0])?];
//! for caller in &mut callers {
//!     assert_eq!(caller.read_exactly(2)?, b"in");
//! }
//! callers[0].send(b"hello")?;
//! assert_eq!(callers[1].read_exactly(5)?, b"hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Values instead of bytes: [`typed`].

mod caller;
mod server;
pub mod typed;

pub use address::{
    self, Address, End, Host, OptionKey, OptionValue, ParseAddressError, Place, Port, Shape, Transport,
};
pub use caller::{CallError, Caller, FrameError};
pub use conversation::{
    self, Backoff, ByteOrder, Call, CallFailed, CloseReason, Conversation, CopiedBy, DialFailure,
    DialFailureKind, Format, Framer, Framing, FramingError, Leg, Moment, Needs, Notice, Now, Outbox,
    PackError, PackProblem, ParseFormatError, Payload, Retries, Service, Topic, TopicTooLong, UnpackError,
    Value, Width,
};
pub use engine::{
    self, Access, AnswerRate, CallLimit, Control, Doors, Ended, Engine, EngineChoice, Event, Hears, Identity,
    IdentityError, Impaired, LastCall, Layering, LayeringError, Limits, Line, Observer, OpenCallError,
    OpenDoorsError, Order, Output, ParseRuleError, Plan, ProgramEnd, ReachError, ReadRulesError,
    ReadRulesErrorKind, Refusal, Report, Rule, SendersUnknown, ServeError, Silent, TcpInfo, converse,
    converse_with, reach,
};
pub use layers;
pub use server::{Running, Server, StartError};
pub use services;
pub use socket::{self, BindError, ConnectError, ResolveError, SystemCall, trace};
pub use sys::{SharedWords, SignalWatch, take_inherited};
