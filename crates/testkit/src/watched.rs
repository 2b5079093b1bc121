//! A conversation under watch: passes every event in and every effect out, and tells the checks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use conversation::{Call, CloseReason, Conversation, DialFailure, Effect, Leg, Outbox, Service, Topic};

use crate::Happened;
use crate::checks::Checks;

/// The checks of one call, shared by the simulator and the watched conversation in the session.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Mutex<Checks>>);

impl Shared {
    pub(crate) fn new(checks: Checks) -> Shared {
        Shared(Arc::new(Mutex::new(checks)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Checks> {
        // Whoever panicked while holding it has failed the run already.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One more conversation of `service`, watched.
pub(crate) fn watched(service: &dyn Service, checks: &Shared) -> Box<dyn Conversation> {
    Box::new(Watched { inner: service.conversation(), checks: checks.clone() })
}

struct Watched {
    inner: Box<dyn Conversation>,
    checks: Shared,
}

impl Watched {
    fn pass<'a>(
        &mut self,
        happened: Happened,
        out: &mut Outbox<'a>,
        event: impl FnOnce(&mut dyn Conversation, &mut Outbox<'a>),
    ) {
        let (legs, congested) = {
            let mut checks = self.checks.lock();
            let legs = (0..checks.legs()).filter_map(Leg::new);
            let congested: Vec<Leg> = legs.filter(|leg| out.is_congested(*leg)).collect();
            checks.told_congested(&congested);
            checks.event(out.now().moment, happened);
            (checks.legs(), congested)
        };
        let heard: Vec<Leg> = (0..legs).filter_map(Leg::new).filter(|leg| out.has_heard(*leg)).collect();
        let asked = Outbox::new(out.now(), legs, congested.into_iter());
        let mut asked = asked.after(heard.into_iter(), out.moved());
        event(&mut *self.inner, &mut asked);
        for effect in asked.into_effects() {
            self.checks.lock().asked(&effect);
            pass_on(effect, legs, out);
        }
    }
}

/// `legs` are there already.
fn pass_on<'a>(effect: Effect<'a>, legs: usize, out: &mut Outbox<'a>) {
    match effect {
        Effect::Send { leg, bytes } => out.send(leg, bytes),
        Effect::Finish(leg) => out.finish(leg),
        Effect::Close { linger: false, .. } => out.hang_up(),
        Effect::Close { reason, linger: true } => out.close_because(reason),
        Effect::Abort(reason) => out.abort(reason),
        Effect::Dial { leg, dialling } if leg.index() >= legs => {
            let dialled = out.dial(*dialling);
            debug_assert_eq!(dialled, Some(leg), "both outboxes count the same legs");
        }
        Effect::Dial { leg, dialling } => out.dial_again(leg, *dialling),
        Effect::Tell(notice) => out.tell(*notice),
        Effect::HandOver(address) => out.hand_over(*address),
        Effect::Join { a, b, copied_by } => out.join(a, b, copied_by),
        Effect::Deadline(Some(due)) => out.deadline_at(due),
        Effect::Deadline(None) => out.no_deadline(),
        Effect::NamePeer => out.name_peer(),
        Effect::Output(bytes) => out.output(bytes),
        Effect::Subscribe(topic) => out.subscribe(&topic),
        Effect::Unsubscribe(topic) => out.unsubscribe(&topic),
        Effect::Publish { topic, bytes } => out.publish(&topic, bytes),
        Effect::PauseReading => out.pause_reading(),
        Effect::ReadOn => out.read_on(),
    }
}

impl Conversation for Watched {
    fn opened(&mut self, call: &Call, out: &mut Outbox<'_>) {
        self.pass(Happened::Opened, out, |inner, out| inner.opened(call, out));
    }

    fn received<'a>(&mut self, leg: Leg, bytes: &'a [u8], out: &mut Outbox<'a>) {
        self.pass(Happened::Received(leg, bytes.len()), out, |inner, out| inner.received(leg, bytes, out));
    }

    fn peer_finished(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        self.pass(Happened::PeerFinished(leg), out, |inner, out| inner.peer_finished(leg, out));
    }

    fn deadline(&mut self, out: &mut Outbox<'_>) {
        self.pass(Happened::Deadline, out, |inner, out| inner.deadline(out));
    }

    fn connected(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        self.pass(Happened::Connected(leg), out, |inner, out| inner.connected(leg, out));
    }

    fn dial_failed(&mut self, leg: Leg, why: &DialFailure, out: &mut Outbox<'_>) {
        let happened = Happened::DialFailed(leg, why.text.clone());
        self.pass(happened, out, |inner, out| inner.dial_failed(leg, why, out));
    }

    fn peer_named(&mut self, name: Option<&str>, out: &mut Outbox<'_>) {
        let happened = Happened::PeerNamed(name.map(str::to_owned));
        self.pass(happened, out, |inner, out| inner.peer_named(name, out));
    }

    fn drained(&mut self, leg: Leg, out: &mut Outbox<'_>) {
        self.pass(Happened::Drained(leg), out, |inner, out| inner.drained(leg, out));
    }

    fn heard(&mut self, topic: &Topic, bytes: &Arc<[u8]>, out: &mut Outbox<'_>) {
        let happened = Happened::Heard(topic.clone(), bytes.len());
        self.pass(happened, out, |inner, out| inner.heard(topic, bytes, out));
    }

    fn missed(&mut self, topic: &Topic, messages: u64, out: &mut Outbox<'_>) {
        let happened = Happened::Missed(topic.clone(), messages);
        self.pass(happened, out, |inner, out| inner.missed(topic, messages, out));
    }

    fn closed(&mut self, why: CloseReason, out: &mut Outbox<'_>) {
        self.pass(Happened::Closed(why), out, |inner, out| inner.closed(why, out));
    }
}
