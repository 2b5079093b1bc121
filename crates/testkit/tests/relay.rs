//! The relay: what one end says the other hears, and how one ends is how the other ends.
#![expect(clippy::unwrap_used, reason = "a test's own address parses, or it fails as it should")]

use std::time::Duration;

use conversation::{CloseReason, DialFailureKind, Framing};
use services::{Balance, Relay, Targets};
use testkit::{Caller, Faults, Seed, SendFails, Simulation};

const SEEDS: u64 = 1000;
const FAR: &str = "tcp://far.example:7";
const FAR_DATAGRAMS: &str = "udp://far.example:7";

fn relay(to: &str) -> Relay {
    Relay::to(to.parse().unwrap())
}

fn framed(to: &str) -> Relay {
    relay(to).framed("line".parse::<Framing>().unwrap().with_bytes_max(20))
}

#[test]
fn both_directions_are_whole_and_end_each_on_its_own() {
    for seed in 0..SEEDS {
        let mut bytes = Seed::new(seed);
        let (said, answered) = (bytes.bytes(2_000), bytes.bytes(3_000));
        // The answer comes long after the caller has finished.
        let caller = Caller::new().send(&said).finish().read_all();
        let far = Caller::new().read_all().wait(Duration::from_secs(1)).send(&answered).finish();
        let run = Simulation::new(seed).caller(caller).peer(FAR, far).run(&relay(FAR));
        assert!(run.dialled[0].heard.bytes() == said && run.callers[0].bytes() == answered, "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished, "seed {seed}");
    }
}

#[test]
fn records_stay_records() {
    for seed in 0..SEEDS {
        let caller = Caller::seqpacket().send("one").send("two").finish().read_all();
        let far = Caller::seqpacket().send("three").read_all().finish();
        let run = Simulation::new(seed).caller(caller).peer(FAR, far).run(&relay(FAR));
        assert_eq!(run.dialled[0].heard.messages(), [b"one", b"two"], "seed {seed}");
        assert_eq!(run.callers[0].messages(), [b"three"], "seed {seed}");
    }
}

#[test]
fn resets_and_failing_sends_at_any_point_lose_nothing_but_an_end_and_end_both() {
    for seed in 0..SEEDS {
        let mut chance = Seed::new(seed);
        let said = chance.bytes(2_000);
        let send_fails = SendFails { leg: chance.index(2), after_bytes: chance.index(2_000) };
        let faults = Faults {
            reset_percent: 60,
            send_fails: chance.one_in(3).then_some(send_fails),
            ..Faults::default()
        };
        let side = || Caller::new().send(&said).finish().read_all();
        let simulation = Simulation::new(seed).faults(faults).caller(side()).caller(side()).peer(FAR, side());
        let run = simulation.run(&relay(FAR));
        for heard in run.callers.iter().chain(run.dialled.iter().map(|peer| &peer.heard)) {
            assert!(said.starts_with(&heard.bytes()), "seed {seed}");
            let is_cut = heard.finished.is_some() && heard.bytes() != said;
            assert!(!is_cut, "seed {seed}: a cut answer looks whole");
        }
    }
}

#[test]
fn whoever_cannot_be_joined_is_reset() {
    for seed in 0..SEEDS {
        let caller = Caller::new().read_all().finish();
        let run = Simulation::new(seed).caller(caller).run(&relay(FAR));
        assert_eq!(run.calls[0].reason, CloseReason::NotDialled(DialFailureKind::Refused), "seed {seed}");
        assert!(run.callers[0].reset.is_some() && run.callers[0].finished.is_none(), "seed {seed}");
    }
}

#[test]
fn lines_of_a_stream_are_datagrams_at_the_other_end_and_back() {
    for seed in 0..SEEDS {
        let caller = Caller::new().send("one\ntwo\nthree\n").finish().read_all();
        let far = Caller::asked_by_datagrams().hear(11).send("four");
        let run = Simulation::new(seed).caller(caller).peer(FAR_DATAGRAMS, far).run(&framed(FAR_DATAGRAMS));
        assert_eq!(run.dialled[0].heard.messages(), [&b"one"[..], b"two", b"three"], "seed {seed}");
        assert_eq!(run.callers[0].bytes(), b"four\n", "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn datagrams_of_a_caller_are_lines_of_a_stream_and_back() {
    for seed in 0..SEEDS {
        let caller = Caller::datagrams().send("one").send("two");
        let far = Caller::new().hear(8).send("three\nfour\n").finish().read_all();
        let run = Simulation::new(seed).caller(caller).peer(FAR, far).run(&framed(FAR));
        let mut lines: Vec<u8> = run.dialled[0].heard.bytes();
        lines.truncate(8);
        assert!(lines == b"one\ntwo\n" || lines == b"two\none\n", "seed {seed}: {lines:?}");
        let mut answers = run.callers[0].messages();
        answers.sort_unstable();
        assert_eq!(answers, [&b"four"[..], b"three"], "seed {seed}");
    }
}

#[test]
fn a_message_that_the_framing_cannot_carry_ends_the_call_that_brought_it() {
    let caller = Caller::new().send("one\nlonger than twenty bytes\n").read_all().finish();
    let simulation = Simulation::new(1).caller(caller).peer(FAR_DATAGRAMS, Caller::asked_by_datagrams());
    let run = simulation.run(&framed(FAR_DATAGRAMS));
    assert_eq!(run.calls[0].reason, CloseReason::Malformed("it is longer than its framing may be"));
    let caller = Caller::datagrams().send("one\ntwo");
    let run = Simulation::new(1).caller(caller).peer(FAR, Caller::new().read_all()).run(&framed(FAR));
    assert_eq!(run.calls[0].reason, CloseReason::Malformed("its framing cannot carry it"));
}

/// The relay to one of two, of which the first is to be dialled first.
fn among(options: &str) -> (Relay, [String; 2]) {
    let addresses = ["first", "second"].map(|name| format!("tcp://{name}.example:7{options}"));
    let parsed = addresses.iter().map(|address| address.parse().unwrap()).collect();
    (Relay::among(Targets::new(parsed, Balance::Failover)).seeded(7), addresses)
}

#[test]
fn whom_one_address_does_not_answer_another_gets_whole() {
    for seed in 0..SEEDS {
        let (relay, [_, second]) = among("");
        let mut bytes = Seed::new(seed);
        let (said, answered) = (bytes.bytes(2_000), bytes.bytes(3_000));
        let caller = || Caller::new().send(&said).finish().read_all();
        let far = Caller::new().read_all().send(&answered).finish();
        let run = Simulation::new(seed).caller(caller()).caller(caller()).peer(&second, far).run(&relay);
        for at in 0..2 {
            assert!(
                run.dialled[at].heard.bytes() == said && run.callers[at].bytes() == answered,
                "seed {seed}"
            );
            assert_eq!(run.calls[at].reason, CloseReason::Finished, "seed {seed}");
        }
    }
}

#[test]
fn a_caller_is_held_until_somebody_is_there_and_loses_nothing() {
    for seed in 0..SEEDS {
        let (relay, [first, _]) = among("?retry=forever");
        let mut bytes = Seed::new(seed);
        // Above the high mark: the rest waits with the caller.
        let said = bytes.bytes(100_000);
        let caller = Caller::new().send(&said).finish().read_all();
        let far = Caller::new().read_all().send("heard").finish();
        let refused = bytes.index(6);
        let run = Simulation::new(seed).caller(caller).late_peer(&first, refused, far).run(&relay);
        assert!(run.dialled[0].heard.bytes() == said && run.callers[0].bytes() == b"heard", "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Finished, "seed {seed}");
    }
}

#[test]
fn after_so_many_tries_a_held_caller_is_reset() {
    for seed in 0..SEEDS {
        let (relay, _) = among("?retry=3&retry-wait=1s");
        let caller = Caller::new().send("hello").read_all().finish();
        let run = Simulation::new(seed).caller(caller).run(&relay);
        assert_eq!(run.calls[0].reason, CloseReason::NotDialled(DialFailureKind::Refused), "seed {seed}");
        assert!(run.callers[0].reset.is_some() && run.callers[0].finished.is_none(), "seed {seed}");
        // 1 s, 2 s and 4 s, each between its half and its whole.
        let lasted = run.ended.since_start();
        assert!(
            lasted >= Duration::from_millis(3_500) && lasted < Duration::from_millis(7_500),
            "{lasted:?}"
        );
    }
}
