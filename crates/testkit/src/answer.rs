//! What a service answers to a stream that arrives in exactly these pieces.
//!
//! The one run in which nothing is left to a seed: each piece is one `received`, then the caller finishes, then
//! time jumps from deadline to deadline until the call is over. All that is sent is taken at once. For
//! [`every_cut`](crate::every_cut). Bound: [`DEADLINES_MAX`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use conversation::{
    Address, Call, CallFailed, CloseReason, DialFailure, DialFailureKind, Dialling, End, Leg, Moment, Now,
    Service, Shape, Topic, Transport,
};
use engine::{CallLimits, Carrier, Session};

/// Deadlines that a call may ask for before it must be over.
const DEADLINES_MAX: usize = 1000;

/// What came of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Every byte that was sent to the caller.
    pub bytes: Vec<u8>,
    /// The standard output.
    pub output: Vec<u8>,
    /// How it ended; `None` if it did not.
    pub reason: Option<CloseReason>,
}

/// What `service` answers a caller whose stream arrives in these pieces and then ends. The caller's host has no
/// name, whatever is dialled is refused, and a program that it is given to says nothing and ends.
#[must_use]
pub fn answer_in_pieces(service: &dyn Service, pieces: &[&[u8]]) -> Answer {
    let mut now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };
    let end = |port| {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        End::Ip { transport: Transport::Tcp, address }
    };
    let call = Call { number: 1, shape: Shape::Stream, local: end(7), peer: end(40_000), opened: now.wall };
    let mut session = Session::new(call, service.conversation(), CallLimits::default(), now);
    let mut taker = Taker::default();
    session.opened(now, &mut taker);
    taker.answer_errands(&mut session, now);
    for piece in pieces {
        if session.wants_read(Leg::CALLER) {
            session.received(now, Leg::CALLER, piece, &mut taker);
            taker.answer_errands(&mut session, now);
        }
    }
    if session.wants_read(Leg::CALLER) {
        session.peer_finished(now, Leg::CALLER, &mut taker);
    }
    for _ in 0..DEADLINES_MAX {
        taker.answer_errands(&mut session, now);
        let Some(due) = session.next_deadline() else { break };
        now = Now { moment: due, wall: SystemTime::UNIX_EPOCH + due.since_start() };
        session.deadline(now, &mut taker);
    }
    taker.answer.reason = session.over();
    taker.answer
}

/// Takes everything at once.
#[derive(Default)]
struct Taker {
    answer: Answer,
    dialled: Vec<Leg>,
    name_asked: bool,
    handed_over: bool,
}

impl Taker {
    fn answer_errands(&mut self, session: &mut Session, now: Now) {
        while let Some(leg) = self.dialled.pop() {
            let text = "connect(2): Connection refused".to_owned();
            let why = DialFailure { kind: DialFailureKind::Refused, may_pass: false, text };
            session.dial_failed(now, leg, &why, self);
        }
        if std::mem::take(&mut self.name_asked) {
            session.peer_named(now, None, self);
        }
        if std::mem::take(&mut self.handed_over) {
            session.end(now, CloseReason::Finished, self);
        }
    }
}

impl Carrier for Taker {
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
        if leg != Leg::CALLER {
            return Ok(None);
        }
        self.answer.bytes.extend_from_slice(bytes);
        Ok(Some(bytes.len()))
    }

    fn finish(&mut self, _leg: Leg) {}

    fn is_delivered(&mut self, _leg: Leg) -> bool {
        true
    }

    fn abort(&mut self, _leg: Leg) {}

    fn dial(&mut self, leg: Leg, _dialling: Dialling) {
        self.dialled.push(leg);
    }

    fn hand_over(&mut self, _address: Address) {
        self.handed_over = true;
    }

    fn name_peer(&mut self) {
        self.name_asked = true;
    }

    fn output(&mut self, bytes: &[u8]) -> Result<(), CallFailed> {
        self.answer.output.extend_from_slice(bytes);
        Ok(())
    }

    fn subscribe(&mut self, _: &Topic, _: usize) -> Result<(), CloseReason> {
        Ok(()) // and nobody else is there to say anything
    }

    fn unsubscribe(&mut self, _: &Topic) {}

    fn publish(&mut self, _: &Topic, _: &Arc<[u8]>) -> bool {
        true
    }
}
