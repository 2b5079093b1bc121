//! `scripts/bench`, run for a moment: that each of its parts still goes, so that every figure can be had again.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use support::{Directory, Finished, program, run};

/// The root of the repository.
fn root() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", ".."].iter().collect()
}

/// Python, by its path, since one of the tests takes the others away.
fn python(arguments: &[&str]) -> Command {
    let asked = run(program("python3", &["-c", "import sys; print(sys.executable)"]), b"");
    let mut command = program(asked.text().trim(), &[&["-B"], arguments].concat());
    command.current_dir(root().join("scripts"));
    command
}

/// The benchmark of the `swb` that is tested; one short round.
fn bench(arguments: &[&str]) -> Command {
    let common = ["bench", "--swb", env!("CARGO_BIN_EXE_swb"), "--rounds", "1", "--seconds", "0.2"];
    python(&[&common, arguments].concat())
}

/// The cells of the row of this name in the table below this command.
fn row(ended: &Finished, scenario: &str, name: &str) -> Vec<String> {
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let text = ended.text();
    let below =
        text.split_once(&format!("    scripts/bench {scenario} ")).unwrap_or_else(|| panic!("{text}")).1;
    let line = below.lines().find(|line| line.starts_with(&format!("| {name} |")));
    let line = line.unwrap_or_else(|| panic!("no row {name} of {scenario}: {text}"));
    line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

/// The number that a cell begins with.
fn number(cell: &str) -> f64 {
    let digits = cell.split(' ').next().unwrap().replace(',', "");
    digits.parse().unwrap_or_else(|_| panic!("no number: {cell}"))
}

#[test]
fn every_part_is_python_and_the_examples_in_its_comments_hold() {
    let checks = "
import doctest, importlib, pathlib, sys
sys.path.insert(0, '')
names = ['.'.join(path.with_suffix('').parts) for path in pathlib.Path('benchmark').rglob('*.py')]
tried = [doctest.testmod(importlib.import_module(name)) for name in names]
print(len(names), sum(each.attempted for each in tried))
sys.exit(sum(each.failed for each in tried))
";
    let ended = run(python(&["-c", checks]), b"");
    assert_eq!(ended.code(), 0, "{} {}", ended.text(), ended.stderr);
    let text = ended.text();
    let (parts, examples) = text.trim().split_once(' ').unwrap();
    assert!(number(parts) >= 10.0 && number(examples) >= 5.0, "{text}");
}

#[test]
fn a_scenario_prints_a_table_and_writes_what_it_was_made_of() {
    let folder = Directory::new();
    let ended = run(bench(&["echo50", "--only", "swb", "--json", &folder.file("json")]), b"");
    let rate = number(&row(&ended, "echo50", "swb")[1]);
    assert!(rate > 0.0, "{}", ended.text());
    let written: Value = serde_json::from_slice(&std::fs::read(folder.file("json")).unwrap()).unwrap();
    let figures = &written["scenarios"][0]["rounds"][0]["figures"]["swb"];
    let exactly = figures["rate"].as_f64().unwrap();
    assert!((exactly / rate - 1.0).abs() < 0.01, "{rate} is in the table of {written}");
    assert!(figures["cpu"].as_f64().unwrap() > 0.0, "the server's CPU time was seen: {written}");
}

#[test]
fn every_kind_of_scenario_measures_swb() {
    let scenarios = ["churn", "udp", "bursts", "oneway", "transports", "relay", "ws", "ws-bulk"];
    let ended = run(bench(&[&scenarios[..], &["--only", "swb", "--gigabytes", "0.05"]].concat()), b"");
    for (scenario, name) in [
        ("churn", "swb"),
        ("udp", "swb"),
        ("bursts", "1,400, swb"),
        ("oneway", "swb"),
        ("transports", "unix-seqpacket"),
        ("relay", "swb"),
        ("ws", "swb"),
        ("ws-bulk", "up, swb"),
        ("ws-bulk", "down, swb"),
    ] {
        let cells = row(&ended, scenario, name);
        assert!(number(&cells[1]) > 0.0, "{scenario}: {cells:?}");
    }
}

#[test]
fn tls_is_measured_by_a_client_of_openssls_make() {
    let ended = run(bench(&["tls", "tls-calls", "tls-bulk", "--only", "swb"]), b"");
    for (scenario, name) in
        [("tls", "swb"), ("tls-calls", "resumed, swb"), ("tls-bulk", "up, swb"), ("tls-bulk", "down, swb")]
    {
        let cells = row(&ended, scenario, name);
        if cells[1].starts_with("not built") {
            return eprintln!("returns early: the client was {}", cells[1]);
        }
        assert!(number(&cells[1]) > 0.0, "{scenario}: {cells:?}");
    }
}

#[test]
fn the_system_calls_of_an_echo_are_counted() {
    let ended = run(bench(&["syscalls", "--only", "swb"]), b"");
    let cells = row(&ended, "syscalls", "echo, swb under epoll");
    let [all, receiving, sending] = [1, 3, 4].map(|index| number(&cells[index]));
    assert!(receiving >= 1.0 && sending >= 1.0 && all >= receiving + sending, "{cells:?}");
}

#[test]
fn a_peer_has_its_ratio_within_the_round() {
    let ended = run(bench(&["echo50", "--only", "swb,c-epoll"]), b"");
    let [ours, theirs] = ["swb", "c-epoll"].map(|name| row(&ended, "echo50", name));
    let (ratio, expected) = (number(&theirs[2]), number(&ours[1]) / number(&theirs[1]));
    assert!((ratio / expected - 1.0).abs() < 0.05, "{ratio} is {ours:?} over {theirs:?}");
    assert_eq!(ours[2], "-", "nobody is compared with itself");
}

#[test]
fn a_peer_that_is_missing_is_a_row_that_says_how_to_get_it() {
    let mut command = bench(&["echo50", "--only", "swb,socat"]);
    command.env("PATH", "");
    let ended = run(command, b"");
    assert_eq!(row(&ended, "echo50", "socat")[1], "missing; apt-get install socat");
    assert!(number(&row(&ended, "echo50", "swb")[1]) > 0.0, "the others are measured");
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    for (arguments, word) in [(["echo51", "--only", "swb"], "echo50"), (["echo50", "--only", "sbw"], "swb")] {
        let ended = run(bench(&arguments), b"");
        assert_eq!((ended.code(), ended.text().as_str()), (1, ""), "{}", ended.stderr);
        assert!(ended.stderr.contains(word), "{}", ended.stderr);
    }
}
