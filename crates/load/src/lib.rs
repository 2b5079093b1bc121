//! Offers load to any server and measures it: rate, latency, what was lost and what failed.
//!
//! An [`Offer`] says what is offered: how many calls at once, in a closed loop (the next message follows the answer)
//! or an open one (messages are due at a rate, whatever the server does; latency counts from when they were due, so
//! that a server that stalls cannot hide it: coordinated omission). [`Load::begin`] makes the first call, [`Load::run`]
//! the rest, and gives a [`Report`].
//!
//! ```
//! # use std::sync::Arc;
//! use load::{Load, Offer};
//!
//! # let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let address: address::Address = format!("tcp://{}", listener.local_addr()?).parse()?;
//! # std::thread::spawn(move || {
//! #     for call in listener.incoming().flatten() {
//! #         std::thread::spawn(move || std::io::copy(&mut &call, &mut &call));
//! #     }
//! # });
//! let offer = Offer { calls: 4, count: Some(1_000), ..Offer::default() };
//! let control = engine::Control::new()?; // another thread may end the load by it
//! let report = Load::begin(offer, &address)?.run(&control, None)?;
//! assert_eq!((report.sent, report.answered, report.wrong), (1_000, 1_000, 0));
//! assert!(report.latency.max() > 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Calls go through the layers of their address (`tls://`, `wss://`), and `exec:` and `sh:` start a program for each.

mod clock;
mod exchange;
mod flights;
mod given_up;
mod line;
mod live;
mod offer;
mod pattern;
mod report;
mod rules;
mod run;
mod schedule;
mod slot;
mod tally;
mod timeline;
mod trouble;
mod worker;

pub use live::Progress;
pub use offer::{Expect, Message, Offer, OfferError};
pub use report::{Generator, Report, SATURATED_PERCENT};
pub use run::{BeginError, Load};
pub use timeline::Interval;
pub use trouble::Trouble;
