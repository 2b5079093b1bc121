//! No accepted byte is lost, changed or reordered, or the exit status says so.
//!
//! Sizes: `SWB_TEST_BYTES` sets how many bytes go through each line of [`bulk`] (default 64 MiB).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic here is the failure that is wanted")]

#[path = "lossless/bulk.rs"]
mod bulk;
#[path = "lossless/late.rs"]
mod late;
#[path = "lossless/output.rs"]
mod output;
mod support;
