//! Help texts: each compared whole with its file in `help/`, so that a change of them is seen.
//!
//! After a wanted change: `SWB_RENEW_HELP=1 cargo test -p swb --test help` writes the files anew; read what
//! `git diff` says of them.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use support::{Finished, run, swb};

/// Columns of the terminal for which the texts are made.
const COLUMNS: &str = "100";

/// Lines of it: `swb -h` is one screen.
const LINES: usize = 40;

/// What `swb` says to these arguments, for that terminal.
fn help(arguments: &[&str]) -> Finished {
    let mut command = swb(arguments);
    command.env("COLUMNS", COLUMNS);
    run(command, b"")
}

/// The text that it prints, and nothing else.
fn text(arguments: &[&str]) -> String {
    let ended = help(arguments);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{arguments:?}");
    ended.text()
}

/// Every text, by its file.
fn texts() -> BTreeMap<String, String> {
    fn add(command: &clap::Command, path: &[&str], texts: &mut BTreeMap<String, String>) {
        let words = path.join(" ");
        let (short, long) = (text(&[path, &["-h"]].concat()), text(&[path, &["--help"]].concat()));
        let said =
            format!("$ swb {words} -h\n{short}\n$ swb {words} --help\n{long}").replace("swb  ", "swb ");
        texts.insert(
            format!("{}.txt", ["swb"].iter().chain(path).copied().collect::<Vec<_>>().join("-")),
            said,
        );
        for below in command.get_subcommands() {
            add(below, &[path, &[below.get_name()]].concat(), texts);
        }
    }
    let mut texts = BTreeMap::new();
    add(&swb::command(), &[], &mut texts);
    for topic in swb::TOPICS {
        texts.insert(format!("topic-{}.txt", topic.name), text(&["help", topic.name]));
    }
    texts
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/help")
}

#[test]
fn every_help_text_is_as_it_was_agreed() {
    let (folder, texts) = (folder(), texts());
    if std::env::var_os("SWB_RENEW_HELP").is_some() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in &texts {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    const RENEW: &str = "if it is wanted: SWB_RENEW_HELP=1 cargo test -p swb --test help";
    let files = fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.collect();
    files.sort();
    assert_eq!(files, texts.keys().cloned().collect::<Vec<_>>(), "commands or topics have changed; {RENEW}");
    for (name, text) in &texts {
        let agreed = fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(*text, agreed, "{name} has changed; {RENEW}");
    }
}

#[test]
fn the_short_help_is_one_screen() {
    let short = text(&["-h"]);
    let widest = short.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(short.lines().count() <= LINES, "{short}");
    assert!(widest <= COLUMNS.parse().unwrap(), "{widest} columns: {short}");
    assert!(!short.contains("Examples:"), "{short}");
}

#[test]
fn help_of_a_command_is_its_long_help() {
    assert_eq!(text(&["help"]), text(&["--help"]));
    assert_eq!(text(&["help", "serve", "echo"]), text(&["serve", "echo", "--help"]));
}

#[test]
fn a_topic_that_is_none_is_told_with_those_there_are() {
    let ended = help(&["help", "optins"]);
    assert_eq!((ended.code(), ended.text().as_str()), (2, ""));
    assert!(ended.stderr.starts_with(
        "swb: \"optins\" is neither a topic (addresses, options, impair, ends, files, typing, engines) nor"
    ));
    assert!(ended.stderr.contains("connect, listen, ask, serve"), "{}", ended.stderr);
}

#[test]
fn for_a_topic_or_command_that_is_none_the_nearest_is_suggested() {
    for (path, nearest) in
        [(&["optins"][..], "options"), (&["lisen"], "listen"), (&["serve", "ehco"], "echo")]
    {
        let said = help(&[&["help"], path].concat()).stderr;
        assert!(said.ends_with(&format!("; did you mean {nearest}?")), "{said}");
    }
    let said = help(&["help", "something"]).stderr;
    assert!(!said.contains("did you mean"), "{said}");
}
