//! Buffers that the kernel fills as bytes come: a provided buffer ring.
//!
//! io_uring_register_buf_ring(3). The kernel takes a buffer when there is something to receive, not while a
//! call is silent: idle calls hold none. The ring's entries lie in front of the buffers. Pages that no message
//! reaches are never touched.

use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Bytes that one buffer holds: enough for what people and protocols say at once, and little memory in all.
pub const BUFFER_BYTES: usize = 1024;

/// How many there are: a power of two, for the kernel's ring. A wait brings a few dozen completions at the most,
/// and all buffers are given back before the next.
const COUNT: u16 = 128;

/// The ring's entries come first, in a page, to which its address must be aligned.
const RING_BYTES: usize = 4096;

const MAPPED_BYTES: usize = RING_BYTES + COUNT as usize * BUFFER_BYTES;

const _: () = assert!(COUNT as usize * size_of::<BufRingEntry>() <= RING_BYTES && COUNT.is_power_of_two());

/// The memory of all buffers, and the ring by which they are handed to the kernel.
pub(super) struct Buffers {
    memory: NonNull<u8>,
    /// Buffers handed over so far, modulo 2^16.
    tail: u16,
}

/// A buffer that the kernel filled and gave to us: until it is given back, it is ours.
#[derive(Debug)]
#[must_use = "a buffer that is not given back is lost to the ring"]
pub struct Filled {
    /// Where the buffers lie of which it is one: those of another ring are not read in its name.
    memory: usize,
    buffer: u16,
    length: u16,
}

impl Filled {
    /// Bytes in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length.into()
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether the kernel may have had more than it holds.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len() == BUFFER_BYTES
    }
}

impl Buffers {
    /// The number of the group, by which operations name these buffers.
    pub(super) const GROUP: u16 = 0;

    /// Maps the memory and hands every buffer to the kernel.
    pub(super) fn registered(submitter: &Submitter<'_>) -> io::Result<Buffers> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses touches nothing that exists.
        let mapped = unsafe {
            mmap_anonymous(std::ptr::null_mut(), MAPPED_BYTES, ProtFlags::READ | ProtFlags::WRITE, flags)
        }?;
        let memory = NonNull::new(mapped.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let mut buffers = Buffers { memory, tail: 0 };
        // SAFETY: the first page is a ring of COUNT entries, zeroed, and mapped for as long as the ring's
        // descriptor is open: `Ring` drops that first.
        unsafe { submitter.register_buf_ring_with_flags(mapped as u64, COUNT, Buffers::GROUP, 0) }?;
        for buffer in 0..COUNT {
            buffers.give_back(Filled { memory: mapped as usize, buffer, length: 0 });
        }
        Ok(buffers)
    }

    /// A buffer that a completion names. `None` for one that there is not, or a length beyond its end.
    pub(super) fn filled(&self, buffer: u16, length: u32) -> Option<Filled> {
        let length = u16::try_from(length).ok().filter(|length| usize::from(*length) <= BUFFER_BYTES)?;
        let memory = self.memory.addr().get();
        (buffer < COUNT).then_some(Filled { memory, buffer, length })
    }

    pub(super) fn bytes(&self, filled: &Filled) -> &[u8] {
        if filled.memory != self.memory.addr().get() {
            return &[]; // of another ring
        }
        let start = self.start_of(filled.buffer);
        // SAFETY: the buffer lies in the mapping, was zeroed or written by the kernel, and is not the kernel's
        // now: a `Filled` exists only between a completion and `give_back`.
        unsafe { std::slice::from_raw_parts(start, filled.len()) }
    }

    pub(super) fn give_back(&mut self, filled: Filled) {
        if filled.memory != self.memory.addr().get() {
            return; // of another ring
        }
        let start = self.start_of(filled.buffer);
        let entry = self.entry(self.tail % COUNT);
        // SAFETY: the entry behind the tail is not the kernel's, and nobody else refers to it.
        let entry = unsafe { &mut *entry };
        entry.set_addr(start as u64);
        entry.set_len(BUFFER_BYTES as u32);
        entry.set_bid(filled.buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the pointer is to the first entry of the ring, which is mapped.
        let tail = unsafe { BufRingEntry::tail(self.entry(0)) };
        // SAFETY: the tail is an aligned u16 of the mapping that only we write, and the kernel reads.
        let tail = unsafe { AtomicU16::from_ptr(tail.cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }

    fn entry(&self, index: u16) -> *mut BufRingEntry {
        self.memory.as_ptr().cast::<BufRingEntry>().wrapping_add(index.into())
    }

    fn start_of(&self, buffer: u16) -> *mut u8 {
        self.memory.as_ptr().wrapping_add(RING_BYTES + usize::from(buffer) * BUFFER_BYTES)
    }
}

// SAFETY: the memory belongs to this value alone; which thread uses it does not matter.
unsafe impl Send for Buffers {}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: nobody refers to the mapping any more: `bytes` borrows this value, and the ring that the kernel
        // writes by is closed. Receives that were under way are cancelled, not run, by then.
        let _ = unsafe { munmap(self.memory.as_ptr().cast(), MAPPED_BYTES) };
    }
}
