//! `?hexdump`: on standard error, for people.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::support::{Directory, Running, Server, random_bytes, run_swb, swb};
use crate::{call, echo};

under! { a_hexdump_shows_both_directions_and_drives_no_terminal: iterative process thread poll epoll uring }

/// The bytes that lines with this beginning show.
fn shown(lines: &str, beginning: &str) -> Vec<u8> {
    let lines = lines.lines().filter_map(|line| line.strip_prefix(beginning));
    let digits = lines.flat_map(|line| line[8..58].split_whitespace());
    digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect()
}

fn a_hexdump_shows_both_directions_and_drives_no_terminal(engine: &str) {
    let server = echo("tcp://127.0.0.1:0?hexdump", engine);
    let said: Vec<u8> = (0..=255).chain(random_bytes(300, 3)).collect();
    let (heard, port) = call(&server.port(), &said);
    assert!(heard == said);
    let finished = server.terminate();
    assert_eq!(finished.code(), 0);
    let lines = &finished.stderr;
    assert!(lines.bytes().all(|byte| matches!(byte, b'\n' | b' '..=b'~')), "{lines}");
    assert!(shown(lines, "1 < ") == said && shown(lines, "1 > ") == said, "{lines}");
    for way in ["<", ">"] {
        assert!(lines.contains(&format!("\ncall 1 {way} tcp://127.0.0.1:{port}, ")), "{lines}");
        let finished =
            |line: &&str| line.starts_with(&format!("call 1 {way} ")) && line.ends_with(": finished");
        assert_eq!(lines.lines().filter(finished).count(), 1, "{lines}");
    }
    assert!(
        lines
            .contains("1 < 00000010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  |................|\n")
    );
}

#[test]
fn a_dump_that_nobody_reads_holds_up_no_call() {
    let folder = Directory::new();
    let log = folder.file("log");
    let mut serving = swb(&["serve", "echo", "tcp://127.0.0.1:0?hexdump", "tcp://127.0.0.1:0"]);
    serving.args(["--workers", "1", "--ready-fd", "1", "--log-file", &log]);
    let mut serving = serving.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(serving.stdout.take().unwrap()).lines().take(2);
    let ports = lines.map(|line| line.unwrap().rsplit_once(':').unwrap().1.to_owned());
    let said = random_bytes(1 << 20, 3);
    for port in ports.collect::<Vec<_>>() {
        assert!(call(&port, &said).0 == said);
    }
    serving.kill().unwrap();
    serving.wait().unwrap();
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("standard error") && log.contains("(EAGAIN)"), "{log}");
}

#[test]
fn a_call_of_our_own_is_dumped_beside_its_output() {
    let server = echo("tcp://127.0.0.1:0", "epoll");
    let calling = run_swb(&["connect", &format!("{}?hexdump", server.address())], b"\x1b[2Jhello\n");
    assert_eq!((calling.code(), calling.stdout.as_slice()), (0, &b"\x1b[2Jhello\n"[..]));
    let line = "1 > 00000000  1b 5b 32 4a 68 65 6c 6c  6f 0a                    |.[2Jhello.|";
    assert!(calling.stderr.lines().any(|shown| shown == line), "{}", calling.stderr);
    assert!(calling.stderr.lines().any(|shown| shown == line.replace('>', "<")), "{}", calling.stderr);
}

#[test]
fn a_hexdump_of_bulk_is_bounded_and_nothing_is_lost() {
    let mut server = Server::of(&mut swb(&["serve", "echo", "tcp://127.0.0.1:0?hexdump"]), 1);
    let said = random_bytes(8 << 20, 4);
    let (heard, _) = call(&server.port(), &said);
    assert!(heard == said, "{} bytes came back", heard.len());
    server.running.wait_for_line(" bytes more");
    let finished = Running::finish({
        server.running.signal(15);
        server.running
    });
    assert!(finished.stderr.len() < 5 * said.len(), "{} bytes", finished.stderr.len());
}
