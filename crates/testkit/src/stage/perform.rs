//! Makes the thing happen that the schedule picked, and holds the session to its promises after it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, SystemTime};

use conversation::{Call, CloseReason, DialFailure, DialFailureKind, End, Leg, Now, Shape, Transport};
use engine::{CallLimits, Session, What};

use crate::Ended;
use crate::checks::Checks;
use crate::faults::RECEIVE_RESET;
use crate::hands::{Asked, Hands, LegEnd, World};
use crate::line::Side;
use crate::pipe::News;
use crate::transcript::shown;
use crate::watched::{Shared, watched};

use super::{Action, LiveCall, Role, Stage};

/// The wall clock at the start of every run: 2026-11-21T12:00:00Z.
const WALL_START: Duration = Duration::from_secs(1_795_262_400);

/// How long a datagram peer is remembered where no idle time-out says otherwise.
const PEER_IDLE_TIMEOUT: Duration = Duration::from_secs(60);

impl Stage<'_> {
    pub(super) fn perform(&mut self, action: Action) {
        match action {
            Action::Call(player) => {
                self.players[player].role = Role::Called;
                let call = self.open(player, self.simulation.limits, false);
                self.with(call, "opens", |session, now, hands| session.opened(now, hands));
            }
            Action::Step(index) => {
                let World { now, seed, faults, lines, .. } = &mut self.world;
                let did = self.players[index].actor.step(&mut lines[index], *now, faults, seed);
                self.note(&format!("player {index} {did}"));
            }
            Action::Read(index) => {
                let World { now, seed, lines, .. } = &mut self.world;
                let news = self.players[index].actor.read(&mut lines[index], *now, seed);
                self.note(&format!("player {index} hears {}", told(news.as_ref())));
            }
            Action::Arrive(line, sender) => {
                let World { seed, lines, .. } = &mut self.world;
                lines[line].arrive(sender, seed);
                self.note(&format!("line {line}: something of the {sender:?}'s arrives"));
            }
            Action::Hear(player) => self.hear(player),
            Action::Receive(call, leg) => self.receive(call, leg),
            Action::Writable(call, leg) => {
                let what = format!("leg {} is writable", leg.index());
                self.with(call, &what, |session, now, hands| session.writable(now, leg, hands));
            }
            Action::Due(call) => {
                let now = self.now().moment;
                if let Some(live) = &self.calls[call]
                    && live.limits.duration_max.is_some_and(|max| now >= live.began + max)
                {
                    live.checks.lock().at_limit();
                }
                self.with(call, "timer", |session, now, hands| session.deadline(now, hands));
            }
            Action::Errand(index) => self.answer_errand(index),
            Action::Woken(worker) => {
                for call in self.world.workers[worker].look() {
                    if let Some(live) = &mut self.calls[call] {
                        live.session.release();
                    }
                }
            }
            Action::Mail(worker) => self.deliver(worker),
            Action::Drain => {
                self.drained = true;
                for call in 0..self.calls.len() {
                    self.end_call(call, CloseReason::Drained);
                }
            }
        }
    }

    /// Makes the session of a player's call.
    fn open(&mut self, player: usize, limits: CallLimits, is_door: bool) -> usize {
        let (number, now) = (self.calls.len() as u64 + 1, self.now());
        let shape = self.world.lines[player].shape;
        let call = Call {
            number,
            shape,
            local: end(shape, Ipv4Addr::new(192, 0, 2, 1), 7),
            peer: end(shape, Ipv4Addr::new(198, 51, 100, 1), 40_000_u16.wrapping_add(player as u16)),
            opened: now.wall,
        };
        let checks = Shared::new(Checks::new(shape));
        let session = Session::new(call, watched(self.service, &checks), limits, now);
        let ends = vec![LegEnd::new(Some(player), is_door)];
        self.calls.push(Some(LiveCall {
            caller: player,
            session,
            ends,
            checks,
            received_bytes: 0,
            limits,
            began: now.moment,
        }));
        self.calls.len() - 1
    }

    /// A datagram at a door: for the session of its sender, or a call of its own.
    fn hear(&mut self, player: usize) {
        let World { seed, lines, .. } = &mut self.world;
        let Some(News::Bytes(message)) = lines[player].sent_by(Side::Peer).receive(seed) else { return };
        let remembers = self.service.needs().memory_of_peers;
        let limits = self.simulation.limits;
        let idle_timeout = limits.idle_timeout.or(Some(PEER_IDLE_TIMEOUT)).filter(|_| remembers);
        let limits = CallLimits { idle_timeout, ..limits };
        let Role::Speaker { call: known, .. } = self.players[player].role else { return };
        let known = known.filter(|call| self.calls[*call].is_some());
        let call = known.unwrap_or_else(|| self.open(player, limits, true));
        if let Role::Speaker { call: latest, .. } = &mut self.players[player].role {
            *latest = remembers.then_some(call);
        }
        if known.is_none() {
            self.with(call, "opens", |session, now, hands| session.opened(now, hands));
        }
        self.give(call, Leg::CALLER, &message);
        if !remembers {
            self.end_call(call, CloseReason::Finished);
        }
    }

    fn receive(&mut self, call: usize, leg: Leg) {
        let Some(live) = &self.calls[call] else { return };
        let end = &live.ends[leg.index()];
        let (Some(line), error_told) = (end.line, end.error_told) else { return };
        let World { seed, lines, .. } = &mut self.world;
        match lines[line].sent_by(Side::Peer).receive(seed) {
            None => {}
            Some(News::Bytes(bytes)) => self.give(call, leg, &bytes),
            // The kernel tells an error once, and then an end.
            Some(News::Reset) if !error_told => {
                live.checks.lock().leg_failed(leg);
                let what = format!("leg {} is reset", leg.index());
                self.with(call, &what, |session, now, hands| {
                    session.leg_failed(now, leg, RECEIVE_RESET, hands);
                });
            }
            Some(News::Finished | News::Reset) => {
                let what = format!("leg {} has finished", leg.index());
                self.with(call, &what, |session, now, hands| session.peer_finished(now, leg, hands));
            }
        }
    }

    fn give(&mut self, call: usize, leg: Leg, bytes: &[u8]) {
        let Some(live) = &mut self.calls[call] else { return };
        let mut within = bytes.len();
        if leg == Leg::CALLER {
            live.received_bytes += bytes.len() as u64;
            let beyond =
                live.received_bytes.saturating_sub(live.limits.received_bytes_max.unwrap_or(u64::MAX));
            within = bytes.len().saturating_sub(usize::try_from(beyond).unwrap_or(usize::MAX));
        }
        live.checks.lock().receiving(leg, bytes, within);
        let what = format!("leg {} receives {}", leg.index(), shown(bytes));
        self.with(call, &what, |session, now, hands| session.received(now, leg, bytes, hands));
    }

    /// One mail, to every call of its worker that is in the room.
    fn deliver(&mut self, worker: usize) {
        let Some((mail, calls)) = self.world.workers[worker].members.take_mail() else { return };
        let topic = &mail.topic;
        for call in calls {
            match &mail.what {
                What::Bytes(bytes) => {
                    let what = format!("hears {} in {topic}", shown(bytes));
                    self.with(call, &what, |session, now, hands| {
                        session.heard(now, topic, bytes, hands);
                    });
                }
                What::Missed(messages) => {
                    let what = format!("has missed {messages} in {topic}");
                    self.with(call, &what, |session, now, hands| {
                        session.missed(now, topic, *messages, hands);
                    });
                }
            }
        }
    }

    fn answer_errand(&mut self, index: usize) {
        let errand = self.world.errands.remove(index);
        let call = errand.call;
        if self.calls[call].is_none() {
            return; // the call ended meanwhile
        }
        match errand.what {
            Asked::Name => {
                let name = self.simulation.peer_name.clone();
                let what = format!("caller is named {name:?}");
                self.with(call, &what, |session, now, hands| session.peer_named(now, name.as_deref(), hands));
            }
            Asked::Program => self.end_call(call, CloseReason::Finished),
            Asked::Dial(leg, address) => {
                let is_socket = address.transport != Transport::Standard;
                let address = address.to_string();
                let peer = self.simulation.peers.iter().find(|(known, _)| *known == address);
                let refusals = self.refusals.iter_mut().find(|(known, left)| *known == address && *left > 0);
                let is_refused = refusals.is_some();
                if let Some((_, left)) = refusals {
                    *left -= 1;
                }
                let script = peer.filter(|_| !is_refused).map(|(_, script)| script.clone());
                let Some(script) = script else {
                    let text = format!("{address}: connect(2): Connection refused");
                    let why = DialFailure { kind: DialFailureKind::Refused, may_pass: true, text };
                    return self.with(call, "dial fails", |session, now, hands| {
                        session.dial_failed(now, leg, &why, hands);
                    });
                };
                let what = format!("leg {} is connected to {address}", leg.index());
                let shape = script.shape;
                let player = self.add_player(script, Role::Dialled(address));
                if let Some(live) = &mut self.calls[call] {
                    live.ends[leg.index()] = LegEnd { is_socket, ..LegEnd::new(Some(player), false) };
                    live.checks.lock().connected(leg, shape);
                }
                self.with(call, &what, |session, now, hands| {
                    session.connected(now, leg, shape, is_socket, hands);
                });
            }
        }
    }

    fn end_call(&mut self, call: usize, reason: CloseReason) {
        let Some(live) = &self.calls[call] else { return };
        if reason != CloseReason::Finished {
            live.checks.lock().ending();
        }
        let what = format!("is told to end: {reason}");
        self.with(call, &what, |session, now, hands| session.end(now, reason, hands));
    }

    /// Gives one event to a session, checks what it did, and takes the call off when it is over.
    fn with(&mut self, call: usize, what: &str, event: impl FnOnce(&mut Session, Now, &mut Hands<'_>)) {
        self.note(&format!("call {} {what}", call + 1));
        let now = self.now();
        let Some(live) = &mut self.calls[call] else { return };
        let LiveCall { session, ends, checks, .. } = live;
        event(session, now, &mut Hands { call, ends, checks, world: &mut self.world });
        let over = live.session.over();
        let mut checks = live.checks.lock();
        checks.event_is_over();
        match over {
            Some(reason) => checks.over(reason),
            None => {
                for (leg, _) in super::legs(&live.ends) {
                    let (says, is) = (live.session.wants_write(leg), checks.owes(leg));
                    if says != is {
                        let leg = leg.index();
                        checks.violations.push(format!("wants_write({leg}) is {says}, and owing is {is}"));
                    }
                }
            }
        }
        let moved = (live.received_bytes, live.ends[0].taken_bytes as u64);
        if live.session.moved_bytes() != moved {
            let counted = live.session.moved_bytes();
            checks.violations.push(format!("it counted {counted:?} bytes where {moved:?} moved"));
        }
        self.promises_broken.append(&mut checks.violations);
        drop(checks);
        if let Some(reason) = over {
            self.close(call, reason);
        }
    }

    /// Closes what a call that is over had open.
    fn close(&mut self, call: usize, reason: CloseReason) {
        self.note(&format!("call {} is over: {reason}", call + 1));
        let Some(live) = self.calls[call].take() else { return };
        for end in live.ends.iter().filter(|end| !end.is_door) {
            if let Some(line) = end.line {
                let World { seed, lines, .. } = &mut self.world;
                if end.is_socket {
                    lines[line].close(Side::Session, seed);
                } else {
                    lines[line].leave(Side::Session);
                }
            }
        }
        let (received_bytes, sent_bytes) = live.session.moved_bytes();
        let events = std::mem::take(&mut live.checks.lock().events);
        let (number, caller, at) = (call as u64 + 1, live.caller, self.world.now);
        self.ended.push(Ended { number, caller, reason, at, received_bytes, sent_bytes, events });
    }

    fn now(&self) -> Now {
        let moment = self.world.now;
        Now { moment, wall: SystemTime::UNIX_EPOCH + WALL_START + moment.since_start() }
    }

    fn note(&mut self, what: &str) {
        self.world.transcript.add(self.world.now, what);
    }
}

/// An end of a call of this shape, from the addresses of RFC 5737 that are for documentation.
fn end(shape: Shape, ip: Ipv4Addr, port: u16) -> End {
    let address = SocketAddr::new(IpAddr::V4(ip), port);
    match shape {
        Shape::Stream => End::Ip { transport: Transport::Tcp, address },
        Shape::Datagram => End::Ip { transport: Transport::Udp, address },
        Shape::SeqPacket => End::Unnamed(Transport::UnixSeqpacket),
    }
}

fn told(news: Option<&News>) -> String {
    match news {
        None => "nothing".to_owned(),
        Some(News::Bytes(bytes)) => shown(bytes),
        Some(News::Finished) => "the finish".to_owned(),
        Some(News::Reset) => "a reset".to_owned(),
    }
}
