//! Bytes out and in: send(2), recv(2) and their kin, shutdown(2); read(2) and write(2) on standard input and output.
//!
//! Nothing here waits (`MSG_DONTWAIT`), but for [`read`], and nothing raises `SIGPIPE` (`MSG_NOSIGNAL`).

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};

use address::{End, Transport};
use rustix::io::ReadWriteFlags;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketAddrAny};
use rustix::pipe::{PipeFlags, SpliceFlags};

use super::text::{descriptor, incoming, number, outgoing, zero};
use crate::SystemCall;
use crate::sockaddr;
use crate::trace::{traced, traced_with};

const SENDS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
pub(super) const SENDS_NAMES: &str = "MSG_DONTWAIT|MSG_NOSIGNAL";

/// send(2).
#[inline]
pub(crate) fn send(fd: impl AsFd, bytes: &[u8]) -> io::Result<usize> {
    traced(
        SystemCall::Send,
        || rustix::net::send(&fd, bytes, SENDS),
        || format!("{}, {}, {SENDS_NAMES}", number(&fd), outgoing(bytes)),
        ToString::to_string,
    )
}

/// send(2) with `MSG_OOB`: one urgent byte.
pub(crate) fn send_urgent(fd: impl AsFd, byte: u8) -> io::Result<usize> {
    traced(
        SystemCall::Send,
        || rustix::net::send(&fd, &[byte], SENDS | SendFlags::OOB),
        || format!("{}, {}, {SENDS_NAMES}|MSG_OOB", number(&fd), outgoing(&[byte])),
        ToString::to_string,
    )
}

/// sendto(2). `shown` is whom it goes to, for the tracer.
#[inline]
pub(crate) fn send_to(
    fd: impl AsFd,
    bytes: &[u8],
    peer: &impl rustix::net::addr::SocketAddrArg,
    shown: impl FnOnce() -> End,
) -> io::Result<usize> {
    traced(
        SystemCall::Sendto,
        || rustix::net::sendto(&fd, bytes, SENDS, peer),
        || format!("{}, {}, {SENDS_NAMES}, {}", number(&fd), outgoing(bytes), shown()),
        ToString::to_string,
    )
}

/// recv(2): how many bytes are in the buffer, and how many the message had.
#[inline]
pub(crate) fn receive(fd: impl AsFd, buffer: &mut [u8], flags: RecvFlags) -> io::Result<(usize, usize)> {
    let flags = flags | RecvFlags::DONTWAIT;
    traced_with(
        SystemCall::Recv,
        buffer,
        |buffer| rustix::net::recv(&fd, buffer, flags),
        |buffer| format!("{}, {}, {}", number(&fd), buffer.len(), receive_flags(flags)),
        |buffer, (length, whole)| incoming(buffer, *length, *whole),
    )
}

/// recv(2) with `MSG_OOB`: the urgent byte.
pub(crate) fn receive_urgent(fd: impl AsFd) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let (length, _) = receive(fd, &mut byte, RecvFlags::OOB)?;
    Ok((length == 1).then_some(byte[0]))
}

/// recvfrom(2): as [`receive`], and who sent it.
#[inline]
pub(crate) fn receive_from(
    fd: impl AsFd,
    buffer: &mut [u8],
    transport: Transport,
) -> io::Result<(usize, usize, Option<SocketAddrAny>)> {
    let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
    traced_with(
        SystemCall::Recvfrom,
        buffer,
        |buffer| rustix::net::recvfrom(&fd, buffer, flags),
        |buffer| format!("{}, {}, {}", number(&fd), buffer.len(), receive_flags(flags)),
        |buffer, (length, whole, from)| {
            let from = sockaddr::end(from.clone(), transport);
            format!("{} from {from}", incoming(buffer, *length, *whole))
        },
    )
}

/// shutdown(2) with `SHUT_WR`.
pub(crate) fn shutdown(fd: impl AsFd) -> io::Result<()> {
    let make = || rustix::net::shutdown(&fd, Shutdown::Write);
    traced(SystemCall::Shutdown, make, || format!("{}, SHUT_WR", number(&fd)), zero)
}

/// Descriptor 0 or 1 under another number, close-on-exec (`F_DUPFD_CLOEXEC`).
pub(crate) fn duplicate_standard(standard: u32) -> io::Result<OwnedFd> {
    traced(
        SystemCall::Dup,
        || sys::take_inherited(standard),
        || format!("{standard}: standard {}", if standard == 0 { "input" } else { "output" }),
        descriptor,
    )
}

/// pipe2(2): its end to read from, and its end to write to.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    traced(
        SystemCall::Pipe2,
        || rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK),
        || "O_CLOEXEC|O_NONBLOCK".to_owned(),
        |(from, to)| format!("[{}, {}]", number(from), number(to)),
    )
}

/// splice(2): at most `most` bytes, of which one side is a pipe that is not waited for.
pub(crate) fn splice(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
    traced(
        SystemCall::Splice,
        || rustix::pipe::splice(&from, None, &to, None, most, SpliceFlags::MOVE | SpliceFlags::NONBLOCK),
        || format!("{}, {}, {most}, SPLICE_F_MOVE|SPLICE_F_NONBLOCK", number(&from), number(&to)),
        ToString::to_string,
    )
}

/// read(2).
pub(crate) fn read(fd: impl AsFd, buffer: &mut [u8]) -> io::Result<usize> {
    traced_with(
        SystemCall::Read,
        buffer,
        |buffer| rustix::io::read(&fd, buffer),
        |buffer| format!("{}, {}", number(&fd), buffer.len()),
        |buffer, length| incoming(buffer, *length, *length),
    )
}

/// write(2), or pwritev2(2) at the file's own offset where `flags` say more.
pub(crate) fn write(fd: impl AsFd, bytes: &[u8], flags: ReadWriteFlags) -> io::Result<usize> {
    /// pwritev2(2): an offset of -1 is the file's own.
    const HERE: u64 = u64::MAX;
    traced(
        SystemCall::Write,
        || match flags.is_empty() {
            true => rustix::io::write(&fd, bytes),
            false => rustix::io::pwritev2(&fd, &[IoSlice::new(bytes)], HERE, flags),
        },
        || {
            let how = if flags.contains(ReadWriteFlags::NOWAIT) { ", RWF_NOWAIT" } else { "" };
            format!("{}, {}{how}", number(&fd), outgoing(bytes))
        },
        ToString::to_string,
    )
}

fn receive_flags(flags: RecvFlags) -> String {
    const NAMES: &[(RecvFlags, &str)] = &[
        (RecvFlags::DONTWAIT, "MSG_DONTWAIT"),
        (RecvFlags::PEEK, "MSG_PEEK"),
        (RecvFlags::TRUNC, "MSG_TRUNC"),
        (RecvFlags::OOB, "MSG_OOB"),
        (RecvFlags::ERRQUEUE, "MSG_ERRQUEUE"),
    ];
    let set = NAMES.iter().filter(|(flag, _)| flags.contains(*flag)).map(|(_, name)| *name);
    set.collect::<Vec<_>>().join("|")
}
