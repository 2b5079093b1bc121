//! bind(2) to a path, deleting nothing but our own dead socket.
//!
//! unix(7), inode(7). Absent: bind. A socket of our own user with nobody behind it: replace it. Anything else is
//! refused, by what it is. Permissions are never wider than asked for, not even for a moment: the socket's own
//! mode before bind(2) is what the kernel gives its path.

use std::ffi::OsStr;
use std::fs::FileType;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use address::{Address, End, OptionKey, Transport};
use nix::unistd;
use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid, chmod, chownat, fchmod, flock, open};
use rustix::io::Errno;

use crate::bind::Bound;
use crate::born::{Birth, Family};
use crate::opening::{Failed, Opening};
use crate::owned_path::OwnedPath;
use crate::{BindError, OptionError, Taken, call, errno, sockaddr};

/// A socket bound to that path, guarded by an [`OwnedPath`] unless `unlink=off`.
pub(crate) fn bind_path(address: &Address, bytes: &[u8]) -> Result<Bound, BindError> {
    let failed = |call, error| BindError::new(address, call, error);
    let path = Path::new(OsStr::from_bytes(bytes));
    let unlink = address.options.flag(OptionKey::Unlink) != Some(false);
    // Looked at before anything else is done: too long, or with a NUL in it.
    sockaddr::from_path(bytes).map_err(|error| failed("bind(2)", error))?;
    let owner = Owner::from(address)?;

    let refused = |failed: Failed| failed.into_bind_error(address);
    let local = End::Path { transport: address.transport, path: bytes.into() };
    let opening = Opening::bound_unix(address, local);
    let opening = opening.map_err(|error| BindError::option(address, error))?;
    let (fd, mut notes) = opening.begin().map_err(refused)?;
    let mode = address.options.mode(OptionKey::Mode).map(Mode::from_raw_mode);
    if let Some(at_birth) = owner.mode_at_birth(mode) {
        fchmod(&fd, at_birth).map_err(|error| failed("fchmod(2)", error.into()))?;
    }
    // Held until the socket is bound, so that of two who find a dead socket only one replaces it.
    let _lock = clear_the_way(address, path, unlink)?;
    opening.name_end(&fd).map_err(|error| failed("bind(2)", error))?;
    let guard = OwnedPath::new(bytes).map_err(|error| failed("lstat(2)", error))?;
    owner.give(address, path, mode)?;
    notes.extend(opening.finish(&fd).map_err(refused)?);
    // Until here the guard removed what a failure would have left.
    let path = if unlink { Some(guard) } else { guard.release() };
    Ok(Bound { fd, family: Family::Unix, path, notes })
}

/// Removes a dead socket of ours; answers the lock under which it did.
fn clear_the_way(address: &Address, path: &Path, unlink: bool) -> Result<Option<OwnedFd>, BindError> {
    let taken = |what| BindError::taken(address, what);
    let failed = |call, error| BindError::new(address, call, error);
    if look(path).map_err(|error| failed("lstat(2)", error))?.is_none() {
        return Ok(None);
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    let lock = open(&directory, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|error| failed("open(2)", error.into()))?;
    match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::AGAIN) => return Err(taken(Taken::BeingReplaced)),
        Err(error) => return Err(failed("flock(2)", error.into())),
    }
    // Looked at again: it may have changed before the lock was ours.
    match look(path).map_err(|error| failed("lstat(2)", error))? {
        None => {}
        Some(Taken::DeadSocket) if unlink => {
            std::fs::remove_file(path).map_err(|error| failed("unlink(2)", error))?;
        }
        Some(what) => return Err(taken(what)),
    }
    Ok(Some(lock))
}

/// What is at the path, if anything is.
fn look(path: &Path) -> io::Result<Option<Taken>> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let what = match what_file(found.file_type()) {
        Some(what) => what,
        None if found.uid() != rustix::process::geteuid().as_raw() => Taken::SomeoneElsesSocket,
        None if is_dead(path)? => Taken::DeadSocket,
        None => Taken::LiveSocket,
    };
    Ok(Some(what))
}

/// What kind of file it is; `None` for a socket.
fn what_file(kind: FileType) -> Option<Taken> {
    if kind.is_socket() {
        None
    } else if kind.is_symlink() {
        Some(Taken::Symlink)
    } else if kind.is_dir() {
        Some(Taken::Directory)
    } else if kind.is_file() {
        Some(Taken::RegularFile)
    } else {
        Some(Taken::Special)
    }
}

/// Whether no process has the socket at the path.
///
/// A datagram socket asks, whatever the other is: only where nobody is there the kernel says `ECONNREFUSED`,
/// for a stream that is bound but does not listen yet it says `EPROTOTYPE`; and nobody sees a call from us.
fn is_dead(path: &Path) -> io::Result<bool> {
    let transport = Transport::UnixDgram;
    let probe = call::socket(Birth { family: Family::Unix, transport, multipath: false })?;
    let there = End::Path { transport, path: path.as_os_str().as_bytes().into() };
    let answer = call::connect(&probe, &there);
    Ok(answer.is_err_and(|error| errno::is(&error, libc::ECONNREFUSED)))
}

/// Who the path is to belong to, if that was asked for.
struct Owner {
    user: Option<Uid>,
    group: Option<Gid>,
}

impl Owner {
    fn from(address: &Address) -> Result<Owner, BindError> {
        let user = number(address, OptionKey::User, |name| {
            Ok(unistd::User::from_name(name)?.map(|user| user.uid.as_raw()))
        })?;
        let group = number(address, OptionKey::Group, |name| {
            Ok(unistd::Group::from_name(name)?.map(|group| group.gid.as_raw()))
        })?;
        Ok(Owner { user: user.map(Uid::from_raw), group: group.map(Gid::from_raw) })
    }

    fn is_given(&self) -> bool {
        self.user.is_some() || self.group.is_some()
    }

    /// The mode before bind(2), from which the kernel takes the umask: while the owner is not yet the one asked
    /// for, nobody but we may connect.
    fn mode_at_birth(&self, mode: Option<Mode>) -> Option<Mode> {
        let ours_alone = Mode::RUSR | Mode::WUSR;
        match mode {
            Some(mode) if self.is_given() => Some(mode & ours_alone),
            Some(mode) => Some(mode),
            None => self.is_given().then_some(ours_alone),
        }
    }

    /// chown(2), then chmod(2), of the inode that is at the path now.
    fn give(&self, address: &Address, path: &Path, mode: Option<Mode>) -> Result<(), BindError> {
        if mode.is_none() && !self.is_given() {
            return Ok(());
        }
        let failed = |call| move |error: Errno| BindError::new(address, call, error.into());
        // By descriptor, so that it is this file that changes, whatever happens to its name meanwhile.
        let file = open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty());
        let file = file.map_err(failed("open(2)"))?;
        if self.is_given() {
            let changed = chownat(&file, "", self.user, self.group, AtFlags::EMPTY_PATH);
            changed.map_err(|error| self.refused(address, error))?;
        }
        // Without a mode asked for, the kernel's own for a path of a socket: all, less the umask.
        let mode = mode.unwrap_or_else(|| Mode::from_raw_mode(0o777) & !umask());
        chmod(format!("/proc/self/fd/{}", file.as_raw_fd()), mode).map_err(failed("chmod(2)"))
    }

    fn refused(&self, address: &Address, error: Errno) -> BindError {
        let key = if self.user.is_some() { OptionKey::User } else { OptionKey::Group };
        let Some(value) = address.options.get(key) else {
            return BindError::new(address, "chown(2)", error.into());
        };
        let hint = "only root (CAP_CHOWN) may give a path to another user, or to a group that it is not in";
        BindError::option(address, OptionError::new(key, value, error.into(), hint))
    }
}

/// The process's umask, from proc(5): umask(2) could be asked only by changing it under other threads.
fn umask() -> Mode {
    // Where it cannot be read, the strictest that is usual.
    let strict = Mode::from_raw_mode(0o077);
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return strict };
    let digits = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    let bits = digits.and_then(|digits| u32::from_str_radix(digits.trim(), 8).ok());
    bits.map_or(strict, Mode::from_raw_mode)
}

/// A user or group by number, or by name in passwd(5) or group(5).
fn number(
    address: &Address,
    key: OptionKey,
    by_name: impl Fn(&str) -> nix::Result<Option<u32>>,
) -> Result<Option<u32>, BindError> {
    let Some(text) = address.options.text(key) else { return Ok(None) };
    if let Ok(number) = text.parse() {
        return Ok(Some(number));
    }
    match by_name(text) {
        Ok(Some(number)) => Ok(Some(number)),
        Ok(None) => {
            let mut error = OptionError::meaningless(key, &address.options, "nobody has that name");
            error.hint = "`getent passwd` and `getent group` list the names";
            Err(BindError::option(address, error))
        }
        Err(errno) => Err(BindError::new(address, "getpwnam(3)", errno.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn until_a_path_has_its_owner_nobody_else_may_use_it() {
        let owner = Owner { user: Some(Uid::from_raw(1000)), group: None };
        let mode = |mode| owner.mode_at_birth(mode).map(Mode::as_raw_mode);
        assert_eq!(mode(Some(Mode::from_raw_mode(0o666))), Some(0o600));
        assert_eq!(mode(Some(Mode::from_raw_mode(0o060))), Some(0));
        assert_eq!(mode(None), Some(0o600));
    }

    #[test]
    fn the_mode_of_the_socket_is_the_most_that_its_path_is_born_with() {
        let folder = std::env::temp_dir().join(format!("swb-birth-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("born");
        let transport = Transport::Unix;
        let fd = call::socket(Birth { family: Family::Unix, transport, multipath: false }).unwrap();
        fchmod(&fd, Mode::from_raw_mode(0o600)).unwrap();
        call::bind(&fd, &End::Path { transport, path: path.as_os_str().as_bytes().into() }).unwrap();
        let mode = path.metadata().unwrap().mode() & 0o777;
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(mode, 0o600);
    }
}
