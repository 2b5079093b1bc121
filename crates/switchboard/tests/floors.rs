//! The floors: which crate may use which, as ARCHITECTURE.md draws them.
//!
//! A crate uses only the floors below it. The edges are read from `cargo metadata`, the words that a pure
//! crate may not say from its sources.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every crate of the workspace and its floor. `testkit` stands beside the house: only tests use it.
const FLOORS: &[(&str, u32)] = &[
    ("switchboard-address", 0),
    ("switchboard-sys", 0),
    ("switchboard-conversation", 1),
    ("switchboard-socket", 1),
    ("switchboard-layers", 2),
    ("switchboard-services", 3),
    ("switchboard-engine", 3),
    ("switchboard", 4),
    ("switchboard-load", 4),
    ("swb", 5),
    ("xtask", 6),
    ("switchboard-testkit", 4),
];

/// Crates that name no socket, file, thread or clock, and the words that would.
const PURE: &[&str] = &["address", "conversation", "layers", "services"];
const IMPURE_WORDS: &[&str] = &[
    "std::net::Tcp",
    "std::net::Udp",
    "std::os::unix",
    "std::os::fd",
    "std::fs",
    "std::thread",
    "std::process",
    "Instant::now",
    "SystemTime::now",
    "rustix::",
    "nix::",
    "libc::",
    "socket::",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The normal dependencies of each crate on crates of the workspace, as `(user, used)`.
fn edges() -> Vec<(String, String)> {
    let names: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let mut edges = Vec::new();
    for (name, _) in FLOORS {
        let output = Command::new(env!("CARGO"))
            .args([
                "tree",
                "--package",
                name,
                "--edges",
                "normal",
                "--depth",
                "1",
                "--prefix",
                "none",
                "--format",
                "{p}",
            ])
            .args(["--offline"])
            .current_dir(root())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let used = text.lines().skip(1).filter_map(|line| line.split(' ').next());
        edges.extend(
            used.filter(|used| names.contains_key(used)).map(|used| (name.to_string(), used.to_owned())),
        );
    }
    edges
}

#[test]
fn a_crate_uses_only_the_floors_below_it() {
    let floors: BTreeMap<&str, u32> = FLOORS.iter().copied().collect();
    let edges = edges();
    assert!(edges.len() > 10, "too few edges were read: {edges:?}");
    for (user, used) in &edges {
        assert!(
            floors[used.as_str()] < floors[user.as_str()],
            "{user} (floor {}) uses {used} (floor {})",
            floors[user.as_str()],
            floors[used.as_str()],
        );
        assert_ne!(used, "switchboard-testkit", "{user} ships testkit");
    }
}

#[test]
fn every_crate_of_the_workspace_has_its_floor() {
    let mut folders: Vec<String> = std::fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    folders.sort();
    let mut named: Vec<String> =
        FLOORS.iter().map(|(name, _)| name.trim_start_matches("switchboard-").to_owned()).collect();
    named.sort();
    assert_eq!(folders, named);
}

#[test]
fn pure_crates_name_no_socket_file_thread_or_clock() {
    for name in PURE {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap();
                for word in IMPURE_WORDS {
                    assert!(!code.contains(word), "{}:{}: {word}", file.display(), number + 1);
                }
            }
        }
    }
}

#[test]
fn unsafe_code_is_denied_in_every_crate_but_sys() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
    let lifted = ["allow(", "expect("].map(|attribute| format!("{attribute}unsafe_code"));
    for (name, _) in FLOORS.iter().filter(|(name, _)| *name != "switchboard-sys") {
        let folder = root().join("crates").join(name.trim_start_matches("switchboard-"));
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
        for file in sources(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            assert!(!lifted.iter().any(|lift| text.contains(lift)), "{} lifts the lint", file.display());
        }
    }
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    assert!(!files.is_empty() || !folder.ends_with("src"), "no sources in {}", folder.display());
    files
}
