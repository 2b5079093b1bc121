//! A file, a named pipe or a terminal as one end of a call: `file:`, `fifo:`, `pty:`, `serial:`, `tun:`.
//!
//! read(2), write(2), fifo(7), pty(7), termios(3), inotify(7). One descriptor, on which nothing waits; how it is opened
//! is `open_file.rs` and `terminal.rs`. Protected: an end is told once nothing can come any more, and not before; what
//! was made or changed for the call (a fifo, a link, the settings of a line) is taken back when this is dropped.
//!
//! | end | says its end | when it is told that nothing more will come |
//! |---|---|---|
//! | read | where the file ends; a fifo once all its writers have gone; with `follow` never | it does nothing |
//! | written | when it has been told so | it is over, and closed |
//! | terminal | when nobody has its other side open any more; it is written no more then | raw: nothing; else it reads an end, again and again |

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use address::{End, Shape};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{FileType, SeekFrom, fstat, seek, tell};
use rustix::io::ReadWriteFlags;
use rustix::termios::SpecialCodeIndex;

use crate::owned_path::OwnedPath;
use crate::standard::splices;
use crate::terminal::{Lent, OwnedLink};
use crate::{Pipe, Received, call, errno};

/// An open file, and what is put back at the end.
#[derive(Debug)]
pub struct FileEnd {
    pub(crate) end: End,
    pub(crate) fd: OwnedFd,
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    pub(crate) kind: FileKind,
    /// We have said that nothing more will come.
    pub(crate) is_finished: bool,
    /// A terminal has hung up, and its end has been read. It would take nothing more, and never say so.
    pub(crate) hung_up: bool,
    /// The other side of a terminal of ours, held open for whoever opens it next.
    #[expect(dead_code, reason = "held to be closed with the end")]
    pub(crate) other_side: Option<OwnedFd>,
    /// A fifo that we made.
    #[expect(dead_code, reason = "held to be removed with the end")]
    pub(crate) made: Option<OwnedPath>,
    /// A link to a terminal of ours.
    #[expect(dead_code, reason = "held to be removed with the end")]
    pub(crate) link: Option<OwnedLink>,
    /// A line whose settings are put back.
    #[expect(dead_code, reason = "held to be given back with the end")]
    pub(crate) lent: Option<Lent>,
}

/// What an end is read as.
#[derive(Debug)]
pub(crate) enum FileKind {
    /// A regular file: nothing on it waits but for the disk.
    Regular,
    /// One that is read on as it grows; readable when it has.
    Followed(OwnedFd),
    /// A character or block device.
    Device,
    Fifo,
    /// A network interface, each of whose packets is a message.
    Interface,
    /// Our side of a terminal, or a line.
    Terminal {
        /// An end of the input can be told by its end-of-file character.
        has_end: bool,
    },
}

impl FileEnd {
    /// One without anything to be put back.
    pub(crate) fn new(end: End, fd: OwnedFd, (reads, writes): (bool, bool), kind: FileKind) -> FileEnd {
        let (is_finished, hung_up, other_side, made, link, lent) = (false, false, None, None, None, None);
        FileEnd { end, fd, reads, writes, kind, is_finished, hung_up, other_side, made, link, lent }
    }

    /// Where it is: `file:/var/log/messages`; of a terminal of ours the path of its other side: `pty:/dev/pts/7`.
    #[must_use]
    pub fn end(&self) -> &End {
        &self.end
    }

    /// Whether it keeps message boundaries.
    #[must_use]
    pub fn shape(&self) -> Shape {
        match self.kind {
            FileKind::Interface => Shape::Datagram,
            FileKind::Regular
            | FileKind::Followed(_)
            | FileKind::Device
            | FileKind::Fifo
            | FileKind::Terminal { .. } => Shape::Stream,
        }
    }

    /// To poll for input or room; `None` where nothing is waited for.
    #[must_use]
    pub fn watched(&self) -> Option<BorrowedFd<'_>> {
        match &self.kind {
            FileKind::Regular => None,
            FileKind::Followed(events) => Some(events.as_fd()),
            FileKind::Device | FileKind::Fifo | FileKind::Interface | FileKind::Terminal { .. } => {
                Some(self.fd.as_fd())
            }
        }
    }

    /// Whether a [`receive`](Self::receive) brings something although nothing has been announced: what is not waited for can
    /// be read at any time, and what was written has its end once we have finished, or it takes nothing any more.
    #[must_use]
    pub fn is_readable_unasked(&self) -> bool {
        if self.reads { matches!(self.kind, FileKind::Regular) } else { self.is_finished }
    }

    /// Whether it may hold something already, which nobody will announce.
    #[must_use]
    pub fn is_readable_at_first(&self) -> bool {
        self.reads && matches!(self.kind, FileKind::Regular | FileKind::Followed(_))
    }

    /// Nothing on it is ever waited for, as the kernel says who was asked to watch it: `/dev/null`.
    pub fn waits_for_nothing(&mut self) {
        self.kind = FileKind::Regular;
    }

    /// Whether it has been told of the end, and has to be told again: a program that reads on from a terminal whose
    /// input has ended finds an end each time.
    #[must_use]
    pub fn says_end_again(&self) -> bool {
        self.is_finished && matches!(self.kind, FileKind::Terminal { has_end: true })
    }

    /// read(2): what is there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if nothing is there now, but may come.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Received> {
        if !self.reads {
            return if self.is_finished { Ok(END) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        match (&self.kind, call::read(&self.fd, buffer)) {
            (FileKind::Terminal { .. }, Err(error)) => {
                let end = end_of_terminal(error)?;
                self.hung_up = true;
                Ok(end)
            }
            // A line that has hung up reads an end; so does a terminal on which one was typed, and that can be written.
            (FileKind::Terminal { .. }, Ok(0)) => {
                self.hung_up = self.is_hung_up()?;
                Ok(END)
            }
            (_, Err(error)) => Err(error),
            (_, Ok(length @ 1..)) => Ok(Received { length, whole: length, end: false }),
            (FileKind::Followed(events), Ok(0)) => self.receive_behind_end(events, buffer),
            // Nobody has opened it for writing yet; whoever has, leaves a hang-up behind.
            (FileKind::Fifo, Ok(0)) if !self.is_hung_up()? => Err(io::ErrorKind::WouldBlock.into()),
            (_, Ok(0)) => Ok(END),
        }
    }

    /// What a file has got since its end was reached. One that has become shorter begins anew, as for tail(1).
    fn receive_behind_end(&self, events: &OwnedFd, buffer: &mut [u8]) -> io::Result<Received> {
        let size = u64::try_from(fstat(&self.fd)?.st_size).unwrap_or(0);
        if size < tell(&self.fd)? {
            seek(&self.fd, SeekFrom::Start(0))?;
        } else {
            // Taken before the file is read once more: what is written after that is announced again.
            while rustix::io::read(events, &mut [0_u8; 4096]).is_ok() {}
        }
        match call::read(&self.fd, buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            length => Ok(Received { length, whole: length, end: false }),
        }
    }

    fn is_hung_up(&self) -> io::Result<bool> {
        let mut ask = [PollFd::new(&self.fd, PollFlags::IN)];
        call::poll(&mut ask, Some(Duration::ZERO))?;
        Ok(ask[0].revents().contains(PollFlags::HUP))
    }

    /// write(2): as many of the bytes as it takes now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes none now; `EBADF` where it is only read; `EPIPE` for a fifo that nobody
    /// reads any more, and for a terminal whose end has been read; `ENOSPC` and what else write(2) says.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = if self.writes { self.write(bytes) } else { Err(errno::raw(libc::EBADF)) };
        self.note_end(sent)
    }

    /// What cannot be written any more has nothing to say either.
    fn note_end(&mut self, sent: io::Result<usize>) -> io::Result<usize> {
        let is_passing = |error: &io::Error| {
            matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
        };
        self.is_finished |= sent.as_ref().is_err_and(|error| !is_passing(error));
        sent
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.hung_up {
            return Err(errno::raw(libc::EPIPE));
        }
        match call::write(&self.fd, bytes, ReadWriteFlags::empty()) {
            // A terminal that takes nothing says so by an error or by nothing at all, write(2).
            Ok(0) if !bytes.is_empty() => Err(io::ErrorKind::WouldBlock.into()),
            // Nobody has its other side open: that it is over is for the next read to say.
            // No packet of IP, or one that the interface takes none of now: a network drops it.
            Err(error) if matches!(self.kind, FileKind::Interface) && is_no_packet(&error) => Ok(bytes.len()),
            Err(error) if self.is_terminal() && errno::is(&error, libc::EIO) => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            outcome => outcome,
        }
    }

    /// Whether it is a terminal: that hangs up in both directions at once.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(self.kind, FileKind::Terminal { .. })
    }

    /// Whether it is a terminal that has hung up: its end was read, and it is written no more.
    #[must_use]
    pub fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// We will send no more.
    pub fn finish(&mut self) {
        self.is_finished = true;
        if let FileKind::Terminal { has_end: true } = self.kind {
            say_end(&self.fd);
        }
    }

    /// Whether what is read can go through a [`Pipe`].
    #[must_use]
    pub fn can_splice_input(&self) -> bool {
        self.reads && matches!(self.kind, FileKind::Regular | FileKind::Fifo) && splices(&self.fd)
    }

    /// Whether what is written can come through a [`Pipe`].
    #[must_use]
    pub fn can_splice_output(&self) -> bool {
        self.writes && matches!(self.kind, FileKind::Regular | FileKind::Fifo) && splices(&self.fd)
    }

    /// splice(2): as [`receive`](Self::receive), into a pipe.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] also if the pipe is full; `EINVAL` for a file that cannot be spliced.
    pub fn receive_into(&self, pipe: &mut Pipe) -> io::Result<usize> {
        pipe.fill(&self.fd)
    }

    /// splice(2): as [`send`](Self::send), out of a pipe.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `EINVAL` for a file that cannot be spliced.
    pub fn send_from(&mut self, pipe: &mut Pipe) -> io::Result<usize> {
        match pipe.drain(&self.fd) {
            Err(error) if errno::is(&error, libc::EINVAL) => Err(error), // it may take them by write(2)
            sent => self.note_end(sent),
        }
    }
}

const END: Received = Received { length: 0, whole: 0, end: true };

/// tun: `EINVAL` and `EMSGSIZE` for what is no packet, `EIO` and `ENETDOWN` while the interface is not up.
fn is_no_packet(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EINVAL | libc::EMSGSIZE | libc::EIO | libc::ENETDOWN))
}

/// pty(7): nobody has the other side open any more, or the line is gone. That is how it ends.
pub(crate) fn end_of_terminal(error: io::Error) -> io::Result<Received> {
    if error.raw_os_error() == Some(libc::EIO) { Ok(END) } else { Err(error) }
}

/// Types the end-of-file character of a terminal, termios(3). Where it takes none now, the next time it will.
pub(crate) fn say_end(ours: impl AsFd) {
    if let Ok(settings) = call::terminal_settings(&ours) {
        let key = settings.special_codes[SpecialCodeIndex::VEOF];
        let _ = call::write(&ours, &[key], ReadWriteFlags::empty());
    }
}

/// How a file that was opened is read.
pub(crate) fn kind_of(fd: impl AsFd) -> io::Result<FileKind> {
    match FileType::from_raw_mode(fstat(&fd)?.st_mode) {
        FileType::RegularFile | FileType::Symlink => Ok(FileKind::Regular),
        FileType::Fifo => Ok(FileKind::Fifo),
        FileType::CharacterDevice if rustix::termios::isatty(&fd) => {
            Ok(FileKind::Terminal { has_end: false })
        }
        FileType::CharacterDevice | FileType::BlockDevice => Ok(FileKind::Device),
        FileType::Directory => Err(errno::raw(libc::EISDIR)),
        FileType::Socket | FileType::Unknown => Err(errno::raw(libc::ENXIO)),
    }
}
