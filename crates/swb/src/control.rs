//! `--control PATH`: a running server is looked at and changed through a Unix socket that speaks JSON lines.
//!
//! The socket is served as everything else is, by a conversation in a thread of its own: so a peer that says too much, too
//! slowly or nonsense costs the calls nothing. Bounds: [`LINE_BYTES_MAX`] a line, [`CALLS_MAX`] peers, each silent for
//! [`IDLE`] at most; only the user's own programs can open the socket (mode 600).
//!
//! ```text
//! > {"do":"set","words":["delay=100ms","loss=in:5%"],"at":"far"}
//! < {"ok":true,"far":"delay=100ms&loss=in:5%&seed=1"}
//! ```

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use switchboard::{
    Address, Call, Control, Conversation, Engine, Event, Framer, Framing, Impaired, Leg, Needs, Observer,
    OptionKey, OptionValue, Order, Outbox, Place, Running, Server, Service, Transport,
};

use crate::failure::{Failure, Status};
use crate::json::Json;

/// The longest request.
const LINE_BYTES_MAX: usize = 4096;

/// Peers at once.
const CALLS_MAX: usize = 16;

/// How long a peer may be silent.
const IDLE: Duration = Duration::from_secs(10);

/// How long the workers have to tell of their calls, or to end one.
const WITHIN: Duration = Duration::from_secs(1);

/// Calls that one answer holds.
const CALLS_TOLD_MAX: usize = 1000;

/// What is controlled.
pub(crate) struct Controlled {
    control: Arc<Control>,
    /// The impaired addresses and what each is called: `near` is where callers come in, `far` whom a relay calls.
    impaired: Vec<(&'static str, Impaired)>,
    census: Arc<Census>,
}

/// The control socket, until it is dropped.
pub(crate) struct Socket(Option<Running>);

impl Controlled {
    pub(crate) fn new<'i>(
        control: &Arc<Control>,
        near: &[Impaired],
        far: impl Iterator<Item = &'i Impaired>,
        census: &Arc<Census>,
    ) -> Controlled {
        let near = near.iter().map(|impaired| ("near", impaired.clone()));
        let impaired = near.chain(far.map(|impaired| ("far", impaired.clone()))).collect();
        Controlled { control: Arc::clone(control), impaired, census: Arc::clone(census) }
    }

    /// Opens the socket and serves it.
    pub(crate) fn serve(self, path: &Path) -> Result<Socket, Failure> {
        use std::os::unix::ffi::OsStrExt;
        let place = Place::Path(path.as_os_str().as_bytes().into());
        let address = Address::new(Transport::Unix, place).with(OptionKey::Mode, OptionValue::Mode(0o600));
        let address = address.map_err(Failure::usage)?.checked()?;
        let server = Server::new(Commands(Arc::new(self))).at(&address.to_string())?;
        let server = server.engine(Engine::Poll).calls_max(CALLS_MAX).idle_timeout(IDLE);
        let running = server.drain_at_most(Duration::ZERO).start();
        running.map(|running| Socket(Some(running))).map_err(|error| Failure::new(Status::CannotBind, error))
    }

    /// What a line asks for, done.
    fn answer(&self, line: &[u8]) -> Json {
        match self.done(line) {
            Ok(mut members) => {
                members.insert(0, ("ok", true.into()));
                Json::Object(members)
            }
            Err(why) => Json::Object(vec![("ok", false.into()), ("error", why.into())]),
        }
    }

    fn done(&self, line: &[u8]) -> Result<Vec<(&'static str, Json)>, String> {
        let asked: Value =
            serde_json::from_slice(line).map_err(|error| format!("this is no JSON: {error}"))?;
        let call = || asked["call"].as_u64().ok_or_else(|| "\"call\" is the number of a call".to_owned());
        match asked["do"].as_str() {
            Some("show") => Ok(self.shown(self.impaired.iter())),
            Some("set") => self.set(&asked),
            Some("calls") => self.calls(),
            Some("reset") => self.order(call()?, Order::Reset),
            Some("close") => self.order(call()?, Order::Close),
            Some("drain") => {
                self.control.drain();
                Ok(Vec::new())
            }
            Some(_) | None => Err("\"do\" is show, set, calls, reset, close or drain".to_owned()),
        }
    }

    fn shown<'i>(&self, of: impl Iterator<Item = &'i (&'static str, Impaired)>) -> Vec<(&'static str, Json)> {
        of.map(|(end, impaired)| (*end, Json::from(impaired.shown()))).collect()
    }

    fn set(&self, asked: &Value) -> Result<Vec<(&'static str, Json)>, String> {
        let words = asked["words"].as_array().ok_or("\"words\" is a list such as [\"delay=100ms\"]")?;
        let words = words.iter().map(|word| word.as_str().ok_or("\"words\" is a list of texts"));
        let words = words.collect::<Result<Vec<&str>, _>>()?;
        let end = asked["at"].as_str();
        let meant: Vec<_> =
            self.impaired.iter().filter(|(name, _)| end.is_none_or(|end| end == *name)).collect();
        if meant.is_empty() {
            let at = end.map(|end| format!(" at the {end} end")).unwrap_or_default();
            return Err(format!(
                "nothing is impaired{at}, and that is not changed while calls are open; begin with an address such as \
                 impair+tcp://HOST:PORT"
            ));
        }
        let all = meant.iter().map(|(_, impaired)| Ok((impaired, impaired.with(words.iter().copied())?)));
        for (impaired, settings) in all.collect::<Result<Vec<_>, String>>()? {
            impaired.set(settings);
        }
        Ok(self.shown(meant.into_iter()))
    }

    fn calls(&self) -> Result<Vec<(&'static str, Json)>, String> {
        let calls = self.census.take(&self.control);
        Ok(vec![("calls", Json::List(calls.into_iter().map(Json::Object).collect()))])
    }

    fn order(&self, call: u64, order: Order) -> Result<Vec<(&'static str, Json)>, String> {
        match self.control.order(call, order, WITHIN) {
            true => Ok(Vec::new()),
            false => Err(format!("call {call} is not open; `swb control PATH calls` has those that are")),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.end();
            // It reports nothing, and what made it end is of no matter any more.
            let _ = running.wait();
        }
    }
}

/// The service at the control socket.
struct Commands(Arc<Controlled>);

impl Service for Commands {
    fn name(&self) -> &'static str {
        "control"
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn conversation(&self) -> Box<dyn Conversation> {
        let framer = Framer::new(Framing::Line { bytes_max: LINE_BYTES_MAX });
        Box::new(Commanding { controlled: Arc::clone(&self.0), framer })
    }
}

struct Commanding {
    controlled: Arc<Controlled>,
    framer: Framer,
}

impl Conversation for Commanding {
    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        let mut rest = bytes;
        loop {
            let answer = match self.framer.next(&mut rest) {
                Ok(Some(line)) => self.controlled.answer(&line),
                Ok(None) => return,
                Err(_) => {
                    let why = format!("a line has at most {LINE_BYTES_MAX} bytes");
                    let answer = Json::Object(vec![("ok", false.into()), ("error", why.into())]);
                    out.send(leg, format!("{answer}\n").into_bytes());
                    return out.close();
                }
            };
            out.send(leg, format!("{answer}\n").into_bytes());
        }
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        out.finish(leg);
    }
}

/// The open calls, told for a control socket and not for the log.
#[derive(Default)]
pub(crate) struct Census {
    told: Mutex<Told>,
    more: Condvar,
    is_asked: AtomicBool,
}

#[derive(Default)]
struct Told {
    /// How many calls are to be told, once that is known.
    calls: Option<usize>,
    members: Vec<Vec<(&'static str, Json)>>,
}

impl Census {
    /// Asks, and waits until all are told, or for [`WITHIN`].
    fn take(&self, control: &Control) -> Vec<Vec<(&'static str, Json)>> {
        *self.lock() = Told::default();
        self.is_asked.store(true, Ordering::Release);
        control.ring();
        let is_missing =
            |told: &mut Told| told.calls.is_none_or(|calls| told.members.len() < calls.min(CALLS_TOLD_MAX));
        let waited = self.more.wait_timeout_while(self.lock(), WITHIN, is_missing);
        let (mut told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        self.is_asked.store(false, Ordering::Release);
        let mut members = std::mem::take(&mut told.members);
        members.sort_by_key(|call| match call.first() {
            Some((_, Json::Number(number))) => *number,
            Some(_) | None => 0,
        });
        members
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, event: &Event<'_>) {
        let mut told = self.lock();
        if let Event::OpenCalls { calls } = event {
            told.calls = Some(*calls);
        }
        if let Event::Open { call, received_bytes, sent_bytes, lasts } = event
            && told.members.len() < CALLS_TOLD_MAX
        {
            told.members.push(members_of(call, *received_bytes, *sent_bytes, *lasts));
        }
        drop(told);
        self.more.notify_all();
    }
}

fn members_of(call: &Call, received: u64, sent: u64, lasts: Duration) -> Vec<(&'static str, Json)> {
    vec![
        ("call", call.number.into()),
        ("peer", call.peer.to_string().into()),
        ("local", call.local.to_string().into()),
        ("received_bytes", received.into()),
        ("sent_bytes", sent.into()),
        ("seconds", lasts.into()),
    ]
}

/// Passes events on, but for the open calls that the control socket asked for.
pub(crate) struct Counter {
    pub(crate) census: Arc<Census>,
    pub(crate) next: Arc<dyn Observer>,
    /// Others asked for the open calls as well.
    pub(crate) is_theirs: AtomicBool,
}

impl Observer for Counter {
    fn event(&self, event: &Event<'_>) {
        let is_of_census = matches!(event, Event::OpenCalls { .. } | Event::Open { .. });
        if is_of_census && self.census.is_asked.load(Ordering::Acquire) {
            self.census.add(event);
        }
        if !is_of_census || self.is_theirs.load(Ordering::Acquire) {
            self.next.event(event);
        }
    }

    fn wants_open_calls(&self) -> bool {
        let is_theirs = self.next.wants_open_calls();
        self.is_theirs.store(is_theirs, Ordering::Release);
        is_theirs || self.census.is_asked.load(Ordering::Acquire)
    }

    fn wants_tcp_info(&self) -> bool {
        self.next.wants_tcp_info()
    }
}
