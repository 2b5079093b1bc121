//! `cargo xtask`: makes man pages and completions from the definitions of `swb`.

mod completions;
mod man;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// A file to be written: its name and what is in it.
type File = (String, Vec<u8>);

/// What can be made.
struct Task {
    name: &'static str,
    what: &'static str,
    files: fn() -> io::Result<Vec<File>>,
}

const TASKS: &[Task] = &[
    Task { name: "man", what: "a man page for each command and topic", files: man::pages },
    Task { name: "completions", what: "completions for bash, zsh and fish", files: completions::scripts },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, folder) = match &arguments[..] {
        [name] => (name, None),
        [name, folder] => (name, Some(PathBuf::from(folder))),
        _ => return usage(),
    };
    let Some(task) = TASKS.iter().find(|task| task.name == name) else { return usage() };
    let folder = folder.unwrap_or_else(|| target().join(task.name));
    match (task.files)().and_then(|files| write(&files, &folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(1, &format!("cargo xtask {name}: cannot write to {}: {error}\n", folder.display())),
    }
}

fn usage() -> ExitCode {
    let rows: String = TASKS
        .iter()
        .map(|task| format!("  cargo xtask {:11} [FOLDER]   {}\n", task.name, task.what))
        .collect();
    say(2, &format!("usage:\n{rows}FOLDER is target/man or target/completions if not given\n"))
}

fn say(status: u8, text: &str) -> ExitCode {
    // Where standard error is gone, the status has to say it alone.
    let _ = io::stderr().write_all(text.as_bytes());
    ExitCode::from(status)
}

/// The workspace's folder for what is made.
fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}

/// Writes the files, and the name of each to standard output.
fn write(files: &[File], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let folder = folder.canonicalize()?;
    for (name, content) in files {
        let path = folder.join(name);
        fs::write(&path, content)?;
        writeln!(io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
