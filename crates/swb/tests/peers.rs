//! `swb` with OpenBSD's nc, ncat and socat on the other end, both ways.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::fs::File;
use std::process::{Command, Stdio};

use support::peer::{nc_at, nc_to, ncat_at, ncat_to, ready, socat_at, socat_to};
use support::{Directory, Running, Server, random_bytes, run, run_swb, swb};

/// Where a test listens: a template, made the test's own by `own_address`.
fn own_address(template: &str, folder: &Directory) -> String {
    let unique = folder.path().file_name().unwrap().to_str().unwrap();
    template.replace("PATH", &folder.file("socket")).replace("NAME", unique)
}

/// Each row a test: `name: function(address, the other program)`.
macro_rules! tests {
    ($($name:ident: $holds:ident($address:literal, $other:expr);)*) => {
        $(#[test] fn $name() { $holds($address, $other); })*
    };
}

type Calls = fn(&str) -> Command;

// ---- they call, we serve ------------------------------------------------------------------------------------

/// What they send is what they get, a file of 300,000 bytes that are no text.
fn echo_gives_back(address: &str, call: Calls) {
    let folder = Directory::new();
    let server = Server::start(&["serve", "echo", &own_address(address, &folder)]);
    let sent = random_bytes(300_000, 11);
    std::fs::write(folder.file("sent"), &sent).unwrap();
    let mut caller = call(server.address());
    caller.stdin(File::open(folder.file("sent")).unwrap());
    let called = Running::start(&mut caller).finish();
    assert_eq!(called.code(), 0, "{}", called.stderr);
    assert!(called.stdout == sent, "{} bytes came back of {}", called.stdout.len(), sent.len());
    assert_eq!(server.terminate().code(), 0);
}

tests! {
    echo_gives_nc_back_its_file_over_tcp_v4: echo_gives_back("tcp://127.0.0.1:0", nc_to);
    echo_gives_nc_back_its_file_over_tcp_v6: echo_gives_back("tcp://[::1]:0", nc_to);
    echo_gives_nc_back_its_file_over_unix: echo_gives_back("unix:PATH", nc_to);
    echo_gives_nc_back_its_file_over_an_abstract_name: echo_gives_back("unix:@NAME", nc_to);
    echo_gives_ncat_back_its_file_over_tcp_v4: echo_gives_back("tcp://127.0.0.1:0", ncat_to);
    echo_gives_ncat_back_its_file_over_tcp_v6: echo_gives_back("tcp://[::1]:0", ncat_to);
    echo_gives_ncat_back_its_file_over_unix: echo_gives_back("unix:PATH", ncat_to);
    echo_gives_socat_back_its_file_over_tcp_v4: echo_gives_back("tcp://127.0.0.1:0", socat_to);
    echo_gives_socat_back_its_file_over_tcp_v6: echo_gives_back("tcp://[::1]:0", socat_to);
    echo_gives_socat_back_its_file_over_unix: echo_gives_back("unix:PATH", socat_to);
    echo_gives_socat_back_its_file_over_an_abstract_name: echo_gives_back("unix:@NAME", socat_to);
    echo_gives_socat_back_its_file_over_seqpacket: echo_gives_back("unix-seqpacket:PATH", socat_to);
    echo_gives_socat_back_its_file_over_abstract_seqpacket: echo_gives_back("unix-seqpacket:@NAME", socat_to);
}

/// Two messages, the second sent only when the first is back; nothing else comes.
fn echo_answers_messages(address: &str, call: Calls) {
    let folder = Directory::new();
    let server = Server::start(&["serve", "echo", &own_address(address, &folder)]);
    let mut caller = Running::start(&mut call(server.address()));
    caller.write(b"first\n");
    assert_eq!(caller.wait_for_bytes(6), b"first\n");
    caller.write(b"second\n");
    assert_eq!(caller.wait_for_bytes(13), b"first\nsecond\n");
}

tests! {
    echo_answers_nc_over_udp_v4: echo_answers_messages("udp://127.0.0.1:0", nc_to);
    echo_answers_nc_over_udp_v6: echo_answers_messages("udp://[::1]:0", nc_to);
    echo_answers_nc_over_unix_dgram: echo_answers_messages("unix-dgram:PATH", nc_to);
    echo_answers_ncat_over_udp_v4: echo_answers_messages("udp://127.0.0.1:0", ncat_to);
    echo_answers_ncat_over_udp_v6: echo_answers_messages("udp://[::1]:0", ncat_to);
    echo_answers_socat_over_udp_v4: echo_answers_messages("udp://127.0.0.1:0", socat_to);
    echo_answers_socat_over_udp_v6: echo_answers_messages("udp://[::1]:0", socat_to);
    echo_answers_socat_over_unix_dgram: echo_answers_messages("unix-dgram:PATH", socat_to);
    echo_answers_socat_over_an_abstract_dgram_name: echo_answers_messages("unix-dgram:@NAME", socat_to);
    echo_answers_socat_over_seqpacket: echo_answers_messages("unix-seqpacket:PATH", socat_to);
}

/// The service that begins to speak, and finishes: the caller ends with it, though its input does not.
fn say_is_heard(address: &str, call: Calls) {
    let folder = Directory::new();
    let server = Server::start(&["serve", "say", "Hello, world!", &own_address(address, &folder)]);
    let called = run(call(server.address()), b"");
    assert_eq!((called.text().as_str(), called.code()), ("Hello, world!", 0), "{called:?}");
}

tests! {
    nc_hears_what_is_said_over_tcp: say_is_heard("tcp://127.0.0.1:0", nc_to);
    nc_hears_what_is_said_over_unix: say_is_heard("unix:PATH", nc_to);
    ncat_hears_what_is_said_over_tcp: say_is_heard("tcp://[::1]:0", ncat_to);
    socat_hears_what_is_said_over_tcp: say_is_heard("tcp://127.0.0.1:0", socat_to);
    socat_hears_what_is_said_over_unix: say_is_heard("unix:PATH", socat_to);
}

#[test]
fn nc_is_answered_by_reply_and_the_call_ends() {
    let server = Server::start(&["serve", "reply", "hello back", "tcp://127.0.0.1:0"]);
    let mut caller = Running::start(&mut nc_to(server.address()));
    caller.write(b"hello");
    assert_eq!(caller.wait_for_bytes(10), b"hello back");
    caller.close_input();
    assert_eq!(caller.finish().stdout, b"hello back");
}

#[test]
fn nc_is_told_who_it_is_with_the_port_that_it_calls_from() {
    let server = Server::start(&["serve", "who", "--bye-after", "0s", "tcp://127.0.0.1:0", "-v"]);
    let called = run(nc_to(server.address()), b"good morning\n");
    let text = called.text();
    let lines: Vec<&str> = text.lines().collect();
    let [first, "Bye"] = lines[..] else { panic!("{text:?}") };
    let said = server.terminate().stderr;
    let port = said.split_once("call 1: tcp://127.0.0.1:").unwrap().1.split(' ').next().unwrap();
    assert!(first.starts_with("Connection from "), "{first}");
    assert!(first.contains(&format!(" (127.0.0.1) {port} at 2")), "{first} / {said}");
    assert!(first.ends_with('Z'), "{first}");
}

#[test]
fn nc_is_told_the_time_as_text_and_as_the_number_of_rfc_868() {
    let server = Server::start(&["serve", "time", "tcp://127.0.0.1:0"]);
    let text = run(nc_to(server.address()), b"").text();
    assert!(text.ends_with('\n') && text.contains("20") && text.contains(':'), "{text:?}");

    let server = Server::start(&["serve", "time", "--binary", "tcp://127.0.0.1:0"]);
    let number = run(nc_to(server.address()), b"").stdout;
    let seconds = u32::from_be_bytes(number.try_into().unwrap());
    let since_1970 = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    // 70 years with 17 leap days lie between the two epochs; RFC 868 counts modulo 2^32.
    let expected = u32::try_from((since_1970 + 2_208_988_800) & 0xffff_ffff).unwrap();
    assert!(expected.wrapping_sub(seconds) < 60, "{seconds} {expected}");
}

#[test]
fn print_shows_every_line_of_nc_ncat_and_socat() {
    let mut server = Server::start(&["serve", "print", "tcp://127.0.0.1:0"]);
    let lines = |who: &str| (0..500).map(|line| format!("{who} {line}\n")).collect::<String>();
    let all: Vec<String> = [("nc", nc_to as Calls), ("ncat", ncat_to), ("socat", socat_to)]
        .map(|(who, call)| {
            let sent = lines(who);
            assert_eq!(run(call(server.address()), sent.as_bytes()).code(), 0, "{who}");
            sent
        })
        .into();
    let wanted = all.concat();
    assert_eq!(String::from_utf8_lossy(server.running.wait_for_bytes(wanted.len())), wanted);
}

#[test]
fn listen_keep_hears_nc_ncat_and_socat_one_after_the_other() {
    let mut server = Server::start(&["listen", "--keep", "tcp://127.0.0.1:0"]);
    let mut wanted = String::new();
    for (who, call) in [("nc", nc_to as Calls), ("ncat", ncat_to), ("socat", socat_to)] {
        let called = run(call(server.address()), format!("I am {who}\n").as_bytes());
        assert_eq!(called.code(), 0, "{who}: {}", called.stderr);
        wanted += &format!("I am {who}\n");
        assert_eq!(server.running.wait_for_text(who), wanted);
    }
}

// ---- we call, they listen -----------------------------------------------------------------------------------

/// A file each way at the same time; each side's end of file is a half-close that costs the other nothing.
fn connect_swaps_files(address: &str, listen: Calls) {
    swap_with_listener(&["connect"], address, listen);
}

/// The same with one who hangs up when its caller finishes, whatever it has still to say.
fn connect_swaps_files_with_a_hasty_one(address: &str, listen: Calls) {
    swap_with_listener(&["connect", "--no-half-close", "--until", "both"], address, listen);
}

fn swap_with_listener(command: &[&str], address: &str, listen: Calls) {
    let folder = Directory::new();
    let address = own_address(address, &folder);
    let (ours, theirs) = files(&folder);
    let mut listener = listen(&address);
    listener.stdin(File::open(folder.file("theirs")).unwrap());
    let listener = Running::start(&mut listener);
    let mut caller = swb(&[command, &[&ready(&listener, &address)]].concat());
    caller.stdin(File::open(folder.file("ours")).unwrap());
    let caller = Running::start(&mut caller);
    both_have_it(caller, &theirs, listener, &ours);
}

/// The same with the roles exchanged.
fn listen_swaps_files(address: &str, call: Calls) {
    let folder = Directory::new();
    let (ours, theirs) = files(&folder);
    let mut server = swb(&["listen", &own_address(address, &folder)]);
    server.stdin(File::open(folder.file("ours")).unwrap());
    let server = Server::of(&mut server, 1);
    let mut caller = call(server.address());
    caller.stdin(File::open(folder.file("theirs")).unwrap());
    let caller = Running::start(&mut caller);
    both_have_it(server.running, &theirs, caller, &ours);
}

/// Two files of different lengths: `ours` and `theirs`.
fn files(folder: &Directory) -> (Vec<u8>, Vec<u8>) {
    let (ours, theirs) = (random_bytes(1_000_001, 3), random_bytes(400_003, 5));
    std::fs::write(folder.file("ours"), &ours).unwrap();
    std::fs::write(folder.file("theirs"), &theirs).unwrap();
    (ours, theirs)
}

fn both_have_it(swb: Running, theirs: &[u8], other: Running, ours: &[u8]) {
    // One after the other: what each says is read meanwhile by threads of their own.
    let (swb, other) = (swb.finish(), other.finish());
    assert_eq!((swb.code(), other.code()), (0, 0), "{} {}", swb.stderr, other.stderr);
    assert!(swb.stdout == theirs, "swb received {} bytes of {}", swb.stdout.len(), theirs.len());
    assert!(other.stdout == ours, "the other received {} bytes of {}", other.stdout.len(), ours.len());
}

fn socat_at_stdio(address: &str) -> Command {
    socat_at(address, "-")
}

tests! {
    connect_and_nc_swap_files_over_tcp_v4: connect_swaps_files_with_a_hasty_one("tcp://127.0.0.1:0", nc_at);
    connect_and_nc_swap_files_over_tcp_v6: connect_swaps_files_with_a_hasty_one("tcp://[::1]:0", nc_at);
    connect_and_nc_swap_files_over_unix: connect_swaps_files_with_a_hasty_one("unix:PATH", nc_at);
    connect_and_nc_swap_files_over_an_abstract_name: connect_swaps_files_with_a_hasty_one("unix:@NAME", nc_at);
    connect_and_socat_swap_files_over_tcp_v4: connect_swaps_files("tcp://127.0.0.1:0", socat_at_stdio);
    connect_and_socat_swap_files_over_tcp_v6: connect_swaps_files("tcp://[::1]:0", socat_at_stdio);
    connect_and_socat_swap_files_over_unix: connect_swaps_files("unix:PATH", socat_at_stdio);
    connect_and_socat_swap_files_over_an_abstract_name: connect_swaps_files("unix:@NAME", socat_at_stdio);
    connect_and_ncat_swap_files_over_tcp_v4: connect_swaps_files_with_a_hasty_one("tcp://127.0.0.1:0", ncat_at);
    connect_and_ncat_swap_files_over_tcp_v6: connect_swaps_files_with_a_hasty_one("tcp://[::1]:0", ncat_at);
    connect_and_ncat_swap_files_over_unix: connect_swaps_files_with_a_hasty_one("unix:PATH", ncat_at);

    listen_and_nc_swap_files_over_tcp_v4: listen_swaps_files("tcp://127.0.0.1:0", nc_to);
    listen_and_nc_swap_files_over_tcp_v6: listen_swaps_files("tcp://[::1]:0", nc_to);
    listen_and_nc_swap_files_over_unix: listen_swaps_files("unix:PATH", nc_to);
    listen_and_nc_swap_files_over_an_abstract_name: listen_swaps_files("unix:@NAME", nc_to);
    listen_and_ncat_swap_files_over_tcp_v4: listen_swaps_files("tcp://127.0.0.1:0", ncat_to);
    listen_and_ncat_swap_files_over_tcp_v6: listen_swaps_files("tcp://[::1]:0", ncat_to);
    listen_and_ncat_swap_files_over_unix: listen_swaps_files("unix:PATH", ncat_to);
    listen_and_socat_swap_files_over_tcp_v4: listen_swaps_files("tcp://127.0.0.1:0", socat_to);
    listen_and_socat_swap_files_over_tcp_v6: listen_swaps_files("tcp://[::1]:0", socat_to);
    listen_and_socat_swap_files_over_unix: listen_swaps_files("unix:PATH", socat_to);
    listen_and_socat_swap_files_over_an_abstract_name: listen_swaps_files("unix:@NAME", socat_to);
}

/// Lines typed on either side arrive on the other as they are typed, before anybody has finished.
fn connect_talks_line_by_line(address: &str, listen: Calls) {
    let folder = Directory::new();
    let address = own_address(address, &folder);
    let listener = Running::start(&mut listen(&address));
    let caller = Running::start(&mut swb(&["connect", &ready(&listener, &address)]));
    talk(caller, listener);
}

/// The same with the roles exchanged.
fn listen_talks_line_by_line(address: &str, call: Calls) {
    let folder = Directory::new();
    let server = Server::start(&["listen", &own_address(address, &folder)]);
    let caller = Running::start(&mut call(server.address()));
    talk(caller, server.running);
}

/// The caller begins: over datagrams who listens does not know anybody before.
fn talk(mut caller: Running, mut callee: Running) {
    let mut said = 0;
    for (question, answer) in [("one\n", "uno\n"), ("two\n", "due\n")] {
        said += 4;
        caller.write(question.as_bytes());
        assert!(callee.wait_for_bytes(said).ends_with(question.as_bytes()));
        callee.write(answer.as_bytes());
        assert!(caller.wait_for_bytes(said).ends_with(answer.as_bytes()));
    }
    assert_eq!(
        (caller.wait_for_bytes(8), callee.wait_for_bytes(8)),
        (&b"uno\ndue\n"[..], &b"one\ntwo\n"[..])
    );
}

tests! {
    connect_talks_with_nc_over_udp_v4: connect_talks_line_by_line("udp://127.0.0.1:0", nc_at);
    connect_talks_with_nc_over_udp_v6: connect_talks_line_by_line("udp://[::1]:0", nc_at);
    connect_talks_with_nc_over_unix_dgram: connect_talks_line_by_line("unix-dgram:PATH", nc_at);
    connect_talks_with_ncat_over_udp_v4: connect_talks_line_by_line("udp://127.0.0.1:0", ncat_at);
    connect_talks_with_ncat_over_tcp: connect_talks_line_by_line("tcp://127.0.0.1:0", ncat_at);
    connect_talks_with_socat_over_udp_v4: connect_talks_line_by_line("udp://127.0.0.1:0", socat_at_stdio);
    connect_talks_with_socat_over_udp_v6: connect_talks_line_by_line("udp://[::1]:0", socat_at_stdio);
    connect_talks_with_socat_over_seqpacket: connect_talks_line_by_line("unix-seqpacket:PATH", socat_at_stdio);
    connect_talks_with_socat_over_abstract_seqpacket:
        connect_talks_line_by_line("unix-seqpacket:@NAME", socat_at_stdio);

    listen_talks_with_nc_over_udp_v4: listen_talks_line_by_line("udp://127.0.0.1:0", nc_to);
    listen_talks_with_nc_over_udp_v6: listen_talks_line_by_line("udp://[::1]:0", nc_to);
    listen_talks_with_nc_over_unix_dgram: listen_talks_line_by_line("unix-dgram:PATH", nc_to);
    listen_talks_with_ncat_over_udp_v4: listen_talks_line_by_line("udp://127.0.0.1:0", ncat_to);
    listen_talks_with_socat_over_udp_v4: listen_talks_line_by_line("udp://127.0.0.1:0", socat_to);
    listen_talks_with_socat_over_unix_dgram: listen_talks_line_by_line("unix-dgram:PATH", socat_to);
    listen_talks_with_socat_over_seqpacket: listen_talks_line_by_line("unix-seqpacket:PATH", socat_to);
}

/// A question, and a program of somebody else's that echoes it.
fn ask_is_answered(address: &str, listen: Calls) {
    let folder = Directory::new();
    let address = own_address(address, &folder);
    let listener = Running::start(&mut listen(&address));
    let asked = run_swb(&["ask", &ready(&listener, &address), "how are you?"], b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("how are you?", 0), "{asked:?}");
}

fn socat_echo_at(address: &str) -> Command {
    socat_at(address, "PIPE")
}

/// One answer to one datagram, from a socket that hears anybody.
fn socat_one_answer_at(address: &str) -> Command {
    let mut command = socat_at(address, "EXEC:cat");
    let listening =
        command.get_args().nth(1).unwrap().to_str().unwrap().replace("UDP4-LISTEN", "UDP4-RECVFROM");
    command = support::peer::installed("socat", &["-t20", &listening, "PIPE"]);
    command
}

tests! {
    ask_is_answered_by_socat_over_tcp_v4: ask_is_answered("tcp://127.0.0.1:0", socat_echo_at);
    ask_is_answered_by_socat_over_tcp_v6: ask_is_answered("tcp://[::1]:0", socat_echo_at);
    ask_is_answered_by_socat_over_unix: ask_is_answered("unix:PATH", socat_echo_at);
    ask_is_answered_by_socat_over_udp: ask_is_answered("udp://127.0.0.1:0", socat_echo_at);
    ask_is_answered_by_socat_over_udp_recvfrom: ask_is_answered("udp://127.0.0.1:0", socat_one_answer_at);
    ask_is_answered_by_socat_over_unix_dgram: ask_is_answered("unix-dgram:PATH", socat_echo_at);
    ask_is_answered_by_socat_over_seqpacket: ask_is_answered("unix-seqpacket:PATH", socat_echo_at);
}

#[test]
fn ask_for_one_line_is_answered_by_a_program_that_ncat_runs() {
    // By a frame, because ncat forgets what its program still says once the caller has finished.
    let mut listening = ncat_at("tcp://127.0.0.1:0");
    let listener = Running::start(listening.args(["--exec", "/bin/cat"]));
    let address = ready(&listener, "tcp://127.0.0.1:0");
    let asked = run_swb(&["ask", &address, "how are you?", "--framing", "line"], b"");
    assert_eq!((asked.text().as_str(), asked.code()), ("how are you?\n", 0), "{asked:?}");
}

#[test]
fn ask_half_closes_so_that_socat_sees_the_end_of_the_question_and_can_still_answer() {
    // Not nc nor ncat: both hang up when their caller finishes, though they may have more to say.
    let mut listener = Running::start(&mut socat_at_stdio("tcp://127.0.0.1:0"));
    let address = ready(&listener, "tcp://127.0.0.1:0");
    let asking = Running::start(&mut swb(&["ask", &address, "any news?"]));
    listener.wait_for_text("any news?");
    listener.write(b"none");
    listener.close_input();
    assert_eq!(asking.finish().text(), "none");
    assert_eq!(listener.finish().text(), "any news?");
}

#[test]
fn connect_ends_when_nc_has_finished_though_its_own_input_is_still_open() {
    let mut listener = Running::start(&mut nc_at("tcp://127.0.0.1:0"));
    let address = ready(&listener, "tcp://127.0.0.1:0");
    let mut calling = swb(&["connect", &address]);
    let (input, _held_open) = std::io::pipe().unwrap();
    let calling = Running::start(calling.stdin(Stdio::from(input)));
    listener.write(b"all I had\n");
    listener.close_input();
    let called = calling.finish();
    assert_eq!((called.text().as_str(), called.code()), ("all I had\n", 0), "{}", called.stderr);
}
