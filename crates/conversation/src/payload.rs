//! Bytes to be sent: borrowed from what was received, shared, or owned.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes on their way out.
///
/// An engine sends borrowed bytes straight from its receive buffer and copies only what the kernel did not
/// take, so that an echo costs no copy and a text that many callers get is in memory once.
#[derive(Clone, Debug)]
pub enum Payload<'a> {
    /// A part of what the event brought.
    Borrowed(&'a [u8]),
    /// The same bytes for many calls.
    Shared(Arc<[u8]>),
    /// Made for this one.
    Owned(Vec<u8>),
}

impl Payload<'_> {
    /// The bytes, free of the event that brought them.
    #[must_use]
    pub fn into_owned(self) -> Vec<u8> {
        match self {
            Payload::Borrowed(bytes) => bytes.to_vec(),
            Payload::Shared(bytes) => bytes.to_vec(),
            Payload::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Payload<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Payload::Borrowed(bytes) => bytes,
            Payload::Shared(bytes) => bytes,
            Payload::Owned(bytes) => bytes,
        }
    }
}

impl PartialEq for Payload<'_> {
    /// Two payloads are equal when their bytes are, wherever those lie.
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Payload<'_> {}

impl<'a> From<&'a [u8]> for Payload<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Payload::Borrowed(bytes)
    }
}

impl From<Arc<[u8]>> for Payload<'_> {
    fn from(bytes: Arc<[u8]>) -> Self {
        Payload::Shared(bytes)
    }
}

impl From<Vec<u8>> for Payload<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Payload::Owned(bytes)
    }
}

impl From<String> for Payload<'_> {
    fn from(text: String) -> Self {
        Payload::Owned(text.into_bytes())
    }
}
