//! How files and named pipes are opened, and how every end that is a file is.
//!
//! open(2), flock(2), mkfifo(3), fifo(7). Protected: nothing that a file holds is thrown away unasked: `access=write` takes
//! a file that is new or empty, and one that holds something only with `truncate`; one call at a time writes it, and
//! always at its end. What is made is never open to more than its `permissions`.

use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use address::{Address, End, OptionKey, Options, Place, Transport};
use rustix::fs::{Mode, OFlags, SeekFrom, fchmod, fstat, ftruncate, seek};

use crate::errno;
use crate::file_end::{FileEnd, FileKind, kind_of};
use crate::owned_path::OwnedPath;
use crate::terminal::{open_pty, open_serial};
use crate::tun::open_tun;
use crate::{Attempt, ConnectError, ConnectErrorKind, call};

/// How often it is looked whether somebody reads a fifo by now.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a file that is locked is tried again: a call that has just ended lets go of it.
const LOCKED_FOR: Duration = Duration::from_millis(200);

/// Why an end could not be opened.
pub(crate) enum NotOpened {
    /// A call failed; what to try.
    Failed { call: &'static str, error: io::Error, hint: &'static str },
    /// What is there is not taken so: why, and what to try.
    Refused(&'static str),
    /// The options of the address do not go together.
    Misfit(&'static str),
}

impl NotOpened {
    /// For an errno that says it all.
    pub(crate) fn at(call: &'static str) -> impl Fn(io::Error) -> NotOpened {
        move |error| NotOpened::Failed { call, hint: hint_of(&error), error }
    }
}

impl FileEnd {
    /// Opens the file, fifo, terminal or line of `address`.
    ///
    /// It waits for nothing but somebody who reads a fifo that is to be written: `connect-timeout` at most.
    ///
    /// # Errors
    ///
    /// [`ConnectErrorKind::NotOpened`], with what to try; [`ConnectErrorKind::Misfit`]; [`ConnectErrorKind::TimedOut`] if
    /// nobody reads the fifo; [`ConnectErrorKind::Unsupported`] for an address that is no file.
    pub fn open(address: &Address) -> Result<FileEnd, ConnectError> {
        FileEnd::open_unless(address, &|| false)
    }

    /// As [`open`](Self::open), as long as that is not given up: a fifo that was made for it is removed then.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), and `EINTR`.
    pub fn open_unless(address: &Address, is_given_up: &dyn Fn() -> bool) -> Result<FileEnd, ConnectError> {
        let opened = match (&address.place, address.transport) {
            (Place::Path(path), Transport::File) => open_file(path, &address.options),
            (Place::Path(path), Transport::Fifo) => open_fifo(path, &address.options, is_given_up),
            (Place::Path(path), Transport::Serial) => open_serial(path, &address.options),
            (Place::Path(name), Transport::Tun) => open_tun(name, &address.options),
            (Place::Nameless, Transport::Pty) => open_pty(&address.options),
            _ => {
                let kind = ConnectErrorKind::Unsupported;
                return Err(ConnectError { address: address.to_string(), tried: Vec::new(), kind });
            }
        };
        let untried = |kind| ConnectError { address: address.to_string(), tried: Vec::new(), kind };
        opened.map_err(|why| {
            let (call, error, hint) = match why {
                NotOpened::Failed { call, error, hint } => (call, error, hint),
                NotOpened::Refused(why) => return untried(ConnectErrorKind::NotOpened(why)),
                NotOpened::Misfit(why) => return untried(ConnectErrorKind::Misfit(why)),
            };
            let end = match &address.place {
                Place::Path(path) => End::Path { transport: address.transport, path: path.clone() },
                Place::Network { .. }
                | Place::Abstract(_)
                | Place::Standard
                | Place::Descriptor(_)
                | Place::Nameless
                | Place::Command(_) => End::Path { transport: address.transport, path: Box::default() },
            };
            let is_late = error.kind() == io::ErrorKind::TimedOut;
            let kind = if is_late { ConnectErrorKind::TimedOut } else { ConnectErrorKind::NotOpened(hint) };
            ConnectError { address: address.to_string(), tried: vec![Attempt { end, call, error }], kind }
        })
    }
}

/// What `?access=` asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Append,
    Both,
}

impl Access {
    fn of(options: &Options) -> Access {
        match options.word(OptionKey::Access) {
            Some("write") => Access::Write,
            Some("append") => Access::Append,
            Some("both") => Access::Both,
            Some(_) | None => Access::Read,
        }
    }

    fn flags(self) -> OFlags {
        match self {
            Access::Read => OFlags::RDONLY,
            Access::Write | Access::Append => OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
            Access::Both => OFlags::RDWR,
        }
    }

    fn reads_writes(self) -> (bool, bool) {
        (matches!(self, Access::Read | Access::Both), self != Access::Read)
    }
}

fn open_file(path: &[u8], options: &Options) -> Result<FileEnd, NotOpened> {
    let (access, truncate) = (Access::of(options), options.flag(OptionKey::Truncate) == Some(true));
    let is_on = |key| options.flag(key) == Some(true);
    let (reads_on, permissions) =
        (is_on(OptionKey::Follow) || is_on(OptionKey::FromEnd), options.mode(OptionKey::Permissions));
    if access != Access::Read && reads_on {
        return Err(NotOpened::Misfit("follow and from-end are for files that are read"));
    }
    if access != Access::Write && truncate {
        return Err(NotOpened::Misfit("truncate is for access=write"));
    }
    if !matches!(access, Access::Write | Access::Append) && permissions.is_some() {
        return Err(NotOpened::Misfit("permissions are for what is made, by access=write or access=append"));
    }
    let at = Path::new(OsStr::from_bytes(path));
    if at.metadata().is_ok_and(|found| found.file_type().is_fifo()) {
        return Err(NotOpened::Refused("it is a named pipe: fifo:PATH opens it"));
    }
    let fd = open_or_make(at, access.flags(), permissions)?;
    let kind = kind_of(&fd).map_err(NotOpened::at("open(2)"))?;
    let kind = match kind {
        FileKind::Regular if access == Access::Both => {
            let hint = "access=both is for devices: of a file it is read, write or append";
            return Err(NotOpened::Refused(hint));
        }
        FileKind::Regular => {
            if access == Access::Write {
                keep_to_ourselves(&fd, truncate)?;
            }
            if is_on(OptionKey::FromEnd) {
                seek(&fd, SeekFrom::End(0)).map_err(|errno| NotOpened::at("lseek(2)")(errno.into()))?;
            }
            match is_on(OptionKey::Follow) {
                true => call::watch_for_writes(&fd)
                    .map(FileKind::Followed)
                    .map_err(NotOpened::at("inotify(7)"))?,
                false => FileKind::Regular,
            }
        }
        _ if reads_on || truncate || permissions.is_some() => {
            let hint = "it is a device: follow, from-end, truncate and permissions are for files";
            return Err(NotOpened::Refused(hint));
        }
        FileKind::Followed(_)
        | FileKind::Device
        | FileKind::Fifo
        | FileKind::Terminal { .. }
        | FileKind::Interface => kind,
    };
    let end = End::Path { transport: Transport::File, path: path.into() };
    Ok(FileEnd::new(end, fd, access.reads_writes(), kind))
}

/// Opens a file, or makes it. One that is made has these permissions, whatever the umask says, and never more, not even for
/// the moment until it is set; one that was there keeps its own.
fn open_or_make(at: &Path, flags: OFlags, permissions: Option<u32>) -> Result<OwnedFd, NotOpened> {
    let mode = Mode::from_raw_mode(permissions.unwrap_or(0o666));
    if permissions.is_some() {
        match call::open(at, flags | OFlags::EXCL, mode) {
            Ok(fd) => {
                fchmod(&fd, mode).map_err(|errno| NotOpened::at("fchmod(2)")(errno.into()))?;
                return Ok(fd);
            }
            Err(error) if errno::is(&error, libc::EEXIST) => {}
            Err(error) => return Err(NotOpened::at("open(2)")(error)),
        }
    }
    call::open(at, flags, mode).map_err(NotOpened::at("open(2)"))
}

/// A file is written by one call at a time, as long as that is open; it is looked at, and made empty, once it is ours.
fn keep_to_ourselves(fd: &OwnedFd, truncate: bool) -> Result<(), NotOpened> {
    let began = Instant::now();
    loop {
        match call::lock(fd) {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => break, // a file system without locks
            Err(_) if began.elapsed() < LOCKED_FOR => std::thread::sleep(LOOK_EVERY),
            Err(error) => {
                let hint = "another call is writing it, or another program has locked it: one at a time may; \
                            access=append takes any number";
                return Err(NotOpened::Failed { call: "flock(2)", error, hint });
            }
            Ok(()) => break,
        }
    }
    if fstat(fd).is_ok_and(|found| found.st_size > 0) {
        if !truncate {
            let hint = "it holds something: access=append adds to it, access=write&truncate throws that away";
            return Err(NotOpened::Refused(hint));
        }
        ftruncate(fd, 0).map_err(|errno| NotOpened::at("ftruncate(2)")(errno.into()))?;
    }
    Ok(())
}

fn open_fifo(path: &[u8], options: &Options, is_given_up: &dyn Fn() -> bool) -> Result<FileEnd, NotOpened> {
    let follow = options.flag(OptionKey::Follow) == Some(true);
    let flags = match Access::of(options) {
        // With a writer of our own it has no end, fifo(7).
        Access::Read if follow => OFlags::RDWR,
        Access::Read => OFlags::RDONLY,
        Access::Write if !follow => OFlags::WRONLY,
        Access::Write | Access::Append | Access::Both => {
            let hint = "a fifo goes one way: access=read, which follow may make endless, or access=write";
            return Err(NotOpened::Misfit(hint));
        }
    };
    let at = Path::new(OsStr::from_bytes(path));
    let made = make_fifo(at, options)?;
    if !at.metadata().is_ok_and(|found| found.file_type().is_fifo()) {
        return Err(NotOpened::Refused("it is no named pipe: file:PATH opens it"));
    }
    let began = Instant::now();
    let fd = loop {
        match call::open(at, flags, Mode::empty()) {
            Err(error) if errno::is(&error, libc::ENXIO) && is_given_up() => {
                return Err(NotOpened::Failed { call: "open(2)", error: errno::raw(libc::EINTR), hint: "" });
            }
            // Nobody reads it yet, fifo(7).
            Err(error) if errno::is(&error, libc::ENXIO) && began.elapsed() < options.connect_timeout() => {
                std::thread::sleep(LOOK_EVERY);
            }
            Err(error) if errno::is(&error, libc::ENXIO) => {
                let error = errno::no_answer(options.connect_timeout());
                return Err(NotOpened::Failed { call: "open(2)", error, hint: "" });
            }
            outcome => break outcome.map_err(NotOpened::at("open(2)"))?,
        }
    };
    let end = End::Path { transport: Transport::Fifo, path: path.into() };
    let writes = flags == OFlags::WRONLY;
    let opened = FileEnd::new(end, fd, (!writes, writes), FileKind::Fifo);
    Ok(FileEnd { made, ..opened })
}

/// Makes the fifo where nothing is; what was there before is not ours to remove.
fn make_fifo(at: &Path, options: &Options) -> Result<Option<OwnedPath>, NotOpened> {
    let permissions = options.mode(OptionKey::Permissions);
    match call::mkfifo(at, Mode::from_raw_mode(permissions.unwrap_or(0o666))) {
        Ok(()) => {}
        Err(error) if errno::is(&error, libc::EEXIST) => return Ok(None),
        Err(error) => return Err(NotOpened::at("mkfifo(3)")(error)),
    }
    let made = OwnedPath::new(at.as_os_str().as_bytes()).map_err(NotOpened::at("mkfifo(3)"))?;
    if let Some(mode) = permissions {
        // The umask has had its say.
        let chmod = rustix::fs::chmod(at, Mode::from_raw_mode(mode));
        chmod.map_err(|errno| NotOpened::at("chmod(2)")(errno.into()))?;
    }
    Ok(Some(made))
}

fn hint_of(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::ENOENT) => "nothing is there: is the path right?",
        Some(libc::EACCES | libc::EPERM) => {
            "`ls -l` says who may; some devices belong to a group that one can be in"
        }
        Some(libc::EISDIR) => "it is a directory: file:PATH takes a file in it",
        Some(libc::EBUSY) => "another program has it for itself: fuser(1) says which",
        Some(libc::ENXIO | libc::ENODEV | libc::EIO) => {
            "the path is there, but no device or program is behind it"
        }
        Some(libc::ENOTTY) => "it is no terminal: file:PATH opens it",
        Some(libc::ENOSPC) => {
            "nothing more fits there, or too many files are followed (fs.inotify.max_user_watches)"
        }
        Some(_) | None => "",
    }
}
