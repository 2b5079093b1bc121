//! What is said after the end of the input, by peers that take an end of ours for the end of the whole call.

use crate::certificates::Files;
use crate::support::peer::{installed, ready};
use crate::support::{Running, Server, run, run_swb, swb};
use crate::websockets::{SERVER, python};

/// Calls, hears a message, and answers half a second later: URL.
const CALLER: &str = r#"
import asyncio, sys, websockets
async def main(url):
    async with websockets.connect(url) as call:
        said = await call.recv()
        await asyncio.sleep(0.5)
        await call.send(b"late " + said)
asyncio.run(main(*sys.argv[1:]))
"#;

#[test]
fn a_program_behind_ncat_that_answers_late_is_heard() {
    let files = Files::new();
    let mut ncat = installed("ncat", &["--ssl", "--ssl-cert", &files.certificate("leaf")]);
    ncat.args(["--ssl-key", &files.key("leaf"), "-l", "127.0.0.1", "0"]);
    ncat.args(["--sh-exec", "read line; sleep 0.5; echo late $line"]);
    let running = Running::start(&mut ncat);
    let place = ready(&running, "tcp://127.0.0.1:0");
    let to = files.to(&place.replace("tcp://", "tls://"));
    let caller = run_swb(&["connect", &to], b"question\n");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "late question\n"), "{}", caller.stderr);
}

#[test]
fn a_websocket_that_is_dropped_at_a_close_frame_is_heard_before() {
    let mut server = Running::start(&mut python(SERVER, &["-", "-"]));
    let port = server.wait_for_text("\n").trim().to_owned();
    let caller = run_swb(&["connect", &format!("ws://127.0.0.1:{port}/late")], b"question\n");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "question\n"), "{}", caller.stderr);
}

#[test]
fn a_websocket_that_answers_later_than_it_is_waited_for_is_heard_behind_our_end() {
    let command = "sh:read line; sleep 1; echo late $line";
    let relay = Server::start(&["relay", "ws://127.0.0.1:0", command, "--framing", "line"]);
    let caller =
        run_swb(&["connect", relay.address(), "--wait", "100ms", "--framing", "line"], b"question\n");
    assert_eq!((caller.code(), caller.text().as_str()), (0, "late question\n"), "{}", caller.stderr);
}

/// A `listen` that has said this and nothing more will come.
fn asking(at: &str, further: &[&str]) -> Server {
    let mut server = Server::of(&mut swb(&[&["listen", at], further].concat()), 1);
    server.running.write(b"question\n");
    server.running.close_input();
    server
}

#[test]
fn a_program_behind_ncat_that_calls_and_answers_late_is_heard() {
    let files = Files::new();
    let server = asking(&files.at("tls"), &[]);
    let ncat = ["--ssl", "127.0.0.1", &server.port(), "--sh-exec", "read line; sleep 0.5; echo late $line"];
    let ncat = Running::start(&mut installed("ncat", &ncat));
    let server = server.running.finish();
    assert_eq!((server.code(), server.text().as_str()), (0, "late question\n"), "{server:?}");
    ncat.finish();
}

#[test]
fn a_websocket_that_calls_and_drops_its_answer_at_a_close_frame_is_heard_before() {
    let server = asking("ws://127.0.0.1:0", &[]);
    let caller = run(python(CALLER, &[server.address()]), b"");
    assert_eq!((caller.code(), caller.stderr.as_str()), (0, ""));
    let server = server.running.finish();
    assert_eq!((server.code(), server.text().as_str()), (0, "late question\n"), "{server:?}");
}

#[test]
fn a_listener_ends_its_half_for_callers_who_wait_for_that() {
    let files = Files::new();
    let all = ["openssl", "s_client", "-quiet", "-verify_quiet", "-CAfile", &files.certificate("ca")];
    let server = asking(&files.at("tls"), &["--wait", "100ms"]);
    let place = format!("127.0.0.1:{}", server.port());
    // Its input stays open: only our end ends it.
    let caller = Running::start(&mut installed(all[0], &[&all[1..], &["-connect", &place]].concat()));
    let caller = caller.finish();
    assert_eq!((caller.code(), caller.text().as_str()), (0, "question\n"), "{caller:?}");
    assert_eq!(server.running.finish().code(), 0);
}
