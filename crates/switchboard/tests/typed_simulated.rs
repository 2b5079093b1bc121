//! A service made of a function, under seeded cuts, slow readers and resets: every request answered once, in
//! order.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use switchboard::CloseReason;
use switchboard::typed::{Answers, Format};
use testkit::{Caller, Faults, Simulation, answer_in_pieces, every_cut};

const SEEDS: u64 = 60;

fn framed(format: Format, value: u32) -> Vec<u8> {
    let mut wire = Vec::new();
    format.framing().encode(&format.encode(&value).unwrap(), &mut wire).unwrap();
    wire
}

/// What is answered to this many requests, each numbered.
fn expected(format: Format, requests: u32, filler: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for number in 0..requests {
        let answer = format.encode(&(number, "x".repeat(filler))).unwrap();
        format.framing().encode(&answer, &mut wire).unwrap();
    }
    wire
}

#[test]
fn every_request_of_a_crowd_is_answered_in_order_while_answers_pile_up() {
    for format in [Format::JSON, Format::POSTCARD] {
        let service = Answers::new("stretch", format, |number: u32| (number, "x".repeat(2000)));
        let said: Vec<u8> = (0..300).flat_map(|number| framed(format, number)).collect();
        let answers = expected(format, 300, 2000);
        for seed in 0..SEEDS {
            let slow = Caller::new().pause_reading(Duration::from_secs(5)).send(&said).finish().read_all();
            let quick = Caller::new().send(&said).finish().read_all();
            let run = Simulation::new(seed).caller(slow).caller(quick).run(&service);
            assert!(run.callers.iter().all(|caller| caller.bytes() == answers), "seed {seed}");
            assert!(run.calls.iter().all(|call| call.reason == CloseReason::Finished), "seed {seed}");
        }
    }
}

#[test]
fn no_cut_of_the_stream_changes_an_answer() {
    let format = Format::JSON;
    let service = Answers::new("same", format, |number: u32| (number, String::new()));
    let said: Vec<u8> = [0, 1].into_iter().flat_map(|number| framed(format, number)).collect();
    every_cut(&said, |pieces| {
        let answer = answer_in_pieces(&service, pieces);
        assert_eq!(answer.bytes, expected(format, 2, 0));
        assert_eq!(answer.reason, Some(CloseReason::Finished));
    });
}

#[test]
fn callers_who_reset_cost_the_others_nothing() {
    let format = Format::POSTCARD;
    let service = Answers::new("stretch", format, |number: u32| (number, "x".repeat(500)));
    let said: Vec<u8> = (0..100).flat_map(|number| framed(format, number)).collect();
    let answers = expected(format, 100, 500);
    for seed in 0..SEEDS {
        let faults = Faults { reset_percent: 50, ..Faults::default() };
        let callers = (0..6).map(|_| Caller::new().send(&said).finish().read_all());
        let run = callers.fold(Simulation::new(seed).faults(faults), Simulation::caller).run(&service);
        for call in run.calls.iter().filter(|call| call.reason == CloseReason::Finished) {
            assert!(run.callers[call.caller].bytes() == answers, "seed {seed}");
        }
    }
}
