//! Accept failures: a server that has run out of descriptors waits, and serves on.

use rustix::process::{Resource, Rlimit, prlimit};
use switchboard::Caller;

use super::scene::{Missed, Played, Scene, same_bytes};
use super::stage::{Server, Stage, needs_descriptors};

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C21"],
    name: "out-of-descriptors",
    idea: "No failure of accept(2) ends a server: without descriptors its callers wait until some come free.",
    by_hand: &["ulimit -n 32", ECHO, "swb connect tcp://localhost:9898"],
    play,
}];

const ECHO: &str = "swb serve echo tcp://:9898 --max-calls 1000 --engine poll";

/// What the server may have open.
const DESCRIPTORS: u64 = 32;

/// Twice as many as there is room for.
const CALLERS: usize = 50;

fn play(stage: &mut Stage<'_>) -> Played {
    needs_descriptors(CALLERS)?;
    let Server { mut program, addresses } = stage.serve(ECHO)?;
    let limit = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    prlimit(Some(program.process()), Resource::Nofile, limit)
        .map_err(|errno| Missed::call("prlimit(2)", errno))?;
    stage.tell(format!("it was left {DESCRIPTORS} descriptors; {CALLERS} callers said hello and waited"));
    let mut callers =
        (0..CALLERS).map(|_| stage.caller(&addresses[0])).collect::<Result<Vec<Caller>, _>>()?;
    callers.iter_mut().try_for_each(|caller| caller.send(b"hello"))?;
    let said = program.line("answering pauses")?;
    // Each hangs up once it is answered, and so makes room.
    for mut caller in callers {
        same_bytes("a caller heard", &caller.read_exactly(5)?, b"hello")?;
    }
    let mut late = stage.caller(&addresses[0])?;
    late.send(b"well?")?;
    same_bytes("a later caller heard", &late.read_exactly(5)?, b"well?")?;
    drop(late);
    program.terminated()?.with_status(0)?;
    Ok(format!("{said}; then all {CALLERS} were answered, and a later one; the server ended with status 0"))
}
