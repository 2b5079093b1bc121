//! `swb tour`: every scene of the lectures, played live on loopback and checked.
//!
//! A scene is played with this program itself: its children are started with the commands that stand under the
//! scene, so that what is shown is what was run, and the library's caller calls them. Bounds: 8 scenes at once,
//! since most of them wait; 10 s a scene. Protected: however it ends, by a scene that fails, a signal, or output
//! that nobody reads, no child and no file of its is left.

mod bad_network;
mod calls;
mod datagrams;
mod echo;
mod engines;
mod hello;
mod messenger;
mod patience;
mod process;
mod program;
mod queue;
mod report;
mod run;
mod same_machine;
mod scene;
mod shortage;
mod stage;
mod steps;
mod typed;
mod who;

use std::io::Write as _;
use std::time::{Duration, Instant};

use switchboard::{Control, SignalWatch, address::nearest};

use crate::failure::{Failure, Status, output_error};
use crate::files::raise_descriptor_limit;
use crate::invocation::Tour;

use report::Summary;
use scene::Scene;

/// The scenes, by their lecture.
const SCENES: &[&[Scene]] = &[
    messenger::SCENES,
    hello::SCENES,
    same_machine::SCENES,
    steps::SCENES,
    calls::SCENES,
    echo::SCENES,
    datagrams::SCENES,
    bad_network::SCENES,
    who::SCENES,
    queue::SCENES,
    shortage::SCENES,
    typed::SCENES,
];

/// Those that measure: they play last and one at a time.
const MEASURED: &[Scene] = engines::SCENES;

const SCENES_AT_ONCE: usize = 8;

const SIGNALS: [i32; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

pub(crate) fn run(arguments: &Tour) -> Result<(), Failure> {
    let is_chosen = chosen(&arguments.scenes)?;
    let scenes: Vec<_> = SCENES.iter().copied().flatten().filter(|scene| is_chosen(scene)).collect();
    let measured: Vec<_> = MEASURED.iter().filter(|scene| is_chosen(scene)).collect();
    if arguments.list {
        let all = [scenes, measured].concat();
        return print(&if arguments.json { report::list_json(&all) } else { report::list(&all) });
    }
    raise_descriptor_limit();
    let (curtain, watch) = curtain().map_err(|error| {
        Failure::new(Status::Other, format!("cannot watch signals: {}", sys::describe(&error)))
    })?;
    let began = Instant::now();
    let mut summary = Summary::default();
    let mut tell = |performance: &scene::Performance| {
        let blank = if summary.count() == 0 { "" } else { "\n" };
        summary.add(performance);
        if arguments.json {
            return print(&report::json(performance));
        }
        print(&format!("{blank}{}", report::text(performance)))
    };
    let played = run::play(&scenes, SCENES_AT_ONCE, &curtain, &mut tell)
        .and_then(|()| run::play(&measured, 1, &curtain, &mut tell));
    if let Some(signal) = SIGNALS.into_iter().find(|signal| watch.count(*signal) > 0) {
        return Err(Failure::signalled(signal));
    }
    played?;
    if !arguments.json && summary.count() > 1 {
        print(&summary.text(began.elapsed()))?;
    }
    summary.outcome()
}

/// The switch that ends every scene, and the signals that throw it.
fn curtain() -> std::io::Result<(Control, SignalWatch)> {
    let curtain = Control::new()?;
    let watch = SignalWatch::install(&SIGNALS, curtain.ending_fd().try_clone_to_owned()?)?;
    Ok((curtain, watch))
}

/// Which scenes are meant by these rows and names; all, if there are none.
fn chosen(wanted: &[String]) -> Result<impl Fn(&Scene) -> bool, Failure> {
    let all = || SCENES.iter().copied().flatten().chain(MEASURED);
    for name in wanted {
        if !all().any(|scene| scene.is_called(name)) {
            let names = all().flat_map(|scene| scene.rows.iter().copied().chain([scene.name]));
            let hint = nearest(name, names).map_or_else(String::new, |near| format!("did you mean {near}? "));
            return Err(Failure::usage(format!(
                "no scene is called {name:?}; {hint}swb tour --list shows them"
            )));
        }
    }
    Ok(move |scene: &Scene| wanted.is_empty() || wanted.iter().any(|name| scene.is_called(name)))
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| output_error(&error))
}

/// How long a scene may take.
const SCENE_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Scene> {
        SCENES.iter().copied().flatten().chain(MEASURED)
    }

    #[test]
    fn every_command_by_hand_parses_and_fits_on_a_line() {
        for line in all().flat_map(|scene| scene.by_hand) {
            assert!(line.len() <= 89, "{line} has {} columns", line.len());
            let words = shell_words::split(line).unwrap();
            for command in words.split(|word| word == "|").filter(|words| words[0] == "swb") {
                if let Err(error) = crate::help::command().try_get_matches_from(command) {
                    panic!("{line}: {error}");
                }
            }
        }
    }

    #[test]
    fn no_two_scenes_have_one_name() {
        let mut names: Vec<&str> = all().map(|scene| scene.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(all().all(|scene| !scene.rows.is_empty() && !scene.by_hand.is_empty()));
    }
}
