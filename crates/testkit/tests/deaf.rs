//! Two joined legs, event by event: a peer that closes its ear, as a program closes its input, breaks nothing off, and the call
//! ends with its mouth; of two that break off the first is told of.

use std::time::SystemTime;

use conversation::{
    Address, Call, CallFailed, CloseReason, Conversation, End, Leg, Moment, Now, Service, Shape, Transport,
};
use engine::{CallLimits, Session};
use services::Relay;
use testkit::Ledger;

const NOW: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// A call that is joined to a program, which takes so many bytes.
fn joined(room: usize) -> (Session, Ledger, Leg) {
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
    let mut log = Ledger::with_room(room);
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
    assert_eq!((session.over(), log.ends()), (Some(CloseReason::Finished), vec!["finish 0"]));
    assert_eq!(session.broken_leg(), None);
}

#[test]
fn of_two_legs_that_break_off_the_first_is_told_of() {
    let failed = |call| CallFailed { call, errno: libc::EIO };
    for far_first in [true, false] {
        let (mut session, mut log, far) = joined(3);
        session.received(NOW, far, &[b'x'; 100], &mut log); // owed to the caller, so that the call is not over at once
        let (first, second) = if far_first { (far, Leg::CALLER) } else { (Leg::CALLER, far) };
        session.leg_failed(NOW, first, failed("read(2)"), &mut log);
        session.leg_failed(NOW, second, failed("recv(2)"), &mut log);
        assert_eq!(session.broken_leg(), Some(first));
        assert_eq!(session.over(), Some(CloseReason::Failed(failed("read(2)"))));
    }
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
        assert_eq!((session.over(), log.ends()), (Some(CloseReason::Finished), vec!["finish 0"]));
    }
}
