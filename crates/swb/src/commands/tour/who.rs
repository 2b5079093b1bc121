//! Caller and callee on a port of their choice, and a callee who tells callers who they are.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::event::PollFlags;
use switchboard::{Caller, Framing, socket::reverse_name};

use super::scene::{Missed, Played, Scene, check, same_bytes};
use super::stage::{Stage, has_ipv6};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P29", "P30"],
        name: "caller-and-callee",
        idea: "Once a call stands, either side may speak first, and both must finish for it to be over.",
        by_hand: &[LISTEN, CONNECT],
        play: talk,
    },
    Scene {
        rows: &["P31", "P32"],
        name: "who-called",
        idea: "A callee tells callers their name, address and port and when they called; its wait is nobody else's.",
        by_hand: &[WHO, "date -u +%FT%TZ | swb connect tcp://localhost:7891"],
        play: who,
    },
];

const LISTEN: &str = "swb listen tcp://:7891";
const CONNECT: &str = "swb connect tcp://localhost:7891";
const WHO: &str = "swb serve who --bye-after 2s tcp://:7891";

fn talk(stage: &mut Stage<'_>) -> Played {
    let mut callee = stage.serve(LISTEN)?;
    let mut caller = stage.call(CONNECT, callee.address())?;
    callee.program.say(b"Hello World\n")?;
    same_bytes("the caller read", caller.output(12)?, b"Hello World\n")?;
    caller.say(b"hello to you\n")?;
    same_bytes("the callee read", callee.program.output(13)?, b"hello to you\n")?;
    caller.finish_input();
    callee.program.say(b"that is all\n")?;
    same_bytes("after its finish the caller read", caller.output(24)?, b"Hello World\nthat is all\n")?;
    callee.program.ended()?.with_status(0)?;
    caller.ended()?.with_status(0)?;
    stage.tell("the callee spoke first and, after the caller's finish, last");
    Ok("each line arrived at once; both ended with status 0".to_owned())
}

fn who(stage: &mut Stage<'_>) -> Played {
    let both = ["tcp://127.0.0.1:0", "tcp://[::1]:0"];
    let has_both = has_ipv6() && is_named_soon(IpAddr::V6(Ipv6Addr::LOCALHOST));
    let families = if has_both { &both[..] } else { &both[..1] };
    let callee = stage.serve_at(WHO, families)?;
    let mut waiting: Vec<Caller> = Vec::new();
    let mut told = String::new();
    for address in callee.addresses.iter().cycle().take(4) {
        let mut caller = stage.caller(address)?;
        caller.send(b"2026-11-21T12:00:00Z good morning\n")?;
        let line = caller.receive_frame(Framing::Line { bytes_max: 1024 })?.unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let ip = caller.ends().map_err(|error| Missed::call("getsockname(2)", error))?.0.ip();
        let ip = ip.ok_or_else(|| Missed::Differed("a caller without an address".to_owned()))?;
        let is_right = line.starts_with("Connection from ")
            && line.contains(&format!(" ({}) {} at 20", ip.ip(), ip.port()))
            && line.ends_with('Z');
        check(is_right, || format!("{ip} was told {line:?}"))?;
        if waiting.is_empty() {
            told = line;
        }
        waiting.push(caller);
    }
    check(!stage.has_heard(&waiting[0])?, || {
        "the first heard Bye before the last was told who it is".to_owned()
    })?;
    for caller in &mut waiting {
        // The caller's own wait does not end with the tour.
        stage.patience().ready("Bye", &[(caller.as_fd(), PollFlags::IN)])?;
        same_bytes("a caller heard at last", &caller.read_to_end(64)?, b"Bye\n")?;
    }
    stage.tell(format!("{} callers one after the other, on {}", waiting.len(), families.join(" and ")));
    Ok(format!("{told}; all were told while the first still waited; then Bye to each"))
}

/// Whether the name of this address, or that it has none, is found without waiting for the network.
fn is_named_soon(ip: IpAddr) -> bool {
    const SOON: Duration = Duration::from_millis(100);
    let (sender, found) = channel();
    // It may look for longer than the tour lasts, and is then left to itself.
    let look = move || sender.send(reverse_name(SocketAddr::new(ip, 0)).is_ok());
    thread::Builder::new().spawn(look).is_ok() && found.recv_timeout(SOON).is_ok()
}
