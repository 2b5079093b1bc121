//! Typed messages over any transport: values go out as bytes, and come back as values (serde).
//!
//! A type that serde can handle is a message: on a message transport one message each, on a byte stream
//! framed by its length in four bytes, most significant first. A [`Format`] says how a value is written, and
//! how long a message may be; both sides choose the same.
//!
//! Two encodings: JSON (RFC 8259), which every language reads and people too, and postcard, which is about as
//! short as the value itself and suits datagrams.
//!
//! [`Answers`] makes a service of a function; [`Typed`] is a call that asks it:
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use switchboard::typed::{Answers, Format, Typed};
//! use switchboard::{Caller, Server};
//!
//! #[derive(Deserialize, Serialize)]
//! struct Divide {
//!     dividend: i32,
//!     divisor: i32,
//! }
//!
//! let divide = |asked: Divide| asked.dividend.checked_div(asked.divisor);
//! let server = Server::new(Answers::new("divide", Format::JSON, divide)).at("tcp://127.0.0.1:0")?.start()?;
//!
//! let caller = Caller::call(&server.addresses()[0])?;
//! let mut divider: Typed<Divide, Option<i32>> = Typed::on(caller, Format::JSON);
//! assert_eq!(divider.ask(&Divide { dividend: 42, divisor: 7 })?, Some(6));
//! assert_eq!(divider.ask(&Divide { dividend: 42, divisor: 0 })?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Or by hand, on any [`Caller`](crate::Caller):
//!
//! ```
//! use switchboard::typed::Format;
//! use switchboard::{Caller, Server, services::Echo};
//!
//! let server = Server::new(Echo).at("tcp://127.0.0.1:0")?.start()?;
//! let mut caller = Caller::call(&server.addresses()[0])?;
//! caller.send_typed(Format::POSTCARD, &("temperature", 21.5))?;
//! assert_eq!(caller.receive_typed(Format::POSTCARD)?, Some(("temperature".to_owned(), 21.5)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answers;
mod caller;
mod format;
mod shallow;

pub use answers::Answers;
pub use caller::{Typed, TypedError};
pub use format::{DecodeError, EncodeError, Encoding, Format};
