//! Messages in provided buffers, with what came beside each: recvmsg(2) as io_uring_prep_recvmsg_multishot(3) does it.
//!
//! A buffer begins with the lengths, room for the sender's address and room for control messages; the bytes follow. One
//! is long enough for every datagram of UDP and every burst of them (`UDP_GRO`). What lies in the buffer is taken for no
//! longer than the buffer.

use std::mem::size_of;

use super::buffers::{Filled, Group, Memory};
use crate::Message;

/// Bytes of a sender's address at the most: a `sockaddr_in6`, and what makes the bytes behind it lie evenly.
const NAME_BYTES: libc::socklen_t = 32;

/// Bytes of control messages at the most: both kinds of packet info, the length of a segment, and what a socket that was
/// passed to us tells unasked.
const CONTROL_BYTES: usize = 208;

/// The longest datagram or burst, and a page for what lies in front of it.
const BUFFER_BYTES: u32 = 64 * 1024 + 4096;

/// Twice as many as a door hears in one turn, so that the kernel goes on receiving meanwhile.
const COUNT: u16 = 128;

pub(super) const GROUP: Group = Group { number: 1, bytes_each: BUFFER_BYTES, count: COUNT };

const _: () = assert!(GROUP.is_sound());

/// What the kernel reads when such an operation is handed over: how much room there is for what.
pub(super) struct Layout(Box<libc::msghdr>);

impl Layout {
    pub(super) fn new() -> Layout {
        Layout(Box::new(header()))
    }

    /// Stays where it is for as long as this value lives.
    pub(super) fn pointer(&self) -> *const libc::msghdr {
        &raw const *self.0
    }
}

// SAFETY: its pointers are null; nobody writes to it.
unsafe impl Send for Layout {}

impl Memory {
    /// The message that lies in a buffer of an operation that receives messages.
    #[must_use]
    pub fn message<'f>(&'f self, filled: &'f Filled) -> Option<Message<'f>> {
        // `struct io_uring_recvmsg_out`: the lengths of the name, the control messages and the bytes; flags.
        let (lengths, rest) = self.bytes(filled).split_first_chunk::<16>()?;
        let length = |index: usize| {
            let bytes = lengths[4 * index..].first_chunk().copied();
            bytes.map_or(0, u32::from_ne_bytes) as usize
        };
        let (name, rest) = rest.split_at_checked(NAME_BYTES as usize)?;
        let (control, bytes) = rest.split_at_checked(CONTROL_BYTES)?;
        let whole = length(2);
        Some(Message {
            whole,
            bytes: &bytes[..whole.min(bytes.len())],
            name: &name[..length(0).min(name.len())],
            control: &control[..length(1).min(control.len())],
        })
    }
}

fn header() -> libc::msghdr {
    // SAFETY: a C struct of numbers and pointers, for which zeros are values: no bytes, nothing beside.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_namelen = NAME_BYTES;
    header.msg_controllen = CONTROL_BYTES as _;
    header
}

const _: () = assert!(size_of::<libc::sockaddr_in6>() <= NAME_BYTES as usize);
