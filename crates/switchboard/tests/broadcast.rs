//! The chat of `examples/broadcast.rs`, under every engine that has rooms: heard by all, slowed by nobody.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use switchboard::{Caller, CloseReason, Engine, Event, Framing, Observer, Running, Server, StartError};

#[path = "../examples/broadcast.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program too")]
mod broadcast;

use broadcast::Broadcast;

const LINE: Framing = Framing::Line { bytes_max: 8192 };

/// The engines that have rooms, of those that this kernel and user allow.
fn engines() -> impl Iterator<Item = Engine> {
    Engine::ALL.into_iter().filter(|engine| engine.capabilities().rooms).filter(|engine| {
        match engine.probe() {
            Ok(()) => true,
            Err(failed) => {
                eprintln!("not under {engine}: {failed}");
                false
            }
        }
    })
}

fn server(engine: Engine, address: &str) -> Server {
    let room = Broadcast("everybody".parse().unwrap());
    Server::new(room).at(address).unwrap().engine(engine).workers(2)
}

/// A caller who is in the room, and its name.
fn join(server: &Running) -> (Caller, String) {
    let mut caller = Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_secs(30));
    let greeting = line(&mut caller);
    (caller, greeting.strip_prefix("* you are ").unwrap().to_owned())
}

/// The next line but for those that tell of others who joined.
fn line(caller: &mut Caller) -> String {
    loop {
        let line = String::from_utf8(caller.receive_frame(LINE).unwrap().unwrap()).unwrap();
        if !line.ends_with(" has joined") {
            return line;
        }
    }
}

#[test]
fn each_line_goes_to_all_others_in_order_and_not_back() {
    for engine in engines() {
        let server = server(engine, "tcp://127.0.0.1:0").start().unwrap();
        let mut callers: Vec<(Caller, String)> = (0..8).map(|_| join(&server)).collect();
        for (caller, name) in &mut callers {
            let lines: String = (0..50).map(|number| format!("{name} says {number}\n")).collect();
            caller.send(lines.as_bytes()).unwrap();
        }
        let names: Vec<String> = callers.iter().map(|(_, name)| name.clone()).collect();
        for (caller, name) in &mut callers {
            let said: Vec<String> = (0..7 * 50).map(|_| line(caller)).collect();
            for other in names.iter().filter(|other| *other != name) {
                let theirs = said.iter().filter(|line| line.starts_with(&format!("{other}: ")));
                let expected = (0..50).map(|number| format!("{other}: {other} says {number}"));
                assert!(theirs.cloned().eq(expected), "{engine}: {said:?}");
            }
        }
        drop(callers);
        server.drain();
        assert_eq!(server.wait().unwrap().cut, 0, "{engine}");
    }
}

#[test]
fn who_joins_and_who_leaves_is_told_to_the_others() {
    for engine in engines() {
        let server = server(engine, "tcp://127.0.0.1:0").start().unwrap();
        let (mut stays, _) = join(&server);
        let (mut goes, name) = join(&server);
        let joined = stays.receive_frame(LINE).unwrap().unwrap();
        assert_eq!(String::from_utf8(joined).unwrap(), format!("* {name} has joined"), "{engine}");
        goes.finish().unwrap();
        assert_eq!(line(&mut stays), format!("* {name} has left: finished"), "{engine}");
        assert_eq!(goes.receive().unwrap(), None, "{engine}: it hears nothing of itself");
    }
}

/// Counts the messages that were missed, and the calls that were ended at the limit of rooms.
#[derive(Clone, Default)]
struct Log {
    missed: Arc<AtomicU64>,
    limited: Arc<AtomicU64>,
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        if let Event::Missed { messages, .. } = event {
            self.missed.fetch_add(*messages, Ordering::Relaxed);
        }
        if let Event::Ended { reason: CloseReason::Limit("rooms of one call"), .. } = event {
            self.limited.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads until it has heard, or been told that it missed, each of so many numbered lines. Returns how many it
/// missed.
fn read_all(caller: &mut Caller, lines: u64) -> u64 {
    let (mut next, mut missed_in_all) = (0, 0);
    while next < lines {
        let line = line(caller);
        if let Some(rest) = line.strip_prefix("* you missed ") {
            let missed: u64 = rest.strip_suffix(" lines").unwrap().parse().unwrap();
            next += missed;
            missed_in_all += missed;
        } else {
            assert_eq!(line.split(' ').nth(2).unwrap(), next.to_string(), "out of order, or missed unsaid");
            next += 1;
        }
    }
    missed_in_all
}

#[test]
fn a_slow_reader_is_told_what_it_missed_and_the_quick_one_does_not_wait_for_it() {
    const LINES: u64 = 4000;
    for engine in engines() {
        let log = Log::default();
        let address = format!("unix:@switchboard-broadcast-{}-{engine}", std::process::id());
        let server = server(engine, &address).observer(log.clone()).start().unwrap();
        let (mut slow, _) = join(&server);
        let (mut quick, _) = join(&server);
        let (mut speaker, _) = join(&server);
        let all_said = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0..LINES {
                    speaker.send(format!("{number} {}\n", "x".repeat(990)).as_bytes()).unwrap();
                }
                all_said.wait();
            });
            read_all(&mut quick, LINES); // while the slow one reads nothing at all
            all_said.wait();
        });
        let missed_by_slow = read_all(&mut slow, LINES);
        assert!(missed_by_slow > 0, "{engine}: 4 MB fitted into the buffers");
        drop((slow, quick, speaker));
        server.drain();
        server.wait().unwrap();
        assert!(
            log.missed.load(Ordering::Relaxed) >= missed_by_slow,
            "{engine}: the run was not told of all"
        );
    }
}

#[test]
fn datagram_callers_hear_each_other_within_the_bound_on_answers() {
    let server = server(Engine::Poll, "udp://127.0.0.1:0").start().unwrap();
    let call = || Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_secs(10));
    let (mut one, mut other) = (call(), call());
    one.send(b"\n").unwrap();
    assert_eq!(one.receive().unwrap().unwrap(), b"* you are caller 1\n");
    other.send(b"hello\n").unwrap();
    assert_eq!(other.receive().unwrap().unwrap(), b"* you are caller 2\n");
    assert_eq!(one.receive().unwrap().unwrap(), b"* caller 2 has joined\n");
    assert_eq!(one.receive().unwrap().unwrap(), b"caller 2: hello\n");
}

#[test]
fn an_engine_without_rooms_is_refused_with_those_that_have_them() {
    let refused = server(Engine::Iterative, "tcp://127.0.0.1:0").start().unwrap_err();
    assert!(matches!(refused, StartError::Refused(_)));
    let text = refused.to_string();
    assert!(
        text.contains("its callers meet in rooms")
            && text.ends_with("these engines can: thread, poll, epoll, uring")
    );
}

#[test]
fn a_call_in_more_rooms_than_allowed_is_ended_and_says_so() {
    let log = Log::default();
    let server =
        server(Engine::Epoll, "tcp://127.0.0.1:0").topics_max(0).observer(log.clone()).start().unwrap();
    let mut caller = Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_secs(10));
    assert_eq!(caller.read_to_end(100).unwrap(), b"");
    drop(caller);
    server.drain();
    assert_eq!(server.wait().unwrap().answered, 1);
    assert_eq!(log.limited.load(Ordering::Relaxed), 1);
}
