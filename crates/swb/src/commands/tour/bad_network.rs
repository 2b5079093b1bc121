//! A bad network on purpose: datagrams are lost, overtake each other and overflow a queue; a stream keeps its order.

use super::scene::{Missed, Played, Scene, check, same, same_bytes};
use super::stage::{Server, Stage};

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C19", "C29"],
    name: "bad-network",
    idea: "Datagrams may be lost or overtake, and a full queue drops them; a stream is late, but whole and in order.",
    by_hand: &[LOSSY, QUEUE, STREAM, "swb ask udp://localhost:9988 hi --timeout 200ms --retries 9"],
    play,
}];

const LOSSY: &str = "swb serve echo 'udp://:9988?loss=out:20%&reorder=out:20%&seed=7' -v";
const QUEUE: &str = "swb serve echo 'udp://:9989?rate=out:2kB/s&queue-messages=out:3' -v";
const STREAM: &str = "swb serve echo 'tcp://:7777?delay=out:2ms&jitter=out:2ms&slice=out:100'";

const MESSAGES: usize = 40;
const STREAM_BYTES: usize = 10_000;

fn play(stage: &mut Stage<'_>) -> Played {
    let (came, log) = echoed(stage, LOSSY)?;
    let count = |what: &str| log.iter().filter(|line| line.contains(what)).count();
    let (lost, overtaken) = (count("is lost"), count("is overtaken"));
    check(lost > 0 && overtaken > 0, || format!("nothing happened to {MESSAGES} messages: {log:?}"))?;
    same("so many answers came", came.len(), MESSAGES - lost)?;
    let inverted = came.windows(2).filter(|two| two[0] > two[1]).count();
    check(inverted > 0, || "none overtook another".to_owned())?;
    stage.tell("the same again: the seed is the same");
    let again = echoed(stage, LOSSY)?;
    check(again == (came, log), || "the same seed had other faults".to_owned())?;

    let (came, log) = echoed(stage, QUEUE)?;
    let dropped = log.iter().filter(|line| line.contains("the queue is full")).count();
    check(dropped > 0, || format!("nothing was dropped of {MESSAGES} messages: {log:?}"))?;
    same("so many answers came", came.len(), MESSAGES - dropped)?;

    let server = stage.serve(STREAM)?;
    let bytes: Vec<u8> = (0..STREAM_BYTES).map(|at| (at % 251) as u8).collect();
    let mut caller = stage.caller(server.address())?;
    caller.send(&bytes)?;
    same_bytes("the stream came back as", &caller.read_exactly(STREAM_BYTES)?, &bytes)?;
    Ok(format!(
        "of {MESSAGES} datagrams {lost} were lost and {overtaken} overtaken, twice the same ones; a queue of 3 dropped \
         {dropped}; {STREAM_BYTES} bytes of a stream came in order"
    ))
}

/// The numbers of the datagrams that came back, in the order in which they came, and what the log says of the others.
fn echoed(stage: &mut Stage<'_>, by_hand: &str) -> Result<(Vec<usize>, Vec<String>), Missed> {
    let Server { mut program, addresses } = stage.serve(by_hand)?;
    let mut caller = stage.caller(&addresses[0])?;
    stage.tell(format!("{MESSAGES} datagrams"));
    for number in 0..MESSAGES {
        caller.send(format!("{number:05}").as_bytes())?;
    }
    for _ in 0..MESSAGES {
        program.line("message of 5 bytes")?;
    }
    let log = program.terminated()?.with_status(0)?.err;
    let faults: Vec<String> = log
        .lines()
        .filter_map(|line| line.split_once(": out: "))
        .map(|(_, fault)| fault.to_owned())
        .collect();
    let passed =
        faults.last().and_then(|counted| counted.split([',', ' ']).nth(3)?.parse().ok()).unwrap_or(MESSAGES);
    let mut came = Vec::new();
    for _ in 0..passed {
        let message = caller.receive()?.unwrap_or_default();
        came.extend(String::from_utf8_lossy(&message).parse::<usize>());
    }
    Ok((came, faults))
}
