//! The driver keeps its promises, whatever the schedule; each test is one of them.
#![expect(clippy::wildcard_enum_match_arm, reason = "a conversation of a test hears only what it is about")]

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use conversation::{
    Address, Call, CallFailed, CloseReason, End, Leg, Moment, Needs, Now, Outbox, Service, Shape, Topic,
    Transport,
};
use engine::{CallLimits, Carrier, HIGH_MARK_BYTES, LINGER, Session};
use testkit::{ByHand, Caller, Event, Faults, Happened, Seed, SendFails, Simulation};

const SEEDS: u64 = 100;
const ME: Leg = Leg::CALLER;

/// Far more than all buffers between two ends.
const FLOOD_BYTES: usize = 600_000;

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

/// Does `act` at every event but the end.
fn at(act: fn(Event<'_>, &mut Outbox<'_>)) -> impl Service {
    ByHand::new(move || act)
}

fn at_most_a_second_after(due: Duration, at: Moment) {
    let late = at.since_start().saturating_sub(due);
    assert!(at.since_start() >= due && late < seconds(1), "{due:?} was due, and it came at {at:?}");
}

#[test]
fn the_outbox_is_taken_before_the_next_event() {
    struct Log(Arc<Mutex<Vec<String>>>);
    impl Carrier for Log {
        fn send(&mut self, _: Leg, bytes: &[u8]) -> Result<Option<usize>, CallFailed> {
            self.0.lock().unwrap().push(format!("sent {}", bytes.escape_ascii()));
            Ok(Some(bytes.len()))
        }
        fn finish(&mut self, _: Leg) {
            self.0.lock().unwrap().push("finished".to_owned());
        }
        fn is_delivered(&mut self, _: Leg) -> bool {
            true
        }

        fn abort(&mut self, _: Leg) {}
        fn dial(&mut self, _: Leg, _: conversation::Dialling) {}
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
    let log = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&log);
    let service = ByHand::new(move || {
        let heard = Arc::clone(&heard);
        move |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Received(leg, bytes) => {
                heard.lock().unwrap().push(format!("heard {}", bytes.escape_ascii()));
                out.send(leg, bytes.to_vec());
            }
            Event::PeerFinished(leg) => out.finish(leg),
            Event::Closed(_) => heard.lock().unwrap().push("closed".to_owned()),
            _ => {}
        }
    });
    let end = End::Unnamed(Transport::Unix);
    let opened = SystemTime::UNIX_EPOCH;
    let call = Call { number: 1, shape: Shape::Stream, local: end.clone(), peer: end, opened };
    let now = Now { moment: Moment::START, wall: opened };
    let mut session = Session::new(call, service.conversation(), CallLimits::default(), now);
    let mut carrier = Log(Arc::clone(&log));
    session.opened(now, &mut carrier);
    session.received(now, ME, b"a", &mut carrier);
    session.received(now, ME, b"b", &mut carrier);
    session.peer_finished(now, ME, &mut carrier);
    assert_eq!(session.over(), Some(CloseReason::Finished));
    assert_eq!(*log.lock().unwrap(), ["heard a", "sent a", "heard b", "sent b", "finished", "closed"]);
}

#[test]
fn a_fin_does_not_drop_what_is_owed_to_its_sender() {
    let answer = Seed::new(7).bytes(FLOOD_BYTES);
    let given = answer.clone();
    let service = ByHand::new(move || {
        let answer = given.clone();
        move |event: Event<'_>, out: &mut Outbox<'_>| match event {
            Event::Received(leg, _) => out.send(leg, answer.clone()),
            Event::PeerFinished(leg) => out.finish(leg),
            _ => {}
        }
    });
    for seed in 0..SEEDS {
        let caller = Caller::new().pause_reading(seconds(5)).send("?").finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&service);
        assert!(run.callers[0].bytes() == answer, "seed {seed}");
        assert!(run.callers[0].finished.is_some());
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn a_reset_is_not_a_fin() {
    for seed in 0..SEEDS {
        let caller = Caller::new().send("hello").wait(seconds(1)).reset();
        let run = Simulation::new(seed).caller(caller).run(&at(|_, _| {}));
        assert_eq!(run.calls[0].reason, CloseReason::Reset);
        assert!(!run.calls[0].had(&Happened::PeerFinished(ME)));
        assert!(run.calls[0].had(&Happened::Closed(CloseReason::Reset)));
    }
}

#[test]
fn a_caller_who_does_not_read_is_not_read_until_it_does() {
    let said = Seed::new(3).bytes(FLOOD_BYTES);
    for seed in 0..SEEDS {
        let caller = Caller::new().pause_reading(seconds(9)).send(&said).finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&echo());
        let call = &run.calls[0];
        let taken_before: usize = call
            .events
            .iter()
            .filter(|(at, _)| at.since_start() < seconds(9))
            .map(|(_, happened)| if let Happened::Received(_, length) = happened { *length } else { 0 })
            .sum();
        let buffers = 2 * 64 * 1024;
        assert!(taken_before < HIGH_MARK_BYTES + buffers + 64 * 1024, "{taken_before} bytes were taken");
        assert!(call.had(&Happened::Drained(ME)), "seed {seed}");
        assert!(run.callers[0].bytes() == said, "seed {seed}");
    }
}

#[test]
fn a_deadline_comes_once_and_the_latest_asked_for_counts() {
    let service = at(|event, out| match event {
        Event::Opened(_) => {
            out.deadline_at(Moment::after(seconds(1)));
            out.deadline_at(Moment::after(seconds(3)));
        }
        Event::Deadline => out.close(),
        _ => {}
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().read_all().finish()).run(&service);
        at_most_a_second_after(seconds(3), run.calls[0].when(|what| *what == Happened::Deadline).unwrap());
    }
}

#[test]
fn a_deadline_that_is_taken_back_does_not_come() {
    let service = at(|event, out| match event {
        Event::Opened(_) => out.deadline_at(Moment::after(seconds(2))),
        Event::Received(..) => out.no_deadline(),
        Event::Deadline => out.abort(CloseReason::TimedOut),
        Event::PeerFinished(leg) => out.finish(leg),
        _ => {}
    });
    for seed in 0..SEEDS {
        let caller = Caller::new().send("!").wait(seconds(5)).finish().read_all();
        let run = Simulation::new(seed).caller(caller).run(&service);
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn a_silent_call_ends_at_the_idle_time_out() {
    for seed in 0..SEEDS {
        let caller = Caller::new().wait(seconds(20)).send("a").wait(seconds(20)).send("b").read_all();
        let simulation = Simulation::new(seed).idle_timeout(seconds(30)).caller(caller);
        let run = simulation.run(&echo());
        assert_eq!(run.calls[0].reason, CloseReason::TimedOut);
        at_most_a_second_after(seconds(70), run.calls[0].at);
        assert_eq!(run.callers[0].bytes(), b"ab");
        let unanswered = simulation.run(&at(|_, _| {}));
        at_most_a_second_after(seconds(70), unanswered.calls[0].at);
    }
}

#[test]
fn a_slow_reader_is_not_idle_while_it_takes_bytes() {
    let service = at(|event, out| {
        if let Event::Opened(_) = event {
            out.send(ME, vec![0; FLOOD_BYTES]);
        }
    });
    for seed in 0..SEEDS {
        let caller = Caller::new().pause_reading(seconds(20)).read_all();
        let run = Simulation::new(seed).idle_timeout(seconds(30)).caller(caller).run(&service);
        assert_eq!(run.callers[0].length(), FLOOD_BYTES, "seed {seed}");
        at_most_a_second_after(seconds(50), run.calls[0].at);
    }
}

#[test]
fn a_close_delivers_what_is_owed_and_then_waits_for_the_peer_a_while() {
    let service = at(|event, out| {
        if let Event::Opened(_) = event {
            out.send(ME, vec![b'x'; FLOOD_BYTES]);
            out.close();
            out.send(ME, b"behind the close".to_vec());
        }
    });
    for seed in 0..SEEDS {
        let talker = Caller::new().send(vec![b'y'; FLOOD_BYTES]).read_all();
        let run = Simulation::new(seed).caller(talker).run(&service);
        assert!(run.callers[0].bytes() == vec![b'x'; FLOOD_BYTES], "seed {seed}");
        assert!(run.callers[0].reset.is_none());
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
        let finished = run.callers[0].finished.unwrap();
        assert!(run.calls[0].at.since(finished) <= LINGER + seconds(1));
        assert!(run.calls[0].at.since_start() >= LINGER, "the peer had not finished");
    }
}

#[test]
fn a_closed_call_is_over_as_soon_as_its_peer_has_finished() {
    let service = at(|event, out| {
        if let Event::Received(leg, _) = event {
            out.send(leg, b"bye".to_vec());
            out.close();
        }
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().send("hello").read_all().finish()).run(&service);
        assert_eq!(run.callers[0].bytes(), b"bye");
        assert!(run.calls[0].at.since_start() < seconds(1));
    }
}

#[test]
fn hanging_up_delivers_what_is_owed_and_waits_for_nobody() {
    let service = at(|event, out| {
        if let Event::Opened(_) = event {
            out.send(ME, vec![b'x'; FLOOD_BYTES]);
            out.hang_up();
        }
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().read_all()).run(&service);
        assert_eq!(run.callers[0].length(), FLOOD_BYTES, "seed {seed}");
        assert!(run.callers[0].finished.is_some());
        assert!(run.calls[0].at.since_start() < LINGER);
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn an_abort_that_owes_nothing_is_no_reset() {
    let service = at(|event, out| {
        if let Event::Received(..) = event {
            out.abort(CloseReason::TimedOut);
        }
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().send("!").read_all()).run(&service);
        assert!(run.callers[0].finished.is_some() && run.callers[0].reset.is_none(), "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::TimedOut);
    }
}

#[test]
fn an_abort_ends_the_call_at_once_and_resets_who_is_owed_bytes() {
    let service = at(|event, out| {
        if let Event::Received(leg, _) = event {
            out.send(leg, vec![0; FLOOD_BYTES]);
            out.abort(CloseReason::Limit("enough"));
        }
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().send("hello").read_all()).run(&service);
        assert!(run.callers[0].reset.is_some() && run.callers[0].finished.is_none());
        assert!(run.callers[0].length() < FLOOD_BYTES);
        assert_eq!(run.calls[0].reason, CloseReason::Limit("enough"));
        assert!(run.calls[0].at.since_start() < seconds(1));
    }
}

#[test]
fn output_that_cannot_be_written_ends_the_call() {
    let service = at(|event, out| match event {
        Event::Received(_, bytes) => out.output(bytes.to_vec()),
        Event::PeerFinished(leg) => out.finish(leg),
        _ => {}
    });
    for seed in 0..SEEDS {
        let faults = Faults { output_bytes_max: Some(4), ..Faults::default() };
        let caller = Caller::new().send("123456").finish().read_all();
        let run = Simulation::new(seed).faults(faults).caller(caller).run(&service);
        let CloseReason::Failed(failed) = run.calls[0].reason else { panic!("{}", run.calls[0].reason) };
        assert_eq!((failed.call, failed.error().kind()), ("write(2)", std::io::ErrorKind::StorageFull));
        assert!(b"1234".starts_with(&run.output));
    }
}

#[test]
fn the_last_words_of_a_closed_call_are_put_out_or_say_why_not() {
    let service = at(|event, out| match event {
        Event::PeerFinished(leg) => out.finish(leg),
        Event::Closed(_) => out.output(&b"bye\n"[..]),
        _ => {}
    });
    let simulation = Simulation::new(1).caller(Caller::new().finish().read_all());
    assert_eq!(simulation.run(&service).output, b"bye\n");
    let full = Faults { output_bytes_max: Some(0), ..Faults::default() };
    let run = simulation.faults(full).run(&service);
    assert!(matches!(run.calls[0].reason, CloseReason::Failed(CallFailed { call: "write(2)", .. })));
}

#[test]
fn a_send_that_fails_does_not_stop_the_reading_of_what_was_sent_before() {
    for seed in 0..SEEDS {
        let faults = Faults { send_fails: Some(SendFails { leg: 0, after_bytes: 3 }), ..Faults::default() };
        let caller = Caller::new().send(vec![b'x'; 2000]).finish().read_all();
        let run = Simulation::new(seed).faults(faults).caller(caller).run(&echo());
        assert_eq!(run.calls[0].received_bytes, 2000, "seed {seed}");
        assert_eq!(run.calls[0].sent_bytes, 3);
        assert!(run.calls[0].had(&Happened::PeerFinished(ME)));
        assert_eq!(run.calls[0].reason, CloseReason::Reset);
    }
}

#[test]
fn empty_messages_are_messages() {
    let said = ["", "a", "", "", "b", ""];
    let expected: Vec<&[u8]> = said.iter().map(|text| text.as_bytes()).collect();
    for seed in 0..SEEDS {
        let caller = said.iter().fold(Caller::seqpacket(), Caller::send);
        let run = Simulation::new(seed).caller(caller.finish().read_all()).run(&echo());
        assert_eq!(run.callers[0].messages(), expected);
    }
}

#[test]
fn empty_bytes_on_a_stream_are_nothing() {
    let service = at(|event, out| match event {
        Event::Received(leg, bytes) => {
            out.send(leg, Vec::new());
            out.send(leg, bytes.to_vec());
            out.send(leg, Vec::new());
        }
        Event::PeerFinished(leg) => out.finish(leg),
        _ => {}
    });
    for seed in 0..SEEDS {
        let run = Simulation::new(seed).caller(Caller::new().send("hello").finish().read_all()).run(&service);
        assert_eq!(run.callers[0].bytes(), b"hello");
        assert_eq!(run.calls[0].reason, CloseReason::Finished);
    }
}

#[test]
fn a_sequenced_packet_is_never_cut_nor_put_together_under_back_pressure() {
    let mut sizes = Seed::new(5);
    let said: Vec<Vec<u8>> = (0..300)
        .map(|_| {
            let length = sizes.index(2000);
            sizes.bytes(length)
        })
        .collect();
    for seed in 0..SEEDS {
        let quiet = Caller::seqpacket().pause_reading(seconds(3));
        let caller = said.iter().fold(quiet, Caller::send);
        let run = Simulation::new(seed).caller(caller.finish().read_all()).run(&echo());
        assert!(run.callers[0].messages() == said, "seed {seed}");
    }
}

#[test]
fn the_callers_name_is_looked_up_and_told() {
    let service = at(|event, out| match event {
        Event::Opened(_) => out.name_peer(),
        Event::PeerNamed(name) => {
            out.send(ME, name.unwrap_or("nobody").to_owned());
            out.close();
        }
        _ => {}
    });
    for seed in 0..SEEDS {
        let simulation = Simulation::new(seed).caller(Caller::new().read_all().finish());
        assert_eq!(simulation.run(&service).callers[0].bytes(), b"nobody");
        let named = simulation.peer_name("host.example").run(&service);
        assert_eq!(named.callers[0].bytes(), b"host.example");
    }
}

#[test]
fn the_end_of_a_drain_ends_every_call_and_resets_those_that_are_owed_bytes() {
    let service = at(|event, out| {
        if let Event::Received(leg, _) = event {
            out.send(leg, vec![0; FLOOD_BYTES]);
        }
    });
    for seed in 0..SEEDS {
        let deaf = Caller::new().pause_reading(seconds(20)).send("?").read_all();
        let idle = Caller::new().read_all();
        let run = Simulation::new(seed).drain_at(seconds(8)).caller(deaf).caller(idle).run(&service);
        assert_eq!(run.calls.len(), 2);
        for call in &run.calls {
            assert_eq!(call.reason, CloseReason::Drained);
            at_most_a_second_after(seconds(8), call.at);
        }
        assert!(run.callers[0].reset.is_some() && run.callers[0].finished.is_none(), "seed {seed}");
        assert!(run.callers[1].finished.is_some(), "nothing was owed to it");
    }
}

#[test]
fn a_datagram_caller_is_one_session_where_the_service_remembers_it() {
    let counting = || {
        ByHand::new(|| {
            let mut heard = 0;
            move |event: Event<'_>, out: &mut Outbox<'_>| {
                if let Event::Received(leg, _) = event {
                    heard += 1;
                    out.send(leg, format!("{heard}"));
                }
            }
        })
    };
    for seed in 0..SEEDS {
        let caller = (0..3).fold(Caller::datagrams(), |caller, _| caller.send("x").wait(seconds(1)));
        let simulation = Simulation::new(seed).caller(caller);
        let once = simulation.run(&counting());
        assert_eq!(once.callers[0].messages(), [b"1", b"1", b"1"]);
        assert_eq!(once.calls.len(), 3);
        let known = simulation.run(&counting().with_memory_of_peers());
        assert_eq!(known.callers[0].messages(), [b"1", b"2", b"3"]);
        assert_eq!(known.calls.len(), 1);
        assert_eq!(known.calls[0].reason, CloseReason::TimedOut);
        assert_eq!(counting().needs(), Needs::default());
    }
}

#[test]
fn there_is_no_room_again_on_a_leg_that_takes_nothing_any_more() {
    let service = at(|event, out| match event {
        Event::Opened(_) => out.send(ME, vec![0; FLOOD_BYTES]),
        Event::PeerFinished(leg) => out.finish(leg),
        _ => {}
    });
    for seed in 0..SEEDS {
        let faults =
            Faults { send_fails: Some(SendFails { leg: 0, after_bytes: 20_000 }), ..Faults::default() };
        let caller = Caller::new().wait(seconds(1)).finish().read_all();
        let run = Simulation::new(seed).faults(faults).caller(caller).run(&service);
        assert!(!run.calls[0].had(&Happened::Drained(ME)), "seed {seed}");
        assert_eq!(run.calls[0].reason, CloseReason::Reset);
    }
}
