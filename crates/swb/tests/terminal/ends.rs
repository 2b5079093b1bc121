//! However a call ends, the terminal is given back and nothing is lost.

use std::net::Shutdown;

use super::Call;
use crate::pty::OnTerminal;

#[test]
fn ctrl_d_on_an_empty_line_ends_the_input_and_what_comes_is_still_shown() {
    let mut call = Call::edited(&[]);
    call.terminal.press("ab\x01\x04\x04"); // the first two delete what is there
    call.terminal.press("last\r\x04");
    assert_eq!(call.heard(), "last\n");
    assert!(call.heard_end());
    call.say("one more, without a line end");
    drop(call.peer);
    let (status, shown) = call.terminal.finish();
    assert_eq!(status, 0);
    assert!(shown.ends_with("one more, without a line end"), "{shown:?}");
}

#[test]
fn the_peers_end_gives_the_terminal_back_with_what_was_typed_left_to_be_seen() {
    let mut call = Call::edited(&[]);
    call.terminal.press("half a line");
    call.terminal.wait_for_shown("half a line");
    call.say("bye\n");
    drop(call.peer);
    let (status, shown) = call.terminal.finish();
    assert_eq!((status, shown.as_str()), (0, "\r\x1b[Kbye\r\nhalf a line\r\n"));
}

#[test]
fn a_reset_gives_the_terminal_back() {
    let mut call = Call::edited(&[]);
    call.terminal.press("x\r");
    call.terminal.wait_for_shown("x\r\n");
    // What was sent to it lies unread when it closes: a reset.
    call.say("y\n");
    call.terminal.wait_for_shown("y\r\n");
    drop(call.peer);
    let (status, shown) = call.terminal.finish();
    assert!(status == 6 && shown.contains("broken off"), "{status} {shown:?}");
}

#[test]
fn signals_give_the_terminal_back() {
    let mut call = Call::edited(&[]);
    call.terminal.press("half");
    call.terminal.wait_for_shown("half");
    call.terminal.interrupt();
    assert_eq!(call.terminal.finish(), (130, "\r\n".into()));

    for signal in ["INT", "TERM", "HUP", "QUIT"] {
        let call = Call::edited(&[]);
        call.terminal.signal(signal);
        let wanted = match signal {
            "INT" => 130,
            "TERM" => 143,
            "QUIT" => 131,
            _ => 129,
        };
        assert_eq!(call.terminal.finish().0, wanted, "{signal}");
    }
}

#[test]
fn a_call_that_cannot_be_made_leaves_the_terminal_alone() {
    let (_held, port) = crate::support::peer::refusing_tcp_port();
    let terminal = OnTerminal::swb(&["connect", &format!("tcp://127.0.0.1:{port}")]);
    assert_eq!(terminal.finish().0, 4);
}

#[test]
fn ctrl_z_gives_the_terminal_back_until_the_command_goes_on() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // A shell with job control, which has the terminal while the command is stopped.
    let script = format!(
        "set -m; '{}' connect {}; echo stopped; read word; fg >/dev/null; echo status $?",
        env!("CARGO_BIN_EXE_swb"),
        listener.local_addr().unwrap()
    );
    let mut terminal = OnTerminal::start("sh", &["-c", &script], "xterm");
    let (peer, _) = listener.accept().unwrap();
    terminal.wait_until_edited();
    terminal.press("half");
    terminal.wait_for_shown("half");
    terminal.press("\x1a");
    terminal.wait_for_shown("stopped");
    terminal.wait_until_given_back();
    terminal.press("go on\r");
    terminal.wait_until_edited();
    terminal.press(" a line\r");
    let mut heard = [0; 12];
    std::io::Read::read_exact(&mut &peer, &mut heard).unwrap();
    assert_eq!(&heard, b"half a line\n");
    peer.shutdown(Shutdown::Both).unwrap();
    terminal.wait_for_shown("status 0");
    assert_eq!(terminal.finish().0, 0);
}
