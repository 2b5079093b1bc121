//! Discard: swallows whatever comes and says nothing (RFC 863).
//!
//! ```text
//! > anything
//! ```

use conversation::{Conversation, Leg, Needs, Outbox, Service};

/// The discard service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Service for Discard {
    fn name(&self) -> &'static str {
        "discard"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Discard)
    }
}

impl Conversation for Discard {
    fn received<'a>(&mut self, _leg: Leg, _bytes: &'a [u8], _out: &mut Outbox<'a>) {}

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }
}
