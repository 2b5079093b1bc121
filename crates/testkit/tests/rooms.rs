//! Rooms keep their promises, whatever the schedule: each subscriber hears all in order, or how much it
//! missed.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a conversation of a test hears only what it is about")]

use std::sync::Arc;
use std::time::Duration;

use conversation::{CloseReason, Framer, Framing, Leg, Moment, Outbox, Service, Topic};
use testkit::{ByHand, Caller, Event, Faults, Heard, Simulation};

const SEEDS: u64 = 60;
const ME: Leg = Leg::CALLER;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn topic() -> Topic {
    "lobby".parse().unwrap()
}

/// Publishes each line of its caller, and sends the caller each line that others publish; `missed N` where
/// lines are missing.
fn speak() -> impl FnMut(Event<'_>, &mut Outbox<'_>) + Send {
    let mut framer = Framer::new(Framing::Line { bytes_max: 2000 });
    let topic = topic();
    move |event: Event<'_>, out: &mut Outbox<'_>| match event {
        Event::Opened(_) => out.subscribe(&topic),
        Event::Received(_, mut bytes) => {
            while let Ok(Some(line)) = framer.next(&mut bytes) {
                out.publish(&topic, [&line, &b"\n"[..]].concat());
            }
        }
        Event::Heard(_, bytes) => out.send(ME, Arc::clone(bytes)),
        Event::Missed(_, messages) => out.send(ME, format!("missed {messages}\n")),
        Event::PeerFinished(leg) => out.finish(leg),
        _ => {}
    }
}

fn lines() -> impl Service {
    ByHand::new(speak)
}

/// `count` lines of this caller, numbered from 0, with `filler` bytes each.
fn numbered(caller: usize, count: usize, filler: usize) -> String {
    (0..count).map(|number| format!("{caller} {number} {}\n", "x".repeat(filler))).collect()
}

/// What a caller heard, line by line: publisher and number, or what was missed.
fn heard(heard: &Heard) -> Vec<Said> {
    let text = String::from_utf8(heard.bytes()).unwrap();
    text.lines().map(Said::parse).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Line(usize, usize),
    Missed(usize),
}

impl Said {
    fn parse(line: &str) -> Said {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "missed" => Said::Missed(words[1].parse().unwrap()),
            caller => Said::Line(caller.parse().unwrap(), words[1].parse().unwrap()),
        }
    }
}

/// Panics unless one publisher's lines came in order, and every gap has its count before what came later.
fn assert_complete(heard: &[Said], lines: usize, seed: u64) {
    let mut next = 0;
    for said in heard {
        match said {
            Said::Missed(messages) => next += messages,
            Said::Line(_, number) => {
                assert_eq!(*number, next, "seed {seed}: {heard:?}");
                next += 1;
            }
        }
    }
    assert_eq!(next, lines, "seed {seed}");
}

#[test]
fn everybody_hears_what_the_others_say_once_and_in_order_and_not_itself() {
    for seed in 0..SEEDS {
        let callers = (0..5).map(|caller| {
            Caller::new().wait(seconds(1)).send(numbered(caller, 20, 3)).wait(seconds(5)).finish().read_all()
        });
        let run = callers.fold(Simulation::new(seed), Simulation::caller).run(&lines());
        for (caller, ears) in run.callers.iter().enumerate() {
            let said = heard(ears);
            assert_eq!(said.len(), 80, "seed {seed}");
            for other in (0..5).filter(|other| *other != caller) {
                let lines = said.iter().filter(|said| matches!(said, Said::Line(by, _) if *by == other));
                let expected: Vec<Said> = (0..20).map(|number| Said::Line(other, number)).collect();
                assert_eq!(lines.copied().collect::<Vec<_>>(), expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_slow_reader_is_told_what_it_missed_and_makes_nobody_wait() {
    const LINES: usize = 600;
    for seed in 0..SEEDS {
        let slow = Caller::new().pause_reading(seconds(20)).wait(seconds(25)).finish().read_all();
        let quick = Caller::new().wait(seconds(10)).finish().read_all();
        let speaker = Caller::new().wait(seconds(1)).send(numbered(2, LINES, 900)).finish().read_all();
        let run = Simulation::new(seed).caller(slow).caller(quick).caller(speaker).run(&lines());
        let (slow, quick) = (heard(&run.callers[0]), heard(&run.callers[1]));
        assert!(slow.iter().any(|said| matches!(said, Said::Missed(_))), "seed {seed}: it had room for all");
        assert_complete(&slow, LINES, seed);
        assert_complete(&quick, LINES, seed);
        assert!(run.callers[1].finished.unwrap().since_start() < seconds(15), "seed {seed}");
        assert!(run.callers[2].finished.unwrap().since_start() < seconds(15), "seed {seed}");
    }
}

#[test]
fn a_full_mailbox_counts_what_it_cannot_keep_and_its_publishers_go_on() {
    const LINES: usize = 200;
    let mut missed = 0;
    for seed in 0..SEEDS {
        let faults = Faults { mailbox_bytes_max: Some(1000), ..Faults::default() };
        let ears = || Caller::new().wait(seconds(10)).finish().read_all();
        let speaker = Caller::new().wait(seconds(1)).send(numbered(3, LINES, 10)).finish().read_all();
        let simulation = Simulation::new(seed).faults(faults).caller(ears()).caller(ears()).caller(ears());
        let run = simulation.caller(speaker).run(&lines());
        for ears in &run.callers[..3] {
            let said = heard(ears);
            missed += said.iter().filter(|said| matches!(said, Said::Missed(_))).count();
            assert_complete(&said, LINES, seed);
        }
        assert_eq!(heard(&run.callers[3]), [], "it is not told of its own lines that were missed");
    }
    assert!(missed > 0, "no mailbox was ever full");
}

#[test]
fn a_message_that_is_longer_than_a_mailbox_is_missed_by_everybody() {
    for seed in 0..SEEDS {
        let faults = Faults { mailbox_bytes_max: Some(500), ..Faults::default() };
        let ears = Caller::new().wait(seconds(10)).finish().read_all();
        let speaker = Caller::new().wait(seconds(1)).send(numbered(1, 1, 1000)).wait(seconds(1));
        let speaker = speaker.send("1 1\n").finish().read_all();
        let run = Simulation::new(seed).faults(faults).caller(ears).caller(speaker).run(&lines());
        assert_eq!(heard(&run.callers[0]), [Said::Missed(1), Said::Line(1, 1)], "seed {seed}");
    }
}

#[test]
fn the_end_of_a_call_is_heard_by_those_who_stay_however_it_ended() {
    let service = ByHand::new(|| {
        let topic = topic();
        move |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Opened(_) => out.subscribe(&topic),
            Event::Heard(_, bytes) => out.send(ME, Arc::clone(bytes)),
            Event::PeerFinished(leg) => out.finish(leg),
            Event::Closed(_) => out.publish(&topic, &b"left\n"[..]),
            _ => {}
        }
    });
    for seed in 0..SEEDS {
        let stays = Caller::new().wait(seconds(10)).finish().read_all();
        let finishes = Caller::new().wait(seconds(1)).finish().read_all();
        let resets = Caller::new().wait(seconds(2)).reset();
        let run = Simulation::new(seed).caller(stays).caller(finishes).caller(resets).run(&service);
        assert_eq!(run.callers[0].bytes(), b"left\nleft\n", "seed {seed}");
        assert_eq!(run.callers[1].bytes(), b"", "seed {seed}");
    }
}

#[test]
fn who_has_left_a_room_hears_nothing_more_of_it() {
    let service = ByHand::new(|| {
        let topic = topic();
        move |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Opened(_) => out.subscribe(&topic),
            Event::Received(_, b"leave") => out.unsubscribe(&topic),
            Event::Received(_, bytes) => out.publish(&topic, bytes),
            Event::Heard(_, bytes) => out.send(ME, Arc::clone(bytes)),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    });
    for seed in 0..SEEDS {
        let ears = Caller::seqpacket().wait(seconds(4)).send("leave").wait(seconds(5)).finish().read_all();
        let speaker = (0..5).fold(Caller::seqpacket(), |caller, second| {
            caller.wait(seconds(1)).send(second.to_string()).wait(seconds(1))
        });
        let run = Simulation::new(seed).caller(ears).caller(speaker.finish().read_all()).run(&service);
        assert_eq!(run.callers[0].messages(), [b"0", b"1"], "seed {seed}");
    }
}

#[test]
fn who_enters_a_room_hears_nothing_that_was_said_there_before() {
    let service = ByHand::new(|| {
        let topic = topic();
        move |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Opened(call) => {
                out.publish(&topic, call.number.to_string().into_bytes());
                out.subscribe(&topic);
            }
            Event::Heard(_, bytes) => out.send(ME, Arc::clone(bytes)),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    });
    for seed in 0..SEEDS {
        let caller = || Caller::seqpacket().wait(seconds(2)).finish().read_all();
        let run = (0..6).fold(Simulation::new(seed), |run, _| run.caller(caller())).run(&service);
        for call in &run.calls {
            let mut heard = run.callers[call.caller].messages();
            heard.sort();
            let later: Vec<String> = (call.number + 1..=6).map(|number| number.to_string()).collect();
            assert!(heard.iter().copied().eq(later.iter().map(String::as_bytes)), "seed {seed}: {heard:?}");
        }
    }
}

#[test]
fn a_call_that_enters_too_many_rooms_is_ended() {
    let service = ByHand::new(|| {
        |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Received(_, bytes) => {
                let topic = Topic::new(String::from_utf8_lossy(bytes)).unwrap();
                out.subscribe(&topic);
                out.subscribe(&topic); // once more is no more
            }
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    });
    let enters = |rooms: &[&str]| rooms.iter().fold(Caller::seqpacket(), Caller::send).finish().read_all();
    for seed in 0..SEEDS {
        let four = Simulation::new(seed).caller(enters(&["a", "b", "c", "d", "a"])).run(&service);
        assert_eq!(four.calls[0].reason, CloseReason::Finished, "seed {seed}");
        let five = Simulation::new(seed).caller(enters(&["a", "b", "c", "d", "e"])).run(&service);
        assert_eq!(five.calls[0].reason, CloseReason::Limit("rooms of one call"), "seed {seed}");
    }
}

#[test]
fn datagram_peers_that_are_remembered_hear_each_other_too() {
    for seed in 0..SEEDS {
        let peer =
            |caller: usize| Caller::datagrams().send("\n").wait(seconds(1)).send(numbered(caller, 3, 0));
        let run = Simulation::new(seed)
            .caller(peer(0).wait(seconds(1)))
            .caller(peer(1).wait(seconds(1)))
            .run(&ByHand::new(speak).with_memory_of_peers());
        for (caller, ears) in run.callers.iter().enumerate() {
            let lines = ears.messages().into_iter().filter(|message| *message != b"\n");
            let lines: Vec<Said> =
                lines.map(|line| Said::parse(std::str::from_utf8(line).unwrap().trim_end())).collect();
            assert_eq!(lines, [0, 1, 2].map(|number| Said::Line(1 - caller, number)), "seed {seed}");
        }
    }
}

#[test]
fn a_conversation_that_pauses_reading_is_given_nothing_until_it_reads_on() {
    let service = ByHand::new(|| {
        |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Received(leg, bytes) => {
                out.send(leg, bytes.to_vec());
                out.pause_reading();
                out.deadline_at(Moment::after(out.now().moment.since_start() + seconds(1)));
            }
            Event::Deadline => out.read_on(),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    });
    for seed in 0..SEEDS {
        let said: Vec<String> = (0..5).map(|number| number.to_string()).collect();
        let caller = said.iter().fold(Caller::seqpacket(), Caller::send).finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&service);
        assert_eq!(run.callers[0].bytes(), b"01234", "seed {seed}");
        assert!(run.calls[0].at.since_start() >= seconds(5), "it was read while it paused");
    }
}

#[test]
fn the_same_seed_brings_the_same_run() {
    let run = |seed| {
        let speaker =
            |caller| Caller::new().send(numbered(caller, 10, 0)).wait(seconds(2)).finish().read_all();
        (0..3).map(speaker).fold(Simulation::new(seed), Simulation::caller).run(&lines()).digest()
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
