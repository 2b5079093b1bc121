//! `swb demo`: a server and a caller in one go, over each transport.

use std::io::Write as _;
use std::time::Duration;

use switchboard::services::{Echo, Reply};
use switchboard::{Caller, Engine, Server, Service};

use crate::failure::{Failure, Status};

/// Each scene: what is served, where, under which engine, what is sent, and what must come back.
const SCENES: &[(&str, &str, Engine, &[u8], &[u8])] = &[
    ("echo", "tcp://127.0.0.1:0", Engine::Epoll, b"hello over tcp", b"hello over tcp"),
    ("echo", "tcp://[::1]:0", Engine::Poll, b"hello over IPv6", b"hello over IPv6"),
    ("reply", "tcp://127.0.0.1:0", Engine::Iterative, b"hello", b"hello back"),
    ("echo", "udp://127.0.0.1:0", Engine::Epoll, b"hello in one datagram", b"hello in one datagram"),
    ("reply", "udp://127.0.0.1:0", Engine::Thread, b"hello", b"hello back"),
    ("echo", "unix:@switchboard-demo", Engine::Thread, b"hello on this machine", b"hello on this machine"),
    ("reply", "unix-seqpacket:@switchboard-demo-records", Engine::Epoll, b"hello", b"hello back"),
];

pub(crate) fn run() -> Result<(), Failure> {
    let mut failed = 0;
    for (service, address, engine, sent, expected) in SCENES {
        let came = scene(service, address, *engine, sent);
        let verdict = match &came {
            Ok(came) if came == expected => format!("< {}", String::from_utf8_lossy(came)),
            Ok(came) => format!("WRONG: < {}", String::from_utf8_lossy(came)),
            Err(error) => format!("FAILED: {error}"),
        };
        failed += usize::from(came.is_err() || came.is_ok_and(|came| came != *expected));
        let line =
            format!("{service:5} {address:40} {engine:9} > {} {verdict}\n", String::from_utf8_lossy(sent));
        std::io::stdout().write_all(line.as_bytes()).map_err(|error| crate::failure::output_error(&error))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(Status::Other, format!("{failed} of {} scenes failed", SCENES.len()))),
    }
}

/// Serves one call and holds it.
fn scene(
    service: &str,
    address: &str,
    engine: Engine,
    sent: &[u8],
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let server = match service {
        "reply" => start(Reply::new(&b"hello back"[..]), address, engine)?,
        _ => start(Echo, address, engine)?,
    };
    let mut caller = Caller::call(&server.addresses()[0])?.with_timeout(Duration::from_secs(5));
    caller.send(sent)?;
    let answer = caller.receive()?.unwrap_or_default();
    drop(caller);
    server.drain();
    server.wait()?;
    Ok(answer)
}

fn start(
    service: impl Service + 'static,
    address: &str,
    engine: Engine,
) -> Result<switchboard::Running, Box<dyn std::error::Error>> {
    Ok(Server::new(service).at(address)?.engine(engine).start()?)
}
