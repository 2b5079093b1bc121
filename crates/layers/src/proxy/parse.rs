//! Which version a header is of.
//!
//! Protected: a caller that sends something else is told so at the first byte that no header has there, not at a
//! deadline.

use super::{ProxyFailure, ProxyHeader, v1, v2};

impl ProxyHeader {
    /// The header at the front of `bytes` and its length in bytes; `None` while it may still become one.
    ///
    /// # Errors
    ///
    /// It is none, whatever comes behind.
    pub fn parse(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyFailure> {
        let begins = |signature: &[u8]| {
            let common = signature.len().min(bytes.len());
            bytes[..common] == signature[..common]
        };
        if begins(v1::SIGNATURE) {
            v1::parse(bytes)
        } else if begins(v2::SIGNATURE) {
            v2::parse(bytes)
        } else {
            Err(ProxyFailure::NoHeader)
        }
    }
}
