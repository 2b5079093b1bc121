//! Who: tells the caller who it is and when it called (lecture: who called).
//!
//! It waits for the caller's greeting (any first bytes, or the end), has the caller's name looked up, answers,
//! and says `Bye` a while later. The wait is the caller's own: nobody else waits with it. An address that has
//! no name is its own name; the port is decimal; the time is RFC 3339 in UTC.
//!
//! ```text
//! > 2026-11-21T12:00:00Z hello from me
//! < Connection from localhost (127.0.0.1) 40123 at 2026-11-21T12:00:00Z
//! < Bye
//! ```

use std::time::{Duration, SystemTime};

use conversation::{Call, Conversation, End, Leg, Needs, Outbox, Service};

/// The who service.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// How long after the answer it says `Bye`. The lecture's ten seconds by default.
    pub bye_after: Duration,
}

impl Default for Who {
    fn default() -> Who {
        Who { bye_after: Duration::from_secs(10) }
    }
}

impl Service for Who {
    fn name(&self) -> &'static str {
        "who"
    }

    fn needs(&self) -> Needs {
        Needs { memory_of_peers: true, answers_anyone: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Asked { bye_after: self.bye_after, caller: None, greeted: false })
    }
}

struct Asked {
    bye_after: Duration,
    /// Who called and when, from the opening to the answer.
    caller: Option<(End, SystemTime)>,
    greeted: bool,
}

impl Conversation for Asked {
    fn opened(&mut self, call: &Call, _out: &mut Outbox<'_>) {
        self.caller = Some((call.peer.clone(), call.opened));
    }

    fn received<'a>(&mut self, _leg: Leg, _bytes: &'a [u8], out: &mut Outbox<'a>) {
        self.greet(out);
    }

    fn peer_finished(&mut self, _leg: Leg, out: &mut Outbox<'_>) {
        self.greet(out);
    }

    fn peer_named(&mut self, name: Option<&str>, out: &mut Outbox<'_>) {
        let Some((caller, called)) = self.caller.take() else { return };
        let time = humantime::format_rfc3339_seconds(called);
        let text = match caller.ip() {
            Some(address) => {
                let ip = address.ip().to_string();
                let name = name.map_or_else(|| ip.clone(), printable);
                format!("Connection from {name} ({ip}) {} at {time}\n", address.port())
            }
            None => format!("Connection from {caller} at {time}\n"),
        };
        out.send(Leg::CALLER, text);
        out.deadline_at(out.now().moment + self.bye_after);
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        out.send(Leg::CALLER, &b"Bye\n"[..]);
        out.close();
    }
}

impl Asked {
    fn greet(&mut self, out: &mut Outbox<'_>) {
        if !std::mem::replace(&mut self.greeted, true) {
            out.name_peer();
        }
    }
}

/// A host name without what could break the line: whoever runs a caller's reverse zone chooses its name.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}
