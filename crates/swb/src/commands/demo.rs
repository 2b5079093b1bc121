//! `swb demo`: a server and a caller in one go, over each transport.

use std::io::Write as _;
use std::time::Duration;

use switchboard::services::{Echo, Reply};
use switchboard::{Caller, Engine, Running, Server, Service};

use crate::failure::{Failure, Status};

struct Scene {
    service: &'static str,
    address: &'static str,
    engine: Engine,
    sent: &'static str,
    expected: &'static str,
}

#[rustfmt::skip]
const SCENES: &[Scene] = &[
    Scene { service: "echo", address: "tcp://127.0.0.1:0", engine: Engine::Epoll, sent: "hello over tcp", expected: "hello over tcp" },
    Scene { service: "echo", address: "tcp://[::1]:0", engine: Engine::Poll, sent: "hello over IPv6", expected: "hello over IPv6" },
    Scene { service: "reply", address: "tcp://127.0.0.1:0", engine: Engine::Iterative, sent: "hello", expected: "hello back" },
    Scene { service: "echo", address: "udp://127.0.0.1:0", engine: Engine::Epoll, sent: "hello in one datagram", expected: "hello in one datagram" },
    Scene { service: "reply", address: "udp://127.0.0.1:0", engine: Engine::Thread, sent: "hello", expected: "hello back" },
    Scene { service: "echo", address: "unix:@switchboard-demo", engine: Engine::Thread, sent: "hello on this machine", expected: "hello on this machine" },
    Scene { service: "reply", address: "unix-seqpacket:@switchboard-demo-records", engine: Engine::Epoll, sent: "hello", expected: "hello back" },
];

pub(crate) fn run() -> Result<(), Failure> {
    let mut failed = 0;
    for scene in SCENES {
        let Scene { service, address, engine, sent, expected } = scene;
        let verdict = match play(scene) {
            Ok(came) if came == expected.as_bytes() => format!("< {expected}"),
            Ok(came) => {
                failed += 1;
                format!("WRONG: < {}", String::from_utf8_lossy(&came).escape_debug())
            }
            Err(error) => {
                failed += 1;
                format!("FAILED: {error}")
            }
        };
        let engine = engine.to_string();
        let line = format!("{service:5}  {address:40}  {engine:9}  > {sent}  {verdict}\n");
        std::io::stdout().write_all(line.as_bytes()).map_err(|error| crate::failure::output_error(&error))?;
    }
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(Status::Other, format!("{failed} of {} scenes failed", SCENES.len()))),
    }
}

/// Serves one call and holds it.
fn play(scene: &Scene) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let server = match scene.service {
        "reply" => start(Reply::new(&b"hello back"[..]), scene)?,
        _ => start(Echo, scene)?,
    };
    let mut caller = Caller::call(&server.addresses()[0])?.with_timeout(Duration::from_secs(5));
    caller.send(scene.sent.as_bytes())?;
    let answer = caller.receive()?.unwrap_or_default();
    drop(caller);
    server.drain();
    server.wait()?;
    Ok(answer)
}

fn start(service: impl Service + 'static, scene: &Scene) -> Result<Running, Box<dyn std::error::Error>> {
    Ok(Server::new(service).at(scene.address)?.engine(scene.engine).start()?)
}
