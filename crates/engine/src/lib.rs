//! Who moves the bytes: engines that run any service's conversations over any sockets.
//!
//! An engine knows no service. It reports what the kernel did to a [`Session`], the one driver that calls a
//! conversation, and carries out what the session asks. All engines share one [`Session`], one accept policy,
//! one set of [`Limits`], one drain; what they differ in is one table, [`Capabilities`].
//!
//! Most programs use the builder of the `switchboard` crate; this is the floor below it:
//!
//! 1. [`Engine::check`] says whether an engine can run a service on these addresses.
//! 2. [`Doors::open`] binds and listens, so that ports are known and callers can be told.
//! 3. [`Engine::serve`] answers callers until it is told to stop through [`Control`].
//!
//! [`converse`] runs the one call of a program that is itself a caller.

mod access;
mod answer_rate;
mod busy_wait;
mod call;
mod capabilities;
mod child_words;
mod clock;
mod control;
mod converse;
mod doors;
mod engines;
mod environment;
mod epoll;
mod errands;
mod gate;
mod host;
mod last_call;
mod layered_connection;
mod layering;
mod limits;
mod observer;
mod open_call_error;
mod output;
mod peer_key;
mod peer_places;
mod privileges;
mod rate;
mod reach;
mod reactor;
mod report;
mod rooms;
mod selector;
mod session;
mod tallies;
mod tally;
mod taps;
mod timers;

pub use access::{
    Access, AccessList, Account, AddressRange, Callers, ParseRuleError, ReadRulesError, ReadRulesErrorKind,
    Rule, SendersUnknown, Who,
};
pub use answer_rate::AnswerRate;
pub use capabilities::{
    CallsAtOnce, Capabilities, Datagrams, Engine, EngineChoice, ParseEngineError, Refusal,
};
pub use control::{Control, Order};
pub use converse::{Hears, Line, converse, converse_with};
pub use doors::{Doors, OpenDoorsError};
pub use epoll::{Edge, Epoll, Watch};
pub use host::Plan;
pub use last_call::{Ended, LastCall};
pub use layered_connection::{Arrived, LayeredConnection};
pub use layering::{Impaired, Layering, LayeringError, Layerings};
pub use limits::Limits;
pub use observer::{Event, Observer, ProgramEnd, Silent};
pub use open_call_error::OpenCallError;
pub use output::Output;
pub use privileges::{Identity, IdentityError};
pub use reach::{ReachError, reach};
pub use reactor::OPEN_TOLD_MAX;
pub use report::{Report, ServeError};
pub use rooms::{Mail, Members, Rooms, What};
pub use session::{
    CallLimit, CallLimits, Carrier, HIGH_MARK_BYTES, Heard, HeldSent, LINGER, LOW_MARK_BYTES, Session,
};
pub use socket::TcpInfo;
pub use timers::Timers;
