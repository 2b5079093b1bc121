//! Typed payloads: `--pack` and `--unpack`; and line ends: `--crlf`.

use std::io::{Read, Write};

use crate::support::{Running, Server, run_swb, swb};
use crate::{answered, read_to_end, tcp_listener};

#[test]
fn values_come_back_from_an_echo_as_they_were_packed() {
    let server = Server::start_at(2, &["serve", "echo", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"]);
    for address in &server.addresses {
        let ask = ["ask", address, "--pack", "!q10s?d", "-42", "hello", "true", "1e-3"];
        let asked = run_swb(&[&ask[..], &["--unpack", "!q10s?d"]].concat(), b"");
        assert_eq!(
            (asked.text().as_str(), asked.code()),
            ("-42 \"hello\" true 0.001\n", 0),
            "{}",
            asked.stderr
        );

        let call = ["connect", address, "--pack", "<I5p", "--unpack", "<I5p", "--wait", "100ms"];
        let called = run_swb(&call, b"1 one\n2 'a b'\n0xffffffff \"\\xff\\n\"");
        let wanted = "1 \"one\"\n2 \"a b\"\n4294967295 \"\\xff\\n\"\n";
        assert_eq!((called.text().as_str(), called.code()), (wanted, 0), "{}", called.stderr);
    }
}

#[test]
fn a_framed_question_is_packed_inside_its_frame() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let ask = ["ask", server.address(), "--framing", "u16be", "--pack", "!HH", "--unpack", "!I", "1", "2"];
    let asked = run_swb(&ask, b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("65538\n", 0), "{}", asked.stderr);
}

#[test]
fn what_cannot_be_packed_is_shown_and_nobody_is_called() {
    let nowhere = "tcp://192.0.2.1:9";
    let wrong: [(&[&str], &str); 5] = [
        (&["--pack", "!q", "four"], "swb: four cannot be packed as q\n  four\n  ^^^^ q packs an integer"),
        (&["--pack", "!B", "256"], "swb: 256 is out of range\n  256\n  ^^^ B packs 0 to 255"),
        (&["--pack", "!qy", "1"], "\n  !qy\n    ^ one of xcbB?hHiIlLqQnNefdsp"),
        (&["--unpack", "!0s", "1"], "it has no bytes"),
        (&["one", "two"], "swb: ask sends one message, and these are 2; a message with spaces needs quotes"),
    ];
    for (arguments, said) in wrong {
        let asked = run_swb(&[&["ask", nowhere], arguments].concat(), b"");
        assert_eq!(asked.code(), 2, "{}", asked.stderr);
        assert!(asked.stderr.contains(said), "{}", asked.stderr);
    }
}

#[test]
fn a_stream_that_ends_within_a_message_is_told_and_gives_status_6() {
    for command in ["ask", "connect"] {
        let (listener, address) = tcp_listener();
        let arguments = [command, &address, "--unpack", "!H"];
        let question: &[&str] = if command == "ask" { &["?"] } else { &[] };
        let mut calling = Running::start(&mut swb(&[&arguments, question].concat()));
        calling.close_input();
        let mut call = answered(&listener);
        call.write_all(b"\0\x01\0\x02\0").unwrap();
        read_to_end(&mut call);
        drop(call);
        let called = calling.finish();
        assert_eq!((called.text().as_str(), called.code()), ("1\n2\n", 6), "{}", called.stderr);
        assert!(called.stderr.contains("--unpack"), "{}", called.stderr);
    }
}

#[test]
fn a_message_of_another_length_is_told_and_the_next_is_still_shown() {
    let server = Server::start(&["serve", "echo", "udp://127.0.0.1:0"]);
    let call = ["connect", server.address(), "--unpack", "!3s", "--wait", "100ms"];
    let called = run_swb(&call, b"ab\nabcd\ncd\n");
    assert_eq!((called.text().as_str(), called.code()), ("\"ab\\n\"\n\"cd\\n\"\n", 6), "{}", called.stderr);
    assert!(called.stderr.contains("5 bytes are no !3s, which has 3"), "{}", called.stderr);
}

#[test]
fn a_line_of_a_file_that_cannot_be_packed_ends_the_call_behind_those_that_were_sent() {
    let (listener, address) = tcp_listener();
    let mut calling = Running::start(&mut swb(&["connect", &address, "--pack", "!B"]));
    calling.write(b"1\n2\nthree\n4\n");
    let mut call = answered(&listener);
    let mut bytes = [0; 2];
    call.read_exact(&mut bytes).unwrap();
    assert_eq!((bytes, read_to_end(&mut call).len()), ([1, 2], 0));
    drop(call);
    let called = calling.finish();
    assert_eq!(called.code(), 1, "{}", called.stderr);
    assert!(called.stderr.contains("three cannot be packed as B\n  three\n"), "{}", called.stderr);
}

#[test]
fn line_feeds_are_sent_as_crlf_where_that_is_wanted() {
    let (listener, address) = tcp_listener();
    let calling = Running::start(&mut swb(&["ask", &address, "--crlf", "GET / HTTP/1.0\n\r\n\n"]));
    let mut call = answered(&listener);
    assert_eq!(read_to_end(&mut call), b"GET / HTTP/1.0\r\n\r\n\r\n");
    drop(call);
    assert_eq!(calling.finish().code(), 0);

    let mut calling = Running::start(&mut swb(&["connect", &address, "--crlf"]));
    let mut call = answered(&listener);
    let mut heard = [0; 5];
    calling.write(b"one\r");
    call.read_exact(&mut heard[..4]).unwrap();
    calling.write(b"\ntwo\n"); // cut between CR and LF
    calling.close_input();
    assert_eq!(read_to_end(&mut call), b"\ntwo\r\n");
}

#[test]
fn a_file_may_hold_what_would_be_an_escape() {
    let server = Server::start(&["serve", "echo", "tcp://127.0.0.1:0"]);
    let called = run_swb(&["connect", server.address()], b"~.\n~~\n~?\n");
    assert_eq!((called.text().as_str(), called.code()), ("~.\n~~\n~?\n", 0), "{}", called.stderr);
}
