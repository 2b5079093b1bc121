//! Addresses whose network is impaired on purpose.

#![allow(clippy::unwrap_used, reason = "a panic here is the failure that is wanted")]

/// Tests of this name, one for each of these engines.
macro_rules! under {
    ($test:ident: $($engine:ident)*) => {
        mod $test {
            $(#[test] fn $engine() { super::$test(stringify!($engine)); })*
        }
    };
}

#[path = "impair/bytes.rs"]
mod bytes;
#[allow(dead_code, reason = "the matrix uses all of it")]
#[path = "matrix/caller.rs"]
mod caller;
#[path = "impair/control.rs"]
mod control;
#[path = "impair/messages.rs"]
mod messages;
#[path = "impair/seeded.rs"]
mod seeded;
mod support;

use support::Server;

/// `swb serve` with these arguments, which says what becomes of each call.
fn serve(arguments: &[&str], engine: &str) -> Server {
    Server::start(&[&["serve"], arguments, &["--engine", engine, "-v"]].concat())
}
