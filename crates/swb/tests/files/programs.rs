//! `exec:COMMAND?pty`, and where a program's standard error goes.

use std::io::Write;
use std::net::Shutdown;

use crate::support::peer::installed;
use crate::support::proc::{descriptors, ticks_at_rest};
use crate::support::{Running, run, run_swb, swb};
use crate::{call, read_all, relay};

under! { a_program_on_a_terminal_ends_with_its_callers_input: iterative process thread poll epoll uring }
under! { bytes_go_both_ways_through_a_programs_raw_terminal: iterative process thread poll epoll uring }
under! { a_program_whose_caller_resets_is_hung_up_on: iterative process thread poll epoll uring }

fn a_program_on_a_terminal_ends_with_its_callers_input(engine: &str) {
    let mut server = relay(
        "sh:tty; stty size; cat; sleep 0.3; echo late; exit 3?pty&echo=off&rows=30&columns=100",
        engine,
    );
    let mut caller = call(&server);
    caller.write_all(b"a line\nno line").unwrap();
    caller.shutdown(Shutdown::Write).unwrap();
    let heard = String::from_utf8(read_all(caller)).unwrap();
    let lines: Vec<&str> = heard.lines().collect();
    let [tty, "30 100", "a line", last] = lines[..] else { panic!("{heard:?}") };
    assert!(tty.starts_with("/dev/pts/") && last == "no linelate", "{heard:?}");
    let line = server.running.wait_for_line(": finished; ");
    assert!(line.ends_with("; the program exited with status 3"), "{line}");
}

fn bytes_go_both_ways_through_a_programs_raw_terminal(engine: &str) {
    let server = relay("exec:cat?pty&raw", engine);
    let caller = call(&server);
    // What is sent comes back: both directions are full at once.
    const BYTES: usize = 16 * 1024 * 1024;
    let says = crate::support::random_bytes(BYTES, 11);
    std::thread::scope(|scope| {
        scope.spawn(|| (&caller).write_all(&says).unwrap());
        assert!(crate::comes(&caller, &says));
    });
    let ticks = ticks_at_rest(server.pid(), std::time::Duration::from_millis(200));
    assert!(ticks <= 2, "{ticks} ticks while nobody spoke");
}

fn a_program_whose_caller_resets_is_hung_up_on(engine: &str) {
    let mut server = relay(
        "sh:trap 'echo hung up >&2; exit' HUP; echo ready; while :; do sleep 0.05; done?pty&stderr=ours",
        engine,
    );
    let caller = call(&server);
    assert!(crate::comes(&caller, b"ready\r\n"));
    rustix::net::sockopt::set_socket_linger(&caller, Some(std::time::Duration::ZERO)).unwrap();
    drop(caller);
    server.running.wait_for_line("hung up");
}

#[test]
fn a_program_on_a_terminal_that_ends_before_its_input_ends_the_call() {
    let mut caller = Running::start(&mut swb(&["connect", "sh:head -c 5; exit 3?pty&raw"]));
    let mut says = caller.child.stdin.take().unwrap();
    let saying = std::thread::spawn(move || {
        let _ = says.write_all(&[b'x'; 1_000_000]);
        says // it stays open
    });
    let ended = caller.finish();
    assert_eq!((ended.code(), ended.text().as_str()), (3, "xxxxx"), "{ended:?}");
    drop(saying.join().unwrap());
}

#[test]
fn a_real_shell_has_job_control_and_ends_with_its_input() {
    let talked =
        run_swb(&["connect", "exec:bash --norc -i?pty"], b"sleep 0.1 &\njobs\nfg\necho $((20 + 22))\n");
    assert_eq!(talked.code(), 0, "{talked:?}");
    let said = talked.text();
    for wanted in ["[1] ", "42", "exit"] {
        assert!(said.contains(wanted), "{wanted} is not in {said}");
    }
    assert!(
        !said.contains("no job control") && !said.contains("cannot set terminal process group"),
        "{said}"
    );
    let failed = run_swb(&["connect", "exec:bash --norc -i?pty"], b"exit 7\n");
    assert_eq!(failed.code(), 7, "{failed:?}");
}

#[test]
fn a_terminal_is_the_same_for_a_program_as_the_one_that_script_makes() {
    let looks = "tty >/dev/null && ps -o tpgid= -o pgid= -p $$ | awk '{print $1 == $2}'; test -t 2 && echo 2 is one; cat";
    let theirs = run(installed("script", &["-qec", looks, "/dev/null"]), b"x\n").text();
    let ours = run_swb(&["connect", &format!("sh:{}?pty", looks.replace('%', "%25"))], b"x\n").text();
    // Where the echo of what was typed stands is a matter of time.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(|line| line.replace("^D\u{8}\u{8}", "")).collect();
        lines.retain(|line| !line.is_empty());
        lines.sort();
        lines
    };
    assert_eq!(sorted(&ours), sorted(&theirs));
}

#[test]
fn standard_error_goes_where_it_is_told_to() {
    let says = "sh:echo out; echo err >&2";
    for (option, out, err) in [
        ("", "out\n", "err"),
        ("?stderr=ours", "out\n", "err"),
        ("?stderr=call", "out\nerr\n", ""),
        ("?stderr=none", "out\n", ""),
    ] {
        let said = run_swb(&["connect", &format!("{says}{option}")], b"");
        assert_eq!((said.code(), said.text().as_str(), said.stderr.as_str()), (0, out, err), "{option}");
    }
    for (option, out, err) in
        [("", "out\r\nerr\r\n", ""), ("&stderr=ours", "out\r\n", "err"), ("&stderr=none", "out\r\n", "")]
    {
        let said = run_swb(&["connect", &format!("{says}?pty{option}")], b"");
        assert_eq!((said.code(), said.text().as_str(), said.stderr.as_str()), (0, out, err), "{option}");
    }
}

#[test]
fn a_program_on_a_terminal_has_three_descriptors() {
    let mut caller = Running::start(&mut swb(&["connect", "exec:sleep 1000?pty", "--trace"]));
    let line = caller.wait_for_line("posix_spawn(");
    let process: u32 = line.split(" = ").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    crate::support::peer::wait_until("it is the program", || {
        std::fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name == "sleep\n")
    });
    let open = descriptors(process);
    assert!(open.len() == 3 && open.iter().all(|link| link.starts_with("/dev/pts/")), "{open:?}");
    caller.signal(15);
    assert_eq!(caller.finish().code(), 143);
    crate::support::peer::wait_until("it was hung up on", || descriptors(process).is_empty());
}

#[test]
fn a_program_can_be_the_first_end_of_a_relay() {
    let directory = crate::support::Directory::new();
    let path = directory.file("file");
    let relay = run_swb(&["relay", "sh:echo one; exit 4", &format!("file:{path}?access=append")], b"");
    assert_eq!((relay.code(), std::fs::read(&path).unwrap()), (4, b"one\n".to_vec()), "{relay:?}");
}
