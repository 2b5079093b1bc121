//! Dialled and joined legs: nothing is lost between two callers, and neither makes the other wait for ever.
#![expect(clippy::wildcard_enum_match_arm, reason = "a conversation of a test hears only what it is about")]
#![expect(clippy::unwrap_used, reason = "a test's own address and leg are there, or it fails as it should")]

use std::time::Duration;

use conversation::{Address, CloseReason, CopiedBy, Leg, Outbox, Service};
use testkit::{ByHand, Caller, Event, Faults, Happened, Run, Seed, SendFails, Simulation};

const SEEDS: u64 = 40;
const FAR: &str = "tcp://far.example:7";
const FLOOD_BYTES: usize = 300_000;

/// Joins each caller to [`FAR`]; an end on one side is an end on the other.
fn relay(copied_by: CopiedBy) -> impl Service {
    ByHand::new(move || {
        let mut far = None;
        move |event: Event<'_>, out: &mut Outbox<'_>| {
            let other = |leg| if leg == Leg::CALLER { far } else { Some(Leg::CALLER) };
            match event {
                Event::Opened(_) => {
                    far = out.dial(FAR.parse::<Address>().unwrap());
                    out.join(Leg::CALLER, far.unwrap(), copied_by);
                }
                Event::Received(leg, bytes) => out.send(other(leg).unwrap(), bytes.to_vec()),
                Event::PeerFinished(leg) => out.finish(other(leg).unwrap()),
                Event::DialFailed(..) => out.close_because(CloseReason::Refused),
                _ => {}
            }
        }
    })
}

const BOTH: [CopiedBy; 2] = [CopiedBy::Engine, CopiedBy::Conversation];

fn assert_exact(run: &Run, said: &[u8], answered: &[u8], seed: u64) {
    assert!(run.dialled[0].heard.bytes() == said, "seed {seed}");
    assert!(run.callers[0].bytes() == answered, "seed {seed}");
    assert!(run.dialled[0].heard.finished.is_some() && run.callers[0].finished.is_some());
    assert_eq!(run.calls[0].reason, CloseReason::Finished);
}

#[test]
fn two_floods_through_a_joined_pair_neither_deadlock_nor_lose_a_byte() {
    let (said, answered) = (Seed::new(1).bytes(FLOOD_BYTES), Seed::new(2).bytes(FLOOD_BYTES));
    for copied_by in BOTH {
        for seed in 0..SEEDS {
            let caller = Caller::new().pause_reading(Duration::from_secs(seed % 3)).send(&said).finish();
            let peer = Caller::new().pause_reading(Duration::from_secs(seed % 4)).send(&answered).finish();
            let simulation = Simulation::new(seed).caller(caller.read_all()).peer(FAR, peer.read_all());
            assert_exact(&simulation.run(&relay(copied_by)), &said, &answered, seed);
        }
    }
}

#[test]
fn a_peer_that_does_not_read_does_not_hold_up_the_other_direction() {
    let pause = Duration::from_secs(10);
    for copied_by in BOTH {
        for seed in 0..SEEDS {
            let caller = Caller::new().send(vec![b'>'; FLOOD_BYTES]).finish().read_all();
            let peer = Caller::new().pause_reading(pause).send(vec![b'<'; FLOOD_BYTES]).finish().read_all();
            let run = Simulation::new(seed).caller(caller).peer(FAR, peer).run(&relay(copied_by));
            let last = run.callers[0].pieces.last().unwrap().0;
            assert!(last.since_start() < pause, "seed {seed}: the answer came at {last:?}");
            assert_eq!(run.callers[0].length(), FLOOD_BYTES);
            assert_eq!(run.dialled[0].heard.length(), FLOOD_BYTES);
        }
    }
}

#[test]
fn a_leg_is_read_only_while_its_partner_can_be_sent_to() {
    for copied_by in BOTH {
        for seed in 0..SEEDS {
            let peer = Caller::new().stop_reading();
            let caller = Caller::new().send(vec![b'>'; 4 * FLOOD_BYTES]);
            let simulation = Simulation::new(seed).drain_at(Duration::from_secs(30));
            let run = simulation.caller(caller).peer(FAR, peer).run(&relay(copied_by));
            let taken = run.calls[0].received_bytes;
            assert!(
                taken < FLOOD_BYTES as u64,
                "seed {seed}: {taken} bytes were taken for a peer who reads none"
            );
        }
    }
}

#[test]
fn what_is_said_before_the_dial_is_answered_is_kept() {
    for copied_by in BOTH {
        for seed in 0..SEEDS {
            let caller = Caller::new().send("early").finish().read_all();
            let peer = Caller::new().read_all().send("late").finish();
            let run = Simulation::new(seed).caller(caller).peer(FAR, peer).run(&relay(copied_by));
            assert_exact(&run, b"early", b"late", seed);
            assert!(run.calls[0].had(&Happened::Connected(Leg::new(1).unwrap())));
        }
    }
}

#[test]
fn a_dial_that_is_refused_says_whom_it_tried() {
    for seed in 0..SEEDS {
        let caller = Caller::new().send("hello").read_all().finish();
        let run = Simulation::new(seed).caller(caller).run(&relay(CopiedBy::Engine));
        let why = run.calls[0].events.iter().find_map(|(_, happened)| match happened {
            Happened::DialFailed(_, why) => Some(why.clone()),
            _ => None,
        });
        assert!(why.unwrap().contains(FAR));
        assert_eq!(run.calls[0].reason, CloseReason::Refused);
        // An end would look like an answer that is empty.
        assert!(run.callers[0].reset.is_some() && run.callers[0].finished.is_none(), "seed {seed}");
    }
}

#[test]
fn the_other_leg_gets_what_was_said_before_a_reset_and_then_a_reset() {
    let said = Seed::new(4).bytes(100_000);
    for copied_by in BOTH {
        let mut whole = 0;
        for seed in 0..SEEDS {
            let caller = Caller::new().send(&said).wait(Duration::from_secs(1)).reset();
            let peer = Caller::new().pause_reading(Duration::from_secs(2)).read_all();
            let run = Simulation::new(seed).caller(caller).peer(FAR, peer).run(&relay(copied_by));
            assert_eq!(run.calls[0].reason, CloseReason::Reset);
            let heard = run.dialled[0].heard.bytes();
            assert!(said.starts_with(&heard), "seed {seed}");
            assert!(run.dialled[0].heard.reset.is_some() && run.dialled[0].heard.finished.is_none());
            whole += u64::from(heard.len() as u64 == run.calls[0].received_bytes);
        }
        // Half of the simulated kernels drop what had arrived before a reset; Linux does not.
        assert!(whole > SEEDS / 4, "{whole} of {SEEDS} heard all that was received");
    }
}

#[test]
fn resets_and_failing_sends_anywhere_in_a_joined_pair_end_the_call() {
    for copied_by in BOTH {
        for seed in 0..4 * SEEDS {
            let send_fails =
                Some(SendFails { leg: (seed % 2) as usize, after_bytes: (seed * 97) as usize % 3000 });
            let faults = Faults {
                reset_percent: 40,
                send_fails: send_fails.filter(|_| seed % 3 == 0),
                ..Faults::default()
            };
            let said = vec![b'x'; 20_000];
            let side = || Caller::new().send(&said).finish().read_all();
            let simulation = Simulation::new(seed).faults(faults);
            let run = simulation.caller(side()).caller(side()).peer(FAR, side()).run(&relay(copied_by));
            for heard in run.callers.iter().chain(run.dialled.iter().map(|peer| &peer.heard)) {
                assert!(said.starts_with(&heard.bytes()));
            }
        }
    }
}

#[test]
fn a_failing_send_on_one_leg_of_a_joined_pair_ends_the_call_without_a_time_out() {
    for copied_by in BOTH {
        for seed in 0..SEEDS {
            let send_fails = Some(SendFails { leg: 1, after_bytes: 10 });
            let faults = Faults { send_fails, ..Faults::default() };
            let caller = Caller::new().send("a line that is not taken whole").finish().read_all();
            let peer = Caller::new().send("last words").finish().read_all();
            let run =
                Simulation::new(seed).faults(faults).caller(caller).peer(FAR, peer).run(&relay(copied_by));
            assert!(b"last words".starts_with(&run.callers[0].bytes()), "seed {seed}");
            // A caller who had heard the end already, and has said its own, cannot be told any more.
            let has_all = run.callers[0].bytes() == b"last words" && run.callers[0].finished.is_some();
            assert!(run.callers[0].reset.is_some() || has_all, "seed {seed}");
            assert_eq!(run.calls[0].reason, CloseReason::Reset);
        }
    }
}

#[test]
fn bytes_for_a_leg_that_never_opens_are_not_called_delivered() {
    let service = ByHand::new(|| {
        |event, out| {
            if let Event::Opened(_) = event {
                let far = out.dial(FAR.parse::<Address>().unwrap()).unwrap();
                out.send(far, b"for nobody".to_vec());
                out.close();
            }
        }
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().finish().read_all()).run(&service);
        assert!(!run.calls[0].reason.is_clean());
    }
}

#[test]
fn bytes_for_a_leg_that_opens_after_the_close_are_delivered() {
    let service = ByHand::new(|| {
        |event, out| {
            if let Event::Opened(_) = event {
                let far = out.dial(FAR.parse::<Address>().unwrap()).unwrap();
                out.send(far, b"for you".to_vec());
                out.close();
            }
        }
    });
    for seed in 0..SEEDS {
        let far = Caller::new().read_all().finish();
        let run =
            Simulation::new(seed).caller(Caller::new().finish().read_all()).peer(FAR, far).run(&service);
        assert_eq!(run.dialled[0].heard.bytes(), b"for you");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}
