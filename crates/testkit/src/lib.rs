//! The simulator: runs a service's conversations over virtual lines and time.
//!
//! It is one more engine, for tests: no sockets, no threads, no clock, no sleeps. Scripted [`Caller`]s speak to
//! the conversations of one service through the same [`Session`](engine::Session) that every engine drives. A
//! seed decides all that a kernel and a network may decide: how a stream is cut, how much a send takes, who
//! comes next, which datagram is lost. The same seed is the same run, byte for byte; 300 seeds are 300 runs of
//! which a real machine shows perhaps three.
//!
//! While it runs, it holds the driver to its promises: every byte once and in order, nothing read above the
//! high mark, a finish behind all that is owed, `closed` once and last, time never back. A call that can never
//! end is found, because in virtual time "never" is a moment that comes at once.
//!
//! ```
//! use testkit::{ByHand, Caller, Event, Simulation};
//!
//! let echo = ByHand::new(|| {
//!     |event, out| match event {
//!         Event::Received(leg, bytes) => out.send(leg, bytes.to_vec()),
//!         Event::PeerFinished(leg) => out.finish(leg),
//!         _ => {}
//!     }
//! });
//! for seed in 0..20 {
//!     let run = Simulation::new(seed).caller(Caller::new().send("hello").finish().read_all()).run(&echo);
//!     assert_eq!(run.callers[0].bytes(), b"hello");
//!     assert!(run.callers[0].finished.is_some());
//! }
//! ```

#![forbid(unsafe_code)]

mod actor;
mod answer;
mod by_hand;
mod caller;
mod checks;
mod cuts;
mod faults;
mod hands;
mod heard;
mod ledger;
mod line;
mod pipe;
mod rooms;
mod run;
mod seed;
mod simulation;
mod stage;
mod transcript;
mod watched;

pub use answer::{Answer, answer_in_pieces};
pub use by_hand::{ByHand, Event};
pub use caller::Caller;
pub use cuts::{CUT_BYTES_MAX, every_cut};
pub use faults::{Faults, SendFails};
pub use heard::Heard;
pub use ledger::Ledger;
pub use run::{Dialled, Ended, Happened, Run, Trouble, TroubleKind};
pub use seed::Seed;
pub use simulation::Simulation;
