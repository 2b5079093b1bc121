//! Caller and callee step by step: the socket calls of both, as `--trace` tells them.

use switchboard::Address;

use super::scene::{Missed, Played, Scene, check};
use super::stage::{Server, Stage};

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["P10", "P11", "P15", "P16"],
    name: "step-by-step",
    idea: "socket, bind, listen, accept; socket, connect: an accepted call has a descriptor of its own.",
    by_hand: &[CALLEE, CALLER],
    play,
}];

const CALLEE: &str = "swb serve reply 'hello back' tcp://:2021 --engine iterative --trace";
const CALLER: &str = "swb ask tcp://localhost:2021 hello --trace";

fn play(stage: &mut Stage<'_>) -> Played {
    let Server { program, addresses } = stage.serve(CALLEE)?;
    let caller = stage.run(CALLER, &addresses[0])?.with_status(0)?;
    let callee = program.terminated()?.with_status(0)?;
    let (caller, own) = steps_of_caller(&caller.err, &addresses[0])?;
    let callee = steps_of_callee(&callee.err, &own)?;
    Ok(format!("callee: {}. Caller: {}", callee.join("; "), caller.join("; ")))
}

/// What the callee did, one call after the other, and that it was this caller's address which it was told.
fn steps_of_callee(traced: &str, caller: &str) -> Result<Vec<String>, Missed> {
    let mut steps = Steps::of("callee", traced);
    let listener = steps.next("socket(AF_INET, SOCK_STREAM")?;
    steps.next(&format!("bind({listener}, tcp://127.0.0.1:0)"))?;
    steps.next(&format!("listen({listener}, "))?;
    let accepted = steps.next(&format!("accept4({listener}"))?;
    let (call, from) = accepted.split_once(" from ").unwrap_or_default();
    check(from == caller, || format!("the callee accepted {accepted:?}, the caller was {caller}"))?;
    check(call != listener, || format!("descriptor {call} listens and is the call"))?;
    for step in ["recv", "send", "shutdown", "close"] {
        steps.next(&format!("{step}({call}"))?;
    }
    Ok(steps.taken)
}

/// What the caller did, and the address that it had.
fn steps_of_caller(traced: &str, callee: &Address) -> Result<(Vec<String>, String), Missed> {
    let mut steps = Steps::of("caller", traced);
    let call = steps.next("socket(AF_INET, SOCK_STREAM")?;
    // It does not wait there, but in poll(2).
    let connecting = steps.next(&format!("connect({call}, {callee})"))?;
    check(connecting == "0" || connecting.contains("EINPROGRESS"), || format!("connect(2): {connecting}"))?;
    let own = steps.next(&format!("getsockname({call})"))?;
    for step in ["send", "shutdown", "recv", "close"] {
        steps.next(&format!("{step}({call}"))?;
    }
    Ok((steps.taken, own))
}

/// The traced calls of one program, taken one after the other.
struct Steps<'t> {
    whose: &'static str,
    calls: Vec<&'t str>,
    /// Those that were looked for.
    taken: Vec<String>,
}

impl<'t> Steps<'t> {
    /// Of the lines `TIME  CALL(ARGUMENTS) = RESULT  DURATION  WORD`, the call and its result.
    fn of(whose: &'static str, traced: &'t str) -> Steps<'t> {
        let mut calls: Vec<&str> = traced.lines().filter_map(|line| line.split("  ").nth(1)).collect();
        calls.reverse();
        Steps { whose, calls, taken: Vec::new() }
    }

    /// The result of the next call that begins like this. One that would have had to wait is passed over.
    fn next(&mut self, begins: &str) -> Result<String, Missed> {
        while let Some(call) = self.calls.pop() {
            if call.starts_with(begins) && !call.contains("EAGAIN") {
                self.taken.push(call.to_owned());
                return Ok(call.rsplit_once(") = ").map_or("", |(_, result)| result).to_owned());
            }
        }
        let made = self.taken.join("; ");
        Err(Missed::Differed(format!("the {} did not call {begins}...) after {made}", self.whose)))
    }
}
