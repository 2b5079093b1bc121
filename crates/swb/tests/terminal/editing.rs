//! Keys, lines that are had again, and what comes while a line is typed.

use std::os::unix::fs::PermissionsExt;

use super::Call;
use crate::pty::OnTerminal;
use crate::support::Directory;

const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";

#[test]
fn a_line_is_edited_before_it_is_sent() {
    let mut call = Call::edited(&[]);
    call.terminal.press(&format!("helo{LEFT}l\r"));
    assert_eq!(call.heard(), "hello\n");
    call.terminal.press("one two three\x17\x01\x1bd\x05\x19\r"); // Ctrl-W, Ctrl-A, Alt-D, Ctrl-E, Ctrl-Y
    assert_eq!(call.heard(), "two one \n");
    call.terminal.press("Grüße\x7f\x7fß\u{1f600}\r");
    assert_eq!(call.heard(), "Grüß\u{1f600}\n");
}

#[test]
fn lines_typed_ahead_are_all_sent() {
    let mut call = Call::edited(&[]);
    let lines: Vec<String> = (0..200).map(|number| format!("line {number}\r")).collect();
    lines.chunks(20).for_each(|lines| call.terminal.press(&lines.concat()));
    for line in &lines {
        assert_eq!(call.heard(), line.replace('\r', "\n"));
    }
}

#[test]
fn the_up_arrow_has_a_line_again() {
    let mut call = Call::edited(&[]);
    call.terminal.press(&format!("first\rsecond\r{UP}{UP}!\r"));
    assert_eq!([call.heard(), call.heard(), call.heard()], ["first\n", "second\n", "first!\n"]);
}

#[test]
fn a_history_file_has_them_again_in_the_next_run_and_is_its_users_alone() {
    let folder = Directory::new();
    let path = folder.file("history");
    let mut call = Call::edited(&["--history", &path]);
    call.terminal.press("kept\r\x04");
    assert_eq!(call.heard(), "kept\n");
    drop(call.peer);
    assert_eq!(call.terminal.finish().0, 0);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let mut call = Call::edited(&["--history", &path]);
    call.terminal.press(&format!("{UP}\r"));
    assert_eq!(call.heard(), "kept\n");
}

#[test]
fn what_the_peer_says_is_shown_above_the_line_that_is_typed() {
    let mut call = Call::edited(&[]);
    call.terminal.press("hel");
    call.terminal.wait_for_shown("hel");
    call.say("news\n");
    // The row is cleared for the news, and the line shown again below.
    call.terminal.wait_for_shown("\r\x1b[Knews\r\nhel");
    call.terminal.press("lo\r");
    assert_eq!(call.heard(), "hello\n");
}

#[test]
fn a_question_without_a_line_end_is_shown_at_once_and_answered_behind_it() {
    let mut call = Call::edited(&[]);
    call.say("login: ");
    call.terminal.wait_for_shown("login: ");
    call.terminal.press("bo");
    call.terminal.wait_for_shown("bo");
    call.say("(hurry) ");
    call.terminal.wait_for_shown("\r\x1b[Klogin: (hurry) bo");
    call.terminal.press("b\r");
    assert_eq!(call.heard(), "bob\n");
}

#[test]
fn all_that_the_peer_says_is_shown_while_a_line_is_typed() {
    let mut call = Call::edited(&[]);
    call.terminal.press("typed");
    call.terminal.wait_for_shown("typed");
    let lines: Vec<String> = (0..20_000).map(|number| format!("line {number}")).collect();
    let text = lines.join("\n") + "\n";
    let mut peer = call.peer.into_inner();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut peer, text.as_bytes()));
    for line in &lines {
        call.terminal.wait_for_shown(&format!("{line}\r\n"));
    }
    writer.join().unwrap().unwrap();
    let (status, shown) = call.terminal.finish();
    assert_eq!(status, 0);
    assert!(shown.ends_with("typed\r\n"), "{shown:?}");
}

#[test]
fn nothing_that_a_peer_sends_drives_the_terminal() {
    let mut call = Call::edited(&[]);
    call.terminal.press("typed");
    call.terminal.wait_for_shown("typed");
    call.say(b"a\x1b]0;title\x07\x1b[2J\xc2\x9b1m\x9b1m\xe2\x80\xaeb\n");
    let shown = call.terminal.wait_for_shown("b\r\n");
    assert_eq!(shown, "\r\x1b[Ka^[]0;title^G^[[2J\\u{9b}1m\\x9b1m\\u{202e}b\r\n");
}

#[test]
fn raw_lets_all_through_and_leaves_lines_to_the_terminal() {
    let mut call = Call::on("xterm", &["--raw"]);
    assert!(call.terminal.is_as_before());
    call.say(b"\x1b[31mred\x07\n");
    call.terminal.wait_for_shown("\x1b[31mred\x07\r\n");
    call.terminal.press("plain\r");
    assert_eq!(call.heard(), "plain\n");
}

#[test]
fn lines_are_left_to_the_terminal_where_it_is_dumb_or_editing_is_not_wanted() {
    for (kind, arguments) in [("dumb", &[][..]), ("", &[]), ("xterm", &["--no-edit"])] {
        let mut call = Call::on(kind, arguments);
        assert!(call.terminal.is_as_before(), "{kind} {arguments:?}");
        call.terminal.press("helx\x7flo\r"); // the terminal itself knows how to erase
        assert_eq!(call.heard(), "hello\n");
        call.terminal.press("\x04");
        assert!(call.heard_end());
        drop(call.peer);
        assert_eq!(call.terminal.finish().0, 0);
    }
}

#[test]
fn a_listener_edits_lines_too_and_keeps_them_from_call_to_call() {
    let mut terminal = OnTerminal::swb(&["listen", "--keep", "tcp://127.0.0.1:0"]);
    terminal.wait_for_shown("listening tcp://");
    let address = terminal.wait_for_shown("\r\n");
    for (keys, wanted) in
        [("one\rhalf", "one\n"), (" and half\r", "half and half\n"), ("\x1b[A\r", "half and half\n")]
    {
        let mut peer = std::net::TcpStream::connect(address.trim()).unwrap();
        terminal.wait_until_edited();
        terminal.press(keys);
        let mut heard = vec![0; wanted.len()];
        std::io::Read::read_exact(&mut peer, &mut heard).unwrap();
        assert_eq!(String::from_utf8(heard).unwrap(), wanted);
        if keys.ends_with("half") {
            terminal.wait_for_shown("half");
        }
        drop(peer);
        terminal.wait_until_given_back();
    }
    terminal.interrupt();
    assert_eq!(terminal.finish().0, 130);
}

#[test]
fn line_ends_are_sent_as_the_older_protocols_want_them() {
    let mut call = Call::edited(&["--crlf"]);
    call.terminal.press("HELO\r\r");
    assert_eq!([call.heard(), call.heard()], ["HELO\r\n", "\r\n"]);
}

#[test]
fn values_are_packed_as_they_are_typed_and_a_slip_does_not_end_the_call() {
    let mut call = Call::edited(&["--pack", "!H3s"]);
    call.terminal.press("66000 abc\r");
    call.terminal.wait_for_shown("66000 is out of range\r\n  66000 abc\r\n  ^^^^^ H packs 0 to 65535\r\n");
    call.terminal.press("258 'a\\'\r");
    let mut message = [0; 5];
    std::io::Read::read_exact(&mut call.peer, &mut message).unwrap();
    assert_eq!(&message, b"\x01\x02a\\\0");
}
