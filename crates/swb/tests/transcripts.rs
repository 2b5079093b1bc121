//! README's transcripts, and those of `docs/transcripts.md`: each is replayed and must happen as printed.
//!
//! A transcript is an indented block that begins with `$`. `$` is one terminal, `%` another; a line that begins
//! with neither is what the terminal shows. What is typed into a running program has `>` before it, `^D` ends
//! the input and `^C` interrupts. Where a block has two columns (`│`), time runs down the page in both.
//!
//! Each runs in a directory of its own, in a shell, with ports of its own in place of the printed ones; ports
//! that the kernel chose, times and spans of time match any other ([`patterns`]).

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "transcripts/page.rs"]
mod page;
#[path = "transcripts/patterns.rs"]
mod patterns;
#[path = "transcripts/replay.rs"]
mod replay;
mod support;
#[path = "transcripts/terminal.rs"]
mod terminal;

use std::path::Path;

/// What a new user must find here, by the headings of `docs/transcripts.md`.
const TASKS: &[&str] = &[
    "Chat between two terminals",
    "Send a file",
    "Echo over UDP",
    "See who called",
    "Serve on a Unix socket",
    "Find out why a port cannot be bound",
];

fn text_of(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn happens_as_printed(file: &str, at_least: usize) {
    let transcripts = page::transcripts(&text_of(file));
    assert!(transcripts.len() >= at_least, "{file}: only {} transcripts were found", transcripts.len());
    let failures: Vec<String> = std::thread::scope(|scope| {
        let replays: Vec<_> =
            transcripts.iter().map(|one| (one, scope.spawn(|| replay::replay(one)))).collect();
        let ended = replays.into_iter().map(|(one, replay)| (one, replay.join().unwrap()));
        let failed = ended.filter_map(|(one, ended)| Some((one, ended.err()?)));
        failed.map(|(one, why)| format!("{file}:{}: {}\n{why}", one.line, one.title)).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_transcript_of_the_readme_happens_as_printed() {
    happens_as_printed("README.md", 5);
}

#[test]
fn every_transcript_of_the_documents_happens_as_printed() {
    happens_as_printed("docs/transcripts.md", TASKS.len());
}

#[test]
fn the_documents_show_all_that_a_new_user_needs() {
    let text = text_of("docs/transcripts.md");
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    for task in TASKS {
        let section = sections.iter().find(|section| section.lines().next() == Some(task));
        let section = section.unwrap_or_else(|| panic!("docs/transcripts.md does not tell: {task}"));
        assert!(!page::transcripts(section).is_empty(), "no transcript under: {task}");
    }
}
