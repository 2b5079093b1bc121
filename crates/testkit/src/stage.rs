//! A run under way: everybody in it, and the seeded schedule that says whose turn it is.
//!
//! At each step all that can happen is listed and the seed picks one, so that any order that a kernel and a
//! network can bring about comes sometime. Each step takes 0 to 3 µs of virtual time; when nothing can happen,
//! time jumps to the next moment at which something can. Bound: [`STEPS_MAX`].

mod perform;

use std::time::Duration;

use conversation::{Leg, Moment, Service, Shape};
use engine::{CallLimits, Session};

use crate::actor::Actor;
use crate::hands::{LegEnd, World};
use crate::line::{Line, Side};
use crate::rooms::Worker;
use crate::transcript::Transcript;
use crate::watched::Shared;
use crate::{Dialled, Ended, Run, Seed, Simulation, Trouble, TroubleKind};

/// Steps within which a run must end.
const STEPS_MAX: u64 = 5_000_000;

/// Once in so many steps a session is asked for something though nothing is there: a spurious event.
const ONE_IN_SPURIOUS: u64 = 32;

pub(crate) struct Stage<'s> {
    simulation: &'s Simulation,
    service: &'s dyn Service,
    world: World,
    /// Whoever has the peer's end of the line of the same index.
    players: Vec<Player>,
    /// The calls by their number less one; `None` once over.
    calls: Vec<Option<LiveCall>>,
    ended: Vec<Ended>,
    /// How many dials of an address are still refused.
    refusals: Vec<(String, usize)>,
    drained: bool,
    promises_broken: Vec<String>,
}

struct Player {
    actor: Actor,
    role: Role,
}

enum Role {
    /// Calls at this moment; a session is made for it then.
    Caller(Moment),
    Called,
    /// Speaks to a datagram door from this moment on; a session is made at a message.
    Speaker {
        from: Moment,
        call: Option<usize>,
    },
    /// Was dialled at this address.
    Dialled(String),
}

struct LiveCall {
    caller: usize,
    session: Session,
    ends: Vec<LegEnd>,
    checks: Shared,
    received_bytes: u64,
    limits: CallLimits,
    began: Moment,
}

/// Something that can happen now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Call(usize),
    Step(usize),
    Read(usize),
    Arrive(usize, Side),
    Hear(usize),
    Receive(usize, Leg),
    Writable(usize, Leg),
    Due(usize),
    Errand(usize),
    /// A worker looks who may publish again.
    Woken(usize),
    /// A worker takes one mail.
    Mail(usize),
    Drain,
}

impl<'s> Stage<'s> {
    pub(crate) fn new(simulation: &'s Simulation, service: &'s dyn Service) -> Stage<'s> {
        let mut seed = Seed::new(simulation.seed);
        let mut stage = Stage {
            simulation,
            service,
            players: Vec::new(),
            calls: Vec::new(),
            ended: Vec::new(),
            refusals: simulation.refusals.clone(),
            drained: false,
            promises_broken: Vec::new(),
            world: World {
                now: Moment::START,
                seed: Seed::new(seed.draw()),
                faults: simulation.faults.clone(),
                lines: Vec::new(),
                output: Vec::new(),
                errands: Vec::new(),
                workers: Worker::all(simulation.faults.mailbox_bytes_max.unwrap_or(usize::MAX)),
                transcript: Transcript::new(),
            },
        };
        for caller in &simulation.callers {
            let from = Moment::after(caller.calls_at);
            let role = if caller.own_line { Role::Caller(from) } else { Role::Speaker { from, call: None } };
            stage.add_player(caller.clone(), role);
        }
        stage
    }

    pub(crate) fn play(mut self) -> Result<Run, Trouble> {
        for _ in 0..STEPS_MAX {
            let mut actions = self.possible();
            if actions.is_empty() {
                let Some(next) = self.next_moment() else { return self.end() };
                self.world.now = self.world.now.max(next);
                continue;
            }
            let tick = Duration::from_micros(self.world.seed.below(4));
            self.world.now = self.world.now + tick;
            self.add_spurious(&mut actions);
            let action = actions[self.world.seed.index(actions.len())];
            self.perform(action);
            if !self.promises_broken.is_empty() {
                let promises = std::mem::take(&mut self.promises_broken);
                return Err(self.trouble(TroubleKind::Broken { promises }));
            }
        }
        Err(self.trouble(TroubleKind::Endless { steps: STEPS_MAX }))
    }

    fn possible(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for index in 0..self.players.len() {
            self.possible_of_player(index, &mut actions);
        }
        for (index, call) in self.calls.iter().enumerate() {
            if let Some(call) = call {
                self.possible_of_call(index, call, &mut actions);
            }
        }
        let now = self.world.now;
        let errands = self.world.errands.iter().enumerate().filter(|(_, errand)| errand.due <= now);
        actions.extend(errands.map(|(index, _)| Action::Errand(index)));
        for (index, worker) in self.world.workers.iter().enumerate() {
            if worker.is_woken() {
                actions.push(Action::Woken(index));
            }
            if worker.members.has_mail() {
                actions.push(Action::Mail(index));
            }
        }
        if self.drain_is_ahead() && self.simulation.drain_at.is_some_and(|at| at <= now) {
            actions.push(Action::Drain);
        }
        actions
    }

    fn possible_of_player(&self, index: usize, actions: &mut Vec<Action>) {
        let (player, line, now) = (&self.players[index], &self.world.lines[index], self.world.now);
        match player.role {
            Role::Caller(at) if at <= now => actions.push(Action::Call(index)),
            Role::Caller(_) => return,
            Role::Speaker { from, .. } if now < from => return,
            Role::Speaker { .. } if line.pipe(Side::Peer).has_arrived() => actions.push(Action::Hear(index)),
            Role::Called | Role::Speaker { .. } | Role::Dialled(_) => {}
        }
        if player.actor.can_step(line, now) && !matches!(player.role, Role::Caller(_)) {
            actions.push(Action::Step(index));
        }
        if player.actor.can_read(line, now) {
            actions.push(Action::Read(index));
        }
        for sender in Side::BOTH {
            if line.pipe(sender).can_arrive(now) {
                actions.push(Action::Arrive(index, sender));
            }
        }
    }

    fn possible_of_call(&self, index: usize, call: &LiveCall, actions: &mut Vec<Action>) {
        for (leg, end) in legs(&call.ends) {
            let Some(line) = end.line.map(|line| &self.world.lines[line]) else { continue };
            if !end.is_door && call.session.wants_read(leg) && line.pipe(Side::Peer).has_news() {
                actions.push(Action::Receive(index, leg));
            }
            let ours = line.pipe(Side::Session);
            if call.session.wants_write(leg) && (ours.has_room() || ours.is_dead()) {
                actions.push(Action::Writable(index, leg));
            }
        }
        if call.session.next_deadline().is_some_and(|due| due <= self.world.now) {
            actions.push(Action::Due(index));
        }
    }

    /// When time makes something possible that is not possible now.
    fn next_moment(&self) -> Option<Moment> {
        let players = self.players.iter().filter_map(|player| match player.role {
            Role::Caller(at) => Some(at),
            Role::Speaker { from, .. } if from > self.world.now => Some(from),
            Role::Called | Role::Speaker { .. } | Role::Dialled(_) => player.actor.wakes_at(self.world.now),
        });
        let pipes = self.world.lines.iter().flat_map(|line| Side::BOTH.map(|side| line.pipe(side)));
        let arrivals = pipes.filter_map(crate::pipe::Pipe::next_arrival);
        let errands = self.world.errands.iter().map(|errand| errand.due);
        let deadlines = self.calls.iter().flatten().filter_map(|call| call.session.next_deadline());
        let drain = self.simulation.drain_at.filter(|_| self.drain_is_ahead());
        players.chain(arrivals).chain(errands).chain(deadlines).chain(drain).min()
    }

    fn drain_is_ahead(&self) -> bool {
        !self.drained && self.calls.iter().any(Option::is_some)
    }

    /// Events without a cause, as kernels have them: writable without room, a timer before its time.
    fn add_spurious(&mut self, actions: &mut Vec<Action>) {
        if !self.world.seed.one_in(ONE_IN_SPURIOUS) {
            return;
        }
        let live: Vec<usize> = (0..self.calls.len()).filter(|index| self.calls[*index].is_some()).collect();
        if live.is_empty() {
            return;
        }
        let index = live[self.world.seed.index(live.len())];
        if let Some(call) = &self.calls[index]
            && let Some((leg, end)) = legs(&call.ends).nth(self.world.seed.index(call.ends.len()))
        {
            let is_open = end.line.is_some() || call.session.wants_write(leg);
            let spurious = if is_open { Action::Writable(index, leg) } else { Action::Due(index) };
            actions.clear();
            actions.push(if self.world.seed.one_in(2) { spurious } else { Action::Due(index) });
        }
    }

    fn add_player(&mut self, script: crate::Caller, role: Role) -> usize {
        let World { seed, faults, lines, .. } = &mut self.world;
        lines.push(Line::new(script.shape, seed));
        self.players.push(Player { actor: Actor::new(script, faults, seed), role });
        self.players.len() - 1
    }

    fn end(mut self) -> Result<Run, Trouble> {
        let open = self.calls.iter().enumerate().filter_map(|(index, call)| Some((index, call.as_ref()?)));
        let stuck: Vec<String> = open.map(|(index, call)| stuck_line(index, call)).collect();
        if !stuck.is_empty() {
            return Err(self.trouble(TroubleKind::Stuck { calls: stuck }));
        }
        let (mut callers, mut dialled) = (Vec::new(), Vec::new());
        for player in std::mem::take(&mut self.players) {
            let heard = player.actor.heard;
            match player.role {
                Role::Dialled(address) => dialled.push(Dialled { address, heard }),
                Role::Caller(_) | Role::Called | Role::Speaker { .. } => callers.push(heard),
            }
        }
        let World { now, output, transcript, .. } = self.world;
        Ok(Run { callers, dialled, calls: self.ended, output, ended: now, transcript })
    }

    fn trouble(&self, kind: TroubleKind) -> Trouble {
        Trouble { seed: self.simulation.seed, kind, transcript: self.world.transcript.to_string() }
    }
}

fn legs(ends: &[LegEnd]) -> impl Iterator<Item = (Leg, &LegEnd)> {
    ends.iter().enumerate().filter_map(|(index, end)| Some((Leg::new(index)?, end)))
}

fn stuck_line(index: usize, call: &LiveCall) -> String {
    let legs = legs(&call.ends).map(|(leg, _)| {
        let (reads, owes) = (call.session.wants_read(leg), call.session.wants_write(leg));
        format!("leg {}{}{}", leg.index(), if reads { " reads" } else { "" }, if owes { " owes" } else { "" })
    });
    let state = if call.checks.lock().is_closing() { "closing" } else { "open" };
    let shape = if call.session.call().shape == Shape::Stream { "stream" } else { "messages" };
    format!("call {} ({state}, {shape}: {})", index + 1, legs.collect::<Vec<_>>().join(", "))
}
