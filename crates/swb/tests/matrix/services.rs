//! What each service of the matrix owes a caller, on streams and on messages.

use std::time::{Duration, SystemTime};

use crate::caller::Caller;
use crate::support::{Directory, Server, random_bytes, run_swb};

/// The text that `say` and `reply` are given: no line end is added to it.
const TEXT: &str = "hello back";

/// How many callers each row has, one after the other.
const CALLERS: usize = 2;

/// Plays one row of the matrix.
pub(crate) fn row(service: &str, transport: &str, engine: &str) {
    let transport = transport.strip_prefix("over_").unwrap();
    let engine = engine.strip_prefix("under_").unwrap();
    let directory = Directory::new();
    let address = address_of(transport, service, engine, &directory);
    let mut arguments = vec!["serve", service];
    match service {
        "say" | "reply" => arguments.push(TEXT),
        "who" => arguments.extend(["--bye-after", "50ms"]),
        "exec" => arguments.push("cat"),
        "discard" => arguments.push("-v"),
        _ => {}
    }
    arguments.extend([address.as_str(), "--engine", engine]);

    let is_datagram = transport.starts_with("udp") || transport == "unix_dgram";
    if service == "exec" && is_datagram {
        return not_for_datagrams(&arguments);
    }
    if engine == "process" && is_datagram {
        return refused(service, &arguments);
    }
    let mut server = Server::start(&arguments);
    let check = match service {
        "echo" => echo,
        "discard" => discard,
        "print" => print,
        "say" => say,
        "reply" => reply,
        "who" => who,
        "time" => time,
        "exec" => exec,
        other => panic!("the matrix does not know what {other} does"),
    };
    let address = server.address().to_owned();
    for _ in 0..CALLERS {
        check(&mut Caller::call(&address), &mut server);
    }
    let ended = server.terminate();
    assert_eq!(ended.code(), 0, "{ended:?}");
    // The signal may come before the server has seen the last caller's end.
    let quiet = |line: &str| service == "discard" || line.starts_with("draining: ");
    assert!(ended.stderr.lines().all(quiet), "nothing happened that is worth a word: {ended:?}");
}

fn address_of(transport: &str, service: &str, engine: &str, directory: &Directory) -> String {
    match transport {
        "tcp4" => "tcp://127.0.0.1:0".into(),
        "tcp6" => "tcp://[::1]:0".into(),
        "udp4" => "udp://127.0.0.1:0".into(),
        "udp6" => "udp://[::1]:0".into(),
        "unix" => format!("unix:{}", directory.file("socket")),
        "unix_abstract" => format!("unix:@swb-matrix-{}-{service}-{engine}", std::process::id()),
        "unix_seqpacket" => format!("unix-seqpacket:{}", directory.file("socket")),
        "unix_dgram" => format!("unix-dgram:{}", directory.file("socket")),
        other => panic!("the matrix has no address for {other}"),
    }
}

fn refused(service: &str, arguments: &[&str]) {
    let ended = run_swb(arguments, b"");
    let sentence = format!(
        "swb: {service} cannot be served here by the process engine: a datagram socket has no calls that could \
         be handed to children; these engines can: iterative, thread, poll, epoll, uring"
    );
    assert_eq!((ended.stderr.as_str(), ended.code()), (sentence.as_str(), 2));
    assert_eq!(ended.text(), "");
}

fn not_for_datagrams(arguments: &[&str]) {
    let ended = run_swb(arguments, b"");
    let sentence = "swb: exec cannot be served here, by no engine: datagrams of all callers come to one socket, which \
                    no program can have for itself";
    assert_eq!((ended.stderr.as_str(), ended.code()), (sentence, 2));
}

fn echo(caller: &mut Caller, _server: &mut Server) {
    if caller.is_stream() {
        let bytes = random_bytes(100_000, 7);
        caller.send(&bytes[..10]);
        caller.expect(&bytes[..10]);
        caller.send(&bytes[10..]);
        caller.expect(&bytes[10..]);
    } else {
        for length in [1, 1472, 9_000, caller.message_bytes_max()] {
            let message = random_bytes(length, length as u64);
            caller.send(&message);
            caller.expect(&message);
        }
        if !caller.has_end() {
            caller.send(b"");
            caller.expect(b"");
        }
    }
    caller.finish();
    caller.expect_end();
}

/// What cat does, whose buffer is shorter than the longest message.
fn exec(caller: &mut Caller, _server: &mut Server) {
    let lengths: &[usize] = if caller.is_stream() { &[10, 100_000] } else { &[1, 1472, 9_000] };
    for length in lengths {
        let said = random_bytes(*length, 8);
        caller.send(&said);
        caller.expect(&said);
    }
    caller.finish();
    caller.expect_end();
}

fn discard(caller: &mut Caller, server: &mut Server) {
    caller.send(b"anything");
    if caller.has_end() {
        caller.finish();
        caller.expect_end();
        let line = server.running.take_line(" bytes in, ");
        assert!(line.contains("finished; 8 bytes in, 0 out"), "{line}");
    } else {
        server.running.take_line("message of 8 bytes from ");
        caller.expect_nothing();
    }
}

fn print(caller: &mut Caller, server: &mut Server) {
    let before = server.running.wait_for_bytes(0).len();
    let said: &[&[u8]] = &[b"one\ntwo\n", b"three", b" and \x1b[31mfour\n"];
    for text in said {
        caller.send(text);
    }
    caller.finish();
    caller.expect_end();
    let wanted: Vec<u8> = match caller.is_stream() {
        true => said.concat(),
        false => b"one\ntwo\nthree\n and \x1b[31mfour\n".to_vec(),
    };
    let printed = server.running.wait_for_bytes(before + wanted.len());
    assert_eq!(String::from_utf8_lossy(&printed[before..]), String::from_utf8_lossy(&wanted));
}

fn say(caller: &mut Caller, _server: &mut Server) {
    if !caller.is_stream() {
        caller.send(b"one");
        caller.expect(TEXT.as_bytes());
        caller.send(b"two");
    }
    caller.expect(TEXT.as_bytes());
    caller.finish();
    caller.expect_end();
}

fn reply(caller: &mut Caller, _server: &mut Server) {
    caller.send(b"hello");
    caller.expect(TEXT.as_bytes());
    if !caller.is_stream() {
        caller.send(b"hello again");
        caller.expect(TEXT.as_bytes());
        caller.finish();
    }
    caller.expect_end();
}

fn who(caller: &mut Caller, _server: &mut Server) {
    caller.send(b"it is I");
    let mut answer = caller.receive();
    while !answer.ends_with(b"Z\n") {
        answer.extend(caller.receive());
    }
    let answer = String::from_utf8(answer).unwrap();
    let introduced = caller.introduced();
    let time = introduced.iter().find_map(|words| answer.strip_prefix(words.as_str()));
    let time = time.unwrap_or_else(|| panic!("{answer:?} begins as none of {introduced:#?}"));
    is_about_now(humantime_seconds(time.trim_end()));
    caller.expect(b"Bye\n");
    caller.expect_end();
}

fn time(caller: &mut Caller, _server: &mut Server) {
    if !caller.is_stream() {
        caller.send(b"what time is it?");
    }
    let mut answer = caller.receive();
    while !answer.ends_with(b"\r\n") {
        answer.extend(caller.receive());
    }
    let answer = String::from_utf8(answer).unwrap();
    is_about_now(humantime_seconds(answer.trim_end()));
    caller.finish();
    caller.expect_end();
}

/// `2026-11-21T12:00:00Z` as seconds since 1970, by counting days.
fn humantime_seconds(text: &str) -> u64 {
    let marks: Vec<usize> =
        text.char_indices().filter(|(_, c)| !c.is_ascii_digit()).map(|(at, _)| at).collect();
    assert_eq!(
        (marks.as_slice(), text.len()),
        (&[4, 7, 10, 13, 16, 19][..], 20),
        "{text:?} is no RFC 3339 time"
    );
    let number = |range: std::ops::Range<usize>| text[range].parse::<u64>().unwrap();
    let (year, month, day) = (number(0..4), number(5..7) as usize, number(8..10));
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days_of_years: u64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let days = days_of_years + months[..month - 1].iter().sum::<u64>() + day - 1;
    ((days * 24 + number(11..13)) * 60 + number(14..16)) * 60 + number(17..19)
}

fn is_about_now(seconds: u64) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    assert!(now.abs_diff(Duration::from_secs(seconds)) < Duration::from_secs(60), "{seconds} is not now");
}
