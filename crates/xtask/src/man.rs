//! Man pages: section 1 for each command, section 7 for each topic.
//!
//! man(7), groff_man(7).

use std::io;

use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use swb::{TOPICS, Topic};

use crate::File;

/// Where the examples begin in a long help.
const EXAMPLES: &str = "Examples:\n";

/// Every page, by its file's name.
pub(crate) fn pages() -> io::Result<Vec<File>> {
    let mut command = swb::command();
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages)?;
    TOPICS.iter().try_for_each(|topic| page_of_topic(topic).map(|page| pages.push(page)))?;
    Ok(pages)
}

/// The page of a command, then those of the commands below it.
fn add(command: &clap::Command, pages: &mut Vec<File>) -> io::Result<()> {
    pages.push(page_of_command(command)?);
    command.get_subcommands().try_for_each(|below| add(below, pages))
}

fn page_of_command(command: &clap::Command) -> io::Result<File> {
    let man = Man::new(command.clone()).source(version()).manual("Switchboard");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let after = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let (notes, examples) = after.split_once(EXAMPLES).unwrap_or((&after, ""));
    section("NOTES", notes, &mut page)?;
    section("EXAMPLES", examples, &mut page)?;
    let topics: Vec<String> = TOPICS.iter().map(|topic| format!("swb-{}(7)", topic.name)).collect();
    section("SEE ALSO", &format!("swb(1), {}", topics.join(", ")), &mut page)?;
    Ok((man.get_filename(), page))
}

fn page_of_topic(topic: &Topic) -> io::Result<File> {
    let name = format!("swb-{}", topic.name);
    let mut page = Vec::new();
    let mut head = Roff::new();
    head.control("TH", [name.as_str(), "7", "", &version(), "Switchboard"]);
    head.control("SH", ["NAME"]);
    head.text([roman(format!("{name} - {}", topic.about))]);
    head.to_writer(&mut page)?;
    section("DESCRIPTION", &topic.text(), &mut page)?;
    section("SEE ALSO", "swb(1)", &mut page)?;
    Ok((format!("{name}.7"), page))
}

/// A section of text whose lines stay as they are; none if there is no text.
fn section(heading: &str, text: &str, page: &mut Vec<u8>) -> io::Result<()> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    roff.control("nf", []);
    for line in text.trim_matches('\n').lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.to_writer(page)
}

fn version() -> String {
    format!("swb {}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(name: &str) -> String {
        let pages = pages().unwrap();
        let (_, page) = pages.iter().find(|(file, _)| file == name).unwrap_or_else(|| panic!("no {name}"));
        String::from_utf8(page.clone()).unwrap()
    }

    #[test]
    fn every_command_and_topic_has_a_page() {
        let names: Vec<String> = pages().unwrap().into_iter().map(|(name, _)| name).collect();
        for name in ["swb.1", "swb-connect.1", "swb-serve.1", "swb-serve-echo.1", "swb-doctor.1"] {
            assert!(names.iter().any(|there| there == name), "{name} is not in {names:?}");
        }
        for topic in TOPICS {
            assert!(names.contains(&format!("swb-{}.7", topic.name)), "{} is not in {names:?}", topic.name);
        }
        let mut unique = names.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), names.len(), "{names:?}");
    }

    #[test]
    fn a_page_has_name_synopsis_options_and_examples() {
        let page = page("swb-serve-echo.1");
        for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "\"SEE ALSO\""] {
            assert!(page.contains(&format!(".SH {heading}\n")), "no {heading} in {page}");
        }
        assert!(page.contains("swb serve echo udp://:9988"), "{page}");
        assert!(page.contains("\\-\\-engine"), "{page}");
    }

    #[test]
    fn no_line_of_text_is_taken_for_a_request() {
        let mut page = Vec::new();
        section("NOTES", ".SH TRICK\n'tcp://:80'\nback\\slash", &mut page).unwrap();
        let page = String::from_utf8(page).unwrap();
        assert!(page.contains("\n\\&.SH TRICK\n\\*(Aqtcp://:80\\*(Aq\nback\\\\slash\n"), "{page}");
    }
}
