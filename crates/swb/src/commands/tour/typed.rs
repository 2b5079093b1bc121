//! Typed messages: numbers and names as bytes that both ends read alike.

use super::scene::{Played, Scene, same_bytes};
use super::stage::Stage;

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["C23"],
    name: "typed",
    idea: "A payload is bytes: types are marshalled into them, in network byte order, and read back.",
    by_hand: &[
        ECHO,
        "printf '\\0\\0\\0\\0\\0\\0\\0*hello\\0\\0\\0\\0\\0' | swb connect tcp://localhost:9898 | xxd",
    ],
    play,
}];

const ECHO: &str = "swb serve echo tcp://:9898";

fn play(stage: &mut Stage<'_>) -> Played {
    let server = stage.serve(ECHO)?;
    let mut sent = 42_u64.to_be_bytes().to_vec();
    sent.extend(b"hello\0\0\0\0\0");
    let mut caller = stage.caller(server.address())?;
    caller.send(&sent)?;
    let came = caller.read_exactly(sent.len())?;
    same_bytes("what came back", &came, &sent)?;
    Ok(format!("{}", came.escape_ascii()))
}
