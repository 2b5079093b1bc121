//! The engines side by side on one service: the ways to wait, and what a call costs under each.

use std::time::Instant;

use switchboard::Engine;

use super::scene::{Played, Scene, same_bytes};
use super::stage::Stage;

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C5"],
    name: "engines",
    idea: "Blocking, a process or thread a call, polling, an event queue, completions: one service, at different costs.",
    by_hand: &[
        "swb serve echo tcp://:9898 --engine iterative",
        "swb serve echo tcp://:9898 --engine process",
        "swb serve echo tcp://:9898 --engine thread",
        "swb serve echo tcp://:9898 --engine poll",
        "swb serve echo tcp://:9898 --engine epoll",
        "swb serve echo tcp://:9898 --engine uring",
        "swb ask tcp://localhost:9898 hello",
    ],
    play,
}];

/// Calls under each engine.
const CALLS: u32 = 200;

fn play(stage: &mut Stage<'_>) -> Played {
    let mut saw = Vec::new();
    for engine in Engine::ALL {
        if let Err(failed) = engine.probe() {
            saw.push(format!("{engine} cannot run here ({failed})"));
            continue;
        }
        let server = stage.serve(&format!("swb serve echo tcp://:9898 --engine {engine}"))?;
        let began = Instant::now();
        for _call in 0..CALLS {
            let mut caller = stage.caller(server.address())?;
            caller.send(b"hello")?;
            caller.finish()?;
            same_bytes(&format!("under {engine} came back"), &caller.read_to_end(64)?, b"hello")?;
        }
        let micros = began.elapsed().as_micros() / u128::from(CALLS);
        saw.push(format!("{engine} {micros} µs"));
    }
    stage.tell(format!("{CALLS} calls each, one after the other"));
    Ok(format!("a whole call took, on average: {}; once each, no benchmark", saw.join(", ")))
}

#[test]
fn every_engine_is_shown() {
    for engine in Engine::ALL {
        let command = format!("swb serve echo tcp://:9898 --engine {engine}");
        assert!(SCENES[0].by_hand.contains(&&*command), "{command}");
    }
}
