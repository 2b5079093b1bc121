//! A log file: appended to, and opened anew when it was moved away.
//!
//! open(2) with `O_APPEND`, so that processes that share it do not write over each other. logrotate(8) moves the
//! file and sends SIGHUP; a child of the `process` engine gets no signal, so it looks whether the path still
//! leads to its file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
pub(super) struct LogFile {
    /// From the root, lest chdir(2) change it.
    path: PathBuf,
    file: Mutex<File>,
    /// The process that opened it; others are its children.
    process: u32,
}

impl LogFile {
    /// Opens or makes the file; a sentence if that cannot be.
    pub(super) fn open(path: &Path) -> Result<LogFile, String> {
        let path = std::path::absolute(path).map_err(|error| cannot("open", path, &error))?;
        let file = append_to(&path).map_err(|error| cannot("open", &path, &error))?;
        Ok(LogFile { path, file: Mutex::new(file), process: std::process::id() })
    }

    /// Goes on at the path, in whatever file is there now or in a new one; the old one is kept if that fails.
    pub(super) fn reopen(&self) -> Result<(), String> {
        *self.file() = append_to(&self.path).map_err(|error| cannot("reopen", &self.path, &error))?;
        Ok(())
    }

    pub(super) fn write(&self, line: &str) {
        if self.process != std::process::id() && !self.is_at_path() {
            let _ = self.reopen(); // the old file is better than none
        }
        // A full disk is no reason to end a server.
        let _ = self.file().write_all(line.as_bytes());
    }

    fn is_at_path(&self) -> bool {
        let inode = |found: io::Result<std::fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
        inode(self.path.metadata()) == inode(self.file().metadata())
    }

    fn file(&self) -> MutexGuard<'_, File> {
        // Whoever panicked while holding it had at most written a part of a line.
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> String {
    let reason = sys::describe(error);
    format!(
        "cannot {what} the log file {path:?}: open(2): {reason}; its directory must exist and be writable"
    )
}
