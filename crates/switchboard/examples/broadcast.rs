//! A chat: each line of a caller goes to all the others, whatever worker serves them.
//!
//! Run it with `cargo run -p switchboard --example broadcast`, and call it a few times with
//! `swb connect 127.0.0.1:7777`. Who reads slower than the others write is told how much was missed.

use std::sync::Arc;

use switchboard::{
    Call, CloseReason, Conversation, Framer, Framing, Leg, Needs, Outbox, Server, Service, Topic,
};

/// One room, for everybody who calls.
pub struct Broadcast(pub Topic);

impl Service for Broadcast {
    fn name(&self) -> &'static str {
        "broadcast"
    }

    fn needs(&self) -> Needs {
        Needs { rooms: true, memory_of_peers: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        let framer = Framer::new(Framing::Line { bytes_max: 4096 });
        Box::new(Speaker { room: self.0.clone(), name: String::new(), framer })
    }
}

/// One caller.
struct Speaker {
    room: Topic,
    name: String,
    framer: Framer,
}

impl Conversation for Speaker {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.name = format!("caller {}", call.number);
        out.subscribe(&self.room);
        out.publish(&self.room, format!("* {} has joined\n", self.name).into_bytes());
        out.send(Leg::CALLER, format!("* you are {}\n", self.name));
    }

    fn received<'a>(&mut self, _leg: Leg, mut bytes: &'a [u8], out: &mut Outbox<'a>) {
        loop {
            match self.framer.next(&mut bytes) {
                Ok(Some(line)) => {
                    let said = [self.name.as_bytes(), b": ", &line, b"\n"].concat();
                    out.publish(&self.room, said);
                }
                Ok(None) => return,
                Err(_) => return out.close_because(CloseReason::Limit("a line above 4 KiB")),
            }
        }
    }

    fn heard(&mut self, _room: &Topic, bytes: &Arc<[u8]>, out: &mut Outbox<'_>) {
        out.send(Leg::CALLER, Arc::clone(bytes)); // shared: in memory once, however many hear it
    }

    fn missed(&mut self, _room: &Topic, messages: u64, out: &mut Outbox<'_>) {
        out.send(Leg::CALLER, format!("* you missed {messages} lines\n"));
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }

    fn closed(&mut self, why: CloseReason, out: &mut Outbox<'_>) {
        out.publish(&self.room, format!("* {} has left: {why}\n", self.name).into_bytes());
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::new(Broadcast("everybody".parse()?)).at("tcp://127.0.0.1:7777")?.start()?;
    eprintln!("listening {}", server.addresses()[0]);
    server.wait()?;
    Ok(())
}
