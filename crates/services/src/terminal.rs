//! Terminal: joins a call to standard input and output.
//!
//! What both `connect` and `listen` do: it does not matter who called whom. Nothing that was received is lost:
//! what came from the peer is written out, and what was read from the input is sent, before the call ends.
//!
//! How it ends: the end of the input half-closes the call; the peer's end closes the output. [`Until`] says
//! which of them ends the call. On a message transport, which has no end, the call ends once the input has
//! ended and the peer has been quiet for a while. Behind layers an end is more than a FIN, and many a peer takes it for
//! the end of the whole call and drops what it was about to answer (RFC 5246 section 7.2.1 even told it to, RFC 6455
//! section 5.5.1 lets it): there our half ends once the peer has been quiet for a while, and the call with the peer.
//!
//! Input becomes messages line by line, each with its LF, so that what is typed is what is sent; with a
//! framing, one message a frame.
//!
//! On its way from the input to the call a byte passes the screen, the escapes, and the packer or the line
//! ends, as far as they are wanted; on its way back the unpacker, what makes it inert, and the screen.

mod console;
mod cutter;
mod escapes;
mod history;
mod keys;
mod row;
mod screen;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use conversation::{
    Address, Call, CloseReason, Conversation, CopiedBy, DialFailure, Format, Framing, Leg, Moment, Needs,
    Outbox, Payload, Service, Transport,
};

use crate::packed::{MISFIT, Packer, Unpacker};
use crate::{Crlf, Inert};
use cutter::Cutter;
use escapes::{Escapes, Said};

pub use console::{Console, Nobody};
pub use screen::Screen;

/// An input that gave nothing for this long before the peer finished, or gives nothing for this long after,
/// is not on its way to its end: a call that ends with its peer ends.
const INPUT_PAUSE: Duration = Duration::from_millis(100);

/// Whose end ends the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The peer's: once it has finished, input that flows is still sent, but none is waited for.
    Peer,
    /// Both the peer's and the input's.
    Both,
    /// The input's.
    Input,
}

/// The service that joins a call to standard input and output.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Whose end ends the call.
    pub until: Until,
    /// Whether the end of the input is passed on as the end of our half of the call.
    pub half_close: bool,
    /// An input that ends before its first byte says nothing, not even its end, until the peer has finished:
    /// a listener whose input is the null device is there to receive.
    pub empty_input_waits: bool,
    /// The output stays open for a further call.
    pub keep_output: bool,
    /// Becomes true once the input has ended, or whoever types has hung up: a further call would have nothing to say.
    pub input_over: Arc<AtomicBool>,
    /// How messages are marked on the side of the input and output; without, a line is a message.
    pub framing: Option<Framing>,
    /// What the peer sends is shown on a terminal, and must not drive it.
    pub inert: bool,
    /// On a message transport: how long the peer may be quiet after the input has ended. `None`: for ever.
    pub quiet: Option<Duration>,
    /// After the input has ended, our half of the call ends once the peer has been quiet for this long. `None`: at once.
    pub held: Option<Duration>,
    /// LF in the input is sent as CR LF.
    pub crlf: bool,
    /// Each line of the input is values, which are sent packed.
    pub pack: Option<Format>,
    /// What comes is packed, each message or else as many bytes as the format has, and shown as a line of values.
    pub unpack: Option<Format>,
    /// The user's side.
    pub console: Arc<dyn Console>,
    /// A person types, who may escape: a line `~.` hangs up.
    pub escapes: bool,
    /// Input and output are a terminal on which lines are edited. What is shown there has to be inert.
    pub screen: Option<Arc<Mutex<Screen>>>,
}

impl Terminal {
    /// Joins input and output as they are; this end ends the call.
    #[must_use]
    pub fn until(until: Until) -> Terminal {
        Terminal {
            until,
            half_close: true,
            empty_input_waits: false,
            keep_output: false,
            input_over: Arc::default(),
            framing: None,
            inert: false,
            quiet: None,
            held: None,
            crlf: false,
            pack: None,
            unpack: None,
            console: Arc::new(Nobody),
            escapes: false,
            screen: None,
        }
    }
}

impl Service for Terminal {
    fn name(&self) -> &'static str {
        "terminal"
    }

    fn needs(&self) -> Needs {
        Needs { dial: true, memory_of_peers: true, ..Needs::default() }
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        Box::new(Joined {
            terminal: self.clone(),
            own: None,
            messages: false,
            is_plain: false,
            cutter: Cutter::new(self.framing),
            crlf: self.crlf.then(Crlf::default),
            packer: self.pack.clone().map(Packer::new),
            unpacker: self.unpack.clone().map(Unpacker::new),
            inert: self.inert.then(Inert::default),
            escapes: self.escapes.then(Escapes::default),
            reason: CloseReason::Finished,
            input_any: false,
            input_at: Moment::START,
            input_ended: false,
            ended_at: Moment::START,
            is_held: false,
            peer_ended: false,
        })
    }
}

struct Joined {
    terminal: Terminal,
    /// The leg of our own standard input and output.
    own: Option<Leg>,
    messages: bool,
    /// Nothing is done to what is said and heard: the engine copies it.
    is_plain: bool,
    cutter: Cutter,
    crlf: Option<Crlf>,
    packer: Option<Packer>,
    unpacker: Option<Unpacker>,
    inert: Option<Inert>,
    escapes: Option<Escapes>,
    /// What the call ends for, if nothing worse happens.
    reason: CloseReason,
    input_any: bool,
    /// When input last came.
    input_at: Moment,
    input_ended: bool,
    ended_at: Moment,
    /// Our half of the call outlives the input.
    is_held: bool,
    peer_ended: bool,
}

impl Conversation for Joined {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.messages = call.shape.keeps_boundaries();
        let says_as_typed = self.crlf.is_none() && self.packer.is_none() && self.escapes.is_none();
        let shows_as_heard = self.unpacker.is_none() && self.inert.is_none();
        let on_a_screen = self.terminal.screen.is_some();
        self.is_plain = !self.messages && says_as_typed && shows_as_heard && !on_a_screen;
        self.own = out.dial(Address::new(Transport::Standard, conversation::Place::Standard));
    }

    fn connected(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        let copied_by = if self.is_plain { CopiedBy::Engine } else { CopiedBy::Conversation };
        out.join(Leg::CALLER, leg, copied_by);
        let console = &self.terminal.console;
        if let Some(mut screen) = self.screen() {
            console.take();
            out.send(leg, screen.begin(console.columns()));
        }
    }

    fn dial_failed(&mut self, _leg: Leg, _why: &DialFailure, out: &mut Outbox<'_>) {
        out.abort(CloseReason::Limit("standard input and output cannot be used"));
    }

    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        match self.own {
            Some(own) if leg == own && self.terminal.screen.is_some() => self.keys(own, bytes, out),
            Some(own) if leg == own => self.typed(bytes.into(), out),
            Some(_) => self.output(bytes, out),
            None => {}
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        if Some(leg) == self.own {
            self.input_ends(out);
        } else {
            self.peer_ends(out);
        }
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        if self.peer_ended && self.input_at(out) + INPUT_PAUSE > out.now().moment {
            return self.wait_for_pause(out); // what the engine copied meanwhile
        }
        if self.is_held {
            return self.hold(out);
        }
        // An input that is not read, because the peer does not take what was read before, is no pause.
        if !out.is_congested(Leg::CALLER) {
            out.close_because(self.reason);
        }
    }

    fn drained(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        if leg == Leg::CALLER {
            self.input_at = out.now().moment; // it is read again from now on
            if self.input_ended {
                self.wait_for_quiet(out);
            } else if self.peer_ended {
                self.wait_for_pause(out);
            }
        }
    }

    fn closed(&mut self, _why: CloseReason, _out: &mut Outbox<'_>) {
        if let Some(mut screen) = self.screen() {
            let console = &self.terminal.console;
            console.give_back(&screen.leave(console.columns()));
        }
    }
}

impl Joined {
    fn screen(&self) -> Option<MutexGuard<'_, Screen>> {
        // A panic while it was held left at worst a row that looks odd.
        Some(self.terminal.screen.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keys were pressed on the terminal.
    fn keys(&mut self, own: Leg, bytes: &[u8], out: &mut Outbox<'_>) {
        let console = Arc::clone(&self.terminal.console);
        let Some(mut screen) = self.screen().filter(|_| !self.input_ended) else { return };
        let mut typed = screen.typed(bytes, console.columns());
        if typed.suspend {
            console.suspend(&[typed.shown, screen.leave(console.columns())].concat());
            typed.shown = screen.begin(console.columns());
        }
        drop(screen);
        out.send(own, typed.shown);
        if !typed.lines.is_empty() {
            self.typed(typed.lines.into(), out);
        }
        if typed.ended {
            self.input_ends(out);
        }
    }

    /// Input came, a part of a line or several.
    fn typed<'a>(&mut self, bytes: Payload<'a>, out: &mut Outbox<'a>) {
        self.input_any = true;
        self.input_at = out.now().moment;
        let Some(filter) = &mut self.escapes else { return self.say(bytes, out) };
        for said in filter.read(&bytes) {
            match said {
                Said::ToPeer(bytes) => self.say(bytes.into(), out),
                Said::Help => self.tell(escapes::HELP, out),
                // At once: a peer that takes nothing is what one hangs up on.
                Said::HangUp => {
                    self.terminal.input_over.store(true, Ordering::Relaxed);
                    return out.abort(CloseReason::Finished);
                }
            }
        }
    }

    /// Sends input, as it is wanted.
    fn say<'a>(&mut self, bytes: Payload<'a>, out: &mut Outbox<'a>) {
        if let Some(packer) = &mut self.packer {
            for message in packer.read(&bytes) {
                if !self.send_packed(message, out) {
                    return;
                }
            }
        } else {
            let bytes = match &mut self.crlf {
                Some(crlf) => crlf.convert(&bytes).into(),
                None => bytes,
            };
            if self.messages {
                self.cutter.cut(&bytes, out);
            } else {
                out.send(Leg::CALLER, bytes);
            }
        }
        if self.peer_ended {
            self.wait_for_pause(out);
        }
    }

    /// Sends a message, or tells why there is none. Returns whether the call goes on.
    fn send_packed(&mut self, message: Result<Vec<u8>, String>, out: &mut Outbox<'_>) -> bool {
        let why = match message {
            Ok(message) => {
                out.send(Leg::CALLER, message);
                return true;
            }
            Err(why) => why,
        };
        self.tell(&why, out);
        let types_it_again = self.terminal.escapes || self.terminal.screen.is_some();
        if !types_it_again {
            out.close_because(CloseReason::Limit("a line of input does not fit the format of --pack"));
        }
        types_it_again
    }

    /// Something came from the peer.
    fn output<'a>(&mut self, bytes: &'a [u8], out: &mut Outbox<'a>) {
        let shown = match (&mut self.unpacker, self.terminal.framing.filter(|_| self.messages)) {
            (Some(unpacker), _) => {
                let lines = if self.messages {
                    unpacker.message(bytes).map(Payload::from)
                } else {
                    unpacker.stream(bytes)
                };
                match lines {
                    Ok(lines) => lines,
                    Err(why) => return self.misfit(&why.to_string(), out),
                }
            }
            (None, Some(framing)) => {
                let mut frame = Vec::new();
                if framing.encode(bytes, &mut frame).is_err() {
                    return out.close_because(CloseReason::Limit("a message does not fit the framing"));
                }
                self.inert(frame.into())
            }
            (None, None) => self.inert(bytes.into()),
        };
        self.show(shown, out);
        if self.input_ended {
            self.wait_for_quiet(out);
        }
    }

    fn inert<'a>(&mut self, bytes: Payload<'a>) -> Payload<'a> {
        match &mut self.inert {
            Some(inert) => inert.show(&bytes).into(),
            None => bytes,
        }
    }

    fn misfit(&mut self, why: &str, out: &mut Outbox<'_>) {
        self.reason = MISFIT;
        self.tell(why, out);
    }

    /// Shows what is fit to be shown.
    fn show<'a>(&self, bytes: Payload<'a>, out: &mut Outbox<'a>) {
        let Some(own) = self.own else { return };
        match self.screen() {
            Some(mut screen) => out.send(own, screen.output(&bytes, self.terminal.console.columns())),
            None => out.send(own, bytes),
        }
    }

    /// Tells the user something that the peer did not say.
    fn tell(&self, text: &str, out: &mut Outbox<'_>) {
        match (self.own, self.screen()) {
            (Some(own), Some(mut screen)) => {
                out.send(own, screen.tell(text, self.terminal.console.columns()));
            }
            (_, _) => self.terminal.console.tell(text),
        }
    }

    fn input_ends(&mut self, out: &mut Outbox<'_>) {
        self.terminal.input_over.store(true, Ordering::Relaxed);
        if self.input_ended {
            return; // its end was typed before it came
        }
        if let Some(held) = self.escapes.as_mut().map(Escapes::finish).filter(|held| !held.is_empty()) {
            self.say(held.into(), out);
        }
        if let Some(last) = self.packer.as_mut().and_then(Packer::finish) {
            let _ = self.send_packed(last, out); // nothing follows in either case
        }
        self.input_ended = true;
        self.ended_at = out.now().moment;
        if self.messages {
            self.cutter.end(out);
            self.wait_for_quiet(out);
        }
        let input_any = self.input_any || self.own.is_some_and(|own| out.has_heard(own));
        let says_nothing = !input_any && self.terminal.empty_input_waits;
        if self.terminal.half_close && (!says_nothing || self.peer_ended) {
            self.is_held = !self.peer_ended;
            self.hold(out);
        }
        match self.terminal.until {
            Until::Input => out.close_because(self.reason),
            Until::Peer | Until::Both if self.peer_ended => out.close_because(self.reason),
            Until::Peer | Until::Both => {}
        }
    }

    fn peer_ends(&mut self, out: &mut Outbox<'_>) {
        self.peer_ended = true;
        if let Some(rest) = self.inert.as_mut().map(Inert::finish).filter(|rest| !rest.is_empty()) {
            self.show(rest.into(), out);
        }
        if let Some(Err(why)) = self.unpacker.as_mut().map(Unpacker::finish) {
            self.misfit(&format!("the call ended within a message: {why}"), out);
        }
        if let Some(own) = self.own
            && !self.terminal.keep_output
            && self.terminal.screen.is_none()
        {
            out.finish(own);
        }
        match self.terminal.until {
            Until::Peer | Until::Both if self.input_ended => out.close_because(self.reason),
            Until::Peer if out.is_congested(Leg::CALLER) => {}
            Until::Peer if out.now().moment.since(self.input_at(out)) >= INPUT_PAUSE => {
                out.close_because(self.reason);
            }
            Until::Peer => self.wait_for_pause(out),
            Until::Both | Until::Input => {}
        }
    }

    /// When input last came. Of what the engine copies only that something moved is known, which is no earlier.
    fn input_at(&self, out: &Outbox<'_>) -> Moment {
        if self.is_plain { self.input_at.max(out.moved()) } else { self.input_at }
    }

    fn wait_for_pause(&self, out: &mut Outbox<'_>) {
        if self.terminal.until == Until::Peer {
            out.deadline_at(self.input_at(out) + INPUT_PAUSE);
        }
    }

    fn wait_for_quiet(&self, out: &mut Outbox<'_>) {
        // A half that is held ends by itself, and the call with the peer's.
        let has_end = self.terminal.held.is_some() && self.terminal.half_close;
        if let Some(quiet) = self.terminal.quiet.filter(|_| self.messages && !has_end) {
            out.deadline_at(out.now().moment + quiet);
        }
    }

    /// Ends our half of the call, unless it is still held: something has moved lately, or what we said is not taken yet.
    fn hold(&mut self, out: &mut Outbox<'_>) {
        let now = out.now().moment;
        let latest = if out.is_congested(Leg::CALLER) { now } else { self.ended_at.max(out.moved()) };
        match self.terminal.held.map(|held| latest + held) {
            Some(due) if self.is_held && due > now => out.deadline_at(due),
            _ => {
                self.is_held = false;
                out.finish(Leg::CALLER);
            }
        }
    }
}
