//! `connect` and `ask`: a program instead of a peer.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::{Directory, Running, program, random_bytes, run, run_swb, swb};
use crate::{LOOKS_AT_ITSELF, is_as_it_should_be};

#[test]
fn what_is_said_to_a_program_comes_back_whole_after_its_end() {
    let said = random_bytes(10_000_000, 1);
    let ended = run_swb(&["connect", "exec:cat"], &said);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(ended.stdout == said, "{} bytes", ended.stdout.len());
}

#[test]
fn a_program_that_fails_is_the_failure_of_the_command() {
    for (address, status, words) in [
        ("sh:exit 7", 7, "swb: sh:exit 7 exited with status 7"),
        ("sh:kill -9 $$", 137, "swb: sh:kill -9 $$ was killed by signal 9"),
        ("exec:true", 0, ""),
    ] {
        for arguments in [&["connect", address][..], &["ask", address, "hello"]] {
            let ended = run_swb(arguments, b"");
            assert_eq!((ended.code(), ended.stderr.as_str()), (status, words), "{arguments:?}");
        }
    }
}

#[test]
fn a_program_that_cannot_be_started_is_said_with_the_reason_and_what_to_try() {
    let directory = Directory::new();
    let file = directory.file("file");
    std::fs::write(&file, "no program").unwrap();
    for (address, words) in [
        (
            "exec:swb-no-such-program -x".to_owned(),
            "No such file or directory (ENOENT); is it installed, and in a",
        ),
        (format!("exec:{file}"), "Permission denied (EACCES); it may not be executed: chmod +x?"),
    ] {
        let ended = run_swb(&["connect", &address], b"");
        assert_eq!(ended.code(), 1, "{}", ended.stderr);
        let sentence = format!("swb: cannot start {address}: posix_spawn(3): {words}");
        assert!(ended.stderr.starts_with(&sentence), "{}", ended.stderr);
    }
}

#[test]
fn a_program_has_three_descriptors_and_signals_as_by_default() {
    let mut command =
        program("sh", &["-c", "exec 9</dev/null; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_swb")]);
    command.args(["connect", LOOKS_AT_ITSELF]);
    let ended = run(command, b"");
    assert!(is_as_it_should_be(&ended.text()), "{ended:?}");
}

#[test]
fn a_program_that_reads_no_further_than_it_wants_is_no_failure() {
    let mut said = b"first\n".to_vec();
    said.extend(random_bytes(5_000_000, 2));
    for arguments in [&["connect", "exec:head -n1"][..], &["connect", "sh:exec <&-; sleep 0.3; echo first"]] {
        let ended = run_swb(arguments, &said);
        assert_eq!((ended.code(), ended.text().as_str()), (0, "first\n"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn what_comes_late_reaches_a_program_whose_output_is_closed() {
    let directory = Directory::new();
    let file = directory.file("file");
    let mut running = Running::start(&mut swb(&["connect", &format!("sh:exec cat > {file}")]));
    let has_begun = || std::path::Path::new(&file).exists();
    crate::support::peer::wait_until("the program has begun", has_begun);
    running.write(b"late\n");
    running.close_input();
    assert_eq!(running.finish().code(), 0);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "late\n");
}

#[test]
fn the_end_of_a_program_ends_the_call_whatever_input_may_come() {
    let (stdin, _held) = std::io::pipe().unwrap(); // an input of our own that never ends
    let mut command = swb(&["connect", "exec:echo done"]);
    let other = Running::start(command.stdin(stdin));
    assert_eq!(other.finish().text(), "done\n");
}

#[test]
fn a_program_is_ended_with_the_command_and_killed_if_it_will_not() {
    for (trap, signal) in [("", 15), ("trap '' TERM; ", 9)] {
        let address = format!("sh:{trap}echo $$; while :; do sleep 1; done");
        let mut running = Running::start(&mut swb(&["connect", &address, "-v"]));
        running.wait_for_text("\n");
        let process = running.wait_for_bytes(0).to_vec();
        let process = String::from_utf8(process).unwrap().trim().to_owned();
        let began = Instant::now();
        running.signal(15);
        running.wait_for_line(&format!("; the program killed by signal {signal}, ours"));
        assert_eq!(running.finish().code(), 128 + 15);
        assert_eq!(began.elapsed() > Duration::from_secs(2), signal == 9);
        assert!(!std::path::Path::new(&format!("/proc/{process}")).exists(), "it was reaped");
    }
}

#[test]
fn a_program_that_writes_without_end_ends_with_our_reader() {
    let mut command = swb(&["connect", "exec:yes"]);
    let mut running = command.stderr(std::process::Stdio::inherit()).spawn().unwrap();
    let mut reader = running.stdout.take().unwrap();
    std::io::Read::read_exact(&mut reader, &mut [0; 2]).unwrap();
    drop(reader);
    drop(running.stdin.take().map(|mut input| input.flush()));
    assert!(running.wait().unwrap().success());
}

#[test]
fn nobody_can_call_a_program() {
    for (arguments, words) in [
        (&["serve", "echo", "exec:cat"][..], "cannot listen at exec:cat: nobody can call there"),
        (&["listen", "sh:cat"], "cannot listen at sh:cat: nobody can call there"),
    ] {
        let ended = run_swb(arguments, b"");
        assert_eq!(ended.code(), 2, "{ended:?}");
        assert!(ended.stderr.contains(words), "{ended:?}");
    }
}
