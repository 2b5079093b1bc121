//! The name of a room: what is published there, its subscribers hear.
//!
//! Bound: [`Topic::BYTES_MAX`]. A room exists while somebody is in it; nothing is kept of what was said
//! before.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a room. A copy costs no memory.
///
/// ```
/// use conversation::Topic;
///
/// let lobby: Topic = "lobby".parse()?;
/// assert_eq!(lobby.as_str(), "lobby");
/// assert!(Topic::new("x".repeat(256)).is_err());
/// # Ok::<(), conversation::TopicTooLong>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic(Arc<str>);

impl Topic {
    /// The longest name, in bytes of UTF-8.
    pub const BYTES_MAX: usize = 255;

    /// The topic of this name.
    ///
    /// # Errors
    ///
    /// The name is longer than [`Topic::BYTES_MAX`].
    pub fn new(name: impl Into<Arc<str>>) -> Result<Topic, TopicTooLong> {
        let name = name.into();
        let bytes = name.len();
        if bytes > Topic::BYTES_MAX { Err(TopicTooLong { bytes }) } else { Ok(Topic(name)) }
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Topic {
    type Err = TopicTooLong;

    fn from_str(name: &str) -> Result<Topic, TopicTooLong> {
        Topic::new(name)
    }
}

/// A name that is too long for a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicTooLong {
    /// How long it is.
    pub bytes: usize,
}

impl fmt::Display for TopicTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, max) = (self.bytes, Topic::BYTES_MAX);
        write!(f, "a topic of {bytes} bytes; the longest has {max}: use a shorter name, or a digest of it")
    }
}

impl std::error::Error for TopicTooLong {}
