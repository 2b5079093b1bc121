//! Messages with what goes beside their bytes, one by a call or many: recvmsg(2), recvmmsg(2), sendmsg(2), sendmmsg(2).
//!
//! rustix has neither of the calls that take many, and none of the control messages of UDP. Socket addresses and
//! control messages are bytes here, laid out as the kernel lays them out; what they mean is the callers' matter.
//! Protected: the kernel is only ever told of memory that is there, and lengths that it answers are taken for no
//! more than that memory has. Nothing here waits (`MSG_DONTWAIT`) or raises `SIGPIPE`.

use std::io;
use std::mem::{MaybeUninit, size_of, zeroed};
use std::os::fd::{AsFd, AsRawFd};
use std::ptr::null_mut;

/// Messages that one call takes or gives at the most.
pub const MESSAGES_MAX: usize = 32;

/// Bytes of a socket address at the most.
const NAME_BYTES: usize = size_of::<libc::sockaddr_storage>();

/// Bytes of control messages at the most: both kinds of packet info, the length of a segment, and what a socket
/// that was passed to us tells unasked.
const CONTROL_BYTES: usize = 256;

const RECEIVES: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_TRUNC;
const SENDS: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// A message that was received, where it lies.
#[derive(Debug, Clone, Copy)]
pub struct Message<'m> {
    /// Bytes that it had; more than `bytes` if its room was too short and the rest is lost.
    pub whole: usize,
    /// Those that fitted.
    pub bytes: &'m [u8],
    /// The sender's address: a `sockaddr` of its family, or nothing.
    pub name: &'m [u8],
    /// The control messages, cmsg(3).
    pub control: &'m [u8],
}

/// Room for what comes beside one message.
#[derive(Clone)]
pub struct Beside {
    control: [u8; CONTROL_BYTES],
    name: [u8; NAME_BYTES],
    control_length: usize,
    name_length: usize,
}

impl Default for Beside {
    fn default() -> Beside {
        Beside { control: [0; CONTROL_BYTES], name: [0; NAME_BYTES], control_length: 0, name_length: 0 }
    }
}

impl Beside {
    /// The sender's address: a `sockaddr` of its family, or nothing.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name[..self.name_length]
    }

    /// The control messages, cmsg(3).
    #[must_use]
    pub fn control(&self) -> &[u8] {
        &self.control[..self.control_length]
    }

    fn header(&mut self, part: &mut libc::iovec) -> libc::msghdr {
        let mut header = empty_header();
        header.msg_name = self.name.as_mut_ptr().cast();
        header.msg_namelen = NAME_BYTES as libc::socklen_t;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        header.msg_control = self.control.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_BYTES as _;
        header
    }

    fn learn(&mut self, header: &libc::msghdr) {
        // An address can be longer than its room, and then is cut; ours cannot, but the length says so all the same.
        self.name_length = NAME_BYTES.min(header.msg_namelen as usize);
        #[allow(clippy::unnecessary_cast, reason = "its type differs between C libraries")]
        let control_length = header.msg_controllen as usize;
        self.control_length = CONTROL_BYTES.min(control_length);
    }
}

/// recvmsg(2): one message into `buffer`. Returns how many bytes it had, of which `buffer` holds what fitted.
///
/// # Errors
///
/// What the call says; [`io::ErrorKind::WouldBlock`] if none has come.
pub fn receive_message(fd: impl AsFd, buffer: &mut [u8], beside: &mut Beside) -> io::Result<usize> {
    let mut part = part_of(buffer);
    let mut header = beside.header(&mut part);
    // SAFETY: the header names the buffer and the room of `beside`, each with its length; both are ours alone
    // during the call.
    let whole = unsafe { libc::recvmsg(fd.as_fd().as_raw_fd(), &raw mut header, RECEIVES) };
    let whole = usize::try_from(whole).map_err(|_| io::Error::last_os_error())?;
    beside.learn(&header);
    Ok(whole)
}

/// Room for several messages, which one call fills.
///
/// Pages that no message reaches are never touched.
pub struct Inbox {
    bytes: Box<[u8]>,
    bytes_each: usize,
    beside: Box<[Beside]>,
    /// Bytes that each message of the last call had.
    wholes: Vec<usize>,
}

impl Inbox {
    /// Room for [`MESSAGES_MAX`] messages of `bytes_each` (at least one) bytes.
    #[must_use]
    pub fn new(bytes_each: usize) -> Inbox {
        let bytes_each = bytes_each.max(1);
        Inbox {
            bytes: vec![0; bytes_each * MESSAGES_MAX].into(),
            bytes_each,
            beside: vec![Beside::default(); MESSAGES_MAX].into(),
            wholes: Vec::with_capacity(MESSAGES_MAX),
        }
    }

    /// recvmmsg(2): the next messages, at most `most` (at least one) and [`MESSAGES_MAX`]. Returns how many came.
    ///
    /// # Errors
    ///
    /// What the call says; [`io::ErrorKind::WouldBlock`] if none has come. Of an error behind the first message
    /// the next call tells.
    pub fn receive(&mut self, fd: impl AsFd, most: usize) -> io::Result<usize> {
        self.wholes.clear();
        let most = most.clamp(1, MESSAGES_MAX);
        let mut parts = [const { MaybeUninit::uninit() }; MESSAGES_MAX];
        let mut headers = [const { MaybeUninit::uninit() }; MESSAGES_MAX];
        let rooms = self.bytes.chunks_exact_mut(self.bytes_each).zip(&mut self.beside).take(most);
        for (((bytes, beside), part), header) in rooms.zip(&mut parts).zip(&mut headers) {
            let part = part.write(part_of(bytes));
            header.write(libc::mmsghdr { msg_hdr: beside.header(part), msg_len: 0 });
        }
        let (fd, count) = (fd.as_fd().as_raw_fd(), most as libc::c_uint);
        let first: *mut libc::mmsghdr = headers.as_mut_ptr().cast();
        // SAFETY: there are rooms for as many as `most`, so that the first `most` headers are written; each names a
        // part of our memory, which is ours alone during the call.
        let came = unsafe { libc::recvmmsg(fd, first, count, RECEIVES as _, null_mut()) };
        let came = usize::try_from(came).map_err(|_| io::Error::last_os_error())?;
        for (header, beside) in headers[..most.min(came)].iter().zip(&mut self.beside) {
            // SAFETY: it is one of the first `most`, which are written.
            let header = unsafe { header.assume_init_ref() };
            beside.learn(&header.msg_hdr);
            self.wholes.push(header.msg_len as usize);
        }
        Ok(self.wholes.len())
    }

    /// A message that the last call brought, the first being 0.
    #[must_use]
    pub fn message(&self, index: usize) -> Option<Message<'_>> {
        let (whole, beside) = (*self.wholes.get(index)?, self.beside.get(index)?);
        let room = self.bytes.get(index * self.bytes_each..)?;
        let bytes = &room[..whole.min(self.bytes_each)];
        Some(Message { whole, bytes, name: beside.name(), control: beside.control() })
    }

    /// The messages that the last call brought, in the order in which they came.
    pub fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        (0..self.wholes.len()).filter_map(|index| self.message(index))
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").field("wholes", &self.wholes).finish_non_exhaustive()
    }
}

/// A message to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'m> {
    /// Its bytes.
    pub bytes: &'m [u8],
    /// To whom: a `sockaddr` of the socket's family.
    pub name: &'m [u8],
    /// The control messages, cmsg(3), or nothing.
    pub control: &'m [u8],
}

impl Outgoing<'_> {
    /// A header by which the kernel reads the message, and writes nothing.
    fn header(&self, part: &mut libc::iovec) -> libc::msghdr {
        *part = libc::iovec { iov_base: self.bytes.as_ptr().cast_mut().cast(), iov_len: self.bytes.len() };
        let mut header = empty_header();
        header.msg_name = self.name.as_ptr().cast_mut().cast();
        header.msg_namelen = self.name.len() as libc::socklen_t;
        header.msg_iov = part;
        header.msg_iovlen = 1;
        if !self.control.is_empty() {
            header.msg_control = self.control.as_ptr().cast_mut().cast();
            header.msg_controllen = self.control.len() as _;
        }
        header
    }
}

/// sendmsg(2): one message. Returns how many bytes went.
///
/// # Errors
///
/// What the call says.
pub fn send_message(fd: impl AsFd, message: &Outgoing<'_>) -> io::Result<usize> {
    let mut part = libc::iovec { iov_base: null_mut(), iov_len: 0 };
    let header = message.header(&mut part);
    // SAFETY: the header names memory that the message borrows, with its lengths; sendmsg(2) only reads it.
    let sent = unsafe { libc::sendmsg(fd.as_fd().as_raw_fd(), &raw const header, SENDS) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// sendmmsg(2): the first [`MESSAGES_MAX`] of these messages, in their order. Returns how many went: the others did
/// not, and what is wrong with the first of them is told when it is sent alone.
///
/// # Errors
///
/// What the call says of the first message; none went.
pub fn send_messages(fd: impl AsFd, messages: &[Outgoing<'_>]) -> io::Result<usize> {
    let mut parts = [libc::iovec { iov_base: null_mut(), iov_len: 0 }; MESSAGES_MAX];
    let mut headers = [const { MaybeUninit::uninit() }; MESSAGES_MAX];
    let count = messages.len().min(MESSAGES_MAX);
    for ((message, part), header) in messages.iter().zip(&mut parts).zip(&mut headers) {
        header.write(libc::mmsghdr { msg_hdr: message.header(part), msg_len: 0 });
    }
    let first: *mut libc::mmsghdr = headers.as_mut_ptr().cast();
    let fd = fd.as_fd().as_raw_fd();
    // SAFETY: the first `count` headers are written, and name memory that the messages borrow; sendmmsg(2) only reads
    // it, and writes to the headers' own lengths.
    let sent = unsafe { libc::sendmmsg(fd, first, count as libc::c_uint, SENDS as _) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

fn part_of(bytes: &mut [u8]) -> libc::iovec {
    libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() }
}

fn empty_header() -> libc::msghdr {
    // SAFETY: a C struct of numbers and pointers, for which zeros are values: no name, no bytes, nothing beside.
    unsafe { zeroed() }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    /// The `sockaddr_in` of a socket on loopback.
    fn name_of(socket: &UdpSocket) -> Vec<u8> {
        let port = socket.local_addr().unwrap().port();
        let family = (libc::AF_INET as u16).to_ne_bytes();
        [&family[..], &port.to_be_bytes(), &[127, 0, 0, 1], &[0; 8]].concat()
    }

    fn socket() -> UdpSocket {
        UdpSocket::bind("127.0.0.1:0").unwrap()
    }

    #[test]
    fn messages_that_went_by_one_call_come_by_one_call() {
        let (here, there) = (socket(), socket());
        let name = name_of(&there);
        let messages = [&b"one"[..], b"", b"three"];
        let out = messages.map(|bytes| Outgoing { bytes, name: &name, control: &[] });
        assert_eq!(send_messages(&here, &out).unwrap(), 3);
        let mut inbox = Inbox::new(4);
        assert_eq!(inbox.receive(&there, MESSAGES_MAX).unwrap(), 3);
        let came: Vec<_> =
            inbox.messages().map(|message| (message.whole, message.bytes, message.name)).collect();
        let from = name_of(&here);
        assert_eq!(came, [(3, &b"one"[..], &from[..]), (0, b"", &from), (5, b"thre", &from)]);
        let error = inbox.receive(&there, MESSAGES_MAX).unwrap_err();
        assert_eq!((error.kind(), inbox.messages().count()), (io::ErrorKind::WouldBlock, 0));
    }

    #[test]
    fn no_more_messages_are_taken_than_were_asked_for() {
        let (here, there) = (socket(), socket());
        let name = name_of(&there);
        let out = [Outgoing { bytes: b"x", name: &name, control: &[] }; 3];
        assert_eq!(send_messages(&here, &out).unwrap(), 3);
        let mut inbox = Inbox::new(16);
        assert_eq!(inbox.receive(&there, 2).unwrap(), 2);
        assert_eq!(inbox.receive(&there, 0).unwrap(), 1, "none is no number to ask for");
    }

    #[test]
    fn of_messages_of_which_one_cannot_go_those_before_it_go() {
        let (here, there) = (socket(), socket());
        let name = name_of(&there);
        let good = Outgoing { bytes: b"x", name: &name, control: &[] };
        let bad = Outgoing { bytes: &[0; 65_536], ..good };
        assert_eq!(send_messages(&here, &[good, good, bad, good]).unwrap(), 2);
        let error = send_messages(&here, &[bad, good]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
    }

    #[test]
    fn one_message_comes_with_who_sent_it_and_how_long_it_was() {
        let (here, there) = (socket(), socket());
        let name = name_of(&there);
        let message = Outgoing { bytes: b"hello", name: &name, control: &[] };
        assert_eq!(send_message(&here, &message).unwrap(), 5);
        let (mut buffer, mut beside) = ([0; 2], Beside::default());
        assert_eq!(receive_message(&there, &mut buffer, &mut beside).unwrap(), 5);
        assert_eq!((&buffer, beside.name(), beside.control()), (b"he", &name_of(&here)[..], &[][..]));
    }
}
