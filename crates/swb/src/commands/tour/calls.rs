//! Who called whom, an answer, and answers that take long.

use switchboard::Caller;

use super::process;
use super::scene::{Missed, Played, Scene, check, same, same_bytes};
use super::stage::{Server, Stage, with};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P12"],
        name: "who-called-whom",
        idea: "accept(2) tells who called: each caller's own address and port; a broken call ends nothing else.",
        by_hand: &[PRINT, "swb connect 'tcp://localhost:2021?bind=127.0.0.9:0'"],
        play: peers,
    },
    Scene {
        rows: &["P13"],
        name: "hello-back",
        idea: "Whoever says hello is answered hello back: 10 bytes, and no stray NUL.",
        by_hand: &[REPLY, ASK],
        play: hello_back,
    },
    Scene {
        rows: &["P14"],
        name: "long-calls",
        idea: "A forking server holds long calls side by side; each child ends with its call.",
        by_hand: &[REPLY_OFTEN, ASK],
        play: long_calls,
    },
];

const PRINT: &str = "swb serve print tcp://:2021 -v";
const REPLY: &str = "swb serve reply 'hello back' tcp://:2021 -v";
const REPLY_OFTEN: &str = "swb serve reply 'hello back' --every 100ms --times 5 tcp://:2021 --engine process";
const ASK: &str = "swb ask tcp://localhost:2021 hello";

fn peers(stage: &mut Stage<'_>) -> Played {
    let Server { mut program, addresses } = stage.serve(PRINT)?;
    let mut saw = Vec::new();
    for options in ["bind=127.0.0.1:0", "bind=127.0.0.9:0&linger=0s", "bind=127.0.0.2:0"] {
        let mut caller = stage.caller(&with(&addresses[0], options)?)?;
        let name = caller.ends().map_err(|error| Missed::call("getsockname(2)", error))?.0.to_string();
        let line = program.line(" called ")?;
        check(line.ends_with(&format!(": {name} called {}", addresses[0])), || format!("{name}: {line}"))?;
        caller.send(b"here\n")?;
        program.output(5 * (saw.len() + 1))?;
        saw.push(name);
    }
    stage.tell("three callers from three addresses of this host, the second reset its call");
    program.terminated()?.with_status(0)?;
    Ok(format!("{} called {}", saw.join(", "), addresses[0]))
}

fn hello_back(stage: &mut Stage<'_>) -> Played {
    let Server { mut program, addresses } = stage.serve(REPLY)?;
    let heard = stage.run(ASK, &addresses[0])?.with_status(0)?.out;
    same_bytes("the caller heard", &heard, b"hello back")?;
    let end = program.line("bytes in")?;
    check(end.contains("finished; 5 bytes in, 10 out"), || end.clone())?;
    Ok("exactly hello back, 10 bytes; the server counted 5 bytes in, 10 out".to_owned())
}

fn long_calls(stage: &mut Stage<'_>) -> Played {
    let server = stage.serve(REPLY_OFTEN)?;
    let process = server.program.process();
    let mut callers = [stage.caller(server.address())?, stage.caller(server.address())?];
    callers.iter_mut().try_for_each(|caller| caller.send(b"hello"))?;
    stage.tell("two callers said hello at the same time");
    let is_answered =
        |caller: &mut Caller| same_bytes("a caller heard", &caller.read_exactly(10)?, b"hello back");
    for round in 0..5 {
        callers.iter_mut().try_for_each(is_answered)?;
        if round == 0 {
            same("children of the server", process::children(process), 2)?;
        }
    }
    for caller in &mut callers {
        caller.finish()?;
        same_bytes("after five answers came", &caller.read_to_end(64)?, b"")?;
    }
    stage.patience().until("the children to be reaped", || process::children(process) == 0)?;
    Ok("both were answered in each of five rounds, by a child each; then no child was left".to_owned())
}
