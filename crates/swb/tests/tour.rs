//! `swb tour`: every scene is there, is played, and leaves nothing behind, however the tour ends.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::time::{Duration, Instant};

use support::peer::{installed, wait_until};
use support::{Directory, Finished, Running, run, run_swb, swb};

/// The rows of the acceptance list that the tour has to play.
const ROWS: &[&str] = &[
    "P1", "P2", "P3", "P4", "P5", "P6", "P9", "P10", "P11", "P12", "P13", "P14", "P15", "P16", "P17", "P18",
    "P19", "P20", "P21", "P22", "P23", "P24", "P25", "P26", "P27", "P28", "P29", "P30", "P31", "P32", "C3",
    "C5", "C19", "C21", "C23", "C29",
];

/// How long all scenes together may take.
const WHOLE: Duration = Duration::from_secs(20);

/// A tour whose files, and whose children, are known by a folder of their own.
fn tour(folder: &Directory, arguments: &[&str]) -> std::process::Command {
    let mut command = swb(&[&["tour"], arguments].concat());
    command.env("TMPDIR", folder.path());
    command
}

fn leaves_nothing(folder: &Directory) {
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(left.is_empty(), "files are left: {left:?}");
    let mark = format!("TMPDIR={}\0", folder.path().display());
    wait_until("no process of the tour is left", || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut environments =
            processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
        !environments.any(|environment| environment.windows(mark.len()).any(|part| part == mark.as_bytes()))
    });
}

/// The text behind `"member":` in an object, quotes included.
fn member<'a>(object: &'a str, name: &str) -> &'a str {
    let (_, value) =
        object.split_once(&format!("\"{name}\":")).unwrap_or_else(|| panic!("no {name}: {object}"));
    let end =
        if value.starts_with('[') { value.find(']').unwrap() + 1 } else { value.find([',', '}']).unwrap() };
    &value[..end]
}

#[test]
fn every_row_has_its_scene_and_listing_them_plays_none() {
    let listed = run_swb(&["tour", "--list", "--json"], b"");
    assert_eq!((listed.code(), listed.stderr.as_str()), (0, ""));
    let text = listed.text();
    for row in ROWS {
        let quoted = format!("\"{row}\"");
        assert!(text.lines().any(|scene| member(scene, "rows").contains(&quoted)), "{row} has no scene");
    }
    assert!(!text.contains("\"passed\""), "{text}");
    let listed = run_swb(&["tour", "--list"], b"").text();
    for part in
        ["P14  long-calls\n", "     idea  A forking server", "     try   swb serve reply 'hello back'"]
    {
        assert!(listed.contains(part), "{part:?} is not in {listed}");
    }
}

#[test]
fn the_whole_tour_passes_in_time_and_leaves_nothing() {
    let folder = Directory::new();
    let began = Instant::now();
    let played = run(tour(&folder, &["--json"]), b"");
    let lasted = began.elapsed();
    let text = played.text();
    assert_eq!((played.code(), played.stderr.as_str()), (0, ""), "{text}");
    let scenes = run_swb(&["tour", "--list", "--json"], b"").text();
    assert_eq!(text.lines().count(), scenes.lines().count());
    for (played, listed) in text.lines().zip(scenes.lines()) {
        assert_eq!(member(played, "name"), member(listed, "name"), "scenes are told in their order");
        let passed = member(played, "passed");
        assert!(passed == "true" || (passed == "null" && played.contains("\"not played: ")), "{played}");
        assert_ne!(member(played, "saw"), "\"\"", "{played}");
        // A command by hand is one that was run, but for where it listens and whom it calls.
        let places = [" tcp:", " udp:", " 'udp:"];
        let begins =
            |line: &str| places.iter().fold(line, |line, place| line.split(place).next().unwrap()).to_owned();
        let first = member(played, "command").trim_start_matches("[\"").split('"').next().unwrap();
        if first.starts_with("swb ") && passed == "true" {
            assert!(member(played, "did").contains(&begins(first)), "{first} was not run: {played}");
        }
    }
    assert!(lasted < WHOLE, "the tour took {lasted:?}");
    leaves_nothing(&folder);
}

#[test]
fn a_scene_is_told_with_what_it_did_and_saw_and_how_to_do_it_by_hand() {
    for name in ["hello-back", "P13", "p13"] {
        let played = run_swb(&["tour", "--scene", name], b"");
        assert_eq!((played.code(), played.stderr.as_str()), (0, ""));
        let text = played.text();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("P13  hello-back  ") && lines[0].contains(" ok "), "{text}");
        for (line, label) in lines[1..].iter().zip(["idea", "did", "saw", "try", ""]) {
            assert!(line.starts_with(&format!("     {label:6}")), "{line:?} should begin with {label}");
        }
        assert!(lines.iter().all(|line| line.chars().count() <= 100), "{text}");
        assert!(text.contains("swb serve reply 'hello back' tcp://127.0.0.1:0"), "{text}");
        assert!(text.contains("\n           swb ask tcp://localhost:2021 hello\n"), "{text}");
    }
}

#[test]
fn the_steps_of_a_call_are_told_with_its_own_descriptor() {
    let text = run_swb(&["tour", "--scene", "P15", "--json"], b"").text();
    let steps = ["socket(AF_INET, ", "; bind(", "; listen(", "; accept4(", "; recv(", "; send(", "; close("];
    let mut rest = text.split_once("callee: ").unwrap_or_else(|| panic!("{text}")).1;
    for step in steps {
        rest = rest.split_once(step).unwrap_or_else(|| panic!("no {step} in {text}")).1;
    }
}

#[test]
fn several_scenes_are_played_in_their_own_order_and_counted() {
    let played = run_swb(&["tour", "--scene", "ports", "--scene", "P13", "--scene", "p1"], b"");
    let text = played.text();
    let heads: Vec<&str> = text.lines().filter(|line| line.contains(" ok  ")).collect();
    let names: Vec<&str> = heads.iter().map(|head| head.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!((names, played.code()), (vec!["messenger-caller", "hello-back", "ports"], 0), "{text}");
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("scenes: 3 ok, 0 not played, 0 failed; "), "{last}");
}

#[test]
fn an_unknown_scene_is_told_with_the_nearest() {
    let ended = run_swb(&["tour", "--scene", "helo-back", "--scene", "P1"], b"");
    let wanted = "swb: no scene is called \"helo-back\"; did you mean hello-back? swb tour --list shows them";
    assert_eq!((ended.code(), ended.text().as_str(), ended.stderr.as_str()), (2, "", wanted));
    assert_eq!(run_swb(&["tour", "--list", "--scene", "P99"], b"").code(), 2);
}

/// A folder whose path is too long for a Unix socket in it.
#[test]
fn a_scene_that_fails_is_named_with_what_it_saw_and_the_others_are_played() {
    let folder = Directory::new();
    let long = folder.file(&"long".repeat(30));
    std::fs::create_dir(&long).unwrap();
    let mut command = swb(&["tour", "--scene", "P13", "--scene", "P9", "--scene", "P1"]);
    let played = run(
        {
            command.env("TMPDIR", &long);
            command
        },
        b"",
    );
    assert_eq!(played.code(), 1);
    let wanted = "swb: 1 of 3 scenes failed: same-machine (P9 P17); what each saw is said above";
    assert_eq!(played.stderr, wanted);
    let text = played.text();
    let failed: Vec<&str> = text.lines().skip_while(|line| !line.contains("same-machine")).collect();
    assert!(failed[0].contains(" FAILED "), "{text}");
    assert!(text.contains("107 bytes at most"), "what the server said is told: {text}");
    assert!(text.contains("scenes: 2 ok, 0 not played, 1 failed; "), "{text}");
    assert_eq!(std::fs::read_dir(&long).unwrap().count(), 0);
}

#[test]
fn a_scene_that_this_machine_has_no_room_for_is_not_played_and_says_why() {
    let program = env!("CARGO_BIN_EXE_swb");
    let few = ["--nofile=128:128", program, "tour", "--scene", "many-sockets"];
    let played = run(installed("prlimit", &few), b"");
    let text = played.text();
    assert_eq!((played.code(), played.stderr.as_str()), (0, ""), "{text}");
    assert!(text.contains("not played: ") && text.contains("128 are allowed"), "{text}");
}

#[test]
fn an_interrupted_tour_ends_at_once_with_its_children_and_files() {
    for signal in [2, 15] {
        let folder = Directory::new();
        let mut touring = Running::start(&mut tour(&folder, &[]));
        touring.wait_for_text("P1  ");
        touring.signal(signal);
        let ended = touring.finish();
        assert_eq!((ended.code(), ended.stderr.as_str()), (128 + signal, ""));
        leaves_nothing(&folder);
    }
}

#[test]
fn a_tour_whose_reader_goes_ends_without_a_word() {
    let folder = Directory::new();
    let script = r#""$0" tour | head -n 1; echo "${PIPESTATUS[0]}""#;
    let mut command = installed("bash", &["-c", script, env!("CARGO_BIN_EXE_swb")]);
    let ended: Finished = run(
        {
            command.env("TMPDIR", folder.path());
            command
        },
        b"",
    );
    assert!(ended.text().starts_with("P1  "), "{}", ended.text());
    assert_eq!((ended.text().lines().last(), ended.stderr.as_str()), (Some("0"), ""));
    leaves_nothing(&folder);
}
