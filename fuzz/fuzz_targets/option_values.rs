//! Fuzz target: `bodies/option_values.rs`, which says what must hold.
#![no_main]

#[path = "../bodies/option_values.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
