//! Bytes that the carrier moves from leg to leg without showing them: counted, bounded, in their order, and no end before
//! them.

use std::time::SystemTime;

use conversation::{Address, Call, End, Leg, Moment, Now, Service, Shape, Transport};
use engine::{CallLimits, HIGH_MARK_BYTES, Session};
use services::Relay;
use testkit::Ledger;

const NOW: Now = Now { moment: Moment::START, wall: SystemTime::UNIX_EPOCH };

/// A call that is joined to another, where the kernel takes so many bytes.
fn joined(room: usize, limits: CallLimits) -> (Session, Ledger, Leg) {
    let far: Address = match "tcp://localhost:1".parse() {
        Ok(address) => address,
        Err(error) => panic!("{error}"),
    };
    let end = End::Unnamed(Transport::Unix);
    let opened = SystemTime::UNIX_EPOCH;
    let call = Call { number: 1, shape: Shape::Stream, local: end.clone(), peer: end, opened };
    let mut session = Session::new(call, Relay::to(far).conversation(), limits, NOW);
    let mut log = Ledger::with_room(room);
    session.opened(NOW, &mut log);
    let Some(far) = Leg::new(1) else { panic!("a call has a second leg") };
    assert_eq!(session.feeds(Leg::CALLER), None, "nobody is there yet");
    session.connected(NOW, far, Shape::Stream, true, &mut log);
    (session, log, far)
}

#[test]
fn what_is_held_is_counted_and_the_end_waits_for_it() {
    let (mut session, mut log, far) = joined(3, CallLimits::default());
    assert_eq!((session.feeds(Leg::CALLER), session.feeds(far)), (Some(far), Some(Leg::CALLER)));
    session.held(NOW, Leg::CALLER, 10, &mut log);
    session.peer_finished(NOW, Leg::CALLER, &mut log);
    assert_eq!(session.moved_bytes(), (10, 0));
    assert!(session.wants_write(far));
    log.room = 100;
    session.writable(NOW, far, &mut log);
    assert_eq!(log.done, ["splice 3 on 1", "splice 7 on 1", "finish 1"]);
}

#[test]
fn bytes_in_memory_go_behind_what_is_held_and_nothing_is_held_behind_them() {
    let (mut session, mut log, far) = joined(0, CallLimits::default());
    session.held(NOW, Leg::CALLER, 10, &mut log);
    assert_eq!(session.feeds(Leg::CALLER), Some(far), "more may be held behind what is");
    session.received(NOW, Leg::CALLER, b"copied", &mut log);
    assert_eq!(session.feeds(Leg::CALLER), None, "what came next would overtake");
    log.room = 12;
    session.writable(NOW, far, &mut log);
    log.room = 100;
    session.writable(NOW, far, &mut log);
    assert_eq!(log.done, ["splice 10 on 1", "send 2 on 1", "send 4 on 1"]);
    assert_eq!(session.feeds(Leg::CALLER), Some(far));
}

#[test]
fn where_nothing_can_be_spliced_the_same_bytes_are_sent() {
    let (mut session, mut log, far) = joined(4, CallLimits::default());
    log.cannot_splice = true;
    session.held(NOW, Leg::CALLER, 10, &mut log);
    assert_eq!(log.done, ["send 4 on 1"]);
    log.room = 100;
    session.writable(NOW, far, &mut log);
    assert_eq!(log.done, ["send 4 on 1", "send 6 on 1"]);
}

#[test]
fn more_may_be_held_than_is_kept_in_memory_but_not_without_bound() {
    let (mut session, mut log, far) = joined(0, CallLimits::default());
    session.held(NOW, Leg::CALLER, 7 * HIGH_MARK_BYTES, &mut log);
    assert!(session.wants_read(Leg::CALLER));
    session.held(NOW, Leg::CALLER, HIGH_MARK_BYTES, &mut log);
    assert!(!session.wants_read(Leg::CALLER));
    log.room = 7 * HIGH_MARK_BYTES;
    session.writable(NOW, far, &mut log);
    assert!(session.wants_read(Leg::CALLER));
}

#[test]
fn where_the_carrier_has_no_room_its_feeder_waits_until_some_has_gone() {
    let (mut session, mut log, far) = joined(0, CallLimits::default());
    session.held(NOW, Leg::CALLER, 10, &mut log);
    session.held_enough(far);
    assert!(!session.wants_read(Leg::CALLER));
    log.room = 1;
    session.writable(NOW, far, &mut log);
    assert!(session.wants_read(Leg::CALLER));
    log.room = 100;
    session.writable(NOW, far, &mut log);
    session.held_enough(far);
    assert!(session.wants_read(Leg::CALLER), "nothing is held that could go");
}

#[test]
fn nothing_is_held_of_a_call_whose_bytes_have_a_limit() {
    let limits = CallLimits { received_bytes_max: Some(100), ..CallLimits::default() };
    let (session, _, far) = joined(0, limits);
    assert_eq!((session.feeds(Leg::CALLER), session.feeds(far)), (None, None));
}
