//! One service under two engines, echo over TCP, and what a server may be bound to.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use switchboard::Caller;

use super::scene::{Missed, Played, Scene, check, same, same_bytes};
use super::stage::{Server, Stage, has_ipv6, hold};

pub(super) const SCENES: &[Scene] = &[
    Scene {
        rows: &["P18", "P19"],
        name: "skeletons",
        idea: "Iterative and concurrent servers are two skeletons around the same function.",
        by_hand: &[REPLY_IN_TURN, REPLY_BY_CHILD, "swb connect tcp://localhost:2021"],
        play: skeletons,
    },
    Scene {
        rows: &["P20", "P21", "P22"],
        name: "tcp-echo",
        idea: "An echo sends back exactly what came, until the caller finishes; the server says who called.",
        by_hand: &[ECHO_IN_TURN, ECHO_BY_CHILD, "swb ask tcp://localhost:9898 hello"],
        play: echo,
    },
    Scene {
        rows: &["P23"],
        name: "ports",
        idea: "A server is bound to one address or to all, at a fixed port or, with 0, at one the kernel chooses.",
        by_hand: &[
            BIND_ANY,
            "swb serve echo tcp://127.0.0.1:9898",
            BIND_ELSEWHERE,
            BIND_TOO_HIGH,
            CALL_TOO_HIGH,
        ],
        play: ports,
    },
];

const REPLY_IN_TURN: &str = "swb serve reply 'one moment' --framing line tcp://:2021 --engine iterative";
const REPLY_BY_CHILD: &str = "swb serve reply 'one moment' --framing line tcp://:2021 --engine process";
const ECHO_IN_TURN: &str = "swb serve echo tcp://:9898 --engine iterative -v";
const ECHO_BY_CHILD: &str = "swb serve echo tcp://:9898 --engine process -v";
const BIND_ANY: &str = "swb serve echo tcp://:0";
const BIND_ELSEWHERE: &str = "swb serve echo tcp://192.0.2.1:9898";
const BIND_TOO_HIGH: &str = "swb serve echo tcp://:898989";
const CALL_TOO_HIGH: &str = "swb connect tcp://localhost:989898";

fn skeletons(stage: &mut Stage<'_>) -> Played {
    let greet = |caller: &mut Caller| caller.send(b"hello\n");
    let is_answered =
        |caller: &mut Caller| same_bytes("a caller heard", &caller.read_exactly(11)?, b"one moment\n");
    let server = stage.serve(REPLY_IN_TURN)?;
    let [mut first, mut second] = [stage.caller(server.address())?, stage.caller(server.address())?];
    greet(&mut second)?;
    for _question in 0..10 {
        greet(&mut first)?;
        is_answered(&mut first)?;
    }
    check(!stage.has_heard(&second)?, || "the second caller was answered during the first call".to_owned())?;
    drop(first);
    is_answered(&mut second)?;

    let server = stage.serve(REPLY_BY_CHILD)?;
    let [mut first, mut second] = [stage.caller(server.address())?, stage.caller(server.address())?];
    greet(&mut second)?;
    is_answered(&mut second)?;
    greet(&mut first)?;
    is_answered(&mut first)?;
    stage.tell("two callers each, of whom the second spoke first");
    Ok("iterative: the second was answered once the first had gone; process: at once".to_owned())
}

fn echo(stage: &mut Stage<'_>) -> Played {
    let mut saw = Vec::new();
    for command in [ECHO_IN_TURN, ECHO_BY_CHILD] {
        let Server { mut program, addresses } = stage.serve(command)?;
        let mut caller = stage.caller(&addresses[0])?;
        let name = caller.ends().map_err(|error| Missed::call("getsockname(2)", error))?.0.to_string();
        for length in [1, 5, 20_000] {
            let sent = vec![b'x'; length];
            caller.send(&sent)?;
            same_bytes("of what was sent came back", &caller.read_exactly(length)?, &sent)?;
        }
        caller.finish()?;
        same_bytes("after the end came", &caller.read_to_end(1)?, b"")?;
        let who = program.line("call 1: ")?;
        same("who called", who.as_str(), &format!("call 1: {name} called {}", addresses[0]))?;
        let end = program.line("call 1: ")?;
        check(end.contains("finished; 20006 bytes in, 20006 out"), || end.clone())?;
        saw.push(who.trim_start_matches("call 1: ").to_owned());
    }
    stage.tell("a caller sent 1, 5 and 20,000 bytes, and finished");
    Ok(format!("exactly those bytes came back; iterative: {}; process: {}", saw[0], saw[1]))
}

fn ports(stage: &mut Stage<'_>) -> Played {
    let wildcard = stage.serve(BIND_ANY)?;
    let port = wildcard.address().to_string().rsplit(':').next().unwrap_or_default().to_owned();
    check(port != "0", || format!("the ready line said {}", wildcard.address()))?;
    let hosts =
        if has_ipv6() { &["127.0.0.1", "127.0.0.9", "[::1]"][..] } else { &["127.0.0.1", "127.0.0.9"] };
    for host in hosts {
        is_echoed(&mut stage.caller(&format!("tcp://{host}:{port}").parse()?)?)?;
    }
    // An address that nobody else here uses, so that its port stays free meanwhile.
    let (held, one) = hold(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 23)), 0)?;
    drop(held);
    let fixed = stage.serve_at(BIND_ANY, &[&one.to_string()])?;
    same("the ready line", fixed.address(), &one)?;
    is_echoed(&mut stage.caller(&one)?)?;

    // With net.ipv4.ip_nonlocal_bind any address can be bound.
    let elsewhere = if TcpListener::bind("192.0.2.1:0").is_ok() {
        "can be bound here"
    } else {
        let refused = stage.run_as_it_is(BIND_ELSEWHERE)?.with_status(7)?;
        check(refused.err.contains("EADDRNOTAVAIL"), || refused.err.clone())?;
        "is not ours"
    };
    for command in [BIND_TOO_HIGH, CALL_TOO_HIGH] {
        let refused = stage.run_as_it_is(command)?.with_status(2)?;
        check(refused.err.contains("above 65535"), || refused.err.clone())?;
    }
    Ok(format!(
        "port 0 became {port}, called at {}; {one} was bound as asked; 192.0.2.1 {elsewhere}; 898989 and 989898 \
         are above 65535 and refused",
        hosts.join(", "),
    ))
}

fn is_echoed(caller: &mut Caller) -> Result<(), Missed> {
    caller.send(b"here?")?;
    same_bytes("a caller heard", &caller.read_exactly(5)?, b"here?")
}
