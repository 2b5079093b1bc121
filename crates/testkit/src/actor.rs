//! Plays a caller's script on its end of a virtual line.
//!
//! One step or one receive at a time, when the schedule says so. What is protected: a caller whose line is
//! broken skips what it can no longer do and reads what is left, as a program with sockets does.

use conversation::{Moment, Shape};

use crate::caller::Step;
use crate::line::{Line, Side};
use crate::pipe::News;
use crate::{Caller, Faults, Heard, Seed};

pub(crate) struct Actor {
    script: Caller,
    next_step: usize,
    /// Bytes of the step's sending that are sent.
    sent: usize,
    waits_until: Option<Moment>,
    reading: bool,
    reads_from: Moment,
    /// It has no socket any more.
    gone: bool,
    /// Actions until the reset that a fault brings.
    resets_after: Option<u64>,
    pub(crate) heard: Heard,
}

impl Actor {
    pub(crate) fn new(script: Caller, faults: &Faults, seed: &mut Seed) -> Actor {
        let resets = script.shape != Shape::Datagram && seed.percent(faults.reset_percent);
        Actor {
            script,
            next_step: 0,
            sent: 0,
            waits_until: None,
            reading: true,
            reads_from: Moment::START,
            gone: false,
            resets_after: resets.then(|| seed.below(20)),
            heard: Heard::default(),
        }
    }

    pub(crate) fn can_read(&self, line: &Line, now: Moment) -> bool {
        self.reading && self.reads_from <= now && !self.gone && line.pipe(Side::Session).has_news()
    }

    pub(crate) fn can_step(&self, line: &Line, now: Moment) -> bool {
        if self.gone {
            return false;
        }
        if self.resets_after == Some(0) {
            return true;
        }
        let ours = line.pipe(Side::Peer);
        match self.script.steps.get(self.next_step) {
            None => false,
            Some(Step::Send(_)) => ours.is_dead() || ours.has_room(),
            Some(Step::Wait(_)) => self.waits_until.is_none_or(|until| until <= now),
            Some(Step::HearBytes(length)) => self.heard.length() >= *length || self.has_heard_end(),
            Some(Step::HearEnd) => self.has_heard_end(),
            Some(Step::Finish | Step::Reset | Step::Close) => true,
            Some(Step::StopReading | Step::PauseReading(_) | Step::ReadOn) => true,
        }
    }

    /// When it goes on by itself.
    pub(crate) fn wakes_at(&self, now: Moment) -> Option<Moment> {
        let reads_from = (self.reading && self.reads_from > now).then_some(self.reads_from);
        [self.waits_until, reads_from].into_iter().flatten().min().filter(|_| !self.gone)
    }

    pub(crate) fn read(&mut self, line: &mut Line, now: Moment, seed: &mut Seed) -> Option<News> {
        self.count_action();
        let news = line.sent_by(Side::Session).receive(seed);
        match &news {
            Some(News::Bytes(bytes)) => self.heard.pieces.push((now, bytes.clone())),
            Some(News::Finished) => self.heard.finished = Some(now),
            Some(News::Reset) => self.heard.reset = Some(now),
            None => {}
        }
        news
    }

    /// Takes the next step, or a part of it. Returns what it did, for the transcript.
    pub(crate) fn step(&mut self, line: &mut Line, now: Moment, faults: &Faults, seed: &mut Seed) -> String {
        if self.resets_after == Some(0) {
            return self.reset(line, seed);
        }
        self.count_action();
        let Some(step) = self.script.steps.get(self.next_step).cloned() else { return String::new() };
        let done = match &step {
            Step::Send(bytes) => return self.send(bytes, line, now, faults, seed),
            Step::Wait(time) if self.waits_until.is_none() => {
                self.waits_until = Some(now + *time);
                return format!("waits {time:?}");
            }
            Step::Wait(_) => {
                self.waits_until = None;
                "has waited"
            }
            Step::Finish => {
                if line.shape != Shape::Datagram {
                    line.sent_by(Side::Peer).finish();
                }
                "finishes"
            }
            Step::Reset => return self.reset(line, seed),
            Step::Close => {
                line.close(Side::Peer, seed);
                self.gone = true;
                "closes"
            }
            Step::StopReading => {
                self.reading = false;
                "stops reading"
            }
            Step::PauseReading(time) => {
                self.reads_from = now + *time;
                "pauses reading"
            }
            Step::ReadOn => {
                self.reading = true;
                "reads on"
            }
            Step::HearBytes(_) | Step::HearEnd => "has heard what it waited for",
        };
        self.step_done();
        done.to_owned()
    }

    fn send(
        &mut self,
        bytes: &[u8],
        line: &mut Line,
        now: Moment,
        faults: &Faults,
        seed: &mut Seed,
    ) -> String {
        let ours = line.sent_by(Side::Peer);
        if ours.is_dead() || ours.is_finished() {
            self.step_done();
            return "cannot send any more".to_owned();
        }
        let rest = &bytes[self.sent..];
        match ours.send(rest, now, faults, seed) {
            None => "finds no room".to_owned(),
            Some(taken) => {
                self.sent += taken;
                if line.shape.keeps_boundaries() || self.sent == bytes.len() {
                    self.step_done();
                }
                format!("sends {taken} of {}", rest.len())
            }
        }
    }

    fn reset(&mut self, line: &mut Line, seed: &mut Seed) -> String {
        line.reset(Side::Peer, seed);
        self.gone = true;
        self.resets_after = None;
        if self.script.steps.get(self.next_step) == Some(&Step::Reset) {
            self.step_done();
        }
        "resets".to_owned()
    }

    fn step_done(&mut self) {
        self.next_step += 1;
        self.sent = 0;
        self.heard.said_all = self.next_step == self.script.steps.len();
    }

    fn count_action(&mut self) {
        self.resets_after = self.resets_after.map(|actions| actions.saturating_sub(1));
    }

    fn has_heard_end(&self) -> bool {
        self.heard.finished.is_some() || self.heard.reset.is_some()
    }
}
