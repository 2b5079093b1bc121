//! Whom a PROXY header names is the caller: for rules, limits, services, programs, and for who is called next.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use crate::proxy::haproxy;
use crate::support::peer::wait_until;
use crate::support::proc::sockets;
use crate::support::{PATIENCE, Server, run_swb};
use crate::{call, read_all};

const AT: &str = "proxy://127.0.0.1:0";

under! { rules_judge_whom_the_header_names: iterative process thread poll epoll uring }
under! { calls_are_counted_by_whom_the_header_names: process thread poll epoll uring }
under! { nobody_is_spoken_to_before_the_header_has_come: iterative process thread poll epoll uring }
under! { who_has_not_been_named_yet_makes_nobody_wait: process thread poll epoll uring }

fn serve(service: &[&str], at: &str, engine: &str, further: &[&str]) -> Server {
    Server::start(&[&["serve"], service, &[at, "--engine", engine, "-v"], further].concat())
}

/// A caller of this address, as the proxy says.
fn named(server: &Server, host: &str, said: &str) -> TcpStream {
    let mut caller = call(server);
    let header = format!("PROXY TCP4 {host} 203.0.113.1 4711 80\r\n{said}");
    caller.write_all(header.as_bytes()).unwrap();
    caller
}

fn is_reset(mut caller: TcpStream) -> bool {
    let mut heard = Vec::new();
    let ended = caller.read_to_end(&mut heard);
    assert_eq!(heard, b"");
    ended.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

fn hears(caller: &mut TcpStream, text: &str) {
    let mut heard = vec![0; text.len()];
    caller.read_exact(&mut heard).unwrap();
    assert_eq!(String::from_utf8_lossy(&heard), text);
}

fn rules_judge_whom_the_header_names(engine: &str) {
    for rules in [&["--deny", "192.0.2.0/24"], &["--allow", "198.51.100.0/24"]] {
        let mut server = serve(&["echo"], AT, engine, rules);
        assert!(is_reset(named(&server, "192.0.2.1", "let me in")));
        server.running.wait_for_line(": refused tcp://192.0.2.1:4711: it is ");
        let mut caller = named(&server, "198.51.100.7", "hello");
        hears(&mut caller, "hello");
        caller.shutdown(Shutdown::Write).unwrap();
        assert_eq!(read_all(&caller), b"");
        server.running.wait_for_line(": tcp://198.51.100.7:4711 called tcp://203.0.113.1:80");
        // A proxy that calls for itself is who it is.
        let mut own = call(&server);
        own.write_all(b"PROXY UNKNOWN\r\nhello").unwrap();
        if rules[0] == "--deny" {
            hears(&mut own, "hello");
        } else {
            assert!(is_reset(own));
        }
    }
}

fn calls_are_counted_by_whom_the_header_names(engine: &str) {
    let mut server = serve(&["echo"], AT, engine, &["--max-calls-per-peer", "1"]);
    let mut first = named(&server, "192.0.2.1", "one");
    hears(&mut first, "one");
    assert!(is_reset(named(&server, "192.0.2.1", "two")));
    server.running.wait_for_line("refused tcp://192.0.2.1:4711: its peer has as many calls open as it may");
    hears(&mut named(&server, "192.0.2.2", "three"), "three");
    drop(first);
    server.running.wait_for_line(": finished");
    wait_until("the place of the first is free again", || {
        let mut again = named(&server, "192.0.2.1", "four");
        again.read_exact(&mut [0; 4]).is_ok()
    });
}

fn nobody_is_spoken_to_before_the_header_has_come(engine: &str) {
    let at = format!("{AT}?handshake-timeout=200ms");
    let mut server = serve(&["say", "hello"], &at, engine, &[]);
    let mut silent = call(&server);
    silent.write_all(b"PROXY TCP4 192.0.2.1 ").unwrap();
    let mut heard = Vec::new();
    let _ = silent.read_to_end(&mut heard);
    assert_eq!(heard, b"");
    server.running.wait_for_line("no PROXY header came in time");
    assert_eq!(read_all(&named(&server, "192.0.2.1", "")), b"hello");
    // One who waits for its header holds up no end.
    let held = call(&server);
    let ended = server.terminate();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    drop(held);
}

fn who_has_not_been_named_yet_makes_nobody_wait(engine: &str) {
    let server = serve(&["echo"], AT, engine, &[]);
    let before = sockets(server.pid()).len();
    let mut waiting: Vec<TcpStream> = (0..20).map(|_| call(&server)).collect();
    for (number, caller) in waiting.iter_mut().enumerate() {
        caller.write_all(format!("PROXY TCP4 192.0.2.{number} ").as_bytes()).unwrap();
    }
    hears(&mut named(&server, "192.0.2.99", "hello"), "hello");
    for (number, caller) in waiting.iter_mut().enumerate() {
        caller.write_all(format!("203.0.113.1 4711 80\r\nhello {number}").as_bytes()).unwrap();
        hears(caller, &format!("hello {number}"));
    }
    drop(waiting);
    wait_until("nothing of them is left", || sockets(server.pid()).len() == before);
    assert_eq!(server.terminate().code(), 0);
}

#[test]
fn who_tells_the_caller_whom_the_header_names() {
    let server = serve(&["who", "--bye-after", "1ms"], AT, "epoll", &[]);
    let mut caller = named(&server, "192.0.2.1", "hello\n");
    caller.shutdown(Shutdown::Write).unwrap();
    let told = String::from_utf8(read_all(&mut caller)).unwrap();
    assert!(told.contains("192.0.2.1"), "{told}");
}

#[test]
fn a_program_finds_whom_the_header_names_in_its_environment() {
    let command = "sh:echo $PROTO $TCPREMOTEIP $TCPREMOTEPORT $TCPLOCALIP $TCPLOCALPORT $SWB_PEER";
    let relay = Server::start(&["relay", AT, command]);
    let told = read_all(named(&relay, "192.0.2.1", ""));
    assert_eq!(String::from_utf8_lossy(&told), "TCP 192.0.2.1 4711 203.0.113.1 80 tcp://192.0.2.1:4711\n");
}

#[test]
fn a_relay_passes_on_whom_it_was_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("proxy://{}?proxy=v1", listener.local_addr().unwrap());
    for engine in ["iterative", "process", "thread", "poll", "epoll", "uring"] {
        let relay = Server::start(&["relay", AT, &to, "--engine", engine]);
        let caller = named(&relay, "192.0.2.1", "hello");
        caller.shutdown(Shutdown::Write).unwrap();
        let (mut far, _) = listener.accept().unwrap();
        far.set_read_timeout(Some(PATIENCE)).unwrap();
        let heard = String::from_utf8(read_all(&mut far)).unwrap();
        assert_eq!(heard, "PROXY TCP4 192.0.2.1 203.0.113.1 4711 80\r\nhello", "under {engine}");
    }
}

#[test]
fn headers_are_believed_only_of_proxies_that_are_trusted() {
    let mut server = serve(&["echo"], &format!("{AT}?trust=127.0.0.2&trust=10.0.0.0/8"), "epoll", &[]);
    // It is reset at once, so perhaps before it has said anything.
    let mut caller = call(&server);
    let said = caller.write_all(b"PROXY TCP4 192.0.2.1 203.0.113.1 4711 80\r\nhello");
    assert!(said.is_err() || is_reset(caller), "{said:?}");
    server.running.wait_for_line("it is not among the proxies that are trusted (?trust)");
    let to = format!("{}&bind=127.0.0.2", server.address().replace("proxy://", "tcp://") + "?nodelay");
    let trusted = run_swb(&["connect", &to], b"PROXY TCP4 192.0.2.1 203.0.113.1 4711 80\r\nhello");
    assert_eq!(trusted.text(), "hello", "{}", trusted.stderr);
    let wrong = run_swb(&["serve", "echo", &format!("{AT}?trust=10.0.0.0/99")], b"");
    assert_ne!(wrong.code(), 0);
    assert!(wrong.stderr.contains("option trust: "), "{}", wrong.stderr);
}

#[test]
fn rules_judge_whom_haproxy_names() {
    if std::process::Command::new("haproxy").arg("-v").output().is_err() {
        eprintln!("not run: this test needs haproxy: apt-get install haproxy");
        return;
    }
    for send in ["send-proxy", "send-proxy-v2"] {
        let mut server =
            serve(&["echo"], &format!("{AT}?trust=127.0.0.1"), "uring", &["--deny", "127.0.0.9"]);
        let (_haproxy, place) = haproxy(&server.port(), send);
        let from = |host: &str| run_swb(&["connect", &format!("tcp://{place}?bind={host}")], b"hello");
        assert_eq!(from("127.0.0.8").text(), "hello");
        server.running.wait_for_line(": tcp://127.0.0.8:");
        assert_eq!(from("127.0.0.9").text(), "");
        server.running.wait_for_line(": refused tcp://127.0.0.9:");
    }
}
