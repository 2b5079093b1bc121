//! The same service for processes on the same machine: loopback and Unix sockets.

use super::scene::{Played, Scene, check, same_bytes};
use super::stage::Stage;
use switchboard::Place;

pub(super) const SCENES: &[Scene] = &[Scene {
    rows: &["P9", "P17"],
    name: "same-machine",
    idea: "On one machine an address may be a path or a name; the service and the calls stay the same.",
    by_hand: &[ECHO, ASK, "swb ask unix:/tmp/s hello", "swb ask unix:@echo hello"],
    play,
}];

const ECHO: &str =
    "swb serve echo tcp://:9898 unix:/tmp/s unix-dgram:/tmp/d unix-seqpacket:/tmp/q unix:@echo";
const ASK: &str = "swb ask tcp://localhost:9898 hello";

fn play(stage: &mut Stage<'_>) -> Played {
    let server = stage.serve(ECHO)?;
    for address in &server.addresses {
        same_bytes(&format!("from {address} came"), &stage.run(ASK, address)?.with_status(0)?.out, b"hello")?;
    }
    let addresses = server.addresses.clone();
    server.program.terminated()?.with_status(0)?;
    for address in &addresses {
        if let Place::Path(path) = &address.place {
            let path = String::from_utf8_lossy(path).into_owned();
            check(!std::path::Path::new(&path).exists(), || format!("{path} was left behind"))?;
        }
    }
    Ok(format!("hello came back over all {}; when the server ended, so did its paths", addresses.len()))
}
