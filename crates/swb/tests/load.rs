//! `swb load` as it is run: against our servers and others', its report, its JSON, its pictures, its exit status.

#![allow(clippy::unwrap_used, reason = "a panic is the failure that is wanted")]

#[path = "load/engines.rs"]
mod engines;
#[path = "load/impaired.rs"]
mod impaired;
#[path = "load/programs.rs"]
mod programs;
#[path = "load/report.rs"]
mod report;
#[path = "load/servers.rs"]
mod servers;
mod support;

use serde_json::Value;

use support::{Finished, run_swb};

/// Runs a load with `--json`; how it ended, and its object.
fn load(arguments: &[&str]) -> (Finished, Value) {
    let finished = run_swb(&[&["load", "--json"], arguments].concat(), b"");
    let text = finished.text();
    assert_eq!(text.lines().count(), 1, "one object a line: {text:?} {}", finished.stderr);
    let value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (finished, value)
}

/// Numbers of an object by their names.
fn numbers<const N: usize>(value: &Value, names: [&str; N]) -> [u64; N] {
    names.map(|name| value[name].as_u64().unwrap_or_else(|| panic!("{name} of {value}")))
}

/// The text of an SVG file, after its XML was read.
fn svg(path: &str) -> String {
    let picture = std::fs::read_to_string(path).unwrap();
    let document = roxmltree::Document::parse(&picture).unwrap();
    assert_eq!(document.root_element().tag_name().name(), "svg");
    assert!(document.descendants().any(|node| node.has_tag_name("polyline")), "no curve");
    document.descendants().filter_map(|node| node.text()).collect()
}
