//! The path of a socket that we bound, removed at the end.
//!
//! unlink(2). Removed is only what we made: the inode that was there right after bind(2), by the process that
//! bound it. A child of fork(2) that drops its copy of the guard leaves the path to its parent.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Unlinks the path when dropped, if it is still the socket that was bound.
#[derive(Debug)]
pub(crate) struct OwnedPath {
    path: PathBuf,
    inode: Inode,
    process: u32,
}

/// No process has the number 0.
const NOBODY: u32 = 0;

/// What tells one file from every other on this host, inode(7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    /// The inode at a path itself, not where a symbolic link there leads.
    pub(crate) fn at(path: &Path) -> io::Result<Inode> {
        let found = path.symlink_metadata()?;
        Ok(Inode { device: found.dev(), number: found.ino() })
    }
}

impl OwnedPath {
    /// Guards what is at `path` now. A relative path is remembered from the root, lest chdir(2) change it.
    pub(crate) fn new(path: &[u8]) -> io::Result<OwnedPath> {
        let path = std::path::absolute(OsStr::from_bytes(path))?;
        let inode = Inode::at(&path)?;
        Ok(OwnedPath { path, inode, process: std::process::id() })
    }

    /// Gives the path up: it stays when its socket is closed.
    pub(crate) fn release(mut self) -> Option<OwnedPath> {
        self.process = NOBODY;
        None
    }
}

impl Drop for OwnedPath {
    fn drop(&mut self) {
        let still_ours = Inode::at(&self.path).is_ok_and(|now| now == self.inode);
        if still_ours && self.process == std::process::id() {
            // Gone or not, nothing is left to do: the next bind finds a dead socket of ours at worst.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_the_guard_in_another_process_leaves_the_path() {
        let path = std::env::temp_dir().join(format!("swb-guard-{}", std::process::id()));
        std::fs::write(&path, "").unwrap();
        let mut copy = OwnedPath::new(path.as_os_str().as_bytes()).unwrap();
        copy.process += 1;
        drop(copy);
        assert!(path.exists());
        drop(OwnedPath::new(path.as_os_str().as_bytes()).unwrap());
        assert!(!path.exists());
    }
}
