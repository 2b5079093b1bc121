//! Conversations that speak first, and have more to say than may be owed: their layers open all the same.
//!
//! Above the high mark (64 KiB) what feeds a call is not read. Layers read before they are open, whatever is owed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::services::Say;
use switchboard::{
    Access, Address, Call, Caller, CloseReason, Control, Conversation, Engine, Event, Layering, Leg, Limits,
    Line, Needs, Observer, Outbox, Output, Plan, Running, Server, Service, converse, reach,
};

/// About the high mark, and far above it and what a socket holds.
const LENGTHS: [usize; 4] = [(64 << 10) - 1, 64 << 10, (64 << 10) + 1, 8 << 20];

/// The engines that a process with several threads may have, of those that this kernel and user allow.
fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| *engine != Engine::Process).filter(|engine| {
        match engine.probe() {
            Ok(()) => true,
            Err(failed) => {
                eprintln!("not under {engine}: {failed}");
                false
            }
        }
    })
}

/// A server with a certificate that it made for itself, and its address for who trusts it.
fn serve(service: impl Service + 'static, scheme: &str, engine: Engine) -> (Running, Address) {
    let at = format!("{scheme}://127.0.0.1:0");
    let server = Server::new(service).at(at.as_str()).unwrap().engine(engine).start().unwrap();
    let mut to = server.addresses()[0].to_string();
    if let Some((_, pin)) = server.notes().first().and_then(|note| note.rsplit_once('?')) {
        to = format!("{to}?{pin}");
    }
    (server, to.parse().unwrap())
}

/// So many bytes of which no two pieces are alike.
fn bytes(length: usize, first: u32) -> Arc<[u8]> {
    (first..).flat_map(u32::to_be_bytes).take(length).collect()
}

#[test]
fn a_server_that_has_much_to_say_first_is_heard_whole() {
    for engine in engines() {
        for length in LENGTHS {
            let says = bytes(length, 1);
            let (_server, to) = serve(Say::new(Arc::clone(&says)), "tls", engine);
            let mut caller = Caller::call(&to).unwrap().with_timeout(Duration::from_secs(20));
            let heard = caller.read_to_end(2 * length).unwrap();
            assert!(heard == *says, "{engine}: {} bytes of {length}", heard.len());
        }
    }
}

/// Says all of its text at once, finishes, and keeps what it hears meanwhile.
#[derive(Clone)]
struct Recital {
    text: Arc<[u8]>,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Recital {
    fn of(text: Arc<[u8]>) -> Recital {
        Recital { text, heard: Arc::default() }
    }
}

impl Service for Recital {
    fn name(&self) -> &'static str {
        "recital"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(self.clone())
    }
}

impl Conversation for Recital {
    fn opened(&mut self, _: &Call, out: &mut Outbox<'_>) {
        out.send(Leg::CALLER, Arc::clone(&self.text));
        out.finish(Leg::CALLER);
    }

    fn received<'a>(&mut self, _: Leg, bytes: &'a [u8], _: &mut Outbox<'a>) {
        self.heard.lock().unwrap().extend_from_slice(bytes);
    }

    fn peer_finished(&mut self, _: Leg, out: &mut Outbox<'_>) {
        out.close();
    }
}

struct Unheard;

impl Observer for Unheard {
    fn event(&self, _: &Event<'_>) {}
}

/// Calls there, and holds one conversation of this service. How it ended.
fn call(to: &Address, service: Recital) -> CloseReason {
    let plan = Plan {
        service: Arc::new(service),
        limits: Limits::of_this_process(),
        access: Arc::new(Access::default()),
        observer: Arc::new(Unheard),
        output: Output::standard(),
        control: Arc::new(Control::new().unwrap()),
        layerings: Arc::default(),
    };
    let connection = reach(to, Duration::ZERO).unwrap().connection;
    let layering = Layering::calling(to).unwrap().unwrap();
    converse(plan, Line::Layered { connection, layering }).unwrap().reason
}

#[test]
fn two_who_both_have_much_to_say_first_hear_each_other_whole() {
    for engine in engines() {
        for scheme in ["tls", "ws", "ws+tls"] {
            // Over a WebSocket it is one message, of a MiB at the most.
            let fits = |length: &usize| !scheme.starts_with("ws") || *length <= 1 << 20;
            for length in LENGTHS.into_iter().filter(fits) {
                let (there, back) = (bytes(length, 1), bytes(length, 1 << 31));
                let (called, caller) = (Recital::of(Arc::clone(&back)), Recital::of(Arc::clone(&there)));
                let (server, to) = serve(called.clone(), scheme, engine);
                assert_eq!(call(&to, caller.clone()), CloseReason::Finished, "{engine}, {scheme}, {length}");
                server.drain();
                server.wait().unwrap();
                assert!(*caller.heard.lock().unwrap() == *back, "{engine}, {scheme}: {length} bytes back");
                assert!(*called.heard.lock().unwrap() == *there, "{engine}, {scheme}: {length} bytes there");
            }
        }
    }
}
