//! What one call may cost: its bytes and its time, whatever the schedule.
#![expect(clippy::wildcard_enum_match_arm, reason = "a conversation of a test hears only what it is about")]

use std::time::Duration;

use conversation::{CloseReason, Leg, Outbox, Service};
use engine::{CallLimit, LINGER};
use testkit::{ByHand, Caller, Event, Happened, Seed, Simulation};

const SEEDS: u64 = 100;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Sends back what it hears, and finishes when the caller has.
fn echo() -> impl Service {
    ByHand::new(|| {
        |event, out| match event {
            Event::Received(leg, bytes) => out.send(leg, bytes.to_vec()),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    })
}

#[test]
fn a_call_beyond_its_bytes_ends_with_what_came_by_then_answered() {
    let said = Seed::new(5).bytes(50_000);
    for seed in 0..SEEDS {
        let caller = Caller::new().send(&said).finish().read_all();
        let run = Simulation::new(seed).received_bytes_max(20_000).caller(caller).run(&echo());
        assert_eq!(run.calls[0].reason, CallLimit::Bytes.reason(), "seed {seed}");
        assert!(run.callers[0].bytes() == said[..20_000], "seed {seed}: {}", run.callers[0].length());
        assert!(run.callers[0].finished.is_some(), "it is an end in order, not a reset");
    }
}

#[test]
fn a_call_that_just_keeps_to_its_bytes_finishes() {
    let said = Seed::new(5).bytes(20_000);
    for seed in 0..SEEDS {
        let caller = Caller::new().send(&said).finish().read_all();
        let run = Simulation::new(seed).received_bytes_max(20_000).caller(caller).run(&echo());
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
        assert!(run.callers[0].bytes() == said, "seed {seed}");
    }
}

#[test]
fn of_messages_those_that_fit_whole_are_answered() {
    for seed in 0..SEEDS {
        let caller = Caller::seqpacket().send("four").send("five ").send("six").read_all();
        let run = Simulation::new(seed).received_bytes_max(10).caller(caller).run(&echo());
        assert_eq!(run.calls[0].reason, CallLimit::Bytes.reason());
        assert_eq!(run.callers[0].bytes(), b"fourfive ", "seed {seed}");
        assert!(
            !run.calls[0].had(&Happened::Received(Leg::CALLER, 3)),
            "a part of what does not fit was heard"
        );
    }
}

#[test]
fn a_call_ends_when_it_has_lasted_as_long_as_it_may_however_busy_it_is() {
    for seed in 0..SEEDS {
        let mut caller = Caller::new();
        for _ in 0..40 {
            caller = caller.send("tick").wait(seconds(1));
        }
        let simulation = Simulation::new(seed).duration_max(seconds(10)).idle_timeout(seconds(5));
        let run = simulation.caller(caller.read_all()).run(&echo());
        assert_eq!(run.calls[0].reason, CallLimit::Duration.reason());
        let (bytes, at) = (run.callers[0].length(), run.calls[0].at.since_start());
        assert!((10 * 4..=11 * 4).contains(&bytes), "seed {seed}: {bytes} bytes were answered in 10 s");
        assert!((seconds(10)..=seconds(11) + LINGER).contains(&at), "{at:?}");
    }
}

#[test]
fn not_reading_is_no_way_round_a_limit() {
    let flood = ByHand::new(|| {
        |event: Event<'_>, out: &mut Outbox<'_>| {
            if let Event::Opened(_) = event {
                out.send(Leg::CALLER, vec![0; 600_000]);
            }
        }
    });
    for seed in 0..SEEDS {
        let caller = Caller::new().pause_reading(seconds(100)).read_all();
        let run = Simulation::new(seed).duration_max(seconds(10)).caller(caller).run(&flood);
        assert_eq!(run.calls[0].reason, CallLimit::Duration.reason());
        let at = run.calls[0].at.since_start();
        assert!((seconds(10)..=seconds(11) + LINGER).contains(&at), "seed {seed}: {at:?}");
    }
}
