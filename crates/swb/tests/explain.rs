//! `swb explain`: what a command would do is what it does, and explaining it does nothing.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use support::peer::installed;
use support::trace::{Line, lines};
use support::{Directory, Server, program, run, run_swb};

/// What `swb explain` says of a command line, which it accepts.
fn explained(command: &[&str]) -> String {
    let explained = run_swb(&[&["explain"], command].concat(), b"");
    assert_eq!((explained.code(), explained.stderr.as_str()), (0, ""), "{command:?}");
    explained.text()
}

/// The calls that open a socket, but for those that ask where it is.
const OPENING: &[&str] = &["socket", "setsockopt", "getsockopt", "bind", "listen", "connect"];

/// The calls of the opening that an explanation lists, each without its descriptor.
fn planned(text: &str) -> Vec<String> {
    let before = text.split("\nthen, ").next().unwrap();
    let calls = before.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| is_opening(line));
    let calls = calls.map(|line| line.split_once(")  ").map_or(line.trim_end_matches(')'), |(call, _)| call));
    calls.map(without_descriptor).collect()
}

/// The same of what was told while it was done.
fn made(told: &[Line]) -> Vec<String> {
    let calls = told.iter().filter(|line| is_opening(line.call()));
    calls.map(|line| without_descriptor(line.call().split(") = ").next().unwrap())).collect()
}

fn is_opening(call: &str) -> bool {
    call.split_once('(').is_some_and(|(name, _)| OPENING.contains(&name))
}

fn without_descriptor(call: &str) -> String {
    let (name, arguments) = call.split_once('(').unwrap();
    match arguments.split_once(", ") {
        Some((_, rest)) if name != "socket" => format!("{name}: {rest}"),
        _ => format!("{name}: {arguments}"),
    }
}

/// Asserts that a command makes the calls that are explained. One that this kernel or user is refused an option
/// ends there: up to it they have to agree.
fn agree(command: &[&str], told: &str) {
    let (planned, made) = (planned(&explained(command)), made(&lines(told)));
    assert!(made.len() > 1, "{command:?}: {told}");
    if told.contains("\nswb: ") || told.starts_with("swb: ") {
        assert!(planned.starts_with(&made), "{command:?}\nexplained {planned:#?}\nmade {made:#?}");
        let refused = |line: &Line| line.name() == "setsockopt" && line.result().starts_with('-');
        assert!(lines(told).iter().any(refused), "{command:?}: only an option may be refused: {told}");
    } else {
        assert_eq!(planned, made, "{command:?}");
    }
}

#[test]
fn a_server_opens_its_sockets_as_explained() {
    let folder = Directory::new();
    let unix = |options: &str| format!("{}?{options}", folder.file("socket"));
    let tcp = "tcp://127.0.0.1:0";
    for address in [
        tcp.to_owned(),
        "tcp://:0".to_owned(),
        "tcp://[::1]:0?v6".to_owned(),
        "tcp://:0?v4".to_owned(),
        "tcp://:0?ttl=9&tos=16&rcvbuf=64KiB&freebind".to_owned(),
        format!("{tcp}?nodelay=off&reuseaddr=off&reuseport&backlog=7&keepalive=30s&keepalive-interval=5s"),
        format!("{tcp}?keepalive-count=3&user-timeout=9s&linger=2s&sndbuf=64KiB&priority=3&congestion=reno"),
        format!("{tcp}?maxseg=900&defer-accept=3s&notsent-lowat=64KiB&fastopen&oobinline&dontroute"),
        format!("{tcp}?mptcp"),
        format!("{tcp}?device=lo&quickack&busy-poll=1ms"),
        format!("{tcp}?mark=7"),
        format!("{tcp}?transparent"),
        "udp://127.0.0.1:0?broadcast&dontfragment&multicast-ttl=3&multicast-loop=off&multicast-interface=lo"
            .to_owned(),
        "udp://:0?join=239.1.2.3&multicast-interface=127.0.0.1".to_owned(),
        "udp://[::1]:0?join=ff02::114&multicast-interface=lo".to_owned(),
        format!("unix:{}", unix("mode=600&rcvbuf=64KiB&sndbuf=64KiB&passcred&backlog=9")),
        "unix:@explained".to_owned(),
        format!("unix-dgram:{}", unix("passcred")),
        "unix-seqpacket:@explained-records".to_owned(),
    ] {
        let command = ["serve", "echo", &address, "--workers", "1"];
        let mut server = support::Running::start(&mut support::swb(&[&command[..], &["--trace"]].concat()));
        let told = server.wait_for_either("listening ", "swb: ");
        server.signal(15);
        drop(server.finish());
        agree(&command, &told);
    }
}

#[test]
fn further_workers_get_their_sockets_as_explained() {
    for address in ["tcp://127.0.0.1:0?ttl=9", "udp://:0"] {
        let command = ["serve", "echo", address, "--workers", "2"];
        let server = Server::start(&[&command[..], &["--trace"]].concat());
        let port = server.port();
        let told = lines(&server.terminate().stderr);
        let mut planned = planned(&explained(&command));
        // Each of them listens or asks for bursts, and the second is bound to the port that the first was given.
        let of_each = |call: &&String| call.starts_with("listen") || call.contains("UDP_GRO");
        planned.extend(planned.iter().find(of_each).cloned());
        let made: Vec<String> =
            made(&told).iter().map(|call| call.replace(&format!(":{port}"), ":0")).collect();
        assert_eq!(planned, made, "{address}");
    }
}

#[test]
fn a_relay_opens_its_sockets_as_explained() {
    let (other, address) = ("tcp://127.0.0.1:9", "tcp://127.0.0.1:0");
    let command = ["relay", address, other, "--workers", "1"];
    let server = Server::start(&[&command[..], &["--trace"]].concat());
    let caller = server.address().trim_start_matches("tcp://").to_owned();
    let reset = std::io::Read::read(&mut std::net::TcpStream::connect(caller).unwrap(), &mut [0]);
    assert_eq!(reset.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let told = server.terminate().stderr;
    let calls = |text: &str| -> Vec<String> {
        let calls = text.lines().filter_map(|line| line.strip_prefix("  ")).filter(|line| is_opening(line));
        calls
            .map(|line| without_descriptor(line.split(")  ").next().unwrap().trim_end_matches(')')))
            .collect()
    };
    let explained = explained(&command);
    // Those of each caller stand between those of the listener and those for the other end.
    let [listener, far] = [calls(explained.split("\nthen, ").next().unwrap()), {
        calls(explained.split("\ncalls to ").nth(1).unwrap().split("\nthen, ").next().unwrap())
    }];
    let made = made(&lines(&told));
    assert!(listener.len() > 2 && far.len() > 2, "{explained}");
    assert_eq!(made[..listener.len()], listener, "{explained}");
    let dialled = made[listener.len()..].iter().filter(|call| far.contains(call)).count();
    assert_eq!(dialled, far.len(), "{far:#?}\n{made:#?}");
}

#[test]
fn a_caller_opens_its_socket_as_explained() {
    let servers = ["tcp://127.0.0.1:0", "tcp://[::1]:0", "udp://127.0.0.1:0", "unix:@explained-called"];
    let more = ["unix-dgram:@explained-dgram", "unix-seqpacket:@explained-packets"];
    for address in servers.into_iter().chain(more) {
        let server = Server::start(&["serve", "echo", address]);
        let at = server.address();
        let options: &[&str] = match address.split(':').next().unwrap() {
            "tcp" => &[
                "",
                "?bind=:0",
                "?quickack&fastopen&nodelay=off",
                "?keepalive=9s&linger=1s&connect-timeout=9s",
            ],
            "udp" => &["", "?bind=127.0.0.1&ttl=4", "?broadcast&tos=8&sndbuf=64KiB"],
            _ => &["", "?sndbuf=64KiB"],
        };
        for options in options {
            let to = format!("{at}{options}");
            let command = ["ask", &to, "hello"];
            let asked = run_swb(&[&command[..], &["--trace"]].concat(), b"");
            assert_eq!((asked.code(), asked.text().as_str()), (0, "hello"), "{to}: {}", asked.stderr);
            // Only TCP has to ask what became of its connect(2).
            let mut told = made(&lines(&asked.stderr));
            if address.starts_with("udp") {
                told.retain(|call| !call.ends_with("SO_ERROR"));
            }
            assert_eq!(planned(&explained(&command)), told, "{to}");
        }
    }
}

#[test]
fn explaining_makes_no_call_on_a_socket() {
    if !run(installed("strace", &["-o", "/dev/null", "true"]), b"").status.success() {
        eprintln!("not run: strace(1) may not trace here");
        return;
    }
    let folder = Directory::new();
    let seen = folder.file("strace");
    for command in [
        "serve echo tcp://:2021 udp://:2021 unix:@x --engine epoll",
        "serve echo tcp://localhost:http --engine process",
        "serve echo udp://:1?join=239.1.2.3&multicast-interface=lo",
        "connect tcp://localhost:http?bind=localhost:0",
        "connect tcp://[fe80::1%lo]:80",
        "listen unix:./explained.sock",
        "ask udp://example.net:53 hi",
        "resolve localhost",
        "tour",
        "load tcp://localhost:7 --rate 100",
        "load --engines all echo",
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let swb =
            [&["-f", "-o", &seen, "-e", "trace=%network", env!("CARGO_BIN_EXE_swb"), "explain"], &words[..]];
        let explained = run(program("strace", &swb.concat()), b"");
        assert_eq!(explained.code(), 0, "{command}: {}", explained.stderr);
        let calls = std::fs::read_to_string(&seen).unwrap();
        assert!(!calls.contains('('), "{command}: {calls}");
    }
}

#[test]
fn a_program_is_explained_and_not_started() {
    let directory = Directory::new();
    let file = directory.file("file");
    let address = format!("sh:touch {file}");
    let started = format!("posix_spawn({address})");
    for command in
        [&["connect", &address][..], &["ask", &address, "hello"], &["relay", "tcp://127.0.0.1:0", &address]]
    {
        let text = explained(command);
        assert!(text.contains(&started) && !text.contains("connect("), "{text}");
    }
    assert!(!std::path::Path::new(&file).exists());
}

#[test]
fn names_stay_names_until_they_are_to_be_looked_up() {
    let kept = explained(&["connect", "tcp://localhost:http"]);
    for said in
        ["each IPv4 address of localhost", "getaddrinfo(\"localhost\", NULL)", "getaddrinfo(NULL, \"http\")"]
    {
        assert!(kept.contains(said), "{kept}");
    }
    assert!(kept.contains("connect(call, tcp://localhost:http)"), "{kept}");
    let looked_up = run_swb(&["explain", "--resolve", "connect", "tcp://localhost:http?v4"], b"").text();
    assert!(looked_up.contains("connect(call, tcp://127.0.0.1:80)"), "{looked_up}");
    let unknown = run_swb(&["explain", "--resolve", "connect", "tcp://no-such-host.invalid:1"], b"");
    assert_eq!(unknown.code(), 3, "{}", unknown.stderr);
}

#[test]
fn the_chain_of_a_run_stands_in_its_order() {
    let text = explained(&["serve", "reply", "hello back", "tcp://:2021", "--engine", "process"]);
    let mut rest = text.as_str();
    for part in [
        "invocation",
        "typed         swb serve reply 'hello back' tcp://:2021 --engine process",
        "plan",
        "engine        process: a child process for each call (fork)",
        "workers       1",
        "candidates\n  tcp://[::]:2021",
        "calls at tcp://:2021",
        "bind(listener, tcp://[::]:2021)",
        "listen(listener, 4096)",
        "then, for each caller under the process engine",
        "accept4(listener) = call",
        "fork() = child",
        "in the child: send(call)",
        "waitpid(child)",
    ] {
        let at =
            rest.find(part).unwrap_or_else(|| panic!("{part} is not there, or not in its place:\n{text}"));
        rest = &rest[at + part.len()..];
    }
    let auto = explained(&["serve", "echo", "tcp://:2021"]);
    assert!(auto.contains(" (auto: "), "{auto}");
    assert!(!explained(&["serve", "echo", "tcp://:1", "--engine", "epoll"]).contains("(auto"));
}

#[test]
fn a_bad_command_is_refused_as_the_command_itself_refuses_it() {
    for command in [
        &["serve", "eco", "tcp://:1"][..],
        &["serve", "echo"],
        &["serve", "echo", "udp://:1", "--engine", "process"],
        &["serve", "echo", "tcp://:99999"],
        &["serve", "echo", "tcp://:1?connect-timeout=3s"],
        &["connect", "-"],
        &["listen", "-"],
        &["connect", "tcp://localhost:80?backlog=3"],
        &["ask", "tcp://localhost:80", "hi", "--timeout", "soon"],
        &["resolve", "unix:/x"],
    ] {
        let itself = run_swb(command, b"");
        let explained = run_swb(&[&["explain"], command].concat(), b"");
        assert_eq!(explained.code(), 2, "{command:?}");
        assert_eq!(explained.stderr, itself.stderr, "{command:?}");
        assert_eq!((explained.code(), explained.text()), (itself.code(), String::new()), "{command:?}");
    }
}

#[test]
fn layers_are_explained_on_both_sides_and_in_their_order() {
    let in_order = |text: &str, parts: &[&str]| {
        let mut rest = text;
        for part in parts {
            let at =
                rest.find(part).unwrap_or_else(|| panic!("{part} not there, or not in its place:\n{text}"));
            rest = &rest[at + part.len()..];
        }
    };
    for command in ["connect", "ask", "load"] {
        let more = if command == "ask" { &["hello"][..] } else { &[] };
        let text = explained(&[&[command, "ws+tls+proxy+tcp://localhost:1"], more].concat());
        in_order(
            &text,
            &[
                "connect(call",
                "then, once it is connected, its layers, the lowest first",
                "proxy: we send a header",
                "tls: we send ClientHello",
                "tls: the peer sends ServerHello",
                "ws: we send GET, Upgrade: websocket",
                "ws: the peer sends 101",
                "then, once they are open",
                "send(call)",
            ],
        );
        assert!(!text.contains("splice"), "nothing is spliced through layers:\n{text}");
    }
    let parts =
        ["accept4(listener) = call", "at wss://", "tls: the caller sends ClientHello", "ws: we send 101"];
    in_order(&explained(&["serve", "echo", "wss://127.0.0.1:0"]), &parts);
    in_order(&explained(&["listen", "wss://127.0.0.1:0"]), &parts);
    let relay = explained(&["relay", "proxy://127.0.0.1:0", "tls://127.0.0.1:1"]);
    in_order(
        &relay,
        &["proxy: the caller sends a header", "tls: we send ClientHello", "recv(call), send(far)"],
    );
    assert!(!relay.contains("splice"), "{relay}");
    let bare = explained(&["serve", "echo", "tcp://127.0.0.1:0"]);
    assert!(!bare.contains("layers"), "{bare}");
}

#[test]
fn bulk_is_spliced_as_explained() {
    let text = explained(&["relay", "tcp://127.0.0.1:0", "unix:/run/x"]);
    let (_, bulk) = text.split_once("and in bulk, from a receive of 32 KiB on").unwrap();
    for call in ["pipe2(O_CLOEXEC|O_NONBLOCK)", "F_SETPIPE_SZ", "splice(call, pipe), splice(pipe, far)"] {
        assert!(bulk.contains(call), "{call} in {bulk}");
    }
    let one = Server::start(&["serve", "discard", "tcp://127.0.0.1:0"]);
    let relay = Server::start(&["relay", "tcp://127.0.0.1:0", one.address(), "--trace"]);
    let ended = run_swb(&["connect", relay.address(), "--trace"], &vec![7; 4 << 20]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let traced = relay.terminate().stderr;
    for call in ["pipe2(O_CLOEXEC|O_NONBLOCK)", "splice("] {
        assert!(traced.contains(call), "{call} in what the relay did");
        assert!(ended.stderr.contains(call), "{call} in what connect did");
    }
    for joined in [&["connect", "tcp://127.0.0.1:1"][..], &["listen", "unix:/run/x"]] {
        assert!(explained(joined).contains("splice(input, pipe), splice(pipe, call)"), "{joined:?}");
    }
    for otherwise in [
        &["connect", "udp://127.0.0.1:1"][..],
        &["connect", "exec:cat"],
        &["relay", "tcp://127.0.0.1:0", "exec:cat"],
        &["relay", "udp://127.0.0.1:0", "udp://127.0.0.1:1"],
        &["serve", "echo", "tcp://127.0.0.1:0"],
    ] {
        assert!(!explained(otherwise).contains("splice"), "{otherwise:?}");
    }
}
