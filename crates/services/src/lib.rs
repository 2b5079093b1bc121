//! What is said: one file a service, none of which knows a socket, a file, a thread or a clock.
//!
//! The services of a server ([`Echo`], [`Discard`], [`Print`], [`Say`], [`Reply`], [`Who`], [`Time`]) and the
//! conversations of a caller ([`Ask`], [`Terminal`]) are the same kind of thing: any of them runs over any
//! socket, on either side of a call.

mod ask;
mod crlf;
mod discard;
mod echo;
mod exec;
mod inert;
mod packed;
mod print;
mod relay;
mod reply;
mod say;
mod table;
mod terminal;
mod time;
mod who;

pub use ask::Ask;
pub use crlf::Crlf;
pub use discard::Discard;
pub use echo::Echo;
pub use exec::Exec;
pub use inert::Inert;
pub use packed::MISFIT;
pub use print::{Prefix, Print};
pub use relay::{Balance, Relay, TARGETS_MAX, Targets, Words};
pub use reply::Reply;
pub use say::Say;
pub use table::{SERVICES, ServiceRow};
pub use terminal::{Console, Nobody, Screen, Terminal, Until};
pub use time::{Time, TimeFormat};
pub use who::Who;
