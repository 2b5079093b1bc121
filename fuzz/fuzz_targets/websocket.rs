//! Fuzz target: `bodies/websocket.rs`, which says what must hold.
#![no_main]

#[path = "../bodies/websocket.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
