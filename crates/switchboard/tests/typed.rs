//! Typed messages: values come back as they went, over every transport; bad bytes cost their own call at
//! most.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use switchboard::typed::{Answers, Encoding, Format, Typed, TypedError};
use switchboard::{Call, CallError, Caller, CloseReason, Engine, Event, Observer, Running, Server};
use testkit::Seed;

#[path = "../examples/typed.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program too")]
mod example;

const FORMATS: [Format; 2] = [Format::JSON, Format::POSTCARD];

/// Something of everything.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Everything {
    number: i64,
    fraction: f64,
    text: String,
    bytes: Vec<u8>,
    maybe: Option<Box<Everything>>,
    map: BTreeMap<String, (u8, char)>,
}

fn everything(filler: usize) -> Everything {
    let inner = Everything {
        number: i64::MIN,
        fraction: -0.1,
        text: "\0\n\u{202e}".to_owned(),
        bytes: vec![0, 255],
        maybe: None,
        map: BTreeMap::from([("k".to_owned(), (7, 'é'))]),
    };
    Everything { bytes: vec![9; filler], maybe: Some(Box::new(inner.clone())), ..inner }
}

/// Tells how each call ended.
struct Ends(Sender<CloseReason>);

impl Observer for Ends {
    fn event(&self, event: &Event<'_>) {
        if let Event::Ended { reason, .. } = event {
            let _ = self.0.send(*reason); // the test may have seen enough
        }
    }
}

fn call(server: &Running) -> Caller {
    Caller::call(&server.addresses()[0]).unwrap().with_timeout(Duration::from_secs(20))
}

/// A request that nests as deep as a message says.
#[derive(Debug, Deserialize, Serialize)]
struct Deep {
    next: Option<Box<Deep>>,
}

fn depth(mut deep: &Deep) -> usize {
    let mut depth = 0;
    while let Some(inner) = &deep.next {
        (deep, depth) = (inner, depth + 1);
    }
    depth
}

#[test]
fn the_example_runs() {
    example::ask_over_every_transport().unwrap();
}

#[test]
fn values_come_back_as_they_went_over_every_transport() {
    for format in FORMATS {
        let name = format!("@typed-test-{}-{}", std::process::id(), format.encoding);
        for address in [
            "tcp://127.0.0.1:0",
            "udp://127.0.0.1:0",
            &format!("unix:{name}"),
            &format!("unix-seqpacket:{name}"),
        ] {
            let twice = |asked: Everything| (asked.clone(), asked.number.wrapping_mul(3));
            let server =
                Server::new(Answers::new("triple", format, twice)).at(address).unwrap().start().unwrap();
            let mut typed: Typed<Everything, (Everything, i64)> = Typed::on(call(&server), format);
            for filler in [0, 1, 300] {
                let asked = everything(filler);
                let expected = (asked.clone(), asked.number.wrapping_mul(3));
                assert_eq!(typed.ask(&asked).unwrap(), expected, "{address} {}", format.encoding);
            }
        }
    }
}

#[test]
fn who_asks_is_known_to_who_answers() {
    let who = |call: &Call, (): ()| (call.number, call.peer.to_string());
    let service = Answers::by_caller("who", Format::JSON, who);
    let server = Server::new(service).at("tcp://127.0.0.1:0").unwrap().start().unwrap();
    let mut typed: Typed<(), (u64, String)> = Typed::on(call(&server), Format::JSON);
    let (number, peer) = typed.ask(&()).unwrap();
    assert_eq!((number, peer), (1, typed.caller().ends().unwrap().0.to_string()));
}

#[test]
fn requests_sent_together_are_all_answered_in_order_however_slowly_the_answers_are_read() {
    const REQUESTS: u64 = 2000;
    for format in FORMATS {
        // Each answer is far longer than its request: 20 MB in all.
        let stretch = |number: u64| (number, "x".repeat(10_000));
        let service = Answers::new("stretch", format, stretch);
        let server = Server::new(service).at("tcp://127.0.0.1:0").unwrap().workers(1).start().unwrap();
        let mut typed: Typed<u64, (u64, String)> = Typed::on(call(&server), format);
        for number in 0..REQUESTS {
            typed.send(&number).unwrap();
        }
        typed.caller().finish().unwrap();
        for number in 0..REQUESTS {
            assert_eq!(typed.receive().unwrap().unwrap().0, number);
        }
        assert_eq!(typed.receive().unwrap(), None, "it finishes once all are answered");
    }
}

#[test]
fn a_message_that_is_no_request_ends_its_own_call_and_no_other() {
    for address in ["tcp://127.0.0.1:0", &format!("unix-seqpacket:@typed-bad-{}", std::process::id())] {
        let (tell, ended) = channel();
        let double = |number: u32| u64::from(number) * 2;
        let service = Answers::new("double", Format::JSON, double);
        let server = Server::new(service).at(address).unwrap().observer(Ends(tell)).start().unwrap();
        let mut good: Typed<u32, u64> = Typed::on(call(&server), Format::JSON);
        let mut bad: Typed<str, u64> = Typed::on(call(&server), Format::JSON);
        assert!(matches!(bad.ask("many"), Err(TypedError::Call(CallError::Finished))));
        drop(bad);
        assert_eq!(ended.recv().unwrap(), CloseReason::Malformed("what came is no request"));
        assert_eq!(good.ask(&21).unwrap(), 42);
    }
}

#[test]
fn a_message_that_is_no_request_can_be_answered() {
    for address in ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"] {
        let service = Answers::new("double", Format::JSON, |number: u32| Ok(u64::from(number) * 2))
            .or_answer(|_, error| Err::<u64, String>(error.why.clone()));
        let server = Server::new(service).at(address).unwrap().start().unwrap();
        let mut typed: Typed<serde_json::Value, Result<u64, String>> = Typed::on(call(&server), Format::JSON);
        let error = typed.ask(&"many".into()).unwrap().unwrap_err();
        assert!(error.contains("expected u32 at line 1 column 6"), "{error}");
        assert_eq!(typed.ask(&21.into()).unwrap(), Ok(42), "the call goes on");
    }
}

#[test]
fn a_length_above_the_bound_and_a_request_that_is_cut_off_end_the_call() {
    let (tell, ended) = channel();
    let service = Answers::new("same", Format::JSON.with_bytes_max(1000), |text: String| text);
    let server = Server::new(service).at("tcp://127.0.0.1:0").unwrap().observer(Ends(tell)).start().unwrap();
    for (bytes, expected) in [
        (&b"\xff\xff\xff\xff"[..], CloseReason::Limit("a message longer than the format allows")),
        (b"\0\0\0\x06\"cut", CloseReason::Malformed("a request that was cut off")),
    ] {
        let mut caller = call(&server);
        caller.send(bytes).unwrap();
        caller.finish().unwrap();
        assert_eq!(caller.read_to_end(100).unwrap(), b"");
        assert_eq!(ended.recv().unwrap(), expected);
    }
}

#[test]
fn an_answer_that_is_too_long_ends_the_call_and_is_not_sent() {
    let (tell, ended) = channel();
    let service = Answers::new("repeat", Format::JSON.with_bytes_max(100), |count: usize| "x".repeat(count));
    let server = Server::new(service).at("tcp://127.0.0.1:0").unwrap().observer(Ends(tell)).start().unwrap();
    let mut typed: Typed<usize, String> = Typed::on(call(&server), Format::JSON);
    assert_eq!(typed.ask(&98).unwrap().len(), 98);
    assert!(matches!(typed.ask(&99), Err(TypedError::Call(CallError::Finished))));
    drop(typed);
    assert_eq!(ended.recv().unwrap(), CloseReason::Malformed("an answer that cannot be written"));
}

#[test]
fn a_message_nested_without_end_is_an_error_under_the_smallest_stack() {
    // The thread of one call has the smallest stack of all engines.
    for format in FORMATS {
        let service = Answers::new("depth", format, |deep: Deep| Some(depth(&deep))).or_answer(|_, _| None);
        let server =
            Server::new(service).at("tcp://127.0.0.1:0").unwrap().engine(Engine::Thread).start().unwrap();
        let mut caller = call(&server);
        let mut ask = |depth: usize| {
            let message = match format.encoding {
                Encoding::Json => {
                    [&br#"{"next":"#.repeat(depth)[..], br#"{"next":null}"#, &b"}".repeat(depth)].concat()
                }
                Encoding::Postcard => [&[1].repeat(depth)[..], &[0]].concat(),
            };
            caller.send_frame(format.framing(), &message).unwrap();
            caller.receive_typed::<Option<usize>>(format).unwrap().unwrap()
        };
        for depth in [0, 20, 60] {
            assert_eq!(ask(depth), Some(depth), "{}", format.encoding);
        }
        assert_eq!(ask(80_000), None);
    }
}

#[test]
fn no_bytes_make_the_reading_panic_and_what_is_read_is_written_as_it_was() {
    let mut seed = Seed::new(1);
    for format in FORMATS {
        let good = format.encode(&everything(40)).unwrap();
        for _ in 0..20_000 {
            let mut message = good.clone();
            for _ in 0..seed.index(4) {
                let (place, byte) = (seed.index(message.len()), seed.bytes(1)[0]);
                message[place] = byte;
            }
            message.truncate(seed.index(message.len() + 1).max(message.len() / 2));
            if let Ok(value) = format.decode::<Everything>(&message) {
                let again = format.encode(&value).unwrap();
                assert_eq!(format.encode(&format.decode::<Everything>(&again).unwrap()).unwrap(), again);
            }
            let _ = format.decode::<Deep>(&message);
        }
    }
}

#[test]
fn errors_say_what_could_not_be_written_or_read_and_where() {
    let keys = BTreeMap::from([((1, 2), 3)]);
    let error = Format::JSON.encode(&keys).unwrap_err().to_string();
    assert!(error.contains("cannot write") && error.contains("JSON: key must be a string"), "{error}");
    let error = Format::POSTCARD.with_bytes_max(3).encode("four").unwrap_err().to_string();
    assert_eq!(error, "cannot write str as postcard: a message is longer than 3 bytes");
    let error = Format::JSON.decode::<(u8, u8)>(b"[1, 300]").unwrap_err().to_string();
    assert!(error.starts_with("a message of 8 bytes is no (u8, u8) in JSON: invalid value"), "{error}");
    assert!(error.ends_with("at line 1 column 7"), "{error}");
    let error = Format::POSTCARD.decode::<(u8, bool)>(&[1, 9]).unwrap_err().to_string();
    assert!(error.ends_with("at byte 2"), "{error}");
    let error = Format::POSTCARD.decode::<u8>(&[1, 9]).unwrap_err().to_string();
    assert!(error.ends_with("it ends at byte 1, and there is more"), "{error}");
}
