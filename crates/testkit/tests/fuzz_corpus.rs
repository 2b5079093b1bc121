//! The fuzz targets' bodies over their corpus, and over seeded changes of it.
//!
//! A fuzzer needs a nightly compiler and time without end; this needs neither, and runs with all other tests.
//! `fuzz/README.md` says how the fuzzer itself is run.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use testkit::Seed;

#[path = "../../../fuzz/bodies/address.rs"]
mod address_body;
#[path = "../../../fuzz/bodies/framing.rs"]
mod framing_body;
#[path = "../../../fuzz/bodies/inert.rs"]
mod inert_body;
#[path = "../../../fuzz/bodies/option_values.rs"]
mod option_values_body;
#[path = "../../../fuzz/bodies/pack.rs"]
mod pack_body;
#[path = "../../../fuzz/bodies/proxy.rs"]
mod proxy_body;
#[path = "../../../fuzz/bodies/rules.rs"]
mod rules_body;
#[path = "../../../fuzz/bodies/units.rs"]
mod units_body;
#[path = "../../../fuzz/bodies/via.rs"]
mod via_body;
#[path = "../../../fuzz/bodies/websocket.rs"]
mod websocket_body;

/// Changes that are made to each input.
const CHANGES: u64 = 200;

type Body = fn(&[u8]);

/// Every target and its body.
const TARGETS: &[(&str, Body)] = &[
    ("address", address_body::run),
    ("framing", framing_body::run),
    ("inert", inert_body::run),
    ("option_values", option_values_body::run),
    ("pack", pack_body::run),
    ("proxy", proxy_body::run),
    ("rules", rules_body::run),
    ("units", units_body::run),
    ("via", via_body::run),
    ("websocket", websocket_body::run),
];

#[test]
fn every_body_holds_over_its_corpus_and_changes_of_it() {
    for (target, body) in TARGETS {
        let corpus = corpus(target);
        for (name, input) in &corpus {
            holds(target, name, *body, input);
            let mut seed = Seed::new(input.len() as u64);
            for _ in 0..CHANGES {
                let (_, other) = &corpus[seed.index(corpus.len())];
                holds(target, name, *body, &changed(input, other, &mut seed));
            }
        }
    }
}

#[test]
fn every_target_has_a_body_a_corpus_and_its_row_here() {
    let rows: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for folder in ["fuzz_targets", "bodies", "corpus"] {
        let entries = fs::read_dir(fuzz().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: BTreeSet<String> = names.map(|name| name.trim_end_matches(".rs").to_owned()).collect();
        assert_eq!(names, rows, "fuzz/{folder}");
    }
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).unwrap();
    for name in &rows {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "fuzz/Cargo.toml: {name}");
        assert!(corpus(name).len() >= 10, "the corpus of {name} is too small to find anything");
    }
}

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The inputs of a target by their names, in the order of these.
fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(fuzz().join("corpus").join(target)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

fn holds(target: &str, name: &str, body: Body, input: &[u8]) {
    let ended = catch_unwind(AssertUnwindSafe(|| body(input)));
    assert!(ended.is_ok(), "{target} does not hold for b\"{}\", made of {name}", input.escape_ascii());
}

/// `input` with one to four of the changes that a fuzzer makes.
fn changed(input: &[u8], other: &[u8], seed: &mut Seed) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=seed.index(4) {
        let at = seed.index(bytes.len() + 1);
        match seed.below(5) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, seed.bytes(1)[0]),
            2 if at < bytes.len() => bytes[at] ^= 1 << seed.below(8),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => {
                let from = seed.index(other.len() + 1);
                let to = from + seed.index(other.len() - from + 1);
                bytes.splice(at..at, other[from..to].iter().copied());
            }
        }
    }
    bytes
}
