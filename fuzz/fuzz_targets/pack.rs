//! Fuzz target: `bodies/pack.rs`, which says what must hold.
#![no_main]

#[path = "../bodies/pack.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
