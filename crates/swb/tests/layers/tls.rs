//! TLS between `swb` and itself: nothing is lost or changed, nothing hangs, nothing turns.

use std::io::Write;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::time::Duration;

use crate::certificates::Files;
use crate::support::by_hand::listening;
use crate::support::peer::wait_until;
use crate::support::proc::ticks_at_rest;
use crate::support::{Running, Server, random_bytes, run_swb, swb};
use crate::{answer, call, echo, read_all, serve};

const BYTES: usize = 4 << 20;

under! { four_megabytes_come_back_whole_behind_an_end: iterative process thread poll epoll uring }
under! { two_ends_that_both_send_do_not_wait_for_each_other: iterative process thread poll epoll uring }
under! { a_caller_who_reads_nothing_and_resets_is_done: iterative process thread poll epoll uring }
under! { one_question_has_one_answer: iterative process thread poll epoll uring }
under! { a_server_that_closes_first_ends_the_call_in_order: iterative process thread poll epoll uring }
under! { a_caller_who_never_shakes_hands_is_let_go: iterative process thread poll epoll uring }
under! { a_call_at_rest_uses_no_time: poll epoll uring }

fn four_megabytes_come_back_whole_behind_an_end(engine: &str) {
    let files = Files::new();
    let server = echo(&files.at("tls"), engine);
    let said = random_bytes(BYTES, 1);
    let caller = run_swb(&["connect", &files.to(server.address())], &said);
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert!(caller.stdout == said, "{} bytes came back", caller.stdout.len());
    let told = server.terminate();
    assert!(told.stderr.contains(&format!("{BYTES} bytes in, {BYTES} out")), "{}", told.stderr);
}

/// With less room in the sockets than is on its way.
fn two_ends_that_both_send_do_not_wait_for_each_other(engine: &str) {
    let files = Files::new();
    let said = random_bytes(BYTES, 5);
    for scheme in ["tls", "wss"] {
        let room = "sndbuf=16KiB&rcvbuf=16KiB";
        let server = echo(&format!("{}&{room}", files.at(scheme)), engine);
        let to = format!("{}&{room}", files.to(server.address()));
        let caller = run_swb(&["connect", &to], &said);
        assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""), "{scheme}");
        assert!(caller.stdout == said, "{scheme}: {} bytes came back", caller.stdout.len());
    }
}

fn a_caller_who_reads_nothing_and_resets_is_done(engine: &str) {
    let files = Files::new();
    let mut server = echo(&format!("{}&sndbuf=16KiB&rcvbuf=16KiB", files.at("tls")), engine);
    // A caller whose output is full reads nothing any more.
    let (_unread, output) = std::io::pipe().unwrap();
    let mut caller = Running::start(swb(&["connect", &files.to(server.address())]).stdout(output));
    let mut input = caller.child.stdin.take().unwrap();
    let speaker = std::thread::spawn(move || input.write_all(&random_bytes(64 << 20, 6)));
    server.running.wait_for_line("TLS 1.3");
    let at_rest = |process| ticks_at_rest(process, Duration::from_millis(100)) == 0;
    wait_until("nothing moves any more", || at_rest(server.pid()) && at_rest(caller.pid()));
    drop(caller);
    assert!(speaker.join().unwrap().is_err());
    server.running.wait_for_line(" bytes in, ");
}

fn one_question_has_one_answer(engine: &str) {
    let files = Files::new();
    let mut server = echo(&files.at("tls"), engine);
    let caller = run_swb(&["ask", &files.to(server.address()), "hello"], b"");
    assert_eq!((caller.code(), caller.text().as_str(), caller.stderr.as_str()), (0, "hello", ""));
    server.running.wait_for_line("TLS 1.3, TLS13_");
}

fn a_server_that_closes_first_ends_the_call_in_order(engine: &str) {
    let files = Files::new();
    let plain = serve(&["say", "good day", "tcp://127.0.0.1:0"], engine);
    let over_tls = serve(&["say", "good day", &files.at("tls")], engine);
    let joined = ["relay", &files.at("wss"), plain.address(), "--engine", engine];
    let over_websocket = Server::start(&joined);
    for server in [over_tls, over_websocket] {
        // Its input stays open.
        let caller = Running::start(&mut swb(&["connect", &files.to(server.address())])).finish();
        let said = (caller.code(), caller.text(), caller.stderr.as_str());
        assert_eq!(said, (0, "good day".to_owned(), ""), "{}", server.address());
    }
}

fn a_caller_who_never_shakes_hands_is_let_go(engine: &str) {
    let files = Files::new();
    for scheme in ["tls", "ws", "proxy"] {
        let options = if scheme == "tls" { files.shown("leaf") + "&" } else { String::new() };
        let address = format!("{scheme}://127.0.0.1:0?{options}handshake-timeout=200ms");
        let mut server = echo(&address, engine);
        let caller = call(&server);
        assert_eq!(read_all(&caller), b"", "{scheme}");
        server.running.wait_for_line("in time");
    }
}

#[test]
fn a_server_that_never_shakes_hands_is_given_up() {
    let files = Files::new();
    for scheme in ["tls", "ws"] {
        let (listener, place) = listening();
        let address = format!("{scheme}://{place}?handshake-timeout=200ms");
        let address =
            if scheme == "tls" { format!("{address}&ca={}", files.certificate("ca")) } else { address };
        let caller = Running::start(&mut swb(&["connect", &address]));
        let held = answer(&listener);
        let caller = caller.finish();
        assert_eq!((caller.code(), caller.text().as_str()), (5, ""), "{caller:?}");
        assert!(caller.stderr.contains("was not complete in time"), "{caller:?}");
        drop(held);
    }
}

#[test]
fn hands_that_are_shaken_a_byte_at_a_time_are_let_go_in_time_too() {
    let files = Files::new();
    let mut server = echo(&format!("{}&handshake-timeout=300ms", files.at("tls")), "epoll");
    let caller = call(&server);
    let mut slow = caller.try_clone().unwrap();
    let speaker = std::thread::spawn(move || {
        // The head of a ClientHello that would be long, until nobody takes it any more.
        let head = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
        for byte in head.into_iter().chain(std::iter::repeat_n(7, 300)) {
            if slow.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20)); // the pace is what is tested
        }
    });
    server.running.wait_for_line("no TLS handshake in time");
    drop(caller);
    speaker.join().unwrap();
}

fn a_call_at_rest_uses_no_time(engine: &str) {
    let files = Files::new();
    for scheme in ["tls", "ws", "wss"] {
        let is_tls = scheme != "ws";
        let at = if is_tls { files.at(scheme) } else { "ws://127.0.0.1:0".to_owned() };
        let mut server = echo(&at, engine);
        let to = if is_tls { files.to(server.address()) } else { server.address().to_owned() };
        let mut caller = Running::start(&mut swb(&["connect", &to]));
        caller.write(b"hello\n");
        assert_eq!(caller.wait_for_bytes(6), b"hello\n");
        server.running.wait_for_line(if is_tls { "TLS 1.3" } else { "WebSocket / at" });
        for process in [server.pid(), caller.pid()] {
            let ticks = ticks_at_rest(process, Duration::from_millis(300));
            assert!(ticks < 3, "{scheme}: {ticks} ticks in 300 ms");
        }
        caller.close_input();
        assert_eq!(caller.finish().code(), 0, "{scheme}");
    }
}

#[test]
fn programs_are_behind_layers_by_relay_and_not_with_the_socket() {
    let files = Files::new();
    let ended = run_swb(&["serve", "exec", "cat", &files.at("tls")], b"");
    assert_eq!((ended.code(), ended.text().as_str()), (2, ""), "{ended:?}");
    assert!(ended.stderr.contains("exec gives sockets to programs"), "{ended:?}");
    let relay = Server::start(&["relay", &files.at("tls"), "exec:cat"]);
    let said = random_bytes(BYTES, 7);
    let caller = run_swb(&["connect", &files.to(relay.address())], &said);
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    assert!(caller.stdout == said, "{} bytes came back", caller.stdout.len());
}

#[test]
fn a_call_that_was_there_already_is_encrypted_as_well() {
    let files = Files::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap();
    let caller = Running::start(&mut swb(&["ask", &files.to(&format!("tls://{place}")), "hello"]));
    let socket = OwnedFd::from(answer(&listener));
    let at = format!("tls+fd:0?{}", files.shown("leaf"));
    let server = Running::start(swb(&["serve", "echo", &at]).stdin(socket));
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.text().as_str(), caller.stderr.as_str()), (0, "hello", ""));
    assert_eq!(server.finish().code(), 0);
}
