//! Completions for bash, zsh and fish.

use std::io;

use clap::builder::PossibleValuesParser;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};
use swb::TOPICS;
use switchboard::Engine;

use crate::File;

/// Every script, by the name under which its shell looks for it.
pub(crate) fn scripts() -> io::Result<Vec<File>> {
    let mut files = vec![("swb.bash".to_owned(), Vec::new()), ("_swb".to_owned(), Vec::new())];
    files.push(("swb.fish".to_owned(), Vec::new()));
    let mut command = with_words(swb::command());
    generate(Bash, &mut command, "swb", &mut files[0].1);
    generate(Zsh, &mut command, "swb", &mut files[1].1);
    generate(Fish, &mut command, "swb", &mut files[2].1);
    Ok(files)
}

/// The definitions with the words that can stand where the program reads them by a table of its own.
fn with_words(command: clap::Command) -> clap::Command {
    let engines = ["auto"].into_iter().chain(Engine::ALL.map(|engine| engine.capabilities().name));
    let engines = PossibleValuesParser::new(engines);
    let commands = command.get_subcommands().map(|below| below.get_name().to_owned());
    let topics = TOPICS.iter().map(|topic| topic.name.to_owned()).chain(commands);
    let topics = PossibleValuesParser::new(topics.collect::<Vec<String>>());
    command
        .mut_subcommand("serve", |serve| serve.mut_arg("engine", |engine| engine.value_parser(engines)))
        .mut_subcommand("help", |help| help.mut_arg("topic", |topic| topic.value_parser(topics)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash offers for the last of these words.
    fn offered(words: &[&str]) -> Vec<String> {
        let script = String::from_utf8(scripts().unwrap().remove(0).1).unwrap();
        let program = format!(
            "{script}\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _swb swb \"${{COMP_WORDS[COMP_CWORD]}}\" \
             \"${{COMP_WORDS[COMP_CWORD - 1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let output = Command::new("bash").args(["-c", &program, "bash"]).args(words).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_services_options_engines_and_topics() {
        let rows: &[(&[&str], &str)] = &[
            (&["swb", "con"], "connect"),
            (&["swb", "serve", "ec"], "echo"),
            (&["swb", "serve", "echo", "--max-"], "--max-calls"),
            (&["swb", "serve", "echo", "--engine", "ep"], "epoll"),
            (&["swb", "list", "sch"], "schemes"),
            (&["swb", "help", "addr"], "addresses"),
            (&["swb", "connect", "--until", "p"], "peer"),
        ];
        for (words, wanted) in rows {
            let offered = offered(words);
            assert!(offered.iter().any(|one| one == wanted), "{words:?}: {wanted} is not in {offered:?}");
        }
    }

    #[test]
    fn zsh_and_fish_know_every_command() {
        let scripts = scripts().unwrap();
        for (name, script) in &scripts[1..] {
            let script = String::from_utf8_lossy(script);
            for command in swb::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{name} lacks {}", command.get_name());
            }
        }
    }
}
