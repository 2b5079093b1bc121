//! Terminals: new ones, whose other side a program gets, and lines that are there already.
//!
//! pty(7), termios(3), ioctl_tty(2). Protected: a link is removed only where it still leads to our terminal; a line has
//! the settings at the end that it had before, and is nobody else's meanwhile.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use address::{End, OptionKey, Options, Transport};
use rustix::fs::Mode;
use rustix::termios::{ControlModes, InputModes, LocalModes, SpecialCodeIndex, Termios};

use crate::file_end::{FileEnd, FileKind};
use crate::open_file::NotOpened;
use crate::{call, errno};

/// A line that was set for a call. Dropping it gives the line back as it was.
#[derive(Debug)]
pub(crate) struct Lent {
    line: OwnedFd,
    was: Termios,
}

impl Drop for Lent {
    fn drop(&mut self) {
        // A line that is gone has no settings.
        let _ = call::set_terminal(&self.line, &self.was);
        let _ = call::set_exclusive(&self.line, false);
    }
}

/// A symbolic link to a terminal of ours. Dropping it removes it, if it still leads there: its inode alone would not tell,
/// since the number of one that is gone is given to the next.
#[derive(Debug)]
pub(crate) struct OwnedLink {
    /// From the root, lest chdir(2) change it.
    at: PathBuf,
    to: PathBuf,
    /// A child of fork(2) leaves it to its parent.
    process: u32,
}

impl Drop for OwnedLink {
    fn drop(&mut self) {
        if self.process == std::process::id() && self.at.read_link().is_ok_and(|to| to == self.to) {
            // Gone or not, nothing is left to do.
            let _ = std::fs::remove_file(&self.at);
        }
    }
}

/// A new terminal: our side of it, and the path of the other.
pub(crate) fn new_terminal(options: &Options, raw: bool) -> io::Result<(OwnedFd, Box<[u8]>)> {
    let ours = call::open_terminal()?;
    let name = rustix::pty::ptsname(&ours, Vec::new())?.into_bytes();
    let mut settings = call::terminal_settings(&ours)?;
    if raw {
        settings.make_raw();
    }
    let echo = options.flag(OptionKey::Echo).unwrap_or(!raw);
    settings.local_modes.set(LocalModes::ECHO, echo);
    call::set_terminal(&ours, &settings)?;
    let size = |key, usual| options.integer(key).and_then(|size| u16::try_from(size).ok()).unwrap_or(usual);
    call::set_window(&ours, size(OptionKey::Columns, 80), size(OptionKey::Rows, 24))?;
    Ok((ours, name.into()))
}

/// Whether a terminal is raw, where that is not said.
pub(crate) fn is_raw(options: &Options, usually: bool) -> bool {
    options.flag(OptionKey::Raw).unwrap_or(usually)
}

/// `pty:`: a terminal for whoever opens its other side.
pub(crate) fn open_pty(options: &Options) -> Result<FileEnd, NotOpened> {
    let raw = is_raw(options, true);
    let (ours, name) = new_terminal(options, raw).map_err(NotOpened::at("posix_openpt(3)"))?;
    let path = Path::new(OsStr::from_bytes(&name));
    if let Some(mode) = options.mode(OptionKey::Permissions) {
        let chmod = rustix::fs::chmod(path, Mode::from_raw_mode(mode));
        chmod.map_err(|errno| NotOpened::at("chmod(2)")(errno.into()))?;
    }
    let follow = options.flag(OptionKey::Follow) == Some(true);
    let other_side = follow.then(|| call::other_side(&ours)).transpose();
    let other_side = other_side.map_err(NotOpened::at("ioctl(2)"))?;
    let link = options.text(OptionKey::Link).map(|link| make_link(path, Path::new(link))).transpose()?;
    let end = End::Path { transport: Transport::Pty, path: name };
    let kind = FileKind::Terminal { has_end: !raw };
    Ok(FileEnd { other_side, link, ..FileEnd::new(end, ours, (true, true), kind) })
}

/// A symbolic link to the terminal. What is there already stays, unless it is a link to a terminal that is gone.
fn make_link(terminal: &Path, at: &Path) -> Result<OwnedLink, NotOpened> {
    let is_dead = || at.read_link().is_ok_and(|to| to.starts_with("/dev/pts") && !to.exists());
    let outcome = match call::symlink(terminal, at) {
        Err(error) if errno::is(&error, libc::EEXIST) && is_dead() => {
            std::fs::remove_file(at).and_then(|()| call::symlink(terminal, at))
        }
        outcome => outcome,
    };
    let own = |at| OwnedLink { at, to: terminal.to_owned(), process: std::process::id() };
    outcome.and_then(|()| std::path::absolute(at)).map(own).map_err(|error| {
        let hint =
            "something is at the path of link= already; only a link to a terminal that is gone is replaced";
        match errno::is(&error, libc::EEXIST) {
            true => NotOpened::Failed { call: "symlink(2)", error, hint },
            false => NotOpened::at("symlink(2)")(error),
        }
    })
}

/// `serial:PATH`: a line, raw and ours alone.
pub(crate) fn open_serial(path: &[u8], options: &Options) -> Result<FileEnd, NotOpened> {
    let at = Path::new(OsStr::from_bytes(path));
    let line = call::open(at, rustix::fs::OFlags::RDWR, Mode::empty()).map_err(NotOpened::at("open(2)"))?;
    let was = call::terminal_settings(&line).map_err(NotOpened::at("tcgetattr(3)"))?;
    call::set_exclusive(&line, true).map_err(NotOpened::at("ioctl(2)"))?;
    let copy = line.try_clone().map_err(NotOpened::at("fcntl(2)"))?;
    // From here on the line is given back, whatever comes.
    let lent = Lent { line: copy, was: was.clone() };
    set_line(&line, was, options)?;
    let end = End::Path { transport: Transport::Serial, path: path.into() };
    let kind = FileKind::Terminal { has_end: false };
    Ok(FileEnd { lent: Some(lent), ..FileEnd::new(end, line, (true, true), kind) })
}

fn set_line(line: impl AsFd, mut settings: Termios, options: &Options) -> Result<(), NotOpened> {
    settings.make_raw();
    // A read gives what is there, one byte at least.
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    let control = &mut settings.control_modes;
    // Who is at the other end need not hold a modem's lines.
    *control |= ControlModes::CREAD | ControlModes::CLOCAL;
    control.remove(ControlModes::CSIZE);
    *control |= match options.integer(OptionKey::Data) {
        Some(5) => ControlModes::CS5,
        Some(6) => ControlModes::CS6,
        Some(7) => ControlModes::CS7,
        Some(_) | None => ControlModes::CS8,
    };
    let parity = options.word(OptionKey::Parity).unwrap_or("none");
    control.set(ControlModes::PARENB, parity != "none");
    control.set(ControlModes::PARODD, parity == "odd");
    control.set(ControlModes::CSTOPB, options.integer(OptionKey::Stop) == Some(2));
    let flow = options.word(OptionKey::Flow).unwrap_or("none");
    control.set(ControlModes::CRTSCTS, flow == "hardware");
    settings.input_modes.set(InputModes::IXON | InputModes::IXOFF, flow == "software");
    settings.input_modes.set(InputModes::INPCK, parity != "none");
    if let Some(baud) = options.integer(OptionKey::Baud).and_then(|baud| u32::try_from(baud).ok()) {
        settings.set_speed(baud).map_err(|errno| NotOpened::at("cfsetspeed(3)")(errno.into()))?;
    }
    call::set_terminal(&line, &settings).map_err(NotOpened::at("tcsetattr(3)"))?;
    // It succeeds if anything of it could be done, tcsetattr(3).
    let is = call::terminal_settings(&line).map_err(NotOpened::at("tcgetattr(3)"))?;
    let is_all_done = is.control_modes & ASKED == settings.control_modes & ASKED
        && is.output_speed() == settings.output_speed();
    if is_all_done {
        return Ok(());
    }
    Err(NotOpened::Refused("the line cannot be set so: `stty -a -F PATH` says how it is"))
}

/// What of the settings an option may have asked for.
const ASKED: ControlModes = ControlModes::CSIZE
    .union(ControlModes::PARENB)
    .union(ControlModes::PARODD)
    .union(ControlModes::CSTOPB)
    .union(ControlModes::CRTSCTS);
