//! The files of taps: raw bytes, one file for all calls or one a call, and what happens when they cannot be written.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::peer::installed;
use crate::support::{Directory, Server, random_bytes, run_swb};
use crate::{call, echo, tshark};

under! { raw_files_are_what_was_sent: iterative process thread poll epoll uring }
under! { a_file_for_each_call_has_its_number: iterative process thread poll epoll uring }
under! { a_full_disk_ends_no_call_and_is_said: iterative process thread poll epoll uring }

fn raw_files_are_what_was_sent(engine: &str) {
    let directory = Directory::new();
    let [came, went] = ["came", "went"].map(|name| directory.file(name));
    fs::write(&came, b"of an earlier run").unwrap();
    let text = "good day";
    let address = format!("tcp://127.0.0.1:0?raw-in={came}&raw-out={went}");
    let mut server = Server::start(&["serve", "say", text, &address, "--engine", engine, "-v"]);
    let said = random_bytes(1 << 20, 2);
    for _ in 0..2 {
        assert_eq!(call(&server.port(), &said).0, text.as_bytes());
        // It says its text and finishes before it has read all: only now is the call over.
        server.running.take_line(": finished; ");
    }
    assert_eq!(server.terminate().code(), 0);
    assert!(fs::read(came).unwrap() == [said.clone(), said].concat());
    assert_eq!(fs::read(went).unwrap(), text.repeat(2).as_bytes());
}

fn a_file_for_each_call_has_its_number(engine: &str) {
    let directory = Directory::new();
    let pattern = directory.file("call-{call}");
    let address = format!("tcp://127.0.0.1:0?raw-in={pattern}&record={pattern}.pcapng");
    let server = echo(&address, engine);
    let port = server.port();
    for number in 1..=3 {
        call(&port, format!("call {number}").as_bytes());
    }
    assert_eq!(server.terminate().code(), 0);
    for number in 1..=3 {
        let name = directory.file(&format!("call-{number}"));
        assert_eq!(fs::read_to_string(&name).unwrap(), format!("call {number}"));
        assert_eq!(tshark(&format!("{name}.pcapng"), "tcp.flags.fin == 1", &["frame.number"]).len(), 2);
    }
}

/// In a file system of a few pages, which is the server's own.
fn a_full_disk_ends_no_call_and_is_said(engine: &str) {
    let directory = Directory::new();
    let (folder, capture) = (directory.path().to_str().unwrap().to_owned(), directory.file("full.pcapng"));
    let script = format!("mount -t tmpfs -o size=64k none '{folder}' && exec \"$@\"");
    let swb = env!("CARGO_BIN_EXE_swb");
    let address = format!("tcp://127.0.0.1:0?record={capture}");
    let arguments = ["-m", "sh", "-c", &script, "sh", swb, "serve", "echo", &address, "--engine", engine];
    let mut command: Command = installed("unshare", &arguments);
    if !rustix::process::geteuid().is_root() {
        return eprintln!("a_full_disk_ends_no_call_and_is_said: only root can mount");
    }
    let mut server = Server::of(&mut command, 1);
    assert_eq!(call(&server.port(), b"hello").0, b"hello");
    let said = random_bytes(200_000, 6);
    for _ in 0..3 {
        assert!(call(&server.port(), &said).0 == said);
    }
    let line = server.running.wait_for_line("could not be recorded");
    assert!(line.contains("write(2): No space left on device"), "{line}");
    // Its own file system can be looked into while it runs.
    let copy = directory.path().with_extension("copy");
    fs::copy(format!("/proc/{}/root{capture}", server.pid()), &copy).unwrap();
    assert_eq!(server.terminate().code(), 0);
    // What is there is whole, and cut nowhere in a packet.
    let copy = copy.to_str().unwrap();
    assert_eq!(tshark(copy, "tcp.payload == 68:65:6c:6c:6f", &["frame.number"]).len(), 2);
    fs::remove_file(copy).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_is_an_error_of_the_start() {
    let directory = Directory::new();
    let (folder, pipe, file) =
        (directory.path().to_str().unwrap(), directory.file("pipe"), directory.file("file"));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let missing = directory.file("none/file");
    let each = directory.file("none/{call}");
    for (options, why) in [
        (format!("record={folder}"), "open(2): Is a directory"),
        (format!("record={missing}"), "open(2): No such file or directory"),
        (format!("raw-out={pipe}"), "open(2): No such device or address"),
        (format!("raw-in={each}"), "access(2): No such file or directory"),
        (format!("record={file}-{{nope}}"), "{nope} stands for nothing; {call} does"),
        (format!("raw-out={file}-{{call}}-{{}}"), "{} stands for nothing"),
        ("record=/dev/full".to_owned(), "write(2): No space left on device"),
        (format!("record={file}&raw-in={file}"), "another option writes something else there"),
    ] {
        for command in [
            vec!["serve".to_owned(), "echo".to_owned(), format!("tcp://127.0.0.1:0?{options}")],
            vec!["connect".to_owned(), format!("tcp://127.0.0.1:1?{options}")],
            vec!["relay".to_owned(), "tcp://127.0.0.1:0".to_owned(), format!("tcp://127.0.0.1:1?{options}")],
            vec!["connect".to_owned(), format!("exec:cat?{options}")],
        ] {
            let words: Vec<&str> = command.iter().map(String::as_str).collect();
            let ended = run_swb(&words, b"");
            assert_ne!(ended.code(), 0, "{command:?}");
            let name = options.split('&').next_back().unwrap();
            let line = format!("?{name}: ");
            assert!(
                ended.stderr.contains(&line) && ended.stderr.contains(why),
                "{command:?}: {}",
                ended.stderr
            );
        }
    }
}

#[test]
fn who_makes_a_file_is_the_only_one_who_reads_it() {
    let directory = Directory::new();
    let mode_of = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let [capture, came, went, each] =
        ["capture", "came", "went", "call-{call}"].map(|name| directory.file(name));
    fs::write(&went, b"").unwrap();
    fs::set_permissions(&went, Permissions::from_mode(0o644)).unwrap();
    for address in [
        format!("tcp://127.0.0.1:0?record={capture}&raw-in={came}&raw-out={went}"),
        format!("tcp://127.0.0.1:0?raw-in={each}"),
    ] {
        let server = echo(&address, "epoll");
        assert_eq!(call(&server.port(), b"hello").0, b"hello");
        assert_eq!(server.terminate().code(), 0);
    }
    let made = [capture, came, each.replace("{call}", "1")];
    assert_eq!(made.map(|path| format!("{:o}", mode_of(&path))), ["600"; 3]);
    assert_eq!(mode_of(&went), 0o644, "one that was there is as it was");
}

#[test]
fn a_capture_overwrites_nothing_but_one_of_a_run_that_is_over() {
    let directory = Directory::new();
    let (capture, other) = (directory.file("capture"), directory.file("other"));
    let calling = |record: &str| run_swb(&["connect", &format!("tcp://127.0.0.1:1?record={record}")], b"");
    fs::write(&other, b"of somebody else").unwrap();
    let refused = calling(&other);
    assert!(refused.stderr.contains("something else than a capture is in it"), "{}", refused.stderr);
    assert_eq!(fs::read(&other).unwrap(), b"of somebody else");
    let server = echo(&format!("tcp://127.0.0.1:0?record={capture}"), "epoll");
    assert_eq!(call(&server.port(), b"hello").0, b"hello");
    let refused = calling(&capture);
    assert!(refused.stderr.contains("an swb that still runs"), "{}", refused.stderr);
    assert_eq!(server.terminate().code(), 0);
    let held = fs::metadata(&capture).unwrap().len();
    assert!(held > 500, "{held} bytes: the call is in it");
    assert!(calling(&capture).stderr.contains("nobody listens there"));
    assert!(fs::metadata(&capture).unwrap().len() < held, "it is begun anew");
}

#[test]
fn a_tap_that_records_nothing_and_one_where_none_can_be_are_refused() {
    for (arguments, why) in [
        (&["serve", "echo", "tap+tcp://127.0.0.1:0"][..], "say where, by record, raw-in, raw-out or hexdump"),
        (&["serve", "exec", "cat", "tcp://127.0.0.1:0?hexdump"], "know nothing of the layers"),
        (
            &["listen", "udp://127.0.0.1:0?hexdump", "--keep"],
            "`swb serve` and `swb relay` have a call for each",
        ),
        (&["connect", "tcp://127.0.0.1:1?record="], "record"),
        (&["connect", "tcp://127.0.0.1:1?hexdump=maybe"], "hexdump"),
    ] {
        let ended = run_swb(arguments, b"");
        assert_ne!(ended.code(), 0, "{arguments:?}");
        assert!(ended.stderr.contains(why), "{arguments:?}: {}", ended.stderr);
    }
}
