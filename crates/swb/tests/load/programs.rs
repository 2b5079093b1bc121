//! Programs, a pipe to and one from each.

use super::support::peer::wait_until;
use super::support::{Directory, run_swb};
use super::{load, numbers};

const SENT: [&str; 5] = ["sent", "answered", "wrong", "lost", "calls_failed"];

#[test]
fn a_program_a_call_answers_exactly() {
    for more in [
        &["--calls", "4"][..],
        &["--calls", "4", "--in-flight", "8", "--threads", "2"],
        &["--calls", "2", "--rate", "2000"],
        &["--calls", "3", "--churn"],
        &["--calls", "2", "--size", "300000"],
    ] {
        let (finished, report) = load(&[&["exec:cat", "--count", "48"], more].concat());
        assert_eq!(finished.code(), 0, "{more:?}: {}", finished.stderr);
        assert_eq!(numbers(&report, SENT), [48, 48, 0, 0, 0], "{more:?}: {report}");
        let [opened] = numbers(&report, ["calls_opened"]);
        let calls = if more.contains(&"--churn") { 48 } else { more[1].parse().unwrap() };
        assert_eq!(opened, calls, "{more:?}");
        assert_eq!(report["target"], "exec:cat");
    }
}

#[test]
fn programs_are_held_and_all_are_gone_when_the_load_is() {
    let folder = Directory::new();
    let told = folder.file("pids");
    let program = format!("sh:echo $$ >> {told}; exec cat");
    let arguments = ["load", &program, "--idle", "--calls", "3", "--duration", "300ms"];
    let finished = run_swb(&arguments, b"");
    assert_eq!(finished.code(), 0, "{}", finished.stderr);
    let told = std::fs::read_to_string(told).unwrap();
    let processes: Vec<&str> = told.lines().collect();
    assert_eq!(processes.len(), 3, "{told}");
    wait_until("no program is left", || {
        !processes.iter().any(|process| std::path::Path::new(&format!("/proc/{process}")).exists())
    });
}

#[test]
fn how_a_program_failed_is_the_reason_of_its_call() {
    for (program, text) in [
        ("sh:dd bs=64 count=10 status=none; exit 3", "the program exited with status 3"),
        ("sh:dd bs=64 count=10 status=none; kill -9 $$", "the program was killed by signal 9"),
    ] {
        let (finished, report) = load(&[program, "--calls", "1", "--count", "15", "--duration", "5s"]);
        assert_eq!(finished.code(), 1, "{program}: {}", finished.stderr);
        assert!(finished.stderr.contains(text), "{program}: {}", finished.stderr);
        let failure = &report["failures"][0];
        assert_eq!((&failure["reason"], &failure["text"]), (&"program_failed".into(), &text.into()));
        let [answered, failed] = numbers(&report, ["answered", "calls_failed"]);
        assert!(answered >= 10 && failed >= 1, "{report}");
    }
    // It failed when all was answered: that is a failure too.
    let (finished, report) = load(&["sh:cat; exit 4", "--calls", "2", "--count", "10"]);
    assert_eq!(finished.code(), 1);
    assert!(finished.stderr.contains("2 calls failed: the program exited with status 4"), "{report}");
    assert_eq!(numbers(&report, ["answered", "calls_failed"]), [10, 2]);
}

#[test]
fn a_program_that_cannot_be_started_or_answers_something_else_is_told() {
    let finished = run_swb(&["load", "exec:swb-no-such-program", "--calls", "4"], b"");
    assert_eq!((finished.code(), finished.text().as_str()), (1, ""));
    assert!(finished.stderr.contains("cannot start exec:swb-no-such-program"), "{}", finished.stderr);
    let arguments = ["exec:tr a-y b-z", "--calls", "1", "--duration", "1s", "--timeout", "300ms"];
    let (finished, report) = load(&arguments);
    assert_eq!(finished.code(), 5, "it keeps what it has until its input ends: {}", finished.stderr);
    assert_eq!(numbers(&report, ["answered"]), [0]);
}
