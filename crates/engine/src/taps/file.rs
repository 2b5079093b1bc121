//! A file that taps write to, shared by all calls, workers and children of a process.
//!
//! open(2), write(2) with O_APPEND: each page is one write, behind all others, whoever writes it. Protected: a file is
//! emptied and begun once a run, however many addresses name it; a capture stays whole: where a page went in only in part,
//! because the disk is full, that part is taken off again and nothing more is written. That ends no call. What was said in
//! the clear is nobody else's business: a file that is made is its owner's alone (mode 0600).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use conversation::{CallFailed, Way};
use layers::{Capture, Sink, Unrecorded};
use rustix::fs::{Access, FlockOperation, access, flock};

/// What is written to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Packets in pcapng.
    Capture,
    /// What passed one way.
    Raw(Way),
}

/// A file that is open for taps. A clone is the same file.
#[derive(Clone, Debug)]
pub(super) struct TapFile(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    name: String,
    /// Device and inode: two names of one file are one file.
    identity: (u64, u64),
    kind: Kind,
    /// The errno for which nothing is written any more; 0 while all is well.
    failed: AtomicI32,
}

/// The files that are open, so that several addresses can share one. A child has its parent's.
static OPEN: Mutex<Vec<Weak<Inner>>> = Mutex::new(Vec::new());

impl TapFile {
    /// Opens a file, and begins it, unless it is open already.
    pub(super) fn open(name: &str, kind: Kind) -> Result<TapFile, OpenError> {
        let failed = |call| move |error: io::Error| OpenError::Failed(CallFailed::new(call, &error));
        let mut options = OpenOptions::new();
        // A pipe that nobody reads would be waited for.
        let file = options
            .read(kind == Kind::Capture) // to know a capture, and the end of one
            .append(true)
            .create(true)
            .mode(0o600)
            .custom_flags(libc::O_NONBLOCK)
            .open(name)
            .map_err(failed("open(2)"))?;
        let about = file.metadata().map_err(failed("fstat(2)"))?;
        let is_plain = about.file_type().is_file();
        if !is_plain && !about.file_type().is_char_device() {
            return Err(OpenError::NoFile);
        }
        let identity = (about.dev(), about.ino());
        // Whoever panicked while holding it left a list of whole entries.
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|file| file.strong_count() > 0);
        let same = open.iter().filter_map(Weak::upgrade).find(|file| file.identity == identity);
        if let Some(same) = same.filter(|_| is_plain) {
            return if same.kind == kind { Ok(TapFile(same)) } else { Err(OpenError::AnotherKind) };
        }
        if is_plain {
            // The run of another process goes on in it; a child has its parent's lock.
            flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| OpenError::InUse)?;
            if kind == Kind::Capture && !is_capture_or_empty(&file).map_err(failed("pread(2)"))? {
                return Err(OpenError::NoCapture);
            }
            file.set_len(0).map_err(failed("ftruncate(2)"))?;
        }
        let failed_for = AtomicI32::new(0);
        let file =
            TapFile(Arc::new(Inner { file, name: name.to_owned(), identity, kind, failed: failed_for }));
        if kind == Kind::Capture {
            file.write(&Capture::head()).map_err(OpenError::Failed)?;
        }
        open.push(Arc::downgrade(&file.0));
        Ok(file)
    }

    /// One page, whole or not at all.
    fn write(&self, page: &[u8]) -> Result<(), CallFailed> {
        let written = loop {
            match rustix::io::write(&self.0.file, page) {
                Err(rustix::io::Errno::INTR) => {}
                outcome => break outcome,
            }
        };
        match written {
            Ok(written) if written == page.len() => Ok(()),
            Ok(written) => {
                self.take_off(&page[..written]);
                Err(CallFailed { call: "write(2)", errno: libc::ENOSPC })
            }
            Err(errno) => Err(CallFailed { call: "write(2)", errno: errno.raw_os_error() }),
        }
    }

    /// Takes the beginning of a page off a capture that did not fit, if it is its end: while the disk is full nobody writes
    /// behind it, but another child may where room has come since. Raw bytes are as good without their rest.
    fn take_off(&self, part: &[u8]) {
        let Ok(about) = self.0.file.metadata() else { return };
        let Some(start) = about.len().checked_sub(part.len() as u64) else { return };
        let mut end = vec![0; part.len()];
        let is_end = self.0.kind == Kind::Capture && self.0.file.read_exact_at(&mut end, start).is_ok();
        if is_end && end == part {
            let _ = self.0.file.set_len(start);
        }
    }
}

impl Sink for TapFile {
    fn keep(&self, page: &[u8]) -> Result<(), Unrecorded> {
        let failed = match self.0.failed.load(Ordering::Relaxed) {
            0 => match self.write(page) {
                Ok(()) => return Ok(()),
                Err(failed) => failed,
            },
            errno => CallFailed { call: "write(2)", errno },
        };
        self.0.failed.store(failed.errno, Ordering::Relaxed);
        Err(Unrecorded { file: self.0.name.clone(), failed })
    }
}

/// Whether nothing would be lost but a capture.
fn is_capture_or_empty(file: &File) -> io::Result<bool> {
    let head = Capture::head();
    let mut found = [0; 4];
    let length = file.read_at(&mut found, 0)?;
    Ok(length == 0 || head.starts_with(&found[..length]))
}

/// Whether files can be made where this one would be.
pub(super) fn check_folder(name: &str) -> Result<(), OpenError> {
    let folder = Path::new(name).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| OpenError::Failed(CallFailed::new("access(2)", &errno.into())))
}

/// Why a file cannot be written by taps.
#[derive(Debug)]
pub(super) enum OpenError {
    Failed(CallFailed),
    /// A pipe or the like: whoever reads it slowly would hold all calls up.
    NoFile,
    /// It is open for something else.
    AnotherKind,
    /// Another process writes it.
    InUse,
    /// There is something else in it.
    NoCapture,
}

impl OpenError {
    /// As what it is told of a call that goes on without it.
    pub(super) fn call_failed(&self) -> CallFailed {
        match self {
            OpenError::Failed(failed) => *failed,
            OpenError::NoFile => CallFailed { call: "open(2)", errno: libc::ESPIPE },
            OpenError::NoCapture => CallFailed { call: "open(2)", errno: libc::EEXIST },
            OpenError::InUse => CallFailed { call: "flock(2)", errno: libc::EWOULDBLOCK },
            OpenError::AnotherKind => CallFailed { call: "open(2)", errno: libc::EBUSY },
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Failed(failed) => failed.fmt(f),
            OpenError::NoFile => f.write_str(
                "it is no file: who reads a pipe slowly would hold the calls up; give the name of a file",
            ),
            OpenError::InUse => f.write_str(
                "another program writes it and has locked it, such as an swb that still runs; give another name",
            ),
            OpenError::NoCapture => f.write_str(
                "something else than a capture is in it, which would be overwritten; remove it or give another name",
            ),
            OpenError::AnotherKind => {
                f.write_str("another option writes something else there; give each a file of its own")
            }
        }
    }
}
