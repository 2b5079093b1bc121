//! Say: one text to every caller (lecture: hello server).
//!
//! On a byte stream the text is sent when the call opens, then the service finishes; on a message transport
//! each message is answered with the text. The text is in memory once, however many callers get it.
//!
//! ```text
//! < Hello, world!
//! ```

use std::sync::Arc;

use conversation::{Call, Conversation, Leg, Needs, Outbox, Service};

/// The say service.
#[derive(Clone, Debug)]
pub struct Say {
    text: Arc<[u8]>,
}

impl Say {
    /// Says exactly these bytes; nothing is added.
    #[must_use]
    pub fn new(text: impl Into<Arc<[u8]>>) -> Say {
        Say { text: text.into() }
    }
}

impl Service for Say {
    fn name(&self) -> &'static str {
        "say"
    }

    fn needs(&self) -> Needs {
        Needs { answers_anyone: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Saying { text: Arc::clone(&self.text), to_messages: false })
    }
}

struct Saying {
    text: Arc<[u8]>,
    to_messages: bool,
}

impl Conversation for Saying {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.to_messages = call.shape.keeps_boundaries();
        if !self.to_messages {
            out.send(Leg::CALLER, Arc::clone(&self.text));
            out.close();
        }
    }

    fn received<'a>(&mut self, leg: Leg, _bytes: &'a [u8], out: &mut Outbox<'a>) {
        if self.to_messages {
            out.send(leg, Arc::clone(&self.text));
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }
}
