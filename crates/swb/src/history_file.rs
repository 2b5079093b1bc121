//! The file in which typed lines are kept from run to run: one a line, the oldest first.
//!
//! It is its user's alone (mode 0600), since passwords are typed too. Bounds: 1,000 lines are kept; a file of more
//! than 1 MiB is taken for a mistake and left alone.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Status};

const LINES_MAX: usize = 1000;
const BYTES_MAX: u64 = 1 << 20;

/// A history file as it was at the beginning.
#[derive(Debug)]
pub(crate) struct HistoryFile {
    path: PathBuf,
    text: String,
}

impl HistoryFile {
    /// Reads it, if it is there.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no such file.
    pub(crate) fn open(path: &Path) -> Result<HistoryFile, Failure> {
        let text = match File::open(path) {
            Ok(mut file) => text(&mut file),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
            Err(error) => Err(error),
        };
        let text = text.map_err(|error| failure("read", path, &error))?;
        Ok(HistoryFile { path: path.to_owned(), text })
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// Adds these lines to what is in it now, which another `swb` may have added to.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(crate) fn keep<'l>(&self, lines: impl Iterator<Item = &'l str>) -> Result<(), Failure> {
        // A line feed in a line was quoted; the file has no sign for it.
        let new: Vec<&str> = lines.filter(|line| !line.contains('\n')).collect();
        if new.is_empty() {
            return Ok(());
        }
        let kept = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file =
                options.read(true).write(true).create(true).truncate(false).mode(0o600).open(&self.path)?;
            let text = text(&mut file)?;
            let lines: Vec<&str> = text.lines().chain(new).collect();
            let last = &lines[lines.len().saturating_sub(LINES_MAX)..];
            if file.metadata()?.is_file() {
                file.set_permissions(Permissions::from_mode(0o600))?;
                file.rewind()?;
                file.set_len(0)?;
            }
            file.write_all((last.join("\n") + "\n").as_bytes())
        };
        kept().map_err(|error| failure("write", &self.path, &error))
    }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(io::Error::new(ErrorKind::InvalidData, "longer than 1 MiB, so no history of ours"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn failure(what: &str, path: &Path, error: &io::Error) -> Failure {
    let why = sys::describe(error);
    Failure::new(Status::Other, format!("cannot {what} the history {}: {why}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_by_their_user_alone_and_in_bounds() {
        let path = std::env::temp_dir().join(format!("swb-history-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let history = HistoryFile::open(&path).unwrap();
        assert_eq!(history.lines().count(), 0);
        history.keep(["one", "t\nwo"].into_iter()).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Another one adds to it meanwhile.
        HistoryFile::open(&path).unwrap().keep(["two"].into_iter()).unwrap();
        history.keep(["three"].into_iter()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
        let many: Vec<String> = (0..2 * LINES_MAX).map(|number| number.to_string()).collect();
        history.keep(many.iter().map(String::as_str)).unwrap();
        assert_eq!(HistoryFile::open(&path).unwrap().lines().count(), LINES_MAX);
        std::fs::write(&path, vec![b'x'; BYTES_MAX as usize + 1]).unwrap();
        assert!(HistoryFile::open(&path).unwrap_err().message().contains("longer than 1 MiB"));
        std::fs::remove_file(&path).unwrap();
    }
}
