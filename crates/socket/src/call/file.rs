//! Files, named pipes and terminals: open(2), flock(2), mkfifo(3), symlink(2), inotify(7), termios(3); tun.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, Termios, Winsize};

use super::text::{descriptor, number, zero};
use crate::SystemCall;
use crate::trace::traced;

/// open(2): close-on-exec, never our controlling terminal, and nothing waits on it.
pub(crate) fn open(path: &Path, flags: OFlags, mode: Mode) -> io::Result<OwnedFd> {
    const ALWAYS: OFlags = OFlags::CLOEXEC.union(OFlags::NOCTTY).union(OFlags::NONBLOCK);
    traced(
        SystemCall::Open,
        || rustix::fs::open(path, flags | ALWAYS, mode),
        || {
            let mode =
                if flags.contains(OFlags::CREATE) { format!(", {:03o}", mode.bits()) } else { String::new() };
            format!("{path:?}, {}{mode}", open_flags(flags | OFlags::NONBLOCK))
        },
        descriptor,
    )
}

/// flock(2): for this open file alone, without waiting.
pub(crate) fn lock(fd: impl AsFd) -> io::Result<()> {
    let lock = || rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive);
    traced(SystemCall::Flock, lock, || format!("{}, LOCK_EX|LOCK_NB", number(&fd)), zero)
}

/// mkfifo(3).
pub(crate) fn mkfifo(path: &Path, mode: Mode) -> io::Result<()> {
    let make = || rustix::fs::mkfifoat(rustix::fs::CWD, path, mode);
    traced(SystemCall::Mkfifo, make, || format!("{path:?}, {:03o}", mode.bits()), zero)
}

/// symlink(2).
pub(crate) fn symlink(to: &Path, at: &Path) -> io::Result<()> {
    let make = || std::os::unix::fs::symlink(to, at);
    traced(SystemCall::Symlink, make, || format!("{to:?}, {at:?}"), zero)
}

/// inotify_init1(2) and inotify_add_watch(2): readable whenever the open file of `fd` has been written.
pub(crate) fn watch_for_writes(fd: impl AsFd) -> io::Result<OwnedFd> {
    let events = traced(
        SystemCall::InotifyInit1,
        || inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK),
        || "IN_CLOEXEC|IN_NONBLOCK".to_owned(),
        descriptor,
    )?;
    // By its descriptor, since another file may be at its path by now; proc(5).
    let itself = format!("/proc/self/fd/{}", number(&fd));
    traced(
        SystemCall::InotifyAddWatch,
        || inotify::add_watch(&events, &*itself, WatchFlags::MODIFY),
        || format!("{}, {itself:?}, IN_MODIFY", number(&events)),
        ToString::to_string,
    )?;
    Ok(events)
}

/// posix_openpt(3), unlockpt(3): the side of a new terminal that is ours.
pub(crate) fn open_terminal() -> io::Result<OwnedFd> {
    let ours = traced(
        SystemCall::Open,
        || rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC),
        || "\"/dev/ptmx\", O_RDWR|O_NOCTTY|O_CLOEXEC".to_owned(),
        descriptor,
    )?;
    rustix::pty::unlockpt(&ours)?;
    super::fionbio(&ours, true)?;
    Ok(ours)
}

/// ioctl(2) `TIOCGPTPEER`: the other side of it. Reads and writes there wait.
pub(crate) fn other_side(ours: impl AsFd) -> io::Result<OwnedFd> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let make = || rustix::pty::ioctl_tiocgptpeer(&ours, flags);
    traced(SystemCall::Ioctl, make, || format!("{}, TIOCGPTPEER", number(&ours)), descriptor)
}

/// tcgetattr(3); on our side of a terminal, of its other side.
pub(crate) fn terminal_settings(fd: impl AsFd) -> io::Result<Termios> {
    let make = || rustix::termios::tcgetattr(&fd);
    traced(SystemCall::Ioctl, make, || format!("{}, TCGETS2", number(&fd)), |_| "0".to_owned())
}

/// tcsetattr(3), at once.
pub(crate) fn set_terminal(fd: impl AsFd, settings: &Termios) -> io::Result<()> {
    let make = || rustix::termios::tcsetattr(&fd, OptionalActions::Now, settings);
    let arguments = || {
        let modes =
            (settings.input_modes, settings.output_modes, settings.control_modes, settings.local_modes);
        format!("{}, TCSETS2, {modes:?}, {}", number(&fd), settings.output_speed())
    };
    traced(SystemCall::Ioctl, make, arguments, zero)
}

/// ioctl(2) `TIOCSWINSZ`.
pub(crate) fn set_window(fd: impl AsFd, columns: u16, rows: u16) -> io::Result<()> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let make = || rustix::termios::tcsetwinsize(&fd, size);
    traced(SystemCall::Ioctl, make, || format!("{}, TIOCSWINSZ, {columns}x{rows}", number(&fd)), zero)
}

/// ioctl(2) `TIOCEXCL`, `TIOCNXCL`: whether nobody else can open it.
pub(crate) fn set_exclusive(fd: impl AsFd, exclusive: bool) -> io::Result<()> {
    let (make, name): (fn(_) -> _, _) = match exclusive {
        true => (rustix::termios::ioctl_tiocexcl::<std::os::fd::BorrowedFd<'_>>, "TIOCEXCL"),
        false => (rustix::termios::ioctl_tiocnxcl::<std::os::fd::BorrowedFd<'_>>, "TIOCNXCL"),
    };
    traced(SystemCall::Ioctl, || make(fd.as_fd()), || format!("{}, {name}", number(&fd)), zero)
}

fn open_flags(flags: OFlags) -> String {
    const NAMES: &[(OFlags, &str)] = &[
        (OFlags::CREATE, "O_CREAT"),
        (OFlags::EXCL, "O_EXCL"),
        (OFlags::APPEND, "O_APPEND"),
        (OFlags::NONBLOCK, "O_NONBLOCK"),
    ];
    let access = match flags & OFlags::ACCMODE {
        OFlags::WRONLY => "O_WRONLY",
        OFlags::RDWR => "O_RDWR",
        _ => "O_RDONLY",
    };
    let set = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
    std::iter::once(access).chain(set).collect::<Vec<_>>().join("|")
}

/// ioctl(2) `TUNSETIFF`: /dev/net/tun becomes our side of an interface, whose name this returns.
pub(crate) fn attach_tun(tun: impl AsFd, name: &str) -> io::Result<String> {
    let make = || sys::attach_tun(&tun, name);
    let arguments = || format!("{}, TUNSETIFF, {name:?} IFF_TUN|IFF_NO_PI", number(&tun));
    traced(SystemCall::Ioctl, make, arguments, |name| format!("{name:?}"))
}

/// ioctl(2) `SIOCSIFADDR`.
pub(crate) fn set_interface_address(name: &str, address: IpAddr, prefix: u8) -> io::Result<()> {
    let make = || sys::set_interface_address(name, address, prefix);
    traced(SystemCall::Ioctl, make, || format!("SIOCSIFADDR, {name:?} {address}/{prefix}"), zero)
}

/// ioctl(2) `SIOCSIFFLAGS`: the interface is up.
pub(crate) fn put_interface_up(name: &str) -> io::Result<()> {
    traced(
        SystemCall::Ioctl,
        || sys::put_interface_up(name),
        || format!("SIOCSIFFLAGS, {name:?} IFF_UP"),
        zero,
    )
}
