//! The PROXY protocol: a relay says in front of everything else who really calls.
//!
//! HAProxy's `proxy-protocol.txt`, versions 1 (a line of text) and 2 (binary). Whoever is behind a relay would otherwise
//! see only the relay. The header is believed without proof, so it is to be read only where none but the relay
//! can connect.
//!
//! ```text
//! < PROXY TCP4 203.0.113.7 198.51.100.2 50312 443\r\n
//! < and then what the caller says
//! ```

mod crc32c;
mod encode;
mod failure;
mod parse;
mod v1;
mod v2;

use std::fmt;
use std::time::Duration;

use conversation::{End, Moment};

use crate::{Flow, Layer, Told};

pub use failure::ProxyFailure;

/// What a PROXY header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// Nothing of the call: the relay calls for itself (a health check), or does not know. The ends of the connection
    /// are those of the call.
    Local,
    /// The relay was called by one end at the other.
    Proxied {
        /// Who called.
        source: End,
        /// Where.
        destination: End,
    },
}

/// How a header is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyVersion {
    /// A line of text, TCP only.
    V1,
    /// Binary.
    V2,
}

impl fmt::Display for ProxyHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProxyHeader::Local => f.write_str("the proxy calls for itself"),
            ProxyHeader::Proxied { source, destination } => {
                write!(f, "a proxy was called by {source} at {destination}")
            }
        }
    }
}

/// Reads a header of either version, then passes everything on.
#[derive(Debug)]
pub struct ProxyReader {
    within: Duration,
    due: Option<Moment>,
    /// What has come of the header: at most 65,551 bytes, the longest that version 2 can name.
    partial: Vec<u8>,
    is_open: bool,
}

impl ProxyReader {
    /// How long a caller has for its header where nothing else is said.
    pub const WITHIN: Duration = Duration::from_secs(5);

    /// A reader whose header must have come `within` this time.
    #[must_use]
    pub fn new(within: Duration) -> ProxyReader {
        ProxyReader { within, due: None, partial: Vec::new(), is_open: false }
    }
}

impl Layer for ProxyReader {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        self.due = Some(flow.now().moment + self.within);
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        if self.is_open {
            return flow.deliver(bytes);
        }
        let held = self.partial.len();
        let room = v2::HEADER_BYTES_MAX - held;
        self.partial.extend_from_slice(&bytes[..bytes.len().min(room)]);
        match ProxyHeader::parse(&self.partial) {
            Ok(None) => {}
            Ok(Some((header, length))) => {
                self.partial = Vec::new();
                self.due = None;
                self.is_open = true;
                flow.tell(Told::Proxy(header));
                flow.open();
                flow.deliver(&bytes[length - held..]);
            }
            Err(failure) => flow.fail(failure),
        }
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        if self.is_open {
            flow.finish_above();
        } else {
            flow.fail(ProxyFailure::Finished);
        }
    }

    fn next_deadline(&self) -> Option<Moment> {
        self.due
    }

    fn deadline(&mut self, flow: &mut Flow<'_>) {
        if self.due.take_if(|due| flow.now().moment >= *due).is_some() {
            flow.fail(ProxyFailure::TimedOut);
        }
    }

    fn is_spent(&self) -> bool {
        self.is_open
    }
}

/// Writes a header, then passes everything on.
#[derive(Debug)]
pub struct ProxyWriter {
    header: Vec<u8>,
    is_open: bool,
}

impl ProxyWriter {
    /// A writer of this header.
    #[must_use]
    pub fn new(header: &ProxyHeader, version: ProxyVersion) -> ProxyWriter {
        ProxyWriter { header: header.encode(version), is_open: false }
    }
}

impl Layer for ProxyWriter {
    fn opened(&mut self, flow: &mut Flow<'_>) {
        flow.below().push(&std::mem::take(&mut self.header));
        self.is_open = true;
        flow.open();
    }

    fn received(&mut self, bytes: &[u8], flow: &mut Flow<'_>) {
        flow.deliver(bytes);
    }

    fn below_finished(&mut self, flow: &mut Flow<'_>) {
        flow.finish_above();
    }

    fn is_spent(&self) -> bool {
        self.is_open
    }
}
