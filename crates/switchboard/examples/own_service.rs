//! A service of one's own: it counts the lines of each caller, and tells the caller at the end.
//!
//! Run it with `cargo run --example own_service`: it calls itself, over TCP and over a Unix socket.

use switchboard::{Caller, Conversation, Framer, Framing, Leg, Needs, Outbox, Server, Service};

/// What is offered: a maker of conversations.
struct CountLines;

impl Service for CountLines {
    fn name(&self) -> &'static str {
        "count-lines"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Counting { framer: Framer::new(Framing::Line { bytes_max: 1024 }), lines: 0 })
    }
}

/// One call. No socket in sight: events come in, effects go out.
struct Counting {
    framer: Framer,
    lines: u64,
}

impl Conversation for Counting {
    fn received<'a>(&mut self, _leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        // A stream may be cut anywhere: the framer finds the lines again.
        let mut rest = bytes;
        loop {
            match self.framer.next(&mut rest) {
                Ok(Some(_line)) => self.lines += 1,
                Ok(None) => return,
                Err(too_long) => {
                    out.send(Leg::CALLER, format!("{too_long}\n"));
                    return out.close();
                }
            }
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.send(leg, format!("{} lines\n", self.lines));
        out.finish(leg);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server =
        Server::new(CountLines).at("tcp://127.0.0.1:0")?.at("unix:@switchboard-count-lines")?.start()?;
    for address in server.addresses() {
        let mut caller = Caller::call(address)?;
        caller.send(b"one\ntwo\nthree\n")?;
        caller.finish()?;
        eprint!("{address}: {}", String::from_utf8(caller.read_to_end(100)?)?);
    }
    server.drain();
    server.wait()?;
    Ok(())
}
