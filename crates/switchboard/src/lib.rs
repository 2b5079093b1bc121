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

mod caller;
mod server;

pub use address::{
    self, Address, End, Host, OptionKey, OptionValue, ParseAddressError, Place, Port, Shape, Transport,
};
pub use caller::{CallError, Caller, FrameError};
pub use conversation::{
    self, ByteOrder, Call, CallFailed, CloseReason, Conversation, CopiedBy, DialFailure, Framer, Framing,
    FramingError, Leg, Moment, Needs, Now, Outbox, Payload, Service, Topic, TopicTooLong, Width,
};
pub use engine::{
    self, Control, Doors, Ended, Engine, EngineChoice, Event, LastCall, Limits, Line, Observer,
    OpenDoorsError, Output, Plan, Refusal, Report, ServeError, Silent, TcpInfo, converse,
};
pub use server::{Running, Server, StartError};
pub use services;
pub use socket::{self, BindError, ConnectError, ResolveError};
pub use sys::{SignalWatch, take_inherited};
