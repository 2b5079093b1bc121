//! Echo: every byte comes back (RFC 862).
//!
//! On a byte stream it finishes when the caller has finished and all is back; on a message transport each
//! message goes back whole to its sender. It keeps nothing, so a million callers cost it nothing.
//!
//! ```text
//! > hello
//! < hello
//! ```

use conversation::{Conversation, Leg, Needs, Outbox, Service};

/// The echo service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Service for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn needs(&self) -> Needs {
        Needs { answers_anyone: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Echo)
    }
}

impl Conversation for Echo {
    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        out.send(leg, bytes);
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }
}
