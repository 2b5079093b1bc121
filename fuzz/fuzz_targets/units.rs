//! Fuzz target: `bodies/units.rs`, which says what must hold.
#![no_main]

#[path = "../bodies/units.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
