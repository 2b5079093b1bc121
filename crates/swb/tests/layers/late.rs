//! Answers that come after the end of the input, from peers that take an end of ours for the end of the whole call.

use crate::certificates::Files;
use crate::support::peer::{installed, ready};
use crate::support::{Running, Server, run_swb};
use crate::websockets::{SERVER, python};

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
