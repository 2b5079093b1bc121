//! What is told of a tour: 100 columns for people, an object a scene for programs.

use std::time::Duration;

use crate::failure::{Failure, Status};
use crate::json::Json;

use super::scene::{Missed, Performance, Scene};

const COLUMNS: usize = 100;
/// Where the text behind `did`, `saw` and `try` begins.
const INDENT: &str = "           ";

/// How the scenes of a tour went.
#[derive(Default)]
pub(super) struct Summary {
    passed: usize,
    not_played: usize,
    failed: Vec<String>,
}

impl Summary {
    pub(super) fn add(&mut self, performance: &Performance) {
        let Scene { name, rows, .. } = performance.scene;
        match &performance.played {
            Ok(_) => self.passed += 1,
            Err(Missed::Lacking(_)) => self.not_played += 1,
            Err(Missed::Differed(_) | Missed::Interrupted) => {
                self.failed.push(format!("{name} ({})", rows.join(" ")));
            }
        }
    }

    pub(super) fn count(&self) -> usize {
        self.passed + self.not_played + self.failed.len()
    }

    /// The last line, set off from the scenes.
    pub(super) fn text(&self, lasted: Duration) -> String {
        let Summary { passed, not_played, failed } = self;
        let seconds = lasted.as_secs_f64();
        let failed = failed.len();
        format!("\nscenes: {passed} ok, {not_played} not played, {failed} failed; {seconds:.3} s\n")
    }

    /// A failure that names the scenes, if there are some that failed.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        let of = self.count();
        match self.failed.len() {
            0 => Ok(()),
            failed => {
                let names = self.failed.join(", ");
                let message = format!("{failed} of {of} scenes failed: {names}; what each saw is said above");
                Err(Failure::new(Status::Other, message))
            }
        }
    }
}

/// A scene for people: how it went, the idea, what was done and seen, the commands to do it by hand.
pub(super) fn text(performance: &Performance) -> String {
    let Performance { scene, did, played, lasted } = performance;
    let (verdict, saw) = verdict(played);
    let head = format!("{}  {}", scene.rows.join(" "), scene.name);
    let time = format!("{:.3} s", lasted.as_secs_f64());
    let left = COLUMNS - 9 - 1 - verdict.len();
    let mut text = format!("{head:left$} {verdict}{time:>9}\n{}", labelled("idea", scene.idea));
    text.push_str(&labelled("did", &did.join("; ")));
    text.push_str(&labelled("saw", &saw));
    text.push_str(&by_hand(scene));
    text
}

fn verdict(played: &Result<String, Missed>) -> (&'static str, String) {
    match played {
        Ok(saw) => ("ok", saw.clone()),
        Err(Missed::Lacking(what)) => ("not played", format!("not played: {what}")),
        Err(Missed::Differed(what)) => ("FAILED", what.clone()),
        Err(Missed::Interrupted) => ("FAILED", "the tour was interrupted".to_owned()),
    }
}

/// A line that begins with its label; further lines stand under its text. Nothing in it can drive a terminal.
fn labelled(label: &str, text: &str) -> String {
    let printable: String = text
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect();
    let first = format!("     {label:6}");
    // Addresses are not cut in two.
    let options = textwrap::Options::new(COLUMNS)
        .initial_indent(&first)
        .subsequent_indent(INDENT)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(false);
    format!("{}\n", textwrap::fill(&printable, options))
}

/// The commands, each whole on a line of its own, so that it can be copied.
fn by_hand(scene: &Scene) -> String {
    let lines = scene.by_hand.iter().enumerate();
    lines.map(|(index, line)| format!("     {:6}{line}\n", if index == 0 { "try" } else { "" })).collect()
}

/// All scenes: rows, name, idea, commands.
pub(super) fn list(scenes: &[&Scene]) -> String {
    let one = |scene: &&Scene| {
        let (rows, name) = (scene.rows.join(" "), scene.name);
        format!("{rows}  {name}\n{}{}", labelled("idea", scene.idea), by_hand(scene))
    };
    scenes.iter().map(one).collect()
}

/// The same for programs.
pub(super) fn list_json(scenes: &[&Scene]) -> String {
    scenes.iter().map(|scene| format!("{}\n", Json::Object(members(scene)))).collect()
}

/// A scene for programs. `passed` is null where it was not played.
pub(super) fn json(performance: &Performance) -> String {
    let Performance { scene, did, played, lasted } = performance;
    let passed = match played {
        Ok(_) => Some(true),
        Err(Missed::Lacking(_)) => None,
        Err(Missed::Differed(_) | Missed::Interrupted) => Some(false),
    };
    let mut all = members(scene);
    all.extend([
        ("passed", passed.into()),
        ("seconds", (*lasted).into()),
        ("did", texts(did)),
        ("saw", verdict(played).1.into()),
    ]);
    format!("{}\n", Json::Object(all))
}

fn members(scene: &Scene) -> Vec<(&'static str, Json)> {
    let Scene { rows, name, idea, by_hand, .. } = scene;
    vec![
        ("rows", texts(rows)),
        ("name", (*name).into()),
        ("idea", (*idea).into()),
        ("command", texts(by_hand)),
    ]
}

fn texts(all: &[impl AsRef<str>]) -> Json {
    Json::List(all.iter().map(|text| text.as_ref().into()).collect())
}
