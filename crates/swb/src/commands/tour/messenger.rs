//! The line messenger: a caller who types lines, a callee who prints them.

use std::net::{IpAddr, Ipv4Addr};

use super::scene::{Played, Scene, check, same_bytes};
use super::stage::{Stage, hold, with};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P1"],
        name: "messenger-caller",
        idea: "A byte stream carries lines of any length as they were typed; whoever cannot call says why.",
        by_hand: &[PRINT, CONNECT],
        play: caller,
    },
    Scene {
        rows: &["P2"],
        name: "messenger-callee",
        idea: "An iterative callee answers one caller after the other; the rest wait in the backlog.",
        by_hand: &[PRINT_IN_TURN, CONNECT],
        play: callee,
    },
];

const PRINT: &str = "swb serve print tcp://:5432";
const PRINT_IN_TURN: &str = "swb serve print tcp://:5432 --engine iterative --backlog 5 -v";
const CONNECT: &str = "swb connect tcp://localhost:5432";

fn caller(stage: &mut Stage<'_>) -> Played {
    let mut callee = stage.serve(PRINT)?;
    let lengths = (0..=300).chain([10_000]);
    let typed: String = lengths.map(|length| "x".repeat(length) + "\n").collect();
    let mut caller = stage.call(CONNECT, callee.address())?;
    caller.say(typed.as_bytes())?;
    caller.ended()?.with_status(0)?;
    same_bytes("the callee printed", callee.program.output(typed.len())?, typed.as_bytes())?;

    let (_held, nobody) = hold(IpAddr::V4(Ipv4Addr::LOCALHOST), 0)?;
    let refused = stage.run(CONNECT, &nobody)?.with_status(4)?;
    check(refused.err.contains("ECONNREFUSED"), || refused.err.clone())?;
    Ok(format!(
        "{} lines of 0 to 10,000 bytes were printed as typed, {} bytes; where nobody listens: exit status 4, {}",
        typed.lines().count(),
        typed.len(),
        refused.err.trim_start_matches("swb: "),
    ))
}

fn callee(stage: &mut Stage<'_>) -> Played {
    let mut callee = stage.serve(PRINT_IN_TURN)?;
    // Closing resets the call.
    let mut first = stage.caller(&with(callee.address(), "linger=0s")?)?;
    first.send(b"first 1\nfirst 2\n")?;
    let mut printed = b"first 1\nfirst 2\n".to_vec();
    same_bytes("of two lines sent together it printed", callee.program.output(printed.len())?, &printed)?;

    let mut second = stage.caller(callee.address())?;
    second.send(b"second\n")?;
    second.finish()?;
    first.send(b"first 3\n")?;
    printed.extend(b"first 3\n");
    same_bytes(
        "while the first caller was there it printed",
        callee.program.output(printed.len())?,
        &printed,
    )?;

    stage.tell("two callers spoke at once; the first reset its call");
    drop(first);
    printed.extend(b"second\n");
    same_bytes("after that it printed", callee.program.output(printed.len())?, &printed)?;
    let end = callee.program.line("call 1: tcp://127.0.0.1:")?;
    let end = if end.contains(" called ") { callee.program.line("call 1: ")? } else { end };
    check(end.contains("reset"), || end.clone())?;
    callee.program.terminated()?.with_status(0)?;
    Ok("all lines of the first caller, then those of the second, who had waited; the reset ended its own call only"
        .to_owned())
}
