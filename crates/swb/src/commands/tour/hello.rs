//! The hello server and its caller, the list of a name's addresses, many sockets in one thread.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use switchboard::{Address, Caller, Host, Place, Port};

use super::process;
use super::scene::{Missed, Played, Scene, check, same, same_bytes};
use super::stage::{Server, Stage, has_ipv6, hold, needs_descriptors};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P3"],
        name: "hello-server",
        idea: "A child process for each caller says hello and ends; the parent reaps it and keeps nothing of it.",
        by_hand: &[SAY, "swb connect tcp://localhost:3490"],
        play: server,
    },
    Scene {
        rows: &["P4"],
        name: "hello-caller",
        idea: "A caller tries each address of a name in turn, and reads to the end of the stream, not once.",
        by_hand: &[SAY_OFTEN, CONNECT],
        play: caller,
    },
    Scene {
        rows: &["P5"],
        name: "addresses-of-a-name",
        idea: "getaddrinfo(3) gives a list of addresses in the order in which they are to be tried.",
        by_hand: &[RESOLVE, RESOLVE_NOBODY],
        play: resolve,
    },
    Scene {
        rows: &["P6"],
        name: "many-sockets",
        idea: "One thread serves hundreds of callers at once, because poll(2) says which of them has spoken.",
        by_hand: &[ECHO_BY_POLL, "swb connect tcp://localhost:9898"],
        play: many,
    },
];

const SAY: &str = "swb serve say 'Hello, world!' tcp://:3490 --engine process";
const SAY_OFTEN: &str = "swb serve reply 'Hello, world! ' --every 50ms --times 5 tcp://:3490";
const CONNECT: &str = "swb connect tcp://:3490 -v";
const RESOLVE: &str = "swb resolve localhost:80";
const RESOLVE_NOBODY: &str = "swb resolve tcp://:80";
const ECHO_BY_POLL: &str = "swb serve echo tcp://:9898 --engine poll";

/// Callers of the forking server, on each family.
const CALLS: usize = 20;

/// Callers of one thread.
const CALLERS: usize = 500;

fn server(stage: &mut Stage<'_>) -> Played {
    let both = ["tcp://127.0.0.1:0", "tcp://[::1]:0"];
    let families = if has_ipv6() { &both[..] } else { &both[..1] };
    let server = stage.serve_at(SAY, families)?;
    let process = server.program.process();
    let is_greeted = |address: &Address| {
        same_bytes("a caller heard", &stage.caller(address)?.read_to_end(64)?, b"Hello, world!")?;
        stage.patience().until("a child to be reaped", || process::children(process) == 0)
    };
    // From then on the server has all that it works with.
    is_greeted(server.address())?;
    let before = process::descriptors(process);
    stage.tell(format!("{CALLS} callers on each of {}", families.join(" and ")));
    for address in &server.addresses {
        (0..CALLS).try_for_each(|_| is_greeted(address))?;
    }
    let kept = || process::descriptors(process) > before;
    stage.patience().until("the parent to close its callers' descriptors", || !kept())?;
    Ok(format!("13 bytes for each caller; then no child, no zombie, and {before} descriptors as before"))
}

fn caller(stage: &mut Stage<'_>) -> Played {
    if !has_ipv6() {
        return Err(Missed::Lacking("IPv6 is off, so that no name here has two addresses to try".to_owned()));
    }
    let (server, _held) = on_one_family(stage)?;
    let anywhere = Address {
        place: Place::Network { host: Host::Any, port: port(&server)? },
        ..server.address().clone()
    };
    let mut caller = stage.call(CONNECT, &anywhere)?;
    caller.say(b"hello\n")?;
    let tried = caller.line("tried ")?;
    check(tried.starts_with("tried tcp://[::1]:"), || tried.clone())?;
    let connected = caller.line("connected to ")?;
    check(connected.starts_with(&format!("connected to {} ", server.address())), || connected.clone())?;
    let heard = caller.ended()?.with_status(0)?.out;
    same_bytes("it read", &heard, "Hello, world! ".repeat(5).as_bytes())?;
    Ok(format!("{tried}; {connected}; then all five answers, to the end of the stream"))
}

/// A server at 127.0.0.1 whose port refuses at ::1 while the second is kept.
fn on_one_family<'a>(stage: &mut Stage<'a>) -> Result<(Server<'a>, OwnedFd), Missed> {
    let mut tries = 0..5;
    loop {
        let server = stage.serve(SAY_OFTEN)?;
        let Port::Number(number) = port(&server)? else { continue };
        match hold(IpAddr::V6(Ipv6Addr::LOCALHOST), number) {
            Ok((held, _)) => return Ok((server, held)),
            // Somebody has the port at ::1.
            Err(missed) if tries.next().is_none() => return Err(missed),
            Err(_) => {}
        }
    }
}

fn port(server: &Server<'_>) -> Result<Port, Missed> {
    match &server.address().place {
        Place::Network { port, .. } => Ok(port.clone()),
        Place::Path(_)
        | Place::Abstract(_)
        | Place::Standard
        | Place::Descriptor(_)
        | Place::Command(_)
        | Place::Nameless => Err(Missed::Differed(format!("{} has no port", server.address()))),
    }
}

fn resolve(stage: &mut Stage<'_>) -> Played {
    let mut listed = Vec::new();
    for command in [RESOLVE, RESOLVE_NOBODY] {
        let ended = stage.run_as_it_is(command)?.with_status(0)?;
        let text = String::from_utf8_lossy(&ended.out).into_owned();
        check(!text.is_empty(), || format!("{command} listed nothing"))?;
        for line in text.lines() {
            let mut columns = line.split('\t');
            let address =
                columns.next().and_then(|text| text.strip_prefix("tcp://")?.parse::<SocketAddr>().ok());
            let is_right = address.is_some_and(|address| address.ip().is_loopback() && address.port() == 80);
            check(is_right, || format!("{command} listed {line:?}"))?;
        }
        let columns =
            text.lines().map(|line| line.split('\t').filter(|c| !c.is_empty()).collect::<Vec<_>>().join(" "));
        listed.push(columns.collect::<Vec<_>>().join(", "));
    }
    Ok(format!("localhost: {}; no name at all, to call: {}", listed[0], listed[1]))
}

fn many(stage: &mut Stage<'_>) -> Played {
    needs_descriptors(CALLERS)?;
    let server = stage.serve(ECHO_BY_POLL)?;
    stage.tell(format!("{CALLERS} callers stayed, and each spoke twice"));
    let mut callers =
        (0..CALLERS).map(|_| stage.caller(server.address())).collect::<Result<Vec<Caller>, _>>()?;
    for round in 0..2 {
        for (number, caller) in callers.iter_mut().enumerate() {
            caller.send(format!("caller {number:3} round {round}").as_bytes())?;
        }
        for (number, caller) in callers.iter_mut().enumerate() {
            let wanted = format!("caller {number:3} round {round}");
            same_bytes("a caller heard", &caller.read_exactly(wanted.len())?, wanted.as_bytes())?;
        }
    }
    same("threads of the server", process::threads(server.program.process()), 1)?;
    Ok(format!("{} answers, each to its own caller, by one thread", 2 * CALLERS))
}
