//! Typed messages: numbers and names as bytes that both ends read alike.

use super::scene::{Played, Scene, check, same_bytes};
use super::stage::{Server, Stage};

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C23"],
    name: "typed",
    idea: "A payload is bytes: types are marshalled into them, in network byte order, and read back.",
    by_hand: &[ECHO, ASK, "swb serve print tcp://:9898 | xxd"],
    play,
}];

const ECHO: &str = "swb serve echo tcp://:9898";
const PRINT: &str = "swb serve print tcp://:9898";
const ASK: &str = "swb ask tcp://localhost:9898 --pack '!q10s' 42 hello --unpack '!q10s'";

fn play(stage: &mut Stage<'_>) -> Played {
    let echo = stage.serve(ECHO)?;
    let came = stage.run(ASK, echo.address())?.with_status(0)?.out;
    let came = String::from_utf8_lossy(&came).trim_end().to_owned();
    check(came.starts_with("42 ") && came.contains("hello"), || {
        format!("what came back was read as {came}")
    })?;

    let Server { mut program, addresses } = stage.serve(PRINT)?;
    let mut asking = stage.call(ASK, &addresses[0])?;
    asking.finish_input();
    let mut wanted = 42_u64.to_be_bytes().to_vec();
    wanted.extend(b"hello\0\0\0\0\0");
    let sent = program.output(wanted.len())?;
    same_bytes("on the way were", sent, &wanted)?;
    Ok(format!("42 and hello went out as {}, and came back as {came}", sent.escape_ascii()))
}
