//! Names and texts that would drive a terminal or forge a line: each stays in its line, and shows itself.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketType};
use rustix::net::{bind, connect, recv, send, socket};
use rustix::process::{Pid, Signal, kill_process};

use crate::SIGTERM;
use crate::support::peer::installed;
use crate::support::proc::children;
use crate::support::{Directory, Running, run_swb, swb};

/// A format of printf(3), lines of one's own, escape sequences, the C1 bytes that are short for them, a bell, and
/// characters that turn the text around them about.
const HOSTILE: &[&[u8]] = &[
    b"%n%s%x",
    b"one\nlistening tcp:forged\r\nand two",
    b"\x1b]0;title\x07\x1b[31m",
    b"\x9b31m\x85\xff",
    "\u{9b}31m\u{85}".as_bytes(),
    "\u{202e}gpj.exe\u{2066}\u{200f}\u{2028}\u{feff}".as_bytes(),
];

/// No control or format character, and nothing that is not UTF-8.
fn expect_harmless(line: &str) {
    let harmless = |character: char| {
        let shows_itself = character.escape_debug().len() == 1 || "\"\\'".contains(character);
        shows_itself && character != char::REPLACEMENT_CHARACTER
    };
    assert!(line.chars().all(harmless), "{line:?}");
}

/// Where a server with a hostile name of its own listens: a byte stream and messages.
struct Place {
    folder: Directory,
    addresses: [String; 2],
}

impl Place {
    fn new() -> Place {
        let folder = Directory::new();
        let at = |scheme: &str| {
            format!("{scheme}:{}/%25n%0A%1B[31m%9B%E2%80%AE-{scheme}", folder.path().display())
        };
        let addresses = [at("unix"), at("unix-dgram")];
        Place { folder, addresses }
    }

    fn path(&self, name: &[u8]) -> PathBuf {
        self.folder.path().join(std::ffi::OsStr::from_bytes(name))
    }

    /// Calls from sockets of each hostile name, in the folder and abstract; each says its name, and hears it back
    /// where that is to be expected. After each, how many events there are to be told of it.
    fn call_from_hostile_names(&self, hears_back: bool, mut called: impl FnMut(usize)) {
        let kinds = [(SocketType::STREAM, "unix", 2), (SocketType::DGRAM, "unix-dgram", 1)];
        for (kind, scheme, events) in kinds {
            let server = [b"%n\n\x1b[31m\x9b\xe2\x80\xae-", scheme.as_bytes()].concat();
            let server = SocketAddrUnix::new(self.path(&server)).unwrap();
            for name in HOSTILE {
                let own = [name, scheme.as_bytes()].concat();
                let unique = [name, self.folder.path().as_os_str().as_bytes(), scheme.as_bytes()].concat();
                for address in [
                    SocketAddrUnix::new(self.path(&own)).unwrap(),
                    SocketAddrUnix::new_abstract_name(&unique).unwrap(),
                ] {
                    let caller = socket(AddressFamily::UNIX, kind, None).unwrap();
                    bind(&caller, &address).unwrap();
                    connect(&caller, &server).unwrap();
                    send(&caller, name, SendFlags::empty()).unwrap();
                    if hears_back {
                        recv(&caller, &mut [0; 99], RecvFlags::empty()).unwrap();
                    }
                    drop(caller);
                    called(events);
                }
            }
        }
    }
}

/// Serves hostile callers, and gives what stands on standard error afterwards, and how many lines are due.
fn serve_hostile_callers(place: &Place, log: &[&str], mut called: impl FnMut(usize)) -> (String, usize) {
    let [stream, messages] = &place.addresses;
    let serve = ["serve", "echo", stream, messages, "-v", "--ready-fd", "1"];
    let mut server = Running::start(&mut swb(&[&serve, log].concat()));
    server.wait_for_text(&format!("{messages}\n"));
    let mut lines = 2; // two say that it listens
    called(2);
    place.call_from_hostile_names(true, |events| {
        lines += events;
        called(events);
    });
    server.signal(SIGTERM);
    let ended = server.finish();
    assert_eq!(ended.code(), 0, "{ended:?}");
    (ended.stderr, lines)
}

fn expect_harmless_lines(text: &str, count: usize) {
    text.lines().for_each(expect_harmless);
    // The last call may be open still when the signal comes, and is told of once more then.
    let events = text.lines().filter(|line| !line.contains("draining"));
    assert_eq!(events.count(), count, "{text}");
}

#[test]
fn hostile_names_get_a_printable_line_each_on_standard_error() {
    for format in ["text", "json"] {
        let (said, lines) = serve_hostile_callers(&Place::new(), &["--log", format], |_| {});
        expect_harmless_lines(&said, lines);
    }
}

#[test]
fn hostile_names_get_a_printable_line_each_in_a_log_file() {
    for format in ["text", "json"] {
        let place = Place::new();
        let file = place.folder.file("log");
        let (said, lines) = serve_hostile_callers(&place, &["--log", format, "--log-file", &file], |_| {});
        assert_eq!(said, "");
        expect_harmless_lines(&std::fs::read_to_string(&file).unwrap(), lines);
    }
}

#[test]
fn hostile_names_get_a_printable_message_each_in_the_system_s_log() {
    for format in ["text", "json"] {
        let place = Place::new();
        let path = place.folder.file("syslog");
        let log = crate::syslog::syslog(&path);
        let (syslog, mut text) = (format!("--syslog={path}"), String::new());
        let read = |events| {
            for _ in 0..events {
                text += &crate::syslog::next(&log);
                text.push('\n');
            }
        };
        let (said, lines) = serve_hostile_callers(&place, &["--log", format, &syslog], read);
        assert_eq!(said, "");
        expect_harmless_lines(&text, lines);
    }
}

#[test]
fn hostile_names_and_texts_send_a_terminal_nothing_that_it_obeys() {
    let place = Place::new();
    let [stream, messages] = &place.addresses;
    let program = env!("CARGO_BIN_EXE_swb");
    let serve = format!("'{program}' serve print --prefix -v '{stream}' '{messages}'");
    // script(1) runs a command on a terminal of its own and copies what is shown there.
    let mut on_terminal = installed("script", &["-qc", &serve, "/dev/null"]);
    let mut server = Running::start(on_terminal.stdin(Stdio::null()));
    server.wait_for_text("-unix-dgram\r\n");
    place.call_from_hostile_names(false, |_| {});
    // script(1) ends soon after the command, and what the terminal holds then it may not have shown yet.
    for part in ["call ", "message of ", "%n%s%x", "\\u{202e}gpj"] {
        server.wait_for_text(part);
    }
    let swb = Pid::from_raw(children(server.pid())[0].cast_signed()).unwrap();
    kill_process(swb, Signal::TERM).unwrap();
    let shown = server.finish().text();
    // A peer's own CR LF stays, and the terminal puts another CR before its LF.
    shown.split("\r\n").for_each(|line| expect_harmless(line.trim_end_matches('\r')));
}

/// Places of a command line at which a text may stand that is not understood or cannot be used.
const REFUSED: &[&[&str]] = &[
    &["HOSTILE"],
    &["--HOSTILE"],
    &["serve", "HOSTILE"],
    &["serve", "echo", "HOSTILE"],
    &["serve", "echo", "tcp://127.0.0.1:0?HOSTILE=1"],
    &["serve", "echo", "tcp://127.0.0.1:0?device=HOSTILE"],
    &["serve", "echo", "tcp://127.0.0.1:0", "--engine", "HOSTILE"],
    &["serve", "echo", "tcp://127.0.0.1:0", "--idle-timeout", "HOSTILE"],
    &["serve", "echo", "tcp://127.0.0.1:0", "--log-file", "/no/HOSTILE"],
    &["serve", "echo", "tcp://127.0.0.1:0", "--syslog=/no/HOSTILE"],
    &["serve", "say", "HOSTILE", "no-such-scheme://"],
    &["serve", "reply", "x", "--framing", "HOSTILE", "tcp://127.0.0.1:0"],
    &["connect", "HOSTILE"],
    &["connect", "HOSTILE://"],
    &["connect", "tcp://HOSTILE:1"],
    &["connect", "tcp://127.0.0.1:HOSTILE"],
    &["connect", "unix:/no/HOSTILE"],
    &["resolve", "HOSTILE"],
    &["list", "HOSTILE"],
    &["help", "HOSTILE"],
];

#[test]
fn a_command_line_that_is_refused_is_quoted_without_what_a_terminal_would_obey() {
    for hostile in HOSTILE.iter().filter_map(|hostile| std::str::from_utf8(hostile).ok()) {
        for arguments in REFUSED {
            let arguments: Vec<String> =
                arguments.iter().map(|argument| argument.replace("HOSTILE", hostile)).collect();
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let ended = run_swb(&arguments, b"");
            assert!(ended.code() != 0 && ended.code() < 128 && !ended.stderr.is_empty(), "{ended:?}");
            ended.stderr.lines().for_each(expect_harmless);
        }
    }
}
