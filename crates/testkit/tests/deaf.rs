//! A peer that closes its ear, as a program closes its input: nothing is broken off, and the call ends with its mouth.

use std::sync::Arc;
use std::time::SystemTime;

use conversation::{
    Address, Call, CallFailed, CloseReason, Conversation, End, Leg, Moment, Now, Service, Shape, Topic,
    Transport,
};
use engine::{CallLimits, Carrier, Session};
use services::Relay;

/// Takes so many bytes on the second leg and all on the first; says what was done.
struct Log {
    room: usize,
    done: Vec<String>,
}

impl Carrier for Log {
    fn send(&mut self, leg: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
        let taken = if leg == Leg::CALLER { bytes.len() } else { self.room.min(bytes.len()) };
        self.room -= if leg == Leg::CALLER { 0 } else { taken };
        Ok((taken > 0).then_some(taken))
    }
    fn finish(&mut self, leg: Leg) {
        self.done.push(format!("finish {}", leg.index()));
    }
    fn is_delivered(&mut self, _: Leg) -> bool {
        true
    }
    fn abort(&mut self, leg: Leg) {
        self.done.push(format!("abort {}", leg.index()));
    }
    fn dial(&mut self, _: Leg, _: Address) {}
    fn hand_over(&mut self, _: Address) {}
    fn name_peer(&mut self) {}
    fn output(&mut self, _: &[u8]) -> Result<(), CallFailed> {
        Ok(())
    }
    fn subscribe(&mut self, _: &Topic, _: usize) -> Result<(), CloseReason> {
        Ok(())
    }
    fn unsubscribe(&mut self, _: &Topic) {}
    fn publish(&mut self, _: &Topic, _: &Arc<[u8]>) -> bool {
        true
    }
}

const NOW: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// A call that is joined to a program, which takes so many bytes.
fn joined(room: usize) -> (Session, Log, Leg) {
    let far: Address = match "exec:cat".parse() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    };
    let end = End::Unnamed(Transport::Unix);
    let call = Call {
        number: 1,
        shape: Shape::Stream,
        local: end.clone(),
        peer: end,
        opened: SystemTime::UNIX_EPOCH,
    };
    let conversation: Box<dyn Conversation> = Relay::to(far).conversation();
    let mut session = Session::new(call, conversation, CallLimits::default(), NOW);
    let mut log = Log { room, done: Vec::new() };
    session.opened(NOW, &mut log);
    let Some(far) = Leg::new(1) else { panic!("a call has a second leg") };
    session.connected(NOW, far, Shape::Stream, true, &mut log);
    (session, log, far)
}

#[test]
fn what_a_deaf_peer_does_not_want_is_dropped_and_what_it_says_is_delivered() {
    let (mut session, mut log, far) = joined(3);
    session.received(NOW, Leg::CALLER, &[b'x'; 100_000], &mut log);
    assert!(session.wants_write(far) && !session.wants_read(Leg::CALLER));
    session.peer_deaf(NOW, far, &mut log);
    assert!(!session.wants_write(far) && session.wants_read(Leg::CALLER));
    session.received(NOW, Leg::CALLER, b"more", &mut log);
    session.received(NOW, far, b"answer", &mut log);
    assert_eq!((session.over(), session.moved_bytes()), (None, (100_004, 6)));
    session.peer_finished(NOW, far, &mut log);
    session.peer_finished(NOW, Leg::CALLER, &mut log);
    assert_eq!((session.over(), log.done), (Some(CloseReason::Finished), vec!["finish 0".to_owned()]));
    assert_eq!(session.broken_leg(), None);
}

#[test]
fn a_peer_that_has_finished_and_is_deaf_is_waited_for_no_longer_in_either_order() {
    for deaf_first in [true, false] {
        let (mut session, mut log, far) = joined(100);
        for is_deaf in [deaf_first, !deaf_first] {
            // The caller may still speak: that is read and dropped for a while, so that it is not reset.
            match is_deaf {
                true => session.peer_deaf(NOW, far, &mut log),
                false => session.peer_finished(NOW, far, &mut log),
            }
        }
        let later = Now { moment: NOW.moment + engine::LINGER, ..NOW };
        assert_eq!(session.next_deadline(), Some(later.moment));
        session.deadline(later, &mut log);
        assert_eq!((session.over(), log.done), (Some(CloseReason::Finished), vec!["finish 0".to_owned()]));
    }
}
