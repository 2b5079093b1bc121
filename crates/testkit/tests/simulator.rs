//! The simulator itself: the same run from the same seed, honest lines, and troubles that are found.
#![expect(clippy::wildcard_enum_match_arm, reason = "a conversation of a test hears only what it is about")]

use std::collections::BTreeSet;
use std::time::Duration;

use conversation::{CloseReason, Moment, Service};
use testkit::{ByHand, Caller, Event, Faults, Simulation, TroubleKind};

fn echo() -> impl Service {
    ByHand::new(|| {
        |event, out| match event {
            Event::Received(leg, bytes) => out.send(leg, bytes.to_vec()),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    })
}

fn numbered(caller: Caller, messages: u8) -> Caller {
    (0..messages).fold(caller, |caller, number| caller.send([number]))
}

fn foul() -> Faults {
    Faults {
        loss_percent: 20,
        duplicate_percent: 20,
        reorder_percent: 20,
        delay_max: Duration::from_millis(5),
        reset_percent: 30,
        ..Faults::default()
    }
}

#[test]
fn the_same_seed_and_script_are_the_same_run() {
    let run = |seed| {
        let caller = || Caller::new().send(vec![b'x'; 500]).wait(Duration::from_secs(1)).finish().read_all();
        let simulation = Simulation::new(seed).faults(foul()).caller(caller()).caller(caller());
        simulation.caller(numbered(Caller::datagrams(), 9)).run(&echo())
    };
    for seed in 0..30 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.digest(), second.digest());
        assert_eq!(first.transcript(), second.transcript());
        assert_eq!(first.callers, second.callers);
    }
}

#[test]
fn other_seeds_are_other_runs() {
    let digests: BTreeSet<u64> = (0..50)
        .map(|seed| {
            Simulation::new(seed).caller(Caller::new().send("hello").finish().read_all()).run(&echo())
        })
        .map(|run| run.digest())
        .collect();
    assert_eq!(digests.len(), 50);
}

#[test]
fn a_call_that_can_never_end_is_found_and_named() {
    let forgets_to_finish = ByHand::new(|| |_, _| {});
    let simulation = Simulation::new(1).caller(Caller::new().send("hello").finish().read_all());
    let trouble = simulation.try_run(&forgets_to_finish).unwrap_err();
    let TroubleKind::Stuck { calls } = &trouble.kind else { panic!("{trouble}") };
    assert_eq!(calls, &["call 1 (open, stream: leg 0)"]);
    assert!(trouble.transcript.contains("receives") && trouble.to_string().contains("seed 1"));
}

#[test]
fn a_deadline_in_a_year_comes_at_once() {
    let year = Duration::from_secs(365 * 86_400);
    let sleeper = ByHand::new(move || {
        move |event, out| match event {
            Event::Opened(_) => out.deadline_at(Moment::after(year)),
            Event::Deadline => out.close(),
            _ => {}
        }
    });
    let run = Simulation::new(1).caller(Caller::new().read_all().finish()).run(&sleeper);
    assert!(run.ended.since_start() >= year);
}

#[test]
fn sequenced_packets_are_neither_lost_nor_overtaken() {
    let faults = Faults { reset_percent: 0, ..foul() };
    for seed in 0..100 {
        let caller = numbered(Caller::seqpacket(), 50).finish().read_all();
        let run = Simulation::new(seed).faults(faults.clone()).caller(caller).run(&echo());
        let expected: Vec<[u8; 1]> = (0..50).map(|number| [number]).collect();
        assert_eq!(run.callers[0].messages(), expected);
    }
}

#[test]
fn datagrams_are_lost_doubled_and_overtaken_as_the_faults_say() {
    let caller = || Simulation::new(3).caller(numbered(Caller::datagrams(), 10));
    let lost = Faults { loss_percent: 100, ..Faults::default() };
    assert!(caller().faults(lost).run(&echo()).callers[0].pieces.is_empty());
    let doubled = Faults { duplicate_percent: 100, ..Faults::default() };
    assert_eq!(caller().faults(doubled).run(&echo()).callers[0].pieces.len(), 4 * 10);
    let fair = caller().run(&echo());
    assert!(fair.callers[0].bytes().is_sorted() && fair.callers[0].pieces.len() == 10);
    let overtaken = Faults { reorder_percent: 50, ..Faults::default() };
    let overtaken = caller().faults(overtaken).run(&echo());
    assert!(!overtaken.callers[0].bytes().is_sorted());
    assert_eq!(overtaken.callers[0].pieces.len(), 10);
}

#[test]
fn a_close_with_unread_bytes_is_seen_as_a_reset() {
    let talker = ByHand::new(|| {
        |event, out| {
            if let Event::Received(leg, _) = event {
                out.send(leg, vec![b'x'; 100]);
            }
        }
    });
    for seed in 0..50 {
        let caller = Caller::new().stop_reading().send("?").wait(Duration::from_secs(1)).close();
        let run = Simulation::new(seed).caller(caller).run(&talker);
        assert_eq!(run.calls[0].reason, CloseReason::Reset);
    }
}

#[test]
fn callers_call_when_they_are_told_to() {
    let late = Duration::from_secs(100);
    let run = Simulation::new(1)
        .caller(Caller::new().calls_at(late).finish().read_all())
        .caller(Caller::new().finish().read_all())
        .run(&echo());
    assert_eq!(run.calls.iter().map(|call| call.caller).collect::<Vec<_>>(), [1, 0]);
    assert!(run.calls[1].events[0].0.since_start() >= late);
}
